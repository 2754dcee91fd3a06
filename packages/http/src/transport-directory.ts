import type { TransportInfo } from "@faxbot/core";

/** What callers and providers call the transports. */
export interface TransportDirectory {
  /** The word that the API publishes for a transport, also for one that is no longer configured. */
  backendOf(transportId: string): string;
  /** The transport that a provider's call on this path (below the mount point, without query) is for. */
  calledAt(path: string): TransportInfo | undefined;
  /** Every path on which a provider may call: `/callbacks/<id>` and what the manifests list. */
  readonly callbackPaths: readonly string[];
}

/** Makes the directory of the given transports; the first one wins a path that two manifests list. */
export function transportDirectory(transports: readonly TransportInfo[]): TransportDirectory {
  const byId = new Map(transports.map((info) => [info.id, info]));
  const byPath = new Map<string, TransportInfo>();
  const withWebhook = transports.filter(({ transport }) => transport.manifest.webhook);
  for (const info of withWebhook) byPath.set(`/callbacks/${info.id}`, info);
  for (const info of withWebhook) {
    for (const path of info.transport.manifest.webhook?.paths ?? []) {
      if (!byPath.has(path)) byPath.set(path, info);
    }
  }
  return {
    callbackPaths: [...byPath.keys()],
    calledAt: (path) => byPath.get(path),
    backendOf: (transportId) => {
      const manifest = byId.get(transportId)?.transport.manifest;
      return manifest ? (manifest.backendName ?? manifest.id) : transportId;
    },
  };
}
