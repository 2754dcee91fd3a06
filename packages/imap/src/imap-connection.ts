import { describeNetworkFailure, FaxError, isFaxError } from "@faxbot/core/transport";
import { ImapFlow } from "imapflow";
import type { ImapSettings } from "./imap-settings.ts";

const mebibyte = 1024 * 1024;
const connectTimeoutMs = 20_000;
/** A line that says nothing for so long is dead; IDLE is renewed well before. */
const silenceMs = 5 * 60_000;
const idleMs = 4 * 60_000;

/** An open mailbox. */
export interface ImapConnection {
  readonly client: ImapFlow;
  /** Resolves at a new mail, when the connection is gone, or after this many milliseconds. */
  waitForMail(ms: number): Promise<void>;
  /** Forgets the news that came so far: what comes from now on ends the next wait at once. */
  forgetNews(): void;
  close(): void;
}

/**
 * Logs in over TLS and opens the mailbox for writing.
 *
 * @param signal closes the connection, whatever it is doing
 * @throws FaxError `transport_unauthorized`, `transport_unavailable`, or `config_invalid` when the mailbox does not exist
 * or cannot be written
 */
export async function openMailbox(settings: ImapSettings, signal: AbortSignal): Promise<ImapConnection> {
  signal.throwIfAborted();
  const secure = (settings.encryption ?? (settings.port === 993 ? "tls" : "starttls")) === "tls";
  const client = new ImapFlow({
    host: settings.host,
    port: settings.port,
    secure,
    // Without it a server that offers no STARTTLS would get the password in the clear.
    ...(secure ? {} : { doSTARTTLS: true }),
    auth: { user: settings.user, pass: settings.pass },
    tls: settings.ca === undefined ? {} : { ca: settings.ca },
    clientInfo: { name: "faxbot" },
    logger: false,
    disableAutoIdle: true,
    maxIdleTime: idleMs,
    connectionTimeout: connectTimeoutMs,
    greetingTimeout: connectTimeoutMs,
    socketTimeout: silenceMs,
    maxLiteralSize: 32 * mebibyte,
    maxLineLength: 32 * mebibyte,
    maxResponseSize: 64 * mebibyte,
  });
  let news = false;
  let wake = (): void => {};
  const tell = (): void => {
    news = true;
    wake();
  };
  // An error always ends the connection, and whoever waits for an answer hears of it.
  client.on("error", tell);
  client.on("close", tell);
  client.on("exists", tell);
  const close = (): void => {
    signal.removeEventListener("abort", close);
    client.close();
  };
  signal.addEventListener("abort", close, { once: true });
  try {
    await client.connect();
    const mailbox = await client.mailboxOpen(settings.mailbox);
    if (mailbox.readOnly) {
      throw new FaxError("config_invalid", "the mailbox cannot be written", { transportId: "imap" });
    }
  } catch (error) {
    // After a refused login the connection would otherwise stay for a minute.
    close();
    throw connectionError(error);
  }
  return {
    client,
    close,
    forgetNews() {
      news = false;
    },
    async waitForMail(ms) {
      if (news || !client.usable) return;
      // Ends by itself when the next command is given; a server without IDLE is asked now and then instead.
      client.idle().catch(() => {});
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      wake = () => {};
    },
  };
}

/** What broke, without the texts of a server that may quote the user. */
export function connectionError(error: unknown): FaxError {
  if (isFaxError(error)) return error;
  const cause = new Error(describeNetworkFailure(error));
  const told = error as { authenticationFailed?: boolean; responseStatus?: string; mailboxMissing?: boolean };
  if (told.authenticationFailed) {
    return new FaxError("transport_unauthorized", "the mail server refuses user or password", {
      transportId: "imap",
      cause,
    });
  }
  if (told.mailboxMissing) {
    return new FaxError("config_invalid", "the mailbox does not exist", { transportId: "imap", cause });
  }
  return new FaxError("transport_unavailable", "the mail server cannot be used", {
    transportId: "imap",
    cause,
  });
}
