import {
  FaxError,
  type FaxTransportV1,
  isFaxError,
  parseSettings,
  settingsFromEnv,
  type TransportManifest,
} from "@faxbot/core/transport";
import type { z } from "zod";
import { connectionError, openMailbox } from "./imap-connection.ts";
import { imapManifest } from "./imap-manifest.ts";
import { type ImapSettings, imapSettings } from "./imap-settings.ts";
import { type MailMemory, takeFaxes } from "./take-faxes.ts";

/** Settings of {@link imap}, and a name of your own for a second mailbox. */
export type ImapOptions = z.input<typeof imapSettings> & { id?: string };

/** A mailbox as a transport that only receives. */
export type ImapTransport = FaxTransportV1 & Required<Pick<FaxTransportV1, "run">>;

/** Makes sources of received faxes, see {@link imap}. */
export interface ImapFactory {
  /** @throws FaxError `config_invalid` that names the settings, never their values */
  (options: ImapOptions): ImapTransport;
  readonly manifest: TransportManifest;
  readonly settings: typeof imapSettings;
  /** Reads the settings from environment variables. @throws FaxError `config_invalid` that names the variables */
  fromEnv(env: Readonly<Record<string, string | undefined>>): ImapTransport;
}

/**
 * Makes a transport that takes received faxes out of a mailbox: PDF attachments of listed senders. It stands beside the
 * transports that send and is never chosen for sending. Nothing is connected before the engine runs it.
 *
 * @example
 * const mail = imap({ host: "imap.example.com", user, pass, senders: ["@fax.example.net"] });
 * const faxbot = createFaxbot({ transports: [sender, mail], stores, blobs, inbox });
 */
export const imap: ImapFactory = Object.assign(
  ({ id = imapManifest.id, ...settings }: ImapOptions) =>
    makeTransport(id, parseSettings(id, imapSettings, settings)),
  {
    manifest: imapManifest,
    settings: imapSettings,
    fromEnv: (env: Readonly<Record<string, string | undefined>>) =>
      makeTransport(imapManifest.id, settingsFromEnv(imapManifest.id, imapSettings, env)),
  },
);

const healthTimeoutMs = 10_000;

function makeTransport(id: string, settings: ImapSettings): ImapTransport {
  const memory: MailMemory = new Map();
  return {
    specVersion: "v1",
    id,
    manifest: imapManifest,

    send: () =>
      Promise.reject(
        new FaxError("transport_rejected", "a mailbox sends no faxes", {
          transportId: imapManifest.id,
          failure: { reason: "rejected", retryable: false, providerCode: "receives_only" },
        }),
      ),

    async checkHealth(call) {
      const signal = AbortSignal.any([call.signal, AbortSignal.timeout(healthTimeoutMs)]);
      try {
        (await openMailbox(settings, signal)).close();
        return { status: "healthy", message: "The mail server answers and takes the password." };
      } catch (error) {
        if (isFaxError(error, "transport_unauthorized")) {
          return { status: "unhealthy", message: "The mail server refuses user or password." };
        }
        if (isFaxError(error, "config_invalid")) {
          return { status: "unhealthy", message: "The mailbox does not exist or cannot be written." };
        }
        return { status: "unhealthy", message: "The mail server cannot be reached or used." };
      }
    },

    // What ends early is started again by the engine, later and later, with jitter.
    async run(host) {
      try {
        const connection = await openMailbox(settings, host.signal);
        try {
          while (!host.signal.aborted) {
            connection.forgetNews();
            await takeFaxes(connection.client, settings, memory, host);
            await connection.waitForMail(settings.pollSeconds * 1000);
          }
        } finally {
          connection.close();
        }
      } catch (error) {
        if (host.signal.aborted) return;
        throw connectionError(error);
      }
    },
  };
}
