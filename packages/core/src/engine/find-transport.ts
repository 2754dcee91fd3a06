import { FaxError } from "../transport/fax-error.ts";
import type { FaxTransportV1 } from "../transport/fax-transport.ts";
import type { Engine } from "./engine.ts";

/**
 * Finds a transport by its id, or by an alias or published name of its manifest.
 *
 * @throws FaxError `request_invalid` when there is none
 */
export function findTransport<Trx>(engine: Engine<Trx>, name: string): FaxTransportV1 {
  const byId = engine.transports.get(name);
  if (byId) return byId;
  for (const transport of engine.transports.values()) {
    const { aliases, backendName } = transport.manifest;
    if (aliases.includes(name) || backendName === name) return transport;
  }
  throw new FaxError("request_invalid", "there is no such transport");
}

/** Whether a transport can be handed faxes; the others are sources of received ones alone. */
export function canSend(transport: FaxTransportV1): boolean {
  return transport.manifest.capabilities.includes("send");
}
