import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import {
  documentFromBytes,
  type FaxTransportV1,
  type SendJob,
  type StatusReport,
  type TransportCall,
  type TransportEvent,
} from "@faxbot/core/transport";
import { type CapturingLogger, capturingLogger } from "../capturing-logger.ts";
import { syntheticNumber } from "../synthetic-number.ts";
import { syntheticPdf } from "../synthetic-pdf.ts";
import { sendJob, transportCall, transportHost } from "../transport-call.ts";
import { checkDocument } from "./check-document.ts";
import {
  type Arrange,
  type Impossible,
  isImpossible,
  type TransportPeer,
  type TransportSuite,
} from "./transport-suite.ts";
import { startWebhookCatcher, type WebhookCatcher } from "./webhook-catcher.ts";

/** What became of one call. */
export type Outcome<T> = { ok: true; value: T } | { ok: false; error: unknown };

/** What a check may wait for at most, in milliseconds. */
interface Patience {
  /** For what should happen. */
  forEvents: number;
  /** For a transport to notice that its signal was aborted. */
  forAborts: number;
}

/** What a check works with: one transport, one provider, and a list of what is wrong. */
export interface SuiteContext<Peer extends TransportPeer> {
  readonly suite: TransportSuite<Peer>;
  readonly peer: Peer;
  readonly transport: FaxTransportV1;
  readonly catcher: WebhookCatcher;
  /** Events that `run` emitted. */
  readonly events: readonly TransportEvent[];
  /** Set to make the next `emit` fail, as a host does whose store is down. */
  readonly failNextEmit: () => void;
  /** Notes a defect. */
  readonly fail: (defect: string) => void;
  readonly call: (overrides?: Partial<TransportCall>) => TransportCall;
  readonly job: (overrides?: Partial<SendJob>) => Promise<SendJob>;
  /** Waits for a call and keeps its error for the search for secrets. */
  readonly attempt: <T>(work: Promise<T> | T | (() => Promise<T> | T)) => Promise<Outcome<T>>;
  /** Waits until something holds. @returns whether it did in time */
  readonly until: (condition: () => boolean | Promise<boolean>) => Promise<boolean>;
  /** Waits for a report of a fax that fits, by asking and by listening to `run`. */
  readonly reportOf: (
    sent: StatusReport,
    fits: (report: StatusReport) => boolean,
  ) => Promise<StatusReport | undefined>;
  /** Aborts a call after a moment and notes a defect when it does not end soon after. */
  readonly abortable: <T>(
    what: string,
    work: (signal: AbortSignal) => Promise<T>,
  ) => Promise<Outcome<T> | undefined>;
}

/**
 * Runs one check with a provider of its own: sets the stage, keeps `run` going, and afterwards searches log lines and
 * errors for what must not be there.
 *
 * @returns what is wrong; empty when the transport is fine
 */
export async function withPeer<Peer extends TransportPeer>(
  suite: TransportSuite<Peer>,
  arrange: Arrange<Peer> | Impossible,
  body: (context: SuiteContext<Peer>) => Promise<void>,
): Promise<string[]> {
  const failures: string[] = [];
  const fail = (defect: string): void => {
    if (!failures.includes(defect)) failures.push(defect);
  };
  const forEvents = suite.patienceMs ?? 5_000;
  const patience: Patience = { forEvents, forAborts: Math.min(2_000, forEvents) };
  const peer = await suite.create();
  const catcher = await startWebhookCatcher();
  try {
    const other = isImpossible(arrange) ? undefined : await arrange(peer);
    const transport = other ?? peer.transport;
    const watch = privacyWatch(peer);
    const running = keepRunning(transport, watch, patience, fail);
    const context = makeContext({ suite, peer, transport, catcher, watch, running, patience, fail });
    try {
      await body(context);
    } catch (error) {
      fail(`the check itself broke off: ${error instanceof Error ? error.message : String(error)}`);
    }
    await running.stop();
    for (const leak of watch.leaks()) fail(leak);
  } finally {
    await peer.stop();
    await catcher.stop();
  }
  return failures;
}

interface PrivacyWatch {
  readonly logger: CapturingLogger;
  /** The text of the documents, to be found nowhere else. */
  readonly documentText: string;
  fetch: typeof globalThis.fetch;
  /** Notes a number that must not be seen. */
  hide(kind: string, value: string): void;
  keep(error: unknown): void;
  leaks(): string[];
}

function privacyWatch(peer: TransportPeer): PrivacyWatch {
  const logger = capturingLogger();
  const documentText = `PRIVATE ${randomBytes(6).toString("hex")}`;
  const errors: unknown[] = [];
  const hidden = new Map<string, string>([[documentText, "the document's text"]]);
  for (const secret of peer.secrets) hidden.set(secret, "a secret");
  return {
    logger,
    documentText,
    fetch: (input, init) => {
      const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
      const authorization = headers.get("authorization");
      if (authorization) hidden.set(authorization.replace(/^\S+\s+/, ""), "an Authorization header");
      return fetch(input, init);
    },
    hide: (kind, value) => void hidden.set(value, kind),
    keep: (error) => void errors.push(error),
    leaks() {
      const leaks: string[] = [];
      const log = logger.text();
      const thrown = errors.map((error) =>
        inspect(error, { depth: 8, showHidden: true, maxStringLength: null }),
      );
      for (const [value, kind] of hidden) {
        if (value === "") continue;
        if (log.includes(value)) leaks.push(`${kind} is in the log`);
        if (thrown.some((text) => text.includes(value)))
          leaks.push(`${kind} is in a thrown error or its cause`);
      }
      return leaks;
    },
  };
}

interface Running {
  readonly events: readonly TransportEvent[];
  failNextEmit: () => void;
  stop(): Promise<void>;
}

/** Starts `run` again whenever it ends early, as core does, with a shorter wait. */
function keepRunning(
  transport: FaxTransportV1,
  watch: PrivacyWatch,
  patience: Patience,
  fail: (defect: string) => void,
): Running {
  const events: TransportEvent[] = [];
  const controller = new AbortController();
  let failures = 0;
  const host = transportHost({
    logger: watch.logger,
    fetch: watch.fetch,
    signal: controller.signal,
    emit: async (event) => {
      if (failures > 0) {
        failures -= 1;
        throw new Error("the store is down");
      }
      // A host stores the document before it says that it has the event; afterwards it may be gone.
      if (event.type === "received" && event.document) await checkDocument(event.document, fail);
      events.push(event);
    },
  });
  const loop = async (): Promise<void> => {
    while (!controller.signal.aborted) {
      try {
        await transport.run?.(host);
      } catch (error) {
        watch.keep(error);
      }
      await pause(20);
    }
  };
  const ended = transport.run ? loop() : Promise.resolve();
  return {
    events,
    failNextEmit: () => {
      failures += 1;
    },
    async stop() {
      controller.abort();
      const late = await Promise.race([ended, pause(patience.forAborts).then(() => "late")]);
      if (late === "late") fail("run goes on after its signal was aborted");
    },
  };
}

function makeContext<Peer extends TransportPeer>(parts: {
  suite: TransportSuite<Peer>;
  peer: Peer;
  transport: FaxTransportV1;
  catcher: WebhookCatcher;
  watch: PrivacyWatch;
  running: Running;
  patience: Patience;
  fail: (defect: string) => void;
}): SuiteContext<Peer> {
  const { suite, peer, transport, catcher, watch, running, patience, fail } = parts;
  const call = (overrides: Partial<TransportCall> = {}): TransportCall =>
    transportCall({ logger: watch.logger, fetch: watch.fetch, publicUrl: catcher.origin, ...overrides });
  const attempt = async <T>(work: Promise<T> | T | (() => Promise<T> | T)): Promise<Outcome<T>> => {
    try {
      const value = await (typeof work === "function" ? (work as () => Promise<T> | T)() : work);
      return { ok: true, value };
    } catch (error) {
      watch.keep(error);
      return { ok: false, error };
    }
  };
  const until: SuiteContext<Peer>["until"] = async (condition) => {
    const deadline = performance.now() + patience.forEvents;
    while (performance.now() < deadline) {
      if (await condition()) return true;
      await pause(15);
    }
    return false;
  };

  return {
    suite,
    peer,
    transport,
    catcher,
    events: running.events,
    failNextEmit: running.failNextEmit,
    fail,
    call,
    attempt,
    until,
    async job(overrides = {}) {
      const to = overrides.to ?? suite.to ?? syntheticNumber(50);
      watch.hide("the destination's number", to.slice(-10));
      const document = suite.document
        ? await suite.document(watch.documentText)
        : documentFromBytes(syntheticPdf({ pages: 2, text: watch.documentText }), {
            mediaType: "application/pdf",
            fileName: "document.pdf",
          });
      return sendJob({ to, document, ...overrides });
    },
    async reportOf(sent, fits) {
      let found: StatusReport | undefined = fits(sent) ? sent : undefined;
      await until(async () => {
        if (found) return true;
        for (const event of running.events) {
          if (event.type === "status" && event.report.providerId === sent.providerId && fits(event.report)) {
            found = event.report;
          }
        }
        if (!found && transport.getStatus) {
          const asked = await attempt(transport.getStatus(sent.providerId, call()));
          if (asked.ok && fits(asked.value)) found = asked.value;
        }
        return found !== undefined;
      });
      return found;
    },
    async abortable(what, work) {
      const controller = new AbortController();
      const working = attempt(work(controller.signal));
      await Promise.race([working, pause(150)]);
      controller.abort();
      const outcome = await Promise.race([working, pause(patience.forAborts).then(() => undefined)]);
      if (!outcome) fail(`${what} goes on after its signal was aborted`);
      return outcome;
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
