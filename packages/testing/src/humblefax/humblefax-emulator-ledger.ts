import { faxContent } from "../fax-content.ts";
import type { OutcomeByNumber } from "../outcome-by-number.ts";
import { countPdfPages } from "../pdf-page-count.ts";
import { type TimerSet, timerSet } from "../timer-set.ts";
import {
  type HumbleFaxAttempt,
  type HumbleFaxIncomingFax,
  type HumbleFaxRecipient,
  type HumbleFaxSentFax,
  plainNumber,
  unixSeconds,
} from "./humblefax-emulator-fax.ts";
import type { HumbleFaxEvent } from "./humblefax-emulator-options.ts";
import {
  type HumbleFaxFailure,
  type HumbleFaxOutcome,
  humblefaxFailureOf,
} from "./humblefax-emulator-outcome.ts";
import type { HumbleFaxFile, HumbleFaxSend } from "./humblefax-emulator-send.ts";

const secondsPerPage = 30;
/** The longest that a timer can wait. */
const longestMs = 2 ** 31 - 1;

interface SentEntry {
  fax: HumbleFaxSentFax;
  document: Buffer | undefined;
  outcomes: HumbleFaxOutcome[];
  /** Set when the document turned out to be unusable. */
  failure: HumbleFaxFailure | undefined;
  timers: TimerSet;
  over: boolean;
}

interface IncomingEntry {
  fax: HumbleFaxIncomingFax;
  document: Buffer | undefined;
}

/** The faxes of the emulated account and their lives. */
export interface HumbleFaxLedger {
  /** Oldest first, sent and received. */
  readonly faxes: readonly (HumbleFaxSentFax | HumbleFaxIncomingFax)[];
  readonly sent: readonly HumbleFaxSentFax[];
  readonly incoming: readonly HumbleFaxIncomingFax[];
  findSent(id: string): SentEntry | undefined;
  findIncoming(id: string): IncomingEntry | undefined;
  take(send: HumbleFaxSend, files: readonly HumbleFaxFile[]): HumbleFaxSentFax;
  finish(id: string, outcome?: HumbleFaxOutcome): void;
  receive(inbound: { from: string; to: string; pdf: Uint8Array; partial: boolean }): HumbleFaxIncomingFax;
  addSent(fax: Partial<HumbleFaxSentFax>, document?: Uint8Array): HumbleFaxSentFax;
  addIncoming(fax: Partial<HumbleFaxIncomingFax>, document?: Uint8Array): HumbleFaxIncomingFax;
  removeIncoming(id: string): void;
  busy(): boolean;
  reset(): void;
}

/** What the ledger is made of. */
export interface HumbleFaxLedgerOptions {
  script: OutcomeByNumber<HumbleFaxOutcome>;
  completeAfterMs: () => number;
  /** How often a number is dialled that does not take the fax. */
  attempts: number;
  /** With the country code, no plus sign. */
  defaultFrom: string;
  notify: (event: HumbleFaxEvent, fax: HumbleFaxSentFax | HumbleFaxIncomingFax) => void;
}

/** Makes the ledger: scheduled or in progress, then an end for every recipient and the webhook. */
export function humblefaxLedger(options: HumbleFaxLedgerOptions): HumbleFaxLedger {
  const entries = new Map<string, SentEntry | IncomingEntry>();
  let nextId = 100_554_730;
  const newId = (): number => {
    nextId += 1;
    return nextId;
  };

  const end = (entry: SentEntry): void => {
    const { fax } = entry;
    if (entry.over) return;
    entry.timers.clear();
    if (!entry.failure && entry.outcomes.includes("unmapped")) {
      // Not an ending: a word that nobody has seen.
      fax.status = "halfway";
      options.notify("SentFax.SendComplete", fax);
      return;
    }
    entry.over = true;
    fax.recipients.forEach((recipient, index) => {
      const failure = entry.failure ?? humblefaxFailureOf(entry.outcomes[index] ?? "delivered");
      endRecipient(recipient, failure, Number(fax.numPages));
    });
    const statuses = new Set(fax.recipients.map(({ status }) => status));
    const [only] = statuses;
    fax.status = statuses.size === 1 && only !== undefined ? only : "partial success";
    if (statuses.size > 1 && !statuses.has("success") && !statuses.has("partial success")) {
      fax.status = "failure";
    }
    fax.numInProgress = 0;
    fax.numSuccesses = fax.recipients.filter(({ status }) => status === "success").length;
    fax.numFailures = fax.recipients.length - fax.numSuccesses;
    options.notify("SentFax.SendComplete", fax);
  };

  function endRecipient(
    recipient: HumbleFaxRecipient,
    failure: HumbleFaxFailure | undefined,
    pages: number,
  ): void {
    recipient.status = failure ? (failure.status ?? "failure") : "success";
    if (failure?.failureReason !== undefined) recipient.failureReason = failure.failureReason;
    // What cannot be rendered, or was cancelled, is not dialled.
    const dialled = !["image failure", "cancelled"].includes(recipient.status);
    recipient.numAttempts = dialled ? (failure ? options.attempts : 1) : 0;
    recipient.attempts = Array.from({ length: recipient.numAttempts }, () =>
      newAttempt(recipient, failure?.failureReason, failure ? (failure.pagesSent ?? 0) : pages),
    );
  }

  const live = (entry: SentEntry, startsInMs: number): void => {
    const ms = options.completeAfterMs();
    if (entry.fax.status === "scheduled") {
      entry.timers.later(Math.min(startsInMs, longestMs), () => {
        entry.fax.status = "in progress";
      });
    }
    if (!entry.outcomes.includes("stuck")) {
      entry.timers.later(Number.isFinite(ms) ? Math.min(startsInMs + ms, longestMs) : ms, () => end(entry));
    }
  };
  const isSent = (entry: SentEntry | IncomingEntry | undefined): entry is SentEntry =>
    entry !== undefined && "outcomes" in entry;
  const findSent = (id: string): SentEntry | undefined => {
    const entry = entries.get(id);
    return isSent(entry) ? entry : undefined;
  };
  const newIncoming = (partial: Partial<HumbleFaxIncomingFax>, document: Buffer | undefined) => {
    const fax: HumbleFaxIncomingFax = {
      id: newId(),
      status: "success",
      time: String(unixSeconds()),
      toNumber: options.defaultFrom,
      fromNumber: "",
      fromNameAddressBook: "",
      fromNameIdentity: "",
      numPages: "1",
      transmissionTime: String(secondsPerPage),
      bitRate: "14400",
      ...partial,
    };
    entries.set(String(fax.id), { fax, document });
    return fax;
  };

  return {
    get faxes() {
      return [...entries.values()].map(({ fax }) => fax);
    },
    get sent() {
      return [...entries.values()].filter(isSent).map(({ fax }) => fax);
    },
    get incoming() {
      return [...entries.values()].flatMap((entry) => (isSent(entry) ? [] : [entry.fax]));
    },
    findSent,
    findIncoming(id) {
      const entry = entries.get(id);
      return entry && !isSent(entry) ? entry : undefined;
    },

    take(send, files) {
      const { pages, document } = faxContent(files.map(({ bytes }) => bytes));
      const startsInMs = Math.max(0, (send.scheduledTime ?? 0) * 1000 - Date.now());
      const fax: HumbleFaxSentFax = {
        id: newId(),
        status: startsInMs > 0 ? "scheduled" : "in progress",
        timestamp: unixSeconds(),
        fromName: send.fromName,
        fromNumber: send.fromNumber ?? options.defaultFrom,
        senderEmail: "fax@example.com",
        uuid: send.uuid ?? false,
        source: "API",
        resolution: send.resolution,
        pageSize: send.pageSize,
        subject: send.subject,
        message: send.message,
        numPages: String(pages + (send.includeCoversheet ? 1 : 0)),
        hasCoversheet: send.includeCoversheet,
        numSuccesses: 0,
        numInProgress: send.recipients.length,
        numFailures: 0,
        recipients: send.recipients.map((toNumber) => ({
          toNumber,
          status: "in progress",
          numAttempts: 0,
          attempts: [],
        })),
      };
      const entry: SentEntry = {
        fax,
        document,
        outcomes: send.recipients.map((to) => options.script.choose(to)),
        failure: files.some(isBrokenPdf) ? { status: "image failure" } : undefined,
        timers: timerSet(),
        over: false,
      };
      entries.set(String(fax.id), entry);
      live(entry, startsInMs);
      return fax;
    },
    finish(id, outcome) {
      const entry = findSent(id);
      if (!entry) throw new RangeError("no such sent fax");
      if (outcome !== undefined) entry.outcomes = entry.fax.recipients.map(() => outcome);
      end(entry);
    },

    receive({ from, to, pdf, partial }) {
      const pages = countPdfPages(pdf);
      const fax = newIncoming(
        {
          status: partial ? "partial fax received" : "success",
          fromNumber: plainNumber(from),
          toNumber: plainNumber(to),
          numPages: String(pages),
          transmissionTime: String(pages * secondsPerPage),
        },
        Buffer.from(pdf),
      );
      options.notify("IncomingFax.SendComplete", fax);
      return fax;
    },
    addSent(partial, document) {
      const fax: HumbleFaxSentFax = {
        id: newId(),
        status: "success",
        timestamp: unixSeconds(),
        fromName: "",
        fromNumber: options.defaultFrom,
        senderEmail: "fax@example.com",
        uuid: false,
        source: "API",
        resolution: "Fine",
        pageSize: "Letter",
        subject: "",
        message: "",
        numPages: "1",
        hasCoversheet: false,
        numSuccesses: 1,
        numInProgress: 0,
        numFailures: 0,
        recipients: [],
        ...partial,
      };
      entries.set(String(fax.id), {
        fax,
        document: document && Buffer.from(document),
        outcomes: [],
        failure: undefined,
        timers: timerSet(),
        over: true,
      });
      return fax;
    },
    addIncoming: (partial, document) => newIncoming(partial, document && Buffer.from(document)),
    removeIncoming: (id) => void entries.delete(id),

    busy: () => [...entries.values()].some((entry) => isSent(entry) && entry.timers.size > 0),
    reset() {
      for (const entry of entries.values()) if (isSent(entry)) entry.timers.clear();
      entries.clear();
    },
  };
}

/** Whether a file is called a PDF and is none. */
export function isBrokenPdf({ fileName, bytes }: HumbleFaxFile): boolean {
  return /\.pdf$/i.test(fileName) && countPdfPages(bytes) === 0;
}

function newAttempt(
  recipient: HumbleFaxRecipient,
  reason: string | undefined,
  pagesSent: number,
): HumbleFaxAttempt {
  const why = reason === undefined ? {} : { failureReason: reason };
  const { status, toNumber } = recipient;
  const timeStart = unixSeconds();
  const transmissionTime = pagesSent * secondsPerPage;
  return {
    status,
    numCalls: 1,
    numPagesSent: pagesSent,
    ...why,
    calls: [
      {
        status,
        toNumber,
        timeStart,
        timeStop: timeStart + transmissionTime,
        bitRate: 14_400,
        startPage: 1,
        pagesSent,
        transmissionTime,
        ...why,
      },
    ],
  };
}
