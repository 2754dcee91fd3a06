import { randomBytes } from "node:crypto";
import {
  type Capability,
  documentFromBytes,
  type FaxDocument,
  FaxError,
  type FaxTransportV1,
  type HealthReport,
  parseSettings,
  readDocument,
  type SendJob,
  type StatusReport,
  settingsFromEnv,
  type TransportCall,
  type TransportEvent,
  type TransportHost,
  type TransportManifest,
} from "@faxbot/core/transport";
import { countPdfPages } from "./pdf-page-count.ts";
import { syntheticNumber } from "./synthetic-number.ts";
import { syntheticPdf } from "./synthetic-pdf.ts";
import { testManifest } from "./test-manifest.ts";
import { type TestEnding, type TestOutcome, testEnding, testNumbers, testOutcomes } from "./test-outcome.ts";
import { type TestSettings, testSettings } from "./test-settings.ts";
import { readTestWebhook } from "./test-webhook.ts";

/** How the test transport behaves. The first three are its settings, the others are for tests. */
export interface TestTransportOptions extends Partial<TestSettings> {
  /** Default: `test`. Another name makes a second account. */
  id?: string;
  /**
   * Outcomes by destination: a whole number or its last digits; the longest match wins. A list gives one outcome per
   * send, the last one repeats. Default: {@link testNumbers}.
   */
  outcomes?: Readonly<Record<string, TestOutcome | readonly TestOutcome[]>>;
  /** False: `run` reports no status, so that the engine has to ask. Default true. */
  reportStatus?: boolean;
  /** Methods to leave out, here and in the manifest. */
  without?: readonly Exclude<Capability, "send">[];
  /** Changes what the manifest says about lookups, redials and accepted types. */
  traits?: Partial<Pick<TransportManifest, "lookup" | "redials" | "accepts" | "singleton">>;
}

/** One call that the transport was asked to make, in order. A fax that was sent twice shows as two `send` calls. */
export interface TestCall {
  operation:
    | "send"
    | "check_health"
    | "get_status"
    | "find_by_reference"
    | "cancel"
    | "webhook"
    | "fetch_document"
    | "delete_document";
  at: Date;
  attemptId?: string;
  faxId?: string;
  to?: string;
  providerId?: string;
  /** What the script chose, for `send`. */
  outcome?: TestOutcome;
}

/** A fax that the transport took: what a real provider would dial. */
export interface TestFax {
  readonly providerId: string;
  readonly faxId: string;
  readonly attemptId: string;
  readonly to: string;
  readonly from?: string;
  readonly outcome: TestOutcome;
  /** Counted in the PDF; 1 for other documents. */
  readonly pages: number;
  readonly takenAt: Date;
}

/** A fax to pretend to have received. */
export interface SyntheticInbound {
  /** E.164; default: a synthetic number. */
  from?: string;
  /** E.164; default: a synthetic number. */
  to?: string;
  /** Default: a synthetic PDF of one page. */
  document?: FaxDocument;
  /** True: the far end hung up before the last page. */
  partial?: boolean;
  /** False: the event comes without the document, which is then fetched by id. Default true. */
  attach?: boolean;
}

/** The test transport with its handles for tests. */
export interface TestTransport extends FaxTransportV1 {
  /** Every call so far. */
  readonly calls: readonly TestCall[];
  /** Every fax that was taken, also those whose answer was lost. */
  readonly faxes: readonly TestFax[];
  /** Milliseconds from taking a fax to its final status, by the caller's clock. `Infinity`: only `finish` ends it. */
  delayMs: number;
  /** What `checkHealth` reports. */
  health: HealthReport;
  /** Decides the next sends, before any other script. */
  next(...outcomes: TestOutcome[]): void;
  /** Ends a fax now, whatever its delay. @throws FaxError `not_found` */
  finish(providerId: string, outcome?: TestOutcome): void;
  /**
   * Pretends that a fax came in. `run` hands it to the host; it waits when `run` is not running yet.
   *
   * @returns the provider's id, once the host has made the event durable
   */
  receive(inbound?: SyntheticInbound): Promise<string>;
  /** Forgets calls, faxes, scripts and waiting events. */
  reset(): void;
}

/** Makes test transports; see {@link testTransport}. */
export interface TestTransportFactory {
  (options?: TestTransportOptions): TestTransport;
  readonly manifest: TransportManifest;
  /** Reads `FAX_TEST_OUTCOME`, `FAX_TEST_DELAY_MS` and `FAX_TEST_WEBHOOK_SECRET`. @throws FaxError `config_invalid` */
  fromEnv(env: Readonly<Record<string, string | undefined>>): TestTransport;
}

interface Taken extends TestFax {
  document: FaxDocument | undefined;
  ending: TestEnding | undefined;
  finalAt: number;
  reported: string | undefined;
}

interface Waiting {
  event: TransportEvent;
  done: (providerId: string) => void;
}

/**
 * Makes a transport that dials nobody: outcomes are scripted by destination, by option or by call, time is the
 * caller's clock, received faxes are made up. It checks what it is handed as a real one would, reads the document, and
 * keeps a list of calls.
 *
 * The outcome of a send is, in this order: what `next()` said, `job.options.outcome`, the script by number, the
 * setting `outcome`.
 *
 * @throws FaxError `config_invalid` when the settings do not fit
 * @example
 * const transport = testTransport({ outcomes: { "0177": ["busy", "delivered"] }, delayMs: 100 });
 * // … send to +12025550177 twice: busy, then delivered
 * await transport.receive({ from: "+12025550142", to: "+12025550101" });
 */
export const testTransport: TestTransportFactory = Object.assign(makeTestTransport, {
  manifest: testManifest,
  fromEnv: (env: Readonly<Record<string, string | undefined>>) =>
    makeTestTransport(settingsFromEnv("test", testSettings, env)),
});

function makeTestTransport(options: TestTransportOptions = {}): TestTransport {
  const {
    id = "test",
    outcomes = scriptOfTestNumbers,
    reportStatus = true,
    without = [],
    traits = {},
    ...rest
  } = options;
  const settings = parseSettings(id, testSettings, rest);
  const manifest: TransportManifest = {
    ...testManifest,
    ...traits,
    capabilities: testManifest.capabilities.filter((name) => name === "send" || !without.includes(name)),
  };
  if (without.includes("webhook")) delete manifest.webhook;
  if (without.includes("cancel")) manifest.traits = { ...manifest.traits, cancel_supported: false };

  const calls: TestCall[] = [];
  const faxes: Taken[] = [];
  const received = new Map<string, FaxDocument | undefined>();
  const waiting: Waiting[] = [];
  const scripted: TestOutcome[] = [];
  const sendsByScript = new Map<string, number>();
  /** Wakes every `run` loop; `changes` tells a loop that something came while it was busy. */
  const sleepers = new Set<() => void>();
  let changes = 0;
  const wake = (): void => {
    changes += 1;
    for (const sleeper of sleepers) sleeper();
  };

  const note = (
    operation: TestCall["operation"],
    call: TransportCall,
    more: Partial<TestCall> = {},
  ): void => {
    calls.push({ operation, at: call.clock.now(), ...more });
  };
  const find = (providerId: string): Taken => {
    const fax = faxes.find((taken) => taken.providerId === providerId);
    if (!fax)
      throw new FaxError("not_found", "the test transport does not know this id", { transportId: id });
    return fax;
  };

  const chooseOutcome = (job: SendJob): TestOutcome => {
    const next = scripted.shift();
    if (next) return next;
    const option = job.options.outcome;
    if (option !== undefined) return option as TestOutcome;
    const script = Object.keys(outcomes)
      .filter((digits) => job.to.endsWith(digits))
      .sort((a, b) => b.length - a.length)[0];
    if (script === undefined) return settings.outcome;
    const wanted = outcomes[script] as TestOutcome | readonly TestOutcome[];
    if (typeof wanted === "string") return wanted;
    const count = sendsByScript.get(script) ?? 0;
    sendsByScript.set(script, count + 1);
    return wanted[Math.min(count, wanted.length - 1)] ?? settings.outcome;
  };

  const take = async (job: SendJob, outcome: TestOutcome, call: TransportCall): Promise<Taken> => {
    const bytes = await readDocument(job.document).catch((cause: unknown) => {
      throw rejected(id, "document", "the document could not be read", cause);
    });
    const pages = countPdfPages(bytes) || 1;
    const takenAt = call.clock.now();
    const fax: Taken = {
      providerId: newProviderId(),
      faxId: job.faxId,
      attemptId: job.attemptId,
      to: job.to,
      ...(job.from === undefined ? {} : { from: job.from }),
      outcome,
      pages,
      takenAt,
      document: documentFromBytes(bytes, job.document),
      ending: testEnding(outcome, pages),
      finalAt: takenAt.getTime() + transport.delayMs,
      reported: undefined,
    };
    faxes.push(fax);
    wake();
    return fax;
  };

  const transport: TestTransport = {
    specVersion: "v1",
    id,
    manifest,
    calls,
    faxes,
    delayMs: settings.delayMs,
    health: { status: "healthy", message: "The test transport dials nobody." },

    async send(job, call) {
      checkJob(id, job, manifest);
      if (call.signal.aborted) {
        throw new FaxError("transport_unavailable", "aborted before the call", { transportId: id });
      }
      const outcome = chooseOutcome(job);
      note("send", call, { attemptId: job.attemptId, faxId: job.faxId, to: job.to, outcome });
      switch (outcome) {
        case "refused":
          throw rejected(id, "rejected", "the fax was refused");
        case "unauthorized":
          throw new FaxError("transport_unauthorized", "the credentials were refused", { transportId: id });
        case "rate_limited":
          throw new FaxError("transport_rate_limited", "too many calls", {
            transportId: id,
            retryAfterMs: 1_000,
          });
        case "unavailable":
          throw new FaxError("transport_unavailable", "the connection was refused", { transportId: id });
        case "lost_request":
          throw new FaxError("outcome_unknown", "the connection broke before an answer", { transportId: id });
      }
      const fax = await take(job, outcome, call);
      if (outcome === "lost_reply") {
        throw new FaxError("outcome_unknown", "the connection broke before an answer", { transportId: id });
      }
      if (outcome === "hangs") {
        await aborted(call.signal);
        throw new FaxError("outcome_unknown", "no answer in time", { transportId: id });
      }
      return report(fax, "queued");
    },

    async checkHealth(call) {
      note("check_health", call);
      return transport.health;
    },

    async getStatus(providerId, call) {
      note("get_status", call, { providerId });
      return currentReport(find(providerId), call.clock.now());
    },

    async findByReference(reference, call) {
      note("find_by_reference", call, { attemptId: reference });
      const fax = faxes.find((taken) => taken.attemptId === reference);
      return fax && currentReport(fax, call.clock.now());
    },

    async cancel(providerId, call) {
      note("cancel", call, { providerId });
      const fax = find(providerId);
      const now = call.clock.now();
      if (!isFinal(fax, now)) {
        fax.ending = { status: "canceled", providerStatus: "CANCELED" };
        fax.finalAt = now.getTime();
        wake();
      }
      return currentReport(fax, now);
    },

    async receiveWebhook(request, call) {
      note("webhook", call);
      const event = await readTestWebhook(request, settings.webhookSecret, id);
      if (event.type === "received") received.set(event.providerId, event.document);
      return { events: [event] };
    },

    async fetchDocument(providerId, call) {
      note("fetch_document", call, { providerId });
      const document = received.has(providerId) ? received.get(providerId) : find(providerId).document;
      if (!document) throw new FaxError("not_found", "the document was deleted", { transportId: id });
      return document;
    },

    async deleteDocument(providerId, call) {
      note("delete_document", call, { providerId });
      if (received.has(providerId)) received.set(providerId, undefined);
      else find(providerId).document = undefined;
    },

    async run(host) {
      while (!host.signal.aborted) {
        const seen = changes;
        for (let first = waiting[0]; first && !host.signal.aborted; first = waiting[0]) {
          // Removed only when it is durable: a host that fails gets it again.
          await host.emit(first.event);
          waiting.splice(waiting.indexOf(first), 1);
          if (first.event.type === "received") first.done(first.event.providerId);
        }
        const pending = reportStatus ? await reportChanges(faxes, host) : false;
        if (changes === seen) await untilWoken(sleepers, host.signal, pending);
      }
    },

    next: (...list) => void scripted.push(...list),

    finish(providerId, outcome) {
      const fax = find(providerId);
      if (outcome) fax.ending = testEnding(outcome, fax.pages);
      fax.finalAt = Number.NEGATIVE_INFINITY;
      wake();
    },

    receive(inbound = {}) {
      const document =
        inbound.document ??
        documentFromBytes(syntheticPdf({ text: "Synthetic received fax" }), {
          mediaType: "application/pdf",
          fileName: "fax.pdf",
        });
      const providerId = newProviderId();
      received.set(providerId, document);
      return new Promise((done) => {
        waiting.push({
          event: {
            type: "received",
            key: `received:${providerId}`,
            providerId,
            from: inbound.from ?? syntheticNumber(98),
            to: inbound.to ?? syntheticNumber(99),
            ...(inbound.attach === false ? {} : { document }),
            ...(inbound.partial ? { partial: true } : {}),
          },
          done,
        });
        wake();
      });
    },

    reset() {
      calls.length = 0;
      faxes.length = 0;
      scripted.length = 0;
      waiting.length = 0;
      received.clear();
      sendsByScript.clear();
    },
  };

  for (const name of without) delete transport[methodOf[name]];
  return transport;
}

const methodOf = {
  get_status: "getStatus",
  find_by_reference: "findByReference",
  cancel: "cancel",
  webhook: "receiveWebhook",
  fetch_document: "fetchDocument",
  delete_document: "deleteDocument",
  run: "run",
} as const satisfies Record<Exclude<Capability, "send">, keyof FaxTransportV1>;

const scriptOfTestNumbers: Readonly<Record<string, TestOutcome>> = Object.fromEntries(
  Object.entries(testNumbers).map(([outcome, number]) => [number, outcome as TestOutcome]),
);

function newProviderId(): string {
  return `test_${randomBytes(8).toString("hex")}`;
}

function rejected(
  transportId: string,
  reason: "rejected" | "document" | "invalid_number",
  message: string,
  cause?: unknown,
): FaxError {
  return new FaxError("transport_rejected", message, {
    transportId,
    failure: { reason, retryable: false },
    cause,
  });
}

function checkJob(id: string, job: SendJob, manifest: TransportManifest): void {
  if (!/^\+[1-9]\d{6,14}$/.test(job.to)) throw rejected(id, "invalid_number", "the number is not E.164");
  if (!/^[0-9a-f]{32}$/.test(job.attemptId))
    throw rejected(id, "rejected", "the attempt id is not 32 hex digits");
  if (!manifest.accepts.includes(job.document.mediaType)) {
    throw rejected(id, "document", "the document is of a type that the manifest does not accept");
  }
  const unknown = Object.keys(job.options).filter((name) => name !== "outcome");
  if (unknown.length > 0) throw rejected(id, "rejected", "an option is not known");
  const { outcome } = job.options;
  if (outcome !== undefined && !testOutcomes.includes(outcome as TestOutcome)) {
    throw rejected(id, "rejected", "the option outcome is not one of the test outcomes");
  }
}

function isFinal(fax: Taken, now: Date): boolean {
  return fax.ending !== undefined && now.getTime() >= fax.finalAt;
}

function report(fax: Taken, status: "queued" | "in_progress"): StatusReport {
  return {
    providerId: fax.providerId,
    status,
    providerStatus: status === "queued" ? "QUEUED" : "DIALLING",
    reference: fax.attemptId,
    occurredAt: fax.takenAt,
  };
}

function currentReport(fax: Taken, now: Date): StatusReport {
  if (!fax.ending || !isFinal(fax, now)) return report(fax, "in_progress");
  return { providerId: fax.providerId, reference: fax.attemptId, ...fax.ending, occurredAt: now };
}

/** Reports every fax whose status changed. @returns whether any fax is still to change by the clock alone */
async function reportChanges(faxes: readonly Taken[], host: TransportHost): Promise<boolean> {
  let pending = false;
  for (const fax of [...faxes]) {
    const now = host.clock.now();
    const current = currentReport(fax, now);
    if (current.providerStatus !== fax.reported) {
      await host.emit({
        type: "status",
        key: `${fax.providerId}:${current.providerStatus}`,
        report: current,
      });
      fax.reported = current.providerStatus;
    }
    if (fax.ending && !isFinal(fax, now) && Number.isFinite(fax.finalAt)) pending = true;
  }
  return pending;
}

/** The injected clock cannot wake anybody, so a waiting fax is looked at every few milliseconds of real time. */
const lookAgainMs = 10;

function untilWoken(sleepers: Set<() => void>, signal: AbortSignal, pending: boolean): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = pending ? setTimeout(woken, lookAgainMs) : undefined;
    function woken(): void {
      clearTimeout(timer);
      sleepers.delete(woken);
      signal.removeEventListener("abort", woken);
      resolve();
    }
    sleepers.add(woken);
    signal.addEventListener("abort", woken, { once: true });
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
