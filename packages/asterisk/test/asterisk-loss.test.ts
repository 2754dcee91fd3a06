import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isFaxError, type StatusReport } from "@faxbot/core/transport";
import {
  type AmiEmulator,
  type AmiEmulatorOptions,
  type CallOutcome,
  type CallState,
  foreignDialplan,
  startAmiEmulator,
  syntheticNumber,
} from "@faxbot/testing";
import { describe, expect, it } from "vitest";
import { type Bench, openBench, quick } from "./asterisk-bench.ts";

const to = syntheticNumber(50);

interface Scene {
  emulator: AmiEmulator;
  bench: Bench;
}

async function withScene(
  work: (scene: Scene) => Promise<void>,
  options: AmiEmulatorOptions & { inUse?: boolean } = {},
): Promise<void> {
  const { inUse = true, ...given } = options;
  const emulator = await startAmiEmulator({ completeAfterMs: 60, ...given });
  if (inUse) emulator.database.set("faxbot/since", String(Math.floor(Date.now() / 1_000) - 3_600));
  const bench = await openBench({ port: emulator.port });
  try {
    await work({ emulator, bench });
  } finally {
    await bench.close();
    await emulator.stop();
  }
}

async function connected({ emulator, bench }: Scene): Promise<void> {
  const before = emulator.calls.coreShowChannels;
  bench.start();
  await bench.until("connected", () => emulator.calls.coreShowChannels > before);
}

function endOf({ bench }: Scene): StatusReport | undefined {
  const event = bench.events.find(({ type, key }) => type === "status" && key.endsWith(":end"));
  return event?.type === "status" ? event.report : undefined;
}

/** What the engine does after a call that it cannot place: asks by reference. */
async function lookedUp({ bench }: Scene, attemptId: string, submittedAt = new Date()): Promise<string> {
  try {
    const found = await bench.restarted().findByReference(attemptId, bench.call(), { to, submittedAt });
    return found?.status ?? "never sent";
  } catch (error) {
    if (isFaxError(error, "outcome_unknown")) return "unknown";
    throw error;
  }
}

const outcomes: readonly (readonly [outcome: CallOutcome, truth: string])[] = [
  ["delivered", "delivered"],
  ["busy", "failed"],
  [{ t30: 21, pages: 1 }, "failed"],
  ["cut", "failed"],
];
const states: readonly CallState[] = ["dialing", "ringing", "answered", "transferring"];
const cases = states.flatMap((state) =>
  outcomes.flatMap(([outcome, truth]) =>
    (["during the gap", "after it"] as const)
      // Who is busy never answers.
      .filter(() => outcome !== "busy" || state === "dialing")
      .map((end) => ({ state, outcome, truth, end, name: JSON.stringify(outcome) })),
  ),
);

describe("a connection that breaks", () => {
  it.concurrent.each(cases)(
    "while $state, with a call that ends $end as $name",
    ({ state, outcome, truth, end }) =>
      withScene(async (scene) => {
        const { emulator, bench } = scene;
        await connected(scene);
        emulator.script(to.slice(1), outcome);
        emulator.pauseAt = state;
        const sent = await bench.transport.send(bench.job(), bench.call());
        await emulator.reached(state);
        if (end === "after it") {
          const logins = emulator.calls.login;
          emulator.dropConnections();
          await bench.until(
            "connected again",
            () => emulator.calls.login > logins && emulator.connections > 0,
          );
          emulator.resume();
        } else {
          await emulator.refuseConnections();
          emulator.resume();
          await emulator.idle();
          await emulator.acceptConnections();
        }
        await bench.until("the end", () => endOf(scene) !== undefined);
        expect(endOf(scene)).toMatchObject({ status: truth, providerId: sent.providerId });
        expect(emulator.faxes).toHaveLength(1);
        await bench.until(
          "the file is gone",
          async () => (await readdir(join(bench.folder, "out"))).length === 0,
        );
        expect(bench.transport.hasLine()).toBe(true);
      }),
  );

  it.concurrent.each(["reset_before", "reset_after", "half_answer"] as const)(
    "in the middle of the order to call (%s) leaves the outcome open, and it is found",
    (kind) =>
      withScene(async (scene) => {
        const { emulator, bench } = scene;
        await connected(scene);
        emulator.fault({ operation: "originate", kind });
        const job = bench.job();
        const submittedAt = new Date();
        await expect(bench.transport.send(job, bench.call())).rejects.toMatchObject({
          code: "outcome_unknown",
        });
        await emulator.idle();
        if (kind === "reset_before") {
          expect(emulator.faxes).toHaveLength(0);
          // As soon as no channel can come any more, that is proven.
          await bench.until("the end", () => endOf(scene) !== undefined);
          expect(endOf(scene)).toMatchObject({ status: "failed", failure: { providerCode: "AMI/missed" } });
          expect(await lookedUp(scene, job.attemptId, submittedAt)).toBe("never sent");
        } else {
          await bench.until("the end", () => endOf(scene) !== undefined);
          expect(endOf(scene)).toMatchObject({ status: "delivered", reference: job.attemptId });
          expect(await lookedUp(scene, job.attemptId, submittedAt)).toBe("delivered");
          expect(emulator.faxes).toHaveLength(1);
        }
      }),
  );

  it.concurrent.each(["login", "getvar", "dbGet"] as const)(
    "before the order to call (%s) proves that nothing was sent",
    (operation) =>
      withScene(async ({ emulator, bench }) => {
        emulator.fault({ operation, kind: "reset_before", times: Number.POSITIVE_INFINITY });
        await expect(bench.transport.send(bench.job(), bench.call())).rejects.toMatchObject({
          code: "transport_unavailable",
        });
        expect(emulator.faxes).toHaveLength(0);
        expect(await readdir(join(bench.folder, "out"))).toEqual([]);
        expect(bench.transport.hasLine()).toBe(true);
      }),
  );

  it.concurrent("that only goes silent is noticed", () =>
    withScene(async ({ emulator }) => {
      const line = { ...quick.line, pingEveryMs: 100, answerMs: 500, connectMs: 500 };
      const bench = await openBench({ port: emulator.port }, { ...quick, line });
      try {
        bench.start();
        await bench.until("connected", () => emulator.calls.coreShowChannels > 0);
        emulator.silent = true;
        await bench.until("noticed", () => bench.logger.text().includes("broke off"));
        emulator.silent = false;
        const before = emulator.calls.coreShowChannels;
        await bench.until("connected again", () => emulator.calls.coreShowChannels > before);
      } finally {
        await bench.close();
      }
    }));
});

describe("a library that is killed", () => {
  it.concurrent.each(cases)(
    "while $state, with a call that ends $end as $name",
    ({ state, outcome, truth, end }) =>
      withScene(async (scene) => {
        const { emulator, bench } = scene;
        await connected(scene);
        emulator.script(to.slice(1), outcome);
        emulator.pauseAt = state;
        const job = bench.job();
        const submittedAt = new Date();
        const sent = await bench.transport.send(job, bench.call());
        await emulator.reached(state);
        await bench.halt();
        const next = await openBench({ port: emulator.port, spoolOut: join(bench.folder, "out") });
        try {
          if (end === "during the gap") {
            emulator.resume();
            await emulator.idle();
            next.start();
            const asked = await next.transport
              .getStatus(sent.providerId, next.call())
              .catch((error: unknown) => (isFaxError(error) ? error.code : error));
            if (outcome === "busy") {
              // Nobody kept why, but nothing was sent: that is what the engine finds out next.
              expect(asked).toBe("not_found");
              const found = await next.transport.findByReference(job.attemptId, next.call(), {
                to,
                submittedAt,
              });
              expect(found).toBeUndefined();
            } else expect(asked).toMatchObject({ status: truth, reference: job.attemptId });
          } else {
            next.start();
            const before = emulator.calls.coreShowChannels;
            await next.until("calls are listed", () => emulator.calls.coreShowChannels > before);
            const asked = await next.transport.getStatus(sent.providerId, next.call());
            expect(["queued", "in_progress"]).toContain(asked.status);
            emulator.resume();
            await next.until("the end", () => endOf({ emulator, bench: next }) !== undefined);
            expect(endOf({ emulator, bench: next })).toMatchObject({
              status: truth,
              reference: job.attemptId,
            });
          }
          expect(emulator.faxes).toHaveLength(1);
        } finally {
          await next.close();
        }
      }),
  );

  it.concurrent("tells the end that it could not store before", () =>
    withScene(async (scene) => {
      const { emulator, bench } = scene;
      bench.start({ emit: () => Promise.reject(new Error("the store is down")) });
      await bench.until("connected", () => emulator.calls.coreShowChannels > 0);
      const sent = await bench.transport.send(bench.job(), bench.call());
      await emulator.idle();
      await bench.halt();
      expect(bench.events).toEqual([]);
      // Its document is not needed any more, but the result is not told yet.
      bench.start();
      await bench.until("the end", () => endOf(scene) !== undefined);
      expect(endOf(scene)).toMatchObject({ status: "delivered", providerId: sent.providerId });
    }));
});

describe("what nobody can know", () => {
  const gone = async (scene: Scene, jobId: string): Promise<void> => {
    const { bench } = scene;
    await expect(bench.transport.getStatus(`faxbot-${jobId}`, bench.call())).rejects.toMatchObject({
      code: "not_found",
    });
    expect(await lookedUp(scene, jobId)).toBe("unknown");
    expect(endOf(scene)).toBeUndefined();
  };

  it.concurrent("is said to be unknown when Asterisk dies in the middle of a fax", () =>
    withScene(async (scene) => {
      const { emulator, bench } = scene;
      await connected(scene);
      emulator.pauseAt = "transferring";
      const job = bench.job();
      await bench.transport.send(job, bench.call());
      await emulator.reached("transferring");
      const before = emulator.calls.coreShowChannels;
      emulator.restart();
      await bench.until("looked at", () => emulator.calls.coreShowChannels > before + 1);
      await bench.until("given up", () => bench.logger.text().includes("nobody can say"));
      await gone(scene, job.attemptId);
      expect(bench.transport.hasLine()).toBe(true);
    }));

  it.concurrent("is said to be unknown when Asterisk's database is new as well", () =>
    withScene(async (scene) => {
      const { emulator, bench } = scene;
      await connected(scene);
      emulator.pauseAt = "transferring";
      const job = bench.job();
      const submittedAt = new Date();
      await bench.transport.send(job, bench.call());
      await emulator.reached("transferring");
      emulator.database.clear();
      emulator.restart();
      await bench.until("given up", () => bench.logger.text().includes("nobody can say"));
      expect(await lookedUp(scene, job.attemptId, submittedAt)).toBe("unknown");
      expect(endOf(scene)).toBeUndefined();
    }));

  it.concurrent("is said to be unknown under somebody else's dialplan", () =>
    withScene(
      async (scene) => {
        const { emulator, bench } = scene;
        await connected(scene);
        expect(await bench.transport.checkHealth(bench.call())).toMatchObject({
          status: "unhealthy",
          message: expect.stringMatching(/dialplan is not Faxbot's/),
        });
        emulator.pauseAt = "ringing";
        const job = bench.job();
        await bench.transport.send(job, bench.call());
        await emulator.reached("ringing");
        emulator.restart();
        await bench.until("given up", () => bench.logger.text().includes("nobody can say"));
        await gone(scene, job.attemptId);
      },
      { dialplan: foreignDialplan },
    ));

  it.concurrent("is told by somebody else's dialplan, when it tells", () =>
    withScene(
      async (scene) => {
        const { bench } = scene;
        await connected(scene);
        await bench.transport.send(bench.job(), bench.call());
        await bench.until("the end", () => endOf(scene) !== undefined);
        expect(endOf(scene)?.status).toBe("delivered");
      },
      { dialplan: foreignDialplan },
    ));

  it.concurrent("is not said of the first call that there is after a database was made", () =>
    withScene(
      async (scene) => {
        const { emulator, bench } = scene;
        await connected(scene);
        emulator.pauseAt = "ringing";
        await bench.transport.send(bench.job(), bench.call());
        await emulator.reached("ringing");
        // Its channel is gone, and nobody answered.
        emulator.restart();
        await bench.until("the end", () => endOf(scene) !== undefined);
        expect(endOf(scene)).toMatchObject({ status: "failed", failure: { providerCode: "AMI/missed" } });
      },
      { inUse: false },
    ));

  it.concurrent("of a fax older than the database", () =>
    withScene(
      async (scene) => {
        const { emulator, bench } = scene;
        const hourAgo = new Date(Date.now() - 3_600_000);
        const never = "0123456789abcdef0123456789abcdef";
        expect(await lookedUp(scene, never, hourAgo)).toBe("unknown");
        expect(emulator.database.get("faxbot/since")).toMatch(/^\d{10}\.\d{3}$/);
        expect(await lookedUp(scene, never, new Date(Date.now() + 2_000))).toBe("never sent");
        expect(await bench.transport.findByReference("not one of ours", bench.call())).toBeUndefined();
      },
      { inUse: false },
    ));
});
