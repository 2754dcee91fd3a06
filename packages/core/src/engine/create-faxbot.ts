import { setTimeout as sleep } from "node:timers/promises";
import type { Faxbot } from "../faxbot.ts";
import type { FaxbotOptions } from "../faxbot-options.ts";
import { FaxError } from "../transport/fax-error.ts";
import { tenantIdPattern } from "./callback-url.ts";
import { cancelFax } from "./cancel-fax.ts";
import { checkHealth } from "./check-health.ts";
import { createDeliveryWorker } from "./delivery-worker.ts";
import { type Engine, resolveEngine } from "./engine.ts";
import { findTransport } from "./find-transport.ts";
import { createPeriodicTaskRunner } from "./periodic-tasks.ts";
import { openPulledDocument } from "./pulled-document.ts";
import { receiveWebhook } from "./receive-webhook.ts";
import { reviewFax } from "./review-fax.ts";
import { sendFax } from "./send-fax.ts";
import { openStoredDocument } from "./stored-document.ts";
import { sweeps } from "./sweeps.ts";
import { createTransportLoops } from "./transport-loops.ts";
import { createListeners, type Listeners } from "./work-notice.ts";

/** What all tenants' faces of one engine share: it starts and stops as a whole. */
interface Lifecycle {
  start(): Promise<void>;
  stop(timeoutMs: number): Promise<void>;
}

/** Between two looks at a fax that somebody waits for. */
const longestWaitMs = 2_000;
const defaultPageSize = 100;
const largestPageSize = 1_000;

/**
 * Makes the engine. Nothing runs and nothing is touched until `start()`; faxes can be sent and webhooks taken before,
 * they are worked on once some process has started.
 *
 * @throws FaxError `config_invalid` when a transport's manifest is not true, ids collide or an option makes no sense
 * @example
 * const { stores } = await openSqlite("fax.db");
 * const faxbot = createFaxbot({ transports: [sinch.fromEnv(process.env)], stores, blobs: folderBlobs("documents") });
 * faxbot.on("fax.delivered", ({ subject }) => console.log(subject.id, subject.pages));
 * await faxbot.start();
 * const fax = await faxbot.send({ to: "+12025550123", document: await readFile("order.pdf") });
 */
export function createFaxbot<Trx = unknown>(options: FaxbotOptions<Trx>): Faxbot<Trx> {
  const engine = resolveEngine(options);
  const listeners = createListeners();
  return tenantFace(engine, listeners, createLifecycle(engine, listeners), "default");
}

function createLifecycle<Trx>(engine: Engine<Trx>, listeners: Listeners): Lifecycle {
  const worker = createDeliveryWorker(engine, listeners);
  const tasks = createPeriodicTaskRunner(engine, [...sweeps(engine), ...(engine.inbox?.tasks ?? [])]);
  const loops = createTransportLoops(engine, "default");
  let state: "stopped" | "started" = "stopped";
  let ended: Promise<unknown> = Promise.resolve();
  return {
    async start() {
      if (state === "started") throw new FaxError("state_conflict", "faxbot is already started");
      state = "started";
      await ended;
      try {
        await engine.stores.checkReady();
        await worker.start();
      } catch (error) {
        state = "stopped";
        throw error;
      }
      tasks.start();
      loops.start();
    },
    async stop(timeoutMs) {
      if (state === "started") {
        state = "stopped";
        ended = Promise.all([loops.stop(), tasks.stop(), worker.stop(timeoutMs)]);
      }
      await ended;
    },
  };
}

function tenantFace<Trx>(
  engine: Engine<Trx>,
  listeners: Listeners,
  lifecycle: Lifecycle,
  tenantId: string,
): Faxbot<Trx> {
  const { stores, tokens, clock } = engine;
  const faxbot: Faxbot<Trx> = {
    tenantId,
    transports: [...engine.transports.values()].map((transport) => ({ id: transport.id, transport })),

    send: (input, { trx } = {}) => sendFax(engine, tenantId, input, trx),

    async get(id, { trx } = {}) {
      const fax = await stores.faxes.get(tenantId, id, trx);
      if (!fax) throw new FaxError("not_found", "there is no such fax");
      return fax;
    },

    async waitFor(id, { signal } = {}) {
      for (let gapMs = 50; ; gapMs = Math.min(gapMs * 1.5, longestWaitMs)) {
        signal?.throwIfAborted();
        const fax = await faxbot.get(id);
        if (fax.completedAt || fax.needsReview) return fax;
        await sleep(gapMs, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted());
      }
    },

    list({ transportId, to, ...query } = {}, { trx } = {}) {
      return stores.faxes.list(
        {
          ...query,
          tenantId,
          limit: pageSize(query.limit),
          ...(transportId ? { transportId: findTransport(engine, transportId).id } : {}),
          ...(to ? { to: engine.number(to, "to") } : {}),
        },
        trx,
      );
    },

    async attempts(id, { trx } = {}) {
      await faxbot.get(id, trx === undefined ? {} : { trx });
      return stores.attempts.listByFax(tenantId, id, trx);
    },

    cancel: (id, { trx } = {}) => cancelFax(engine, tenantId, id, trx),

    async document(id) {
      const fax = await faxbot.get(id);
      if (!(await engine.blobs.head(fax.document.blobKey))) {
        throw new FaxError("not_found", "the document is no longer kept");
      }
      return openStoredDocument(engine.blobs, fax.document);
    },

    openWithToken: (id, token) => openPulledDocument(engine, tenantId, id, token),

    review: (id, verdict, { trx } = {}) => reviewFax(engine, tenantId, id, verdict, trx),

    receiveWebhook: (transportId, request) => receiveWebhook(engine, tenantId, transportId, request),

    issueToken: (purpose, subjectId, ttlMs) => tokens.issueToken({ tenantId, purpose, subjectId, ttlMs }),

    redeemToken: (purpose, subjectId, token) => tokens.redeemToken({ tenantId, purpose, subjectId, token }),

    deadEvents: (query = {}) =>
      stores.events.list({ ...query, tenantId, state: "dead", limit: pageSize(query.limit) }),

    async replayEvent(id) {
      if (!(await stores.events.replay(tenantId, id, clock.now()))) {
        throw new FaxError("not_found", "there is no such dead event");
      }
      await engine.wakeUp.notify();
    },

    on: (type, listener) => listeners.add(tenantId, type, listener),
    checkHealth: () => checkHealth(engine, tenantId),

    forTenant(other) {
      if (!tenantIdPattern.test(other)) {
        throw new FaxError("request_invalid", "a tenant id is 1 to 64 of A-Z a-z 0-9 _ -");
      }
      return other === tenantId ? faxbot : tenantFace(engine, listeners, lifecycle, other);
    },

    start: () => lifecycle.start(),
    stop: ({ timeoutMs = 30_000 } = {}) => lifecycle.stop(timeoutMs),
  };
  return faxbot;
}

function pageSize(limit = defaultPageSize): number {
  if (!Number.isInteger(limit) || limit < 1 || limit > largestPageSize) {
    throw new FaxError("request_invalid", `limit must be 1 to ${largestPageSize}`);
  }
  return limit;
}
