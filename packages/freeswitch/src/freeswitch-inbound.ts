import {
  type FaxDocument,
  type FaxSpool,
  isFaxError,
  type Logger,
  normalizeNumber,
  readAll,
  type TransportEvent,
} from "@faxbot/core/transport";
import type { EslEvent } from "./esl-event.ts";
import { countOf, timeOf } from "./event-values.ts";
import { isChannelId } from "./freeswitch-originate.ts";
import type { FreeSwitchSettings } from "./freeswitch-settings.ts";

type ReceivedEvent = Extract<TransportEvent, { type: "received" }>;

/** What is known of a received fax besides its file. */
export interface ReceivedFacts {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly pages?: number | undefined;
  /** `undefined` when nobody said whether it came to its end. */
  readonly partial?: boolean | undefined;
  readonly occurredAt?: Date | undefined;
}

/** Files without a page in them are cleared away after a day. */
const emptyFileMs = 24 * 3_600_000;

/** The id of a received fax is the name of its file: FreeSWITCH's id of the call. */
export function receivedId(fileName: string): string {
  return fileName.replace(/\.tif$/, "");
}

/** Whether a text can be the id of a received fax; only then it is joined to a folder. */
export function isReceivedId(text: string): boolean {
  return /^[0-9a-f-]{8,64}$/.test(text) && !text.includes("\n");
}

/**
 * The faxes that FreeSWITCH receives, from three sources that all say the same of the same fax: the event at its end, a
 * hint by HTTP, and the folder itself.
 */
export class Receptions {
  readonly #spool: FaxSpool;
  readonly #settings: FreeSwitchSettings;
  readonly #onReceived: (event: ReceivedEvent) => void;
  /** Handed over by this process; the files are there until the host has stored them. */
  #handed = new Set<string>();

  constructor(spool: FaxSpool, settings: FreeSwitchSettings, onReceived: (event: ReceivedEvent) => void) {
    this.#spool = spool;
    this.#settings = settings;
    this.#onReceived = onReceived;
  }

  /** The event for the host; the same fax always has the same key. Numbers that are not certain are left out. */
  eventOf(id: string, { from, to, pages, partial, occurredAt }: ReceivedFacts): ReceivedEvent {
    const event: ReceivedEvent = { type: "received", key: `received:${id}`, providerId: id };
    const sender = this.#number(from);
    const destination = this.#number(to);
    if (sender !== undefined) event.from = sender;
    if (destination !== undefined) event.to = destination;
    if (pages !== undefined) event.pages = pages;
    if (partial !== undefined) event.partial = partial;
    if (occurredAt !== undefined) event.occurredAt = occurredAt;
    return event;
  }

  /**
   * Takes the result of rxfax. The file's name is made of the channel's id; what the event says about it is not used.
   * Another application's faxes lie elsewhere and are passed over.
   */
  async take(event: EslEvent, logger: Logger | undefined): Promise<void> {
    const id = event.field("Unique-ID") ?? "";
    if (event.subclass !== "spandsp::rxfaxresult" || !isChannelId(id) || this.#handed.has(id)) return;
    const success = event.field("fax-success") === "1";
    const pages = countOf(event.field("fax-document-transferred-pages"));
    if (!success && !pages) return;
    try {
      await this.#spool.locate(`${id}.tif`);
    } catch (error) {
      logger?.warn(
        { transportId: "freeswitch", errorCode: isFaxError(error) ? error.code : "unknown" },
        "FreeSWITCH received a fax that is not in the incoming folder",
      );
      return;
    }
    this.#hand(id, {
      from: event.field("Caller-Caller-ID-Number"),
      to: event.field("Caller-Destination-Number"),
      pages,
      partial: !success,
      occurredAt: timeOf(event),
    });
  }

  /**
   * Looks through the folder for faxes whose event and hint were both lost.
   *
   * @param isRunning whether the call is still there: between two pages a minute can pass
   */
  async scan(quietMs: number, now: Date, isRunning: (uuid: string) => Promise<boolean>): Promise<void> {
    const present = await this.#spool.settled(0, now);
    const names = new Set(present.map(({ name }) => receivedId(name)));
    this.#handed = new Set([...this.#handed].filter((id) => names.has(id)));
    for (const { name, modifiedAt } of present) {
      const id = receivedId(name);
      const quiet = now.getTime() - modifiedAt.getTime();
      if (quiet < quietMs || this.#handed.has(id)) continue;
      if (isChannelId(id) && (await isRunning(id))) continue;
      if (await hasPage(await this.#spool.document(name))) this.#hand(id, { occurredAt: modifiedAt });
      else if (quiet > emptyFileMs) await this.#spool.remove(name);
    }
  }

  #hand(id: string, facts: ReceivedFacts): void {
    if (this.#handed.has(id)) return;
    this.#handed.add(id);
    this.#onReceived(this.eventOf(id, facts));
  }

  #number(text: string | undefined): string | undefined {
    const { defaultCountryCode } = this.#settings;
    if (text === undefined) return undefined;
    return normalizeNumber(text, defaultCountryCode === undefined ? {} : { defaultCountryCode });
  }
}

/** A TIFF file (section 2 of TIFF 6.0) whose header points at a first page. */
async function hasPage(document: FaxDocument): Promise<boolean> {
  if (document.size < 16) return false;
  const head = Buffer.from(await readAll(await document.open({ start: 0, end: 7 }), 8));
  const order = head.toString("latin1", 0, 2);
  const offset = order === "II" ? head.readUInt32LE(4) : order === "MM" ? head.readUInt32BE(4) : 0;
  return offset >= 8 && offset < document.size;
}
