import { randomBytes } from "node:crypto";
import {
  type Capability,
  documentFromBytes,
  type FaxDocument,
  FaxError,
  type FaxTransportV1,
  parseSettings,
  readDocument,
  type SendJob,
  settingsFromEnv,
  type TransportCall,
  type TransportEvent,
  type TransportHost,
  type TransportManifest,
} from "@faxbot/core/transport";
import { countPdfPages } from "./pdf-page-count.ts";
import { syntheticNumber } from "./synthetic-number.ts";
import { syntheticPdf } from "./synthetic-pdf.ts";
import { currentReport, isFinal, openReport, type TakenFax } from "./test-fax.ts";
import { testManifest } from "./test-manifest.ts";
import { type TestOutcome, testEnding, testNumbers, testOutcomes } from "./test-outcome.ts";
import { testSettings } from "./test-settings.ts";
import type {
  TestCall,
  TestTransport,
  TestTransportFactory,
  TestTransportOptions,
} from "./test-transport-options.ts";
import { readTestWebhook } from "./test-webhook.ts";

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
  const faxes: TakenFax[] = [];
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
  const find = (providerId: string): TakenFax => {
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

  const take = async (job: SendJob, outcome: TestOutcome, call: TransportCall): Promise<TakenFax> => {
    const bytes = await readDocument(job.document).catch((cause: unknown) => {
      throw rejected(id, "document", "the document could not be read", cause);
    });
    const pages = countPdfPages(bytes) || 1;
    const takenAt = call.clock.now();
    const fax: TakenFax = {
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

    checkJob({ options: jobOptions }) {
      const problem = problemOfOptions(jobOptions);
      if (problem) throw new FaxError("request_invalid", problem, { transportId: id });
    },

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
      return openReport(fax, "queued");
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
  const problem = problemOfOptions(job.options);
  if (problem) throw rejected(id, "rejected", problem);
}

function problemOfOptions(options: SendJob["options"]): string | undefined {
  if (Object.keys(options).some((name) => name !== "outcome")) return "an option is not known";
  const { outcome } = options;
  return outcome === undefined || testOutcomes.includes(outcome as TestOutcome)
    ? undefined
    : "the option outcome is not one of the test outcomes";
}

/** Reports every fax whose status changed. @returns whether any fax is still to change by the clock alone */
async function reportChanges(faxes: readonly TakenFax[], host: TransportHost): Promise<boolean> {
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
