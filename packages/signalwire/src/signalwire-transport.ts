import { setTimeout as sleep } from "node:timers/promises";
import {
  apiPath,
  basicAuthorization,
  FaxError,
  type FaxTransportV1,
  formBody,
  httpClient,
  isFaxError,
  parseSettings,
  probeHealth,
  refuseUnsendable,
  type SendJob,
  settingsFromEnv,
  type TransportCall,
  type TransportManifest,
  unsendable,
} from "@faxbot/core/transport";
import type { z } from "zod";
import { type SignalWireFax, signalwireFax, signalwireFaxList } from "./signalwire-api.ts";
import { manifestFor, signalwireManifest } from "./signalwire-manifest.ts";
import { signalwireMedia } from "./signalwire-media.ts";
import { readSendOptions, sendFields } from "./signalwire-options.ts";
import { type ListFaxes, pollReceived } from "./signalwire-poll.ts";
import { type SignalWireSettings, signalwireSettings, spaceOrigin } from "./signalwire-settings.ts";
import { requestFailure, statusReport } from "./signalwire-status.ts";
import {
  eventsOf,
  readWebhook,
  receiveAnswer,
  takenAnswer,
  webhookProof,
  withCredentials,
} from "./signalwire-webhook.ts";

/** Settings of {@link signalwire}, and a name of your own for a second account. */
export type SignalWireOptions = z.input<typeof signalwireSettings> & { id?: string };

/** The SignalWire transport with all that it can do. */
export type SignalWireTransport = FaxTransportV1 &
  Required<
    Pick<
      FaxTransportV1,
      "checkJob" | "getStatus" | "cancel" | "receiveWebhook" | "fetchDocument" | "deleteDocument" | "run"
    >
  >;

/** Makes SignalWire transports, see {@link signalwire}. */
export interface SignalWireFactory {
  /** @throws FaxError `config_invalid` that names the settings, never their values */
  (options: SignalWireOptions): SignalWireTransport;
  readonly manifest: TransportManifest;
  readonly settings: typeof signalwireSettings;
  /** Reads the settings from environment variables. @throws FaxError `config_invalid` that names the variables */
  fromEnv(env: Readonly<Record<string, string | undefined>>): SignalWireTransport;
}

/**
 * Makes a transport for SignalWire's Compatibility API. SignalWire fetches each document from this host, so a public URL
 * is needed. Nothing is called before the engine calls it.
 *
 * @example
 * const transport = signalwire({ spaceUrl: "example", projectId, apiToken, from: "+12025550123", signingKey });
 * const faxbot = createFaxbot({ transports: [transport], stores, blobs, publicUrl: "https://fax.example.com/fax-api" });
 */
export const signalwire: SignalWireFactory = Object.assign(
  ({ id = signalwireManifest.id, ...settings }: SignalWireOptions) =>
    makeTransport(id, parseSettings(id, signalwireSettings, settings)),
  {
    manifest: signalwireManifest,
    settings: signalwireSettings,
    fromEnv: (env: Readonly<Record<string, string | undefined>>) =>
      makeTransport(signalwireManifest.id, settingsFromEnv(signalwireManifest.id, signalwireSettings, env)),
  },
);

const listPageSize = 200;
const mostListPages = 50;

function makeTransport(id: string, settings: SignalWireSettings): SignalWireTransport {
  const { projectId, apiToken } = settings;
  const authorization = basicAuthorization({ user: projectId, pass: apiToken });
  const client = httpClient({
    manifest: signalwireManifest,
    baseUrl: `${spaceOrigin(settings)}/api/laml/2010-04-01/Accounts/${encodeURIComponent(projectId)}`,
    credentials: { authorization: () => authorization },
    readFailure: requestFailure,
  });
  const media = signalwireMedia(settings);
  const proof = webhookProof(settings);
  const [firstCredentials] = proof.credentials;
  /** What a URL that we name has to carry; a signature needs nothing. */
  const urlCredentials = proof.keys.length > 0 ? undefined : firstCredentials;
  const proves = proof.keys.length > 0 || urlCredentials !== undefined;
  const warnings: string[] = [];
  if (!settings.verifySignature) {
    warnings.push("SIGNALWIRE_VERIFY_SIGNATURE is off: webhooks are only hints to ask SignalWire by id");
  } else if (!proves) {
    warnings.push(
      "no signing key and no webhook password are set: webhooks are refused and faxes are polled",
    );
  }
  const firstUse = (call: TransportCall) => {
    for (const warning of warnings.splice(0)) call.logger.warn({ transportId: id }, warning);
  };

  /** A callback that we would refuse is not asked for. */
  const callbackUrlOf = ({ callbackUrl }: SendJob): string | undefined => {
    if (callbackUrl === undefined || (settings.verifySignature && !proves)) return undefined;
    return urlCredentials ? withCredentials(callbackUrl, urlCredentials) : callbackUrl;
  };

  const getFax = (sid: string, call: TransportCall): Promise<SignalWireFax> =>
    client.json({ method: "GET", path: apiPath`/Faxes/${sid}` }, signalwireFax, call);

  const listFaxes: ListFaxes = async (to, createdAfter, host) => {
    const faxes: SignalWireFax[] = [];
    let paging: [string, string][] = [];
    for (let page = 0; page < mostListPages; page += 1) {
      await host.limiter.acquire(host.signal);
      const query: [string, string][] = [
        ["To", to],
        ["DateCreatedAfter", createdAfter.toISOString()],
        ["PageSize", String(listPageSize)],
        ...paging,
      ];
      const list = await client.json({ method: "GET", path: "/Faxes", query }, signalwireFaxList, host);
      for (const fax of list.faxes) if (fax) faxes.push(fax);
      const next = nextPage(list.next_page_uri);
      if (!next) return { faxes, complete: true };
      paging = next;
    }
    return { faxes, complete: false };
  };

  return {
    specVersion: "v1",
    id,
    manifest: manifestFor(settings),

    checkJob(job) {
      readSendOptions(job.options);
    },

    async send(job, call) {
      firstUse(call);
      refuseUnsendable(signalwireManifest, job, readSendOptions);
      const documentUrl = documentUrlOf(job);
      const body = formBody(sendFields(job, documentUrl, settings, callbackUrlOf(job)));
      const fax = await client.json(
        { method: "POST", path: "/Faxes", body, intent: "send" },
        signalwireFax,
        call,
      );
      return statusReport(fax);
    },

    async getStatus(providerId, call) {
      firstUse(call);
      return statusReport(await getFax(providerId, call));
    },

    async cancel(providerId, call) {
      firstUse(call);
      const body = formBody([["Status", "canceled"]]);
      return statusReport(
        await client.json({ method: "POST", path: apiPath`/Faxes/${providerId}`, body }, signalwireFax, call),
      );
    },

    async receiveWebhook(request, call) {
      firstUse(call);
      const webhook = await readWebhook(request, settings.verifySignature ? proof : undefined);
      const { fax } = webhook;
      if (webhook.wantsInstructions) {
        const response = receiveAnswer(request.url, settings.receivePageSize, urlCredentials);
        return { events: [], ...(response ? { response } : {}) };
      }
      const response = takenAnswer ? { response: takenAnswer } : {};
      if (!fax) return { events: [], ...response };
      if (settings.verifySignature) return { events: eventsOf(fax, webhook.inbound), ...response };
      // Anybody may have called: what happened is asked of SignalWire, by the one thing that is taken from the call.
      const told = await getFax(fax.sid, call).catch((error: unknown) => {
        if (isFaxError(error, "not_found")) return undefined;
        throw error;
      });
      return { events: told ? eventsOf(told, told.direction === "inbound") : [], ...response };
    },

    async fetchDocument(providerId, call) {
      firstUse(call);
      const { media_url: url } = await getFax(providerId, call);
      if (!url) {
        throw new FaxError("not_found", "signalwire has no document for the fax", {
          transportId: signalwireManifest.id,
        });
      }
      await call.limiter.acquire(call.signal);
      return media(url, call);
    },

    async deleteDocument(providerId, call) {
      firstUse(call);
      try {
        const { media_sid: mediaSid } = await getFax(providerId, call);
        if (mediaSid === undefined) return;
        await call.limiter.acquire(call.signal);
        await client.discard(
          { method: "DELETE", path: apiPath`/Faxes/${providerId}/Media/${mediaSid}` },
          call,
        );
      } catch (error) {
        if (isFaxError(error, "not_found")) return;
        // 409 with 20009: the fax is still on its way (API reference, "Delete fax media").
        if (
          isFaxError(error, "transport_rejected") &&
          /^(409|20009)$/.test(error.failure?.providerCode ?? "")
        ) {
          throw new FaxError("transport_unavailable", "the fax is still on its way", {
            transportId: signalwireManifest.id,
            cause: error,
          });
        }
        throw error;
      }
    },

    checkHealth(call) {
      firstUse(call);
      const query: [string, string][] = [["PageSize", "1"]];
      return probeHealth("SignalWire", "the project, the token or its scope", call, (limited) =>
        client
          .json({ method: "GET", path: "/Faxes", query }, signalwireFaxList, limited)
          .catch((error: unknown) => {
            // The account is in the path.
            if (!isFaxError(error, "not_found")) throw error;
            throw new FaxError("transport_unauthorized", "signalwire does not know the project", {
              transportId: signalwireManifest.id,
            });
          }),
      );
    },

    async run(host) {
      firstUse(host);
      const gapMs = settings.inboundPollSeconds * 1000;
      // A timer that is never used up: core would start a loop that ends anew.
      const pause = gapMs > 0 ? gapMs : 24 * 3_600_000;
      while (!host.signal.aborted) {
        if (gapMs > 0) {
          for (const number of settings.inboundNumbers ?? [settings.from]) {
            await pollReceived(number, listFaxes, host);
          }
        }
        await sleep(pause, undefined, { signal: host.signal }).catch(() => {});
      }
    },
  };
}

/** The page and its token from the next page's URI. The URI itself is not called: only the API's own path is. */
function nextPage(uri: string | undefined): [string, string][] | undefined {
  const query = uri === undefined ? undefined : URL.parse(uri, "https://signalwire.invalid")?.searchParams;
  const page = query?.get("Page");
  const token = query?.get("PageToken");
  if (!page || !/^\d{1,9}$/.test(page) || page === "0") return undefined;
  return [["Page", page], ...(token ? [["PageToken", token] as [string, string]] : [])];
}

/** @returns the URL from which SignalWire is to fetch the document */
function documentUrlOf({ documentUrl }: SendJob): string {
  if (documentUrl !== undefined) return documentUrl;
  throw unsendable(signalwireManifest.id, "there is no URL from which the document could be fetched", {
    reason: "document",
    providerCode: "no_document_url",
  });
}
