import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import {
  type FaxDocument,
  FaxError,
  isFaxError,
  isPdf,
  spoolDocument,
  type TransportHost,
} from "@faxbot/core/transport";
import type { FetchMessageObject, ImapFlow } from "imapflow";
import { isAllowedSender, isAuthenticated } from "./allowed-sender.ts";
import type { ImapSettings } from "./imap-settings.ts";
import { type PdfPart, pdfParts } from "./pdf-part.ts";

const mebibyte = 1024 * 1024;
/** What one look takes at most; the rest stays unseen for the next. */
const limits = { attachmentBytes: 10 * mebibyte, bytes: 25 * mebibyte, attachments: 20 } as const;
/** Line breaks make an encoded part look a little larger than what is in it; whether it is, its decoding shows. */
const encodingSlack = 1.05;

/**
 * What is known of mails that stay unseen, by UIDVALIDITY and UID, so that a UID which came to mean another mail is not
 * mistaken. It only spares work: after a restart the host gets the same events again, under the same keys.
 */
export type MailMemory = Map<string, "left alone" | MailProgress>;

/** How far a mail is. */
interface MailProgress {
  /** The first part that the host has not got yet. */
  next: number;
  /** Parts that were not taken: too large, or no PDF. */
  refused: number;
  /** How often the connection broke over it. */
  breaks: number;
}

/** A mail that broke the connection so often is left alone: one that cannot be read must not hold up the others. */
const mostBreaks = 5;

/** One look's budget. */
interface Budget {
  bytes: number;
  attachments: number;
}

/**
 * Looks once through the unseen mails, the oldest first, and hands every PDF of a listed sender to the host. A mail
 * becomes `\Seen` once all its faxes are durable, and no other mail is touched.
 *
 * @throws what the connection or the host throws
 */
export async function takeFaxes(
  client: ImapFlow,
  settings: ImapSettings,
  memory: MailMemory,
  host: TransportHost,
): Promise<void> {
  const budget: Budget = { bytes: limits.bytes, attachments: limits.attachments };
  // The server compares parts of texts; who exactly it is, is checked below.
  const senders = settings.senders.map((from) => ({ from }));
  const uids = await client.search(
    { seen: false, ...(senders.length === 1 ? senders[0] : { or: senders }) },
    { uid: true },
  );
  // A connection that is gone answers nothing instead of throwing.
  if (!Array.isArray(uids)) throw gone();
  const keyOf = (uid: number): string => `${client.mailbox ? client.mailbox.uidValidity : ""}:${uid}`;
  const unseen = new Set(uids.map(keyOf));
  for (const key of memory.keys()) if (!unseen.has(key)) memory.delete(key);
  for (const uid of inTurn(uids, (each) => memory.get(keyOf(each)))) {
    host.signal.throwIfAborted();
    const from = memory.get(keyOf(uid)) ?? { next: 0, refused: 0, breaks: 0 };
    if (from === "left alone") continue;
    let left: MailProgress | "left alone" | undefined;
    try {
      left = await takeMail({ client, uid, from, settings, budget, host });
    } catch (error) {
      if (!client.usable && !host.signal.aborted) memory.set(keyOf(uid), broken(from, host));
      throw error;
    }
    if (left) memory.set(keyOf(uid), left);
    if (left !== undefined && left !== "left alone") return;
  }
}

/** The oldest first, and those over which the connection broke behind the others. */
function inTurn(
  uids: readonly number[],
  known: (uid: number) => MailProgress | "left alone" | undefined,
): number[] {
  const breaks = (uid: number): number => {
    const progress = known(uid);
    return typeof progress === "object" ? progress.breaks : 0;
  };
  return [...uids].sort((a, b) => breaks(a) - breaks(b) || a - b);
}

function broken(from: MailProgress, host: TransportHost): MailProgress | "left alone" {
  const breaks = from.breaks + 1;
  if (breaks < mostBreaks) return { ...from, breaks };
  host.logger.warn({ transportId: "imap" }, "a mail that cannot be read is left alone");
  return "left alone";
}

/**
 * Takes one mail's faxes.
 *
 * @returns where it stopped because the budget was used up; `left alone` when there is nothing more to do;
 * `undefined` when the mail is gone
 */
async function takeMail(
  taking: Omit<Taking, "mail" | "parts"> & { uid: number },
): Promise<MailProgress | "left alone" | undefined> {
  const { client, uid, settings, host } = taking;
  const mail = await fetchMail(client, uid, settings);
  if (!client.usable) throw gone();
  if (!mail) return undefined;
  const parts = mayBringFaxes(mail, settings) ? pdfParts(mail.bodyStructure) : [];
  if (parts.length === 0) return "left alone";
  const done = await takeParts({ ...taking, mail, parts });
  if (done.next < parts.length) return done;
  if (done.refused === 0) await client.messageFlagsAdd(String(uid), ["\\Seen"], { uid: true });
  else
    host.logger.warn(
      { transportId: "imap", refused: done.refused },
      "a mail has attachments that were not taken",
    );
  return "left alone";
}

function gone(): FaxError {
  return new FaxError("transport_unavailable", "the mail server is gone", { transportId: "imap" });
}

async function fetchMail(
  client: ImapFlow,
  uid: number,
  settings: ImapSettings,
): Promise<FetchMessageObject | undefined> {
  const mail = await client.fetchOne(
    String(uid),
    {
      uid: true,
      envelope: true,
      bodyStructure: true,
      internalDate: true,
      ...(settings.authServer === undefined ? {} : { headers: ["authentication-results"] }),
    },
    { uid: true },
  );
  return mail || undefined;
}

function mayBringFaxes(mail: FetchMessageObject, settings: ImapSettings): boolean {
  const authors = mail.envelope?.from?.map(({ address }) => address) ?? [];
  if (!isAllowedSender(authors, settings)) return false;
  const { authServer } = settings;
  return authServer === undefined || isAuthenticated(mail.headers?.toString("latin1") ?? "", authServer);
}

interface Taking {
  client: ImapFlow;
  mail: FetchMessageObject;
  parts: readonly PdfPart[];
  /** Where an earlier look stopped. */
  from: MailProgress;
  settings: ImapSettings;
  budget: Budget;
  host: TransportHost;
}

/** Hands a mail's parts over, as far as the budget goes. */
async function takeParts(taking: Taking): Promise<MailProgress> {
  const { client, mail, parts, from, settings, budget, host } = taking;
  let { refused } = from;
  for (let { next } = from; next < parts.length; next += 1) {
    const part = parts[next] as PdfPart;
    if (part.size > limits.attachmentBytes * encodingSlack) {
      refused += 1;
      continue;
    }
    if (budget.attachments < 1 || budget.bytes < Math.min(part.size, limits.attachmentBytes)) {
      return { ...from, next, refused };
    }
    budget.attachments -= 1;
    const document = await download(client, mail.uid, part);
    if (document) await handOver(host, mail, document, settings);
    else refused += 1;
    budget.bytes -= document?.size ?? part.size;
  }
  return { ...from, next: parts.length, refused };
}

/** Resolves when the host has the document durably. */
async function handOver(
  host: TransportHost,
  mail: FetchMessageObject,
  document: FaxDocument & { dispose(): Promise<void> },
  settings: ImapSettings,
): Promise<void> {
  const id = identity(mail, document);
  try {
    await host.emit({
      type: "received",
      key: `mail:${id}`,
      providerId: id,
      ...(settings.faxNumber === undefined ? {} : { to: settings.faxNumber }),
      document,
      ...timeOf(mail),
    });
  } catch (error) {
    if (isFaxError(error)) throw error;
    throw new FaxError("store_unavailable", "the host could not store a received fax", { cause: error });
  } finally {
    await document.dispose();
  }
}

/** `undefined` when it is larger than allowed, or no PDF. */
async function download(
  client: ImapFlow,
  uid: number,
  { part, fileName }: PdfPart,
): Promise<(FaxDocument & { dispose(): Promise<void> }) | undefined> {
  const answer = await client.download(String(uid), part, { uid: true, chunkSize: 256 * 1024 });
  if (!client.usable) throw gone();
  if (!("content" in answer) || !answer.content) return undefined;
  const stream = Readable.toWeb(answer.content) as unknown as ReadableStream<Uint8Array>;
  try {
    const about = { mediaType: "application/pdf", fileName };
    const document = await spoolDocument(stream, about, { maxBytes: limits.attachmentBytes });
    if (await isPdf(document)) return document;
    await document.dispose();
    return undefined;
  } catch (error) {
    if (isFaxError(error, "document_too_large")) return undefined;
    throw error;
  }
}

/**
 * The same for every copy of a mail, wherever it lies and whatever UID it has: Message-ID and the document's hash. A
 * mail without a Message-ID goes by its date and author.
 */
function identity({ envelope, internalDate }: FetchMessageObject, document: FaxDocument): string {
  const messageId = envelope?.messageId?.trim();
  const mail = messageId
    ? `id ${messageId}`
    : `none ${String(envelope?.date ?? internalDate)} ${envelope?.from?.[0]?.address ?? ""}`;
  return createHash("sha256").update(`${mail}\n${document.sha256}`).digest("hex").slice(0, 40);
}

function timeOf({ internalDate }: FetchMessageObject): { occurredAt?: Date } {
  const time = new Date(internalDate ?? Number.NaN);
  return Number.isNaN(time.getTime()) ? {} : { occurredAt: time };
}
