import { pullDocument } from "../document-pull.ts";
import { faxContent } from "../fax-content.ts";
import type { OutcomeByNumber } from "../outcome-by-number.ts";
import { countPdfPages } from "../pdf-page-count.ts";
import { type TimerSet, timerSet } from "../timer-set.ts";
import { centralTime, newRecipient, type PhaxioFax, type PhaxioRecipient } from "./phaxio-emulator-fax.ts";
import type { PhaxioConsole, PhaxioQuirks } from "./phaxio-emulator-options.ts";
import {
  type PhaxioFailure,
  type PhaxioOutcome,
  phaxioErrors,
  phaxioFailureOf,
  phaxioFailures,
  phaxioTestFailures,
} from "./phaxio-emulator-outcome.ts";
import { isKnownFileType, type PhaxioSend } from "./phaxio-emulator-send.ts";
import type { PhaxioWebhook } from "./phaxio-emulator-webhook.ts";

/** US cents per page in the US and Canada (vendor's public price list, 2021). */
export const phaxioCentsPerPage = 7;

/** The faxes of the emulated account and their lives. */
export interface PhaxioLedger {
  /** Oldest first. */
  readonly faxes: readonly PhaxioFax[];
  find(id: string): PhaxioFax | undefined;
  documentOf(id: string): Buffer | undefined;
  removeDocument(id: string): void;
  remove(id: string): void;
  take(send: PhaxioSend, isTest: boolean): PhaxioFax;
  /** @returns the new fax */
  resend(id: string, callbackUrl: string | undefined): PhaxioFax | undefined;
  /** Ends it soon as cancelled. @returns false when it has ended already */
  cancel(id: string): boolean;
  finish(id: string, outcome?: PhaxioOutcome): void;
  receive(inbound: {
    from: string;
    to: string;
    pdf: Uint8Array;
    isTest: boolean;
    callbackUrl: string | undefined;
  }): PhaxioFax;
  add(fax: Partial<PhaxioFax>, document?: Uint8Array): PhaxioFax;
  busy(): boolean;
  reset(): void;
}

interface Entry {
  fax: PhaxioFax;
  document: Buffer | undefined;
  /** Absent for faxes that were not sent here. */
  send: PhaxioSend | undefined;
  outcomes: PhaxioOutcome[];
  timers: TimerSet;
  /** Set when the content turned out to be unusable, or when the fax was cancelled. */
  failure: Required<PhaxioFailure> | undefined;
}

/** What the ledger is made of. */
export interface PhaxioLedgerOptions {
  script: OutcomeByNumber<PhaxioOutcome>;
  console: PhaxioConsole;
  quirks: PhaxioQuirks;
  completeAfterMs: () => number;
  secondMs: number;
  sendWebhook: (webhook: PhaxioWebhook) => void;
}

/** Makes the ledger: queued or pendingbatch, inprogress, then success, failure or partialsuccess and the callback. */
export function phaxioLedger(options: PhaxioLedgerOptions): PhaxioLedger {
  const entries = new Map<string, Entry>();
  let nextId = 900_100;
  let pulling = 0;

  const notify = (entry: Entry, event: PhaxioWebhook["event"], extra?: Record<string, string>): void => {
    const url = entry.send?.callbackUrl ?? options.console.sentCallbackUrl;
    if (url === undefined || url.startsWith("mailto:")) return;
    options.sendWebhook({
      event,
      faxId: String(entry.fax.id),
      url,
      fax: structuredClone(entry.fax),
      document: undefined,
      ...(extra ? { extra } : {}),
    });
  };
  const eachRecipient = (entry: Entry, work: (recipient: PhaxioRecipient, index: number) => void): void =>
    (entry.fax.recipients ?? []).forEach(work);

  const end = (entry: Entry): void => {
    const { fax } = entry;
    if (fax.completed_at !== null) return;
    entry.timers.clear();
    if (!entry.failure && entry.outcomes.includes("unmapped")) {
      // Not an ending: a word that nobody documented.
      fax.status = "halfway";
      notify(entry, "fax_completed");
      return;
    }
    fax.completed_at = centralTime();
    eachRecipient(entry, (recipient, index) => {
      const failure = entry.failure ?? phaxioFailureOf(entry.outcomes[index] ?? "delivered");
      recipient.completed_at = fax.completed_at;
      recipient.status = failure ? "failure" : "success";
      if (!failure) {
        recipient.bitrate = 14_400;
        recipient.resolution = 8040;
        return;
      }
      recipient.error_type = failure.errorType;
      recipient.error_id = failure.errorId;
      recipient.error_message = failure.errorMessage;
    });
    const recipients = fax.recipients ?? [];
    const failed = recipients.filter(({ status }) => status === "failure");
    fax.status =
      failed.length === 0 ? "success" : failed.length < recipients.length ? "partialsuccess" : "failure";
    // What was charged for failed recipients is credited back.
    fax.cost = phaxioCentsPerPage * fax.num_pages * (recipients.length - failed.length);
    const [first] = failed;
    if (first && fax.status === "failure") {
      fax.error_type = first.error_type;
      fax.error_id = first.error_id;
      fax.error_message = first.error_message;
    }
    notify(entry, "fax_completed");
  };

  const live = (entry: Entry): void => {
    const { fax, send, timers } = entry;
    const batchMs = (send?.batchDelaySeconds ?? 0) * options.secondMs;
    const ms = options.completeAfterMs();
    timers.later(batchMs + ms / 3, () => {
      fax.status = "inprogress";
      eachRecipient(entry, (recipient) => {
        recipient.status = "ringing";
      });
    });
    timers.later(batchMs + (2 * ms) / 3, () => {
      eachRecipient(entry, (recipient, index) => underWay(entry, recipient, entry.outcomes[index]));
    });
    if (!entry.outcomes.includes("stuck")) timers.later(batchMs + ms, () => end(entry));
    const minutes = send?.cancelTimeoutMinutes;
    if (minutes !== undefined) {
      timers.later(minutes * 60 * options.secondMs, () => {
        entry.failure = phaxioErrors[76];
        end(entry);
      });
    }
  };

  const underWay = (entry: Entry, recipient: PhaxioRecipient, outcome: PhaxioOutcome | undefined): void => {
    const failure = phaxioFailureOf(outcome ?? "delivered");
    const { retries, inflightEvents } = options.console;
    const to = { recipient_phone_number: recipient.phone_number };
    if (failure && ["lineError", "faxError"].includes(failure.errorType) && retries > 0) {
      recipient.status = "willretry";
      for (let retry = 1; retry <= retries; retry += 1) {
        recipient.retry_count = retry;
        if (inflightEvents) notify(entry, "retry_scheduled", { ...to, retry_count: String(retry) });
      }
      return;
    }
    recipient.status = "callactive";
    if (failure || !inflightEvents) return;
    for (let page = 1; page <= entry.fax.num_pages; page += 1) {
      notify(entry, "transmitting_page", { ...to, page: String(page) });
    }
  };

  const newFax = (isTest: boolean, partial: Partial<PhaxioFax>): PhaxioFax => {
    const id = nextId;
    nextId += 1;
    return {
      id,
      direction: "sent",
      num_pages: 0,
      status: "queued",
      is_test: isTest,
      created_at: centralTime(),
      caller_id: null,
      from_number: null,
      completed_at: null,
      caller_name: null,
      cost: 0,
      tags: {},
      to_number: null,
      error_id: null,
      error_type: null,
      error_message: null,
      barcodes: [],
      ...partial,
    };
  };
  const put = (entry: Pick<Entry, "fax" | "document"> & Partial<Entry>): Entry => {
    const whole: Entry = { send: undefined, outcomes: [], failure: undefined, timers: timerSet(), ...entry };
    entries.set(String(entry.fax.id), whole);
    return whole;
  };

  const take = (send: PhaxioSend, isTest: boolean): PhaxioFax => {
    const files = send.files.slice(0, options.quirks.dropFilesAbove);
    const { pages, document } = faxContent(files.map(({ bytes }) => bytes));
    const num_pages = pages + send.contentUrls.length;
    const entry = put({
      fax: newFax(isTest, {
        num_pages,
        status: send.batchDelaySeconds === undefined ? "queued" : "pendingbatch",
        caller_id: send.callerId ?? null,
        tags: { ...send.tags },
        cost: phaxioCentsPerPage * num_pages * send.to.length,
        recipients: send.to.map(newRecipient),
      }),
      document,
      send,
      outcomes: send.to.map((to) =>
        send.testFail === undefined ? options.script.choose(to) : phaxioTestFailures[send.testFail],
      ),
    });
    if (!files.every(isKnownFileType)) entry.failure = phaxioErrors[128];
    // What is called a PDF and is none is taken, and fails when it is converted.
    else if (files.some((file) => /\.pdf$/i.test(file.fileName) && countPdfPages(file.bytes) === 0)) {
      entry.failure = phaxioErrors[phaxioFailures.document];
    }
    pulling += 1;
    void pullAll(entry, send).finally(() => {
      pulling -= 1;
      if (entries.get(String(entry.fax.id)) === entry && entry.fax.completed_at === null) live(entry);
    });
    return entry.fax;
  };

  return {
    get faxes() {
      return [...entries.values()].map((entry) => entry.fax);
    },
    find: (id) => entries.get(id)?.fax,
    documentOf: (id) => entries.get(id)?.document,
    removeDocument(id) {
      const entry = entries.get(id);
      if (entry) entry.document = undefined;
    },
    remove(id) {
      entries.get(id)?.timers.clear();
      entries.delete(id);
    },
    take,
    resend(id, callbackUrl) {
      const entry = entries.get(id);
      if (!entry?.send || !entry.document) return undefined;
      const send = callbackUrl === undefined ? entry.send : { ...entry.send, callbackUrl };
      return take(send, entry.fax.is_test);
    },
    cancel(id) {
      const entry = entries.get(id);
      if (!entry || entry.fax.completed_at !== null) return false;
      const ms = options.completeAfterMs();
      entry.timers.later(Number.isFinite(ms) ? ms / 10 : 1, () => {
        entry.failure = phaxioErrors[phaxioFailures.canceled];
        end(entry);
      });
      return true;
    },
    finish(id, outcome) {
      const entry = entries.get(id);
      if (!entry) throw new RangeError("no such fax");
      if (outcome !== undefined) entry.outcomes = (entry.fax.recipients ?? []).map(() => outcome);
      end(entry);
    },

    receive({ from, to, pdf, isTest, callbackUrl }) {
      const document = Buffer.from(pdf);
      const num_pages = countPdfPages(document);
      const fax = newFax(isTest, {
        direction: "received",
        status: "success",
        num_pages,
        cost: phaxioCentsPerPage * num_pages,
        from_number: from,
        to_number: to,
        completed_at: centralTime(),
      });
      put({ fax, document });
      if (callbackUrl !== undefined && !callbackUrl.startsWith("mailto:")) {
        options.sendWebhook({
          event: "fax_completed",
          faxId: String(fax.id),
          url: callbackUrl,
          fax: structuredClone(fax),
          document: options.console.receivedFile ? document : undefined,
        });
      }
      return fax;
    },
    add(partial, document) {
      const created_at = partial.created_at ?? centralTime();
      const fax = newFax(false, { status: "success", created_at, completed_at: created_at, ...partial });
      put({ fax, document: document && Buffer.from(document) });
      return fax;
    },

    busy: () => pulling > 0 || [...entries.values()].some(({ timers }) => timers.size > 0),
    reset() {
      for (const { timers } of entries.values()) timers.clear();
      entries.clear();
    },
  };
}

/** Fetches the content URLs, each of which counted as one page so far. */
async function pullAll(entry: Entry, send: PhaxioSend): Promise<void> {
  for (const url of send.contentUrls) {
    try {
      const pulled = await pullDocument(url);
      const pages = pulled ? countPdfPages(pulled.body) : 0;
      if (pulled && pages > 0) {
        entry.fax.num_pages += pages - 1;
        if (send.contentUrls.length + send.files.length === 1) entry.document = pulled.body;
      }
    } catch {
      entry.failure = phaxioErrors[54];
    }
  }
}
