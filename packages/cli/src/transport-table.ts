import { asterisk } from "@faxbot/asterisk";
import { FaxError, type FaxTransportV1, type TransportManifest } from "@faxbot/core";
import { freeswitch } from "@faxbot/freeswitch";
import { humblefax, humblefaxMailboxFromEnv } from "@faxbot/humblefax";
import { imap } from "@faxbot/imap";
import { phaxio } from "@faxbot/phaxio";
import { signalwire } from "@faxbot/signalwire";
import { sinch } from "@faxbot/sinch";
import { testTransport } from "@faxbot/testing";
import type { Environment } from "./host-settings.ts";

/** What every transport package exports under its name. */
interface TransportFactory {
  readonly manifest: TransportManifest;
  fromEnv(env: Environment): FaxTransportV1;
}

/** Every transport that can be chosen by name. A new one is one line here. */
const factories: readonly TransportFactory[] = [
  sinch,
  phaxio,
  humblefax,
  signalwire,
  asterisk,
  freeswitch,
  imap,
  testTransport,
];

/**
 * What every transport says about itself that can be chosen by name, in the order of the table.
 *
 * @example
 * const receiving = transportManifests().filter(({ traits }) => traits.inbound_supported);
 */
export function transportManifests(): TransportManifest[] {
  return factories.map(({ manifest }) => manifest);
}

/** The names that FAX_BACKEND understands, each with its aliases. */
export function transportNames(): string[] {
  return factories.map(({ manifest }) =>
    manifest.aliases.length === 0 ? manifest.id : `${manifest.id} (or ${manifest.aliases.join(", ")})`,
  );
}

/** The environment variables that the available transports read. */
export function transportVariables(): string[] {
  return factories.flatMap(({ manifest }) =>
    Object.values((manifest.configSchema.properties ?? {}) as Record<string, { env?: string }>).flatMap(
      (field) => field.env ?? [],
    ),
  );
}

/**
 * Makes the transports that FAX_BACKEND names, in its order, from their environment variables.
 *
 * @throws FaxError `config_invalid` for an unknown name, a name given twice, or settings that do not fit
 */
export function chooseTransports(names: readonly string[], env: Environment): FaxTransportV1[] {
  if (names.length === 0) {
    throw new FaxError("config_invalid", `FAX_BACKEND is missing; choose of: ${transportNames().join(", ")}`);
  }
  const chosen = names.map(find);
  if (new Set(chosen).size < chosen.length) {
    throw new FaxError("config_invalid", "FAX_BACKEND names a transport twice");
  }
  // HumbleFax can mail what it receives: then its mailbox stands beside it.
  const mailbox = chosen.includes(humblefax) ? humblefaxMailboxFromEnv(env) : undefined;
  return [
    ...chosen.map((factory) => factory.fromEnv(env)),
    ...(mailbox ? [imap({ id: "humblefax-mail", ...mailbox })] : []),
  ];
}

function find(name: string): TransportFactory {
  const wanted = name.trim().toLowerCase();
  const found = factories.find(
    ({ manifest }) =>
      manifest.id === wanted || manifest.aliases.includes(wanted) || manifest.backendName === wanted,
  );
  if (found) return found;
  // Whatever was pasted here by mistake must not end up in a log.
  const shown = /^[a-z0-9_-]{1,20}$/.test(wanted) ? `"${wanted}"` : "a name";
  throw new FaxError(
    "config_invalid",
    `FAX_BACKEND: ${shown} is not available in this version; choose of: ${transportNames().join(", ")}`,
  );
}
