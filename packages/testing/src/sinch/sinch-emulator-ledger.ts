import type { OutcomeByNumber } from "../outcome-by-number.ts";
import { countPdfPages } from "../pdf-page-count.ts";
import { syntheticPdf } from "../synthetic-pdf.ts";
import { maskCredentials, newUlid, type SinchFax } from "./sinch-emulator-fax.ts";
import {
  failureOf,
  isRedialled,
  type SinchFailure,
  type SinchOutcome,
  sinchFailures,
  sinchTestNumber,
} from "./sinch-emulator-outcome.ts";
import type { SinchService } from "./sinch-emulator-services.ts";
import type { SendRequest } from "./sinch-emulator-validation.ts";
import type { SinchWebhook } from "./sinch-emulator-webhook.ts";

/** A fax that came in, for {@link SinchLedger.receive}. */
export interface InboundDescription {
  from: string;
  to: string;
  pdf: Uint8Array;
  service: SinchService;
}

/** The faxes of the emulated project and their lives. */
export interface SinchLedger {
  /** Oldest first. */
  readonly faxes: readonly SinchFax[];
  find(id: string): SinchFax | undefined;
  documentOf(id: string): Buffer | undefined;
  /** True when it had one. */
  removeDocument(id: string): boolean;
  /** Takes a send: one fax for every recipient. */
  take(request: SendRequest, service: SinchService): SinchFax[];
  /** Ends a fax now. */
  finish(id: string, outcome?: SinchOutcome): void;
  receive(inbound: InboundDescription): SinchFax;
  /** Puts a fax there as if it had been for long. */
  add(fax: Partial<SinchFax>, document?: Uint8Array): SinchFax;
  /** True while a fax will still end by itself. */
  busy(): boolean;
  reset(): void;
}

interface Entry {
  fax: SinchFax;
  document: Buffer | undefined;
  outcome: SinchOutcome;
  callbackUrl: string | undefined;
  timers: NodeJS.Timeout[];
  /** Resolves when every content URL was fetched. */
  ready: Promise<unknown>;
  /** Set when the content turned out to be unusable. */
  conversionFailure: SinchFailure | undefined;
}

/** What the ledger is made of. */
export interface SinchLedgerOptions {
  projectId: string;
  script: OutcomeByNumber<SinchOutcome>;
  completeAfterMs: () => number;
  firstStatus: () => "QUEUED" | "IN_PROGRESS";
  /** The word of a page's notification; the vendor's is not documented. */
  inProgressEvent: string;
  pricePerPage: string;
  sendWebhook: (webhook: Omit<SinchWebhook, "faxId" | "fax"> & { fax: SinchFax }) => void;
}

/** Makes the ledger: QUEUED or IN_PROGRESS, then COMPLETED or FAILURE after a real delay, then the callback. */
export function sinchLedger(options: SinchLedgerOptions): SinchLedger {
  const entries = new Map<string, Entry>();
  const isFinal = (fax: SinchFax): boolean => fax.completedTime !== undefined;

  const notify = (entry: Entry, event: string): void => {
    if (entry.callbackUrl === undefined) return;
    options.sendWebhook({
      event,
      url: entry.callbackUrl,
      contentType: entry.fax.callbackUrlContentType ?? "multipart/form-data",
      fax: entry.fax,
      document: event === "FAX_COMPLETED" ? entry.document : undefined,
    });
  };

  const end = (entry: Entry): void => {
    const { fax } = entry;
    if (isFinal(fax)) return;
    for (const timer of entry.timers) clearTimeout(timer);
    entry.timers = [];
    const failure = entry.conversionFailure ?? failureOf(entry.outcome);
    if (entry.outcome === "unmapped") {
      // Not an ending: a word that nobody documented.
      fax.status = "HALF_WAY";
      notify(entry, "FAX_COMPLETED");
      return;
    }
    fax.completedTime = new Date().toISOString();
    if (failure) {
      fax.status = "FAILURE";
      fax.errorType = failure.errorType;
      fax.errorCode = failure.errorCode;
      fax.errorMessage = failure.errorMessage ?? `Error ${failure.errorCode}`;
      fax.pagesSentSuccessfully = failure.pagesSent ?? 0;
      fax.retryCount = isRedialled(failure) ? (fax.maxRetries ?? 0) : 0;
    } else {
      fax.status = "COMPLETED";
      fax.pagesSentSuccessfully = fax.numberOfPages ?? 0;
      fax.retryCount = 0;
      const pages = fax.to === sinchTestNumber ? 0 : (fax.numberOfPages ?? 0);
      fax.price = { currencyCode: "USD", amount: (pages * Number(options.pricePerPage)).toFixed(2) };
    }
    notify(entry, "FAX_COMPLETED");
  };

  const live = (entry: Entry): void => {
    const ms = options.completeAfterMs();
    if (!Number.isFinite(ms)) return;
    entry.timers.push(
      setTimeout(() => {
        entry.fax.status = "IN_PROGRESS";
        if (!entry.fax.inProgressNotifications) return;
        for (let page = 1; page <= (entry.fax.numberOfPages ?? 0); page += 1) {
          entry.fax.pagesSentSuccessfully = page;
          notify({ ...entry, fax: { ...entry.fax } }, options.inProgressEvent);
        }
      }, ms / 2),
    );
    if (entry.outcome !== "stuck")
      entry.timers.push(setTimeout(() => void entry.ready.then(() => end(entry)), ms));
  };

  const put = (entry: Omit<Entry, "timers" | "ready" | "conversionFailure">): Entry => {
    const whole: Entry = { ...entry, timers: [], ready: Promise.resolve(), conversionFailure: undefined };
    entries.set(entry.fax.id, whole);
    return whole;
  };

  return {
    get faxes() {
      return [...entries.values()].map((entry) => entry.fax);
    },
    find: (id) => entries.get(id)?.fax,
    documentOf: (id) => entries.get(id)?.document,
    removeDocument(id) {
      const entry = entries.get(id);
      if (!entry?.document) return false;
      entry.document = undefined;
      entry.fax.hasFile = false;
      return true;
    },

    take(request, service) {
      const content = render(request);
      return request.to.map((to) => {
        const entry = put({
          fax: newFax(options, request, service, to),
          document: service.saveOutboundFaxDocuments ? content.document : undefined,
          outcome: to === sinchTestNumber ? "delivered" : options.script.choose(to),
          callbackUrl: request.callbackUrl,
        });
        entry.fax.hasFile = entry.document !== undefined;
        entry.conversionFailure = content.failure;
        if (content.failure === undefined) entry.fax.numberOfPages = content.pages;
        entry.ready = Promise.all((request.contentUrl ?? []).map((url) => pull(url, entry)));
        live(entry);
        return entry.fax;
      });
    },

    finish(id, outcome) {
      const entry = entries.get(id);
      if (!entry) throw new RangeError("no such fax");
      if (outcome !== undefined) entry.outcome = outcome;
      end(entry);
    },

    receive({ from, to, pdf, service }) {
      const now = new Date().toISOString();
      const document = Buffer.from(pdf);
      const pages = countPdfPages(document);
      const fax: SinchFax = {
        id: newUlid(),
        direction: "INBOUND",
        from,
        to,
        numberOfPages: pages,
        status: "COMPLETED",
        price: { currencyCode: "USD", amount: (pages * Number(options.pricePerPage)).toFixed(2) },
        createTime: now,
        completedTime: now,
        hasFile: service.saveInboundFaxDocuments,
        ...countries(from, to),
        projectId: options.projectId,
        serviceId: service.id,
      };
      put({
        fax,
        document: service.saveInboundFaxDocuments ? document : undefined,
        outcome: "delivered",
        callbackUrl: undefined,
      });
      if (service.incomingWebhookUrl) {
        options.sendWebhook({
          event: "INCOMING_FAX",
          url: service.incomingWebhookUrl,
          contentType: service.webhookContentType,
          fax,
          document,
        });
      }
      return fax;
    },

    add(partial, document) {
      const createTime = partial.createTime ?? new Date().toISOString();
      const fax: SinchFax = {
        id: newUlid(Date.parse(createTime)),
        direction: "OUTBOUND",
        status: "COMPLETED",
        createTime,
        completedTime: createTime,
        projectId: options.projectId,
        serviceId: "",
        hasFile: document !== undefined,
        ...partial,
      };
      put({ fax, document: document && Buffer.from(document), outcome: "delivered", callbackUrl: undefined });
      return fax;
    },

    busy: () =>
      [...entries.values()].some(
        (entry) => entry.timers.length > 0 && entry.outcome !== "stuck" && !ended(entry),
      ),
    reset() {
      for (const entry of entries.values()) for (const timer of entry.timers) clearTimeout(timer);
      entries.clear();
    },
  };
}

function ended(entry: Entry): boolean {
  return entry.fax.completedTime !== undefined;
}

function newFax(
  options: SinchLedgerOptions,
  request: SendRequest,
  service: SinchService,
  to: string,
): SinchFax {
  const from = request.from ?? service.defaultFrom;
  const fax: SinchFax = {
    id: newUlid(),
    direction: "OUTBOUND",
    ...(from === undefined ? {} : { from }),
    to,
    status: options.firstStatus(),
    createTime: new Date().toISOString(),
    headerTimeZone: request.headerTimeZone ?? "America/New_York",
    headerPageNumbers: request.headerPageNumbers ?? true,
    retryDelaySeconds: request.retryDelaySeconds ?? service.retryDelaySeconds,
    maxRetries: request.maxRetries ?? service.numberOfRetries,
    imageConversionMethod: request.imageConversionMethod ?? service.imageConversionMethod ?? "HALFTONE",
    callbackUrlContentType: request.callbackUrlContentType ?? "multipart/form-data",
    inProgressNotifications: request.inProgressNotifications ?? service.inProgressNotifications ?? false,
    ...countries(from, to),
    projectId: options.projectId,
    serviceId: service.id,
  };
  if (request.callbackUrl !== undefined) fax.callbackUrl = maskCredentials(request.callbackUrl);
  if (request.contentUrl !== undefined) fax.contentUrl = request.contentUrl.map(maskCredentials);
  if (request.headerText !== undefined) fax.headerText = request.headerText;
  if (request.labels !== undefined) fax.labels = { ...request.labels };
  if (request.coverPageData !== undefined) fax.coverPageData = { ...request.coverPageData };
  const coverPageId = request.coverPageId ?? service.coverPageId;
  if (coverPageId !== undefined) fax.coverPageId = coverPageId;
  const resolution = request.resolution ?? service.resolution;
  if (resolution !== undefined) fax.resolution = resolution;
  return fax;
}

/** Only the North American plan is told apart: `+1` counts as US. */
function countries(from: string | undefined, to: string): Pick<SinchFax, "fromCountry" | "toCountry"> {
  return {
    ...(from?.startsWith("+1") ? { fromCountry: "US" } : {}),
    ...(to.startsWith("+1") ? { toCountry: "US" } : {}),
  };
}

/** Counts the pages of what was sent; one PDF is kept byte for byte, anything else becomes a synthetic PDF of as many pages. */
function render(request: SendRequest): {
  pages: number;
  document: Buffer;
  failure: SinchFailure | undefined;
} {
  let pages = request.contentUrl?.length ?? 0;
  let failure: SinchFailure | undefined;
  for (const file of request.files) {
    const count = file.fileType === "PDF" ? countPdfPages(file.bytes) : 1;
    // What is called a PDF and is none is taken, and fails when it is converted.
    if (count === 0) failure = sinchFailures.document;
    pages += count;
  }
  const [only] = request.files;
  const isOnePdf = request.files.length === 1 && !request.contentUrl?.length && only?.fileType === "PDF";
  const document = isOnePdf ? only.bytes : Buffer.from(syntheticPdf({ pages: Math.max(1, pages) }));
  return { pages, document, failure };
}

/** Fetches a content URL on this machine; others are never called and count as one page. */
async function pull(address: string, entry: Entry): Promise<void> {
  const url = new URL(address);
  if (!["127.0.0.1", "localhost", "[::1]"].includes(url.hostname)) return;
  const headers: Record<string, string> = {};
  if (url.username) {
    const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers.authorization = `Basic ${Buffer.from(pair).toString("base64")}`;
    url.username = "";
    url.password = "";
  }
  try {
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(5_000) });
    if (!response.ok) throw new Error(`status ${response.status}`);
    const bytes = Buffer.from(await response.arrayBuffer());
    const pages = countPdfPages(bytes);
    if (pages > 0) {
      entry.fax.numberOfPages = (entry.fax.numberOfPages ?? 1) - 1 + pages;
      if (entry.document && entry.fax.numberOfPages === pages) entry.document = bytes;
    }
  } catch {
    entry.conversionFailure = {
      errorType: "DOCUMENT_CONVERSION_ERROR",
      errorCode: 54,
      errorMessage: "The content URL could not be fetched",
    };
  }
}
