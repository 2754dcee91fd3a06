import { randomUUID } from "node:crypto";
import { pullDocument } from "../document-pull.ts";
import type { OutcomeByNumber } from "../outcome-by-number.ts";
import { countPdfPages } from "../pdf-page-count.ts";
import { syntheticPdf } from "../synthetic-pdf.ts";
import { type TimerSet, timerSet } from "../timer-set.ts";
import { isOver, type SignalWireFax } from "./signalwire-emulator-fax.ts";
import type { SignalWireQuirks } from "./signalwire-emulator-options.ts";
import {
  type SignalWireFailure,
  type SignalWireOutcome,
  signalwireFailureOf,
} from "./signalwire-emulator-outcome.ts";
import type { SignalWireCallbackEvent, SignalWireSend } from "./signalwire-emulator-send.ts";
import type { SignalWireWebhook } from "./signalwire-emulator-webhook.ts";

/** US dollars per minute in the United States and Canada (published price list). */
const pricePerMinute = 0.0095;
const secondsPerPage = 30;

/** A fax with what belongs to it. */
export interface SignalWireEntry {
  fax: SignalWireFax;
  document: Buffer | undefined;
  /** Absent for faxes that were not sent here. */
  send: SignalWireSend | undefined;
  outcome: SignalWireOutcome;
  /** Set when the document turned out to be unusable. */
  failure: SignalWireFailure | undefined;
  /** Pages of the document. */
  pages: number;
  timers: TimerSet;
  /** Resolves when the document was fetched. */
  ready: Promise<void>;
}

/** The faxes of the emulated project and their lives. */
export interface SignalWireLedger {
  /** Oldest first. */
  readonly faxes: readonly SignalWireFax[];
  find(sid: string): SignalWireEntry | undefined;
  findByMedia(mediaSid: string): SignalWireEntry | undefined;
  /** How many wait for their call. */
  queued(): number;
  take(send: SignalWireSend): SignalWireFax;
  finish(sid: string, outcome?: SignalWireOutcome): void;
  /** Puts a received fax there, still `receiving`. */
  receiving(from: string, to: string): SignalWireEntry;
  /** Ends a received fax. */
  received(entry: SignalWireEntry, pdf: Uint8Array, failure?: SignalWireFailure): void;
  add(fax: Partial<SignalWireFax>, document?: Uint8Array): SignalWireFax;
  remove(sid: string): void;
  removeDocument(entry: SignalWireEntry): void;
  busy(): boolean;
  reset(): void;
}

/** What the ledger is made of. */
export interface SignalWireLedgerOptions {
  projectId: string;
  script: OutcomeByNumber<SignalWireOutcome>;
  quirks: SignalWireQuirks;
  completeAfterMs: () => number;
  callEveryMs: number;
  /** Where a document can be downloaded. */
  mediaUrl: (mediaSid: string) => string;
  sendWebhook: (webhook: SignalWireWebhook) => void;
}

/** The form fields that describe a fax in every report of it. */
export function reportFields(fax: SignalWireFax, original: string): Record<string, string> {
  return {
    AccountSid: fax.account_sid,
    ApiVersion: fax.api_version,
    FaxSid: fax.sid,
    From: fax.from,
    To: fax.to,
    FaxStatus: fax.status,
    NumPages: String(fax.num_pages ?? ""),
    MediaSid: fax.media_sid ?? "",
    MediaUrl: fax.media_url ?? "",
    OriginalMediaUrl: original,
    RemoteStationId: fax.direction === "outbound" ? fax.to : fax.from,
    ErrorCode: fax.error_code ?? "",
    ErrorMessage: fax.error_message ?? "",
  };
}

/** Makes the ledger: queued until its call begins, processing, sending, then an end and the callback. */
export function signalwireLedger(options: SignalWireLedgerOptions): SignalWireLedger {
  const entries = new Map<string, SignalWireEntry>();
  let nextCallAt = 0;
  let pulling = 0;

  const setStatus = (fax: SignalWireFax, status: string): void => {
    fax.status = status;
    fax.date_updated = new Date().toISOString();
  };
  const notify = ({ fax, send }: SignalWireEntry, event: SignalWireCallbackEvent): void => {
    if (!send?.statusCallback || !send.statusCallbackEvents.includes(event)) return;
    options.sendWebhook({
      event: "status",
      faxId: fax.sid,
      url: send.statusCallback,
      method: send.statusCallbackMethod,
      params: reportFields(fax, send.mediaUrl),
    });
  };
  const store = (entry: SignalWireEntry, document: Buffer): void => {
    entry.document = document;
    entry.fax.media_sid = randomUUID();
    entry.fax.media_url = options.mediaUrl(entry.fax.media_sid);
  };
  const fail = (fax: SignalWireFax, failure: SignalWireFailure): void => {
    fax.num_pages = String(failure.pagesSent ?? 0);
    fax.error_message = failure.errorMessage ?? null;
    fax.error_code = failure.errorCode ?? null;
    setStatus(fax, failure.status ?? "failed");
  };
  const charge = (fax: SignalWireFax, pages: number): void => {
    fax.duration = pages * secondsPerPage;
    fax.price = `-${(Math.ceil(fax.duration / 60) * pricePerMinute).toFixed(4)}`;
    fax.price_unit = "USD";
  };

  const end = (entry: SignalWireEntry): void => {
    const { fax } = entry;
    if (isOver(fax)) return;
    entry.timers.clear();
    const failure = entry.failure ?? signalwireFailureOf(entry.outcome);
    if (failure) {
      fail(fax, failure);
      charge(fax, failure.pagesSent ?? 0);
    } else if (entry.outcome === "unmapped") {
      // Not an ending: a word that nobody documented.
      setStatus(fax, "halfway");
    } else {
      fax.num_pages = String(entry.pages);
      charge(fax, entry.pages);
      setStatus(fax, "delivered");
    }
    notify(entry, "completed");
  };

  const live = (entry: SignalWireEntry): void => {
    const ms = options.completeAfterMs();
    if (!Number.isFinite(ms)) return;
    const now = Date.now();
    const callAt = Math.max(now, nextCallAt);
    nextCallAt = callAt + options.callEveryMs;
    const wait = callAt - now;
    const { fax, timers } = entry;
    timers.later(wait + ms / 4, () => {
      setStatus(fax, "processing");
      notify(entry, "initiated");
      pulling += 1;
      entry.ready = pull(entry).finally(() => {
        pulling -= 1;
      });
    });
    timers.later(wait + ms / 2, () => {
      setStatus(fax, "sending");
      notify(entry, "ringing");
      const failure = signalwireFailureOf(entry.outcome);
      if (failure?.status === undefined) notify(entry, "answered");
    });
    if (entry.outcome !== "stuck") {
      timers.later(wait + ms, () => {
        pulling += 1;
        void entry.ready.then(() => {
          pulling -= 1;
          if (entries.has(fax.sid)) end(entry);
        });
      });
    }
  };

  const pull = async (entry: SignalWireEntry): Promise<void> => {
    const { send } = entry;
    if (!send) return;
    const refuse = (errorCode: string): void => {
      entry.failure = { errorMessage: "Document loading error", errorCode };
    };
    try {
      const answer = await pullDocument(send.mediaUrl, options.quirks.mediaFetches);
      if (answer) {
        const type = answer.headers["content-type"]?.split(";")[0]?.trim();
        entry.pages = countPdfPages(answer.body);
        if (type !== "application/pdf") return refuse("12300");
        if (entry.pages === 0) return refuse("21612");
      }
      if (send.storeMedia) store(entry, answer?.body ?? Buffer.from(syntheticPdf()));
    } catch {
      refuse("21620");
    }
  };

  const newFax = (partial: Partial<SignalWireFax>): SignalWireFax => {
    const sid = partial.sid ?? randomUUID();
    const now = new Date().toISOString();
    const root =
      options.quirks.linkShape === "laml"
        ? `/api/laml/2010-04-01/Accounts/${options.projectId}/Faxes/${sid}`
        : `/fax/v1/Faxes/${sid}`;
    return {
      account_sid: options.projectId,
      api_version: "v1",
      date_created: now,
      date_updated: now,
      direction: "outbound",
      from: "",
      to: "",
      media_url: null,
      media_sid: null,
      num_pages: null,
      price: null,
      price_unit: null,
      quality: null,
      sid,
      status: "queued",
      duration: null,
      links: { media: `${root}/Media` },
      url: root,
      error_code: null,
      error_message: null,
      ...partial,
    };
  };
  const put = (fax: SignalWireFax, more: Partial<SignalWireEntry> = {}): SignalWireEntry => {
    const entry: SignalWireEntry = {
      fax,
      document: undefined,
      send: undefined,
      outcome: "delivered",
      failure: undefined,
      pages: 1,
      timers: timerSet(),
      ready: Promise.resolve(),
      ...more,
    };
    entries.set(fax.sid, entry);
    return entry;
  };

  return {
    get faxes() {
      return [...entries.values()].map(({ fax }) => fax);
    },
    find: (sid) => entries.get(sid),
    findByMedia: (mediaSid) => [...entries.values()].find(({ fax }) => fax.media_sid === mediaSid),
    queued: () => [...entries.values()].filter(({ fax }) => fax.status === "queued").length,
    take(send) {
      const { from, to, quality } = send;
      const entry = put(newFax({ from, to, quality }), { send, outcome: options.script.choose(to) });
      live(entry);
      return entry.fax;
    },
    finish(sid, outcome) {
      const entry = entries.get(sid);
      if (!entry) throw new RangeError("no such fax");
      if (outcome !== undefined) entry.outcome = outcome;
      end(entry);
    },

    receiving: (from, to) => put(newFax({ direction: "inbound", from, to, status: "receiving" })),
    received(entry, pdf, failure) {
      if (failure) return fail(entry.fax, failure);
      entry.pages = countPdfPages(pdf);
      entry.fax.num_pages = String(entry.pages);
      store(entry, Buffer.from(pdf));
      charge(entry.fax, entry.pages);
      setStatus(entry.fax, "received");
    },
    add(partial, document) {
      const entry = put(newFax({ status: "delivered", num_pages: "1", ...partial }));
      if (document) store(entry, Buffer.from(document));
      return entry.fax;
    },
    remove(sid) {
      entries.get(sid)?.timers.clear();
      entries.delete(sid);
    },
    removeDocument(entry) {
      entry.document = undefined;
      entry.fax.media_sid = null;
      entry.fax.media_url = null;
    },

    busy: () => pulling > 0 || [...entries.values()].some(({ timers }) => timers.size > 0),
    reset() {
      for (const { timers } of entries.values()) timers.clear();
      entries.clear();
      nextCallAt = 0;
    },
  };
}
