import { type AmiEmulator, type CallState, startAmiEmulator } from "@faxbot/testing";
import { describe, expect, it } from "vitest";
import { type Bench, openBench, quick } from "./asterisk-bench.ts";

async function withBench(work: (emulator: AmiEmulator, bench: Bench) => Promise<void>): Promise<void> {
  const emulator = await startAmiEmulator({ completeAfterMs: 60 });
  emulator.database.set("faxbot/since", String(Math.floor(Date.now() / 1_000) - 3_600));
  const bench = await openBench({ port: emulator.port });
  try {
    await work(emulator, bench);
  } finally {
    await bench.close();
    await emulator.stop();
  }
}

describe.each(["with the long connection", "without it"])("a cancel %s", (connection) => {
  const start = async (emulator: AmiEmulator, bench: Bench): Promise<void> => {
    if (connection === "without it") return;
    bench.start();
    await bench.until("connected", () => emulator.calls.coreShowChannels > 0);
  };

  it.concurrent.each(["ringing", "answered", "transferring"] as const)(
    "while %s ends the call, and that is no failure",
    (state: CallState) =>
      withBench(async (emulator, bench) => {
        await start(emulator, bench);
        emulator.pauseAt = state;
        const sent = await bench.transport.send(bench.job(), bench.call());
        await emulator.reached(state);
        const report = await bench.transport.cancel(sent.providerId, bench.call());
        expect(report).toMatchObject({ status: "canceled", providerId: sent.providerId });
        expect(report.failure).toBeUndefined();
        expect(await bench.transport.getStatus(sent.providerId, bench.call())).toEqual(report);
        expect(await bench.transport.cancel(sent.providerId, bench.call())).toEqual(report);
        expect(emulator.faxes).toHaveLength(1);
        expect(bench.transport.hasLine()).toBe(true);
      }),
  );

  it.concurrent("that comes too late leaves a delivered fax", () =>
    withBench(async (emulator, bench) => {
      await start(emulator, bench);
      const sent = await bench.transport.send(bench.job(), bench.call());
      await emulator.idle();
      expect(await bench.transport.cancel(sent.providerId, bench.call())).toMatchObject({
        status: "delivered",
      });
    }));

  it.concurrent("of a call that there never was is refused", () =>
    withBench(async (emulator, bench) => {
      await start(emulator, bench);
      for (const id of ["1795319289.12", "faxbot-1", `faxbot-${"0".repeat(32)}`, "PJSIP/trunk-00000001"]) {
        await expect(bench.transport.cancel(id, bench.call())).rejects.toMatchObject({ code: "not_found" });
      }
      expect(emulator.calls.hangup).toBe(0);
    }));
});

describe("a cancel", () => {
  it("that loses the race to the result is a delivered fax", () =>
    withBench(async (emulator, bench) => {
      bench.start();
      await bench.until("connected", () => emulator.calls.coreShowChannels > 0);
      emulator.pauseAt = "transferring";
      const sent = await bench.transport.send(bench.job(), bench.call());
      await emulator.reached("transferring");
      emulator.fault({ operation: "hangup", kind: "delay", ms: 150 });
      const canceling = bench.transport.cancel(sent.providerId, bench.call());
      await bench.until("asked", () => emulator.requests.some(({ text }) => /^Action: Hangup/m.test(text)));
      emulator.finish(sent.providerId, "delivered");
      expect(await canceling).toMatchObject({ status: "delivered" });
      expect(bench.last("status")).toMatchObject({ report: { status: "delivered" } });
    }));

  it("of a process that was started anew ends the call too", () =>
    withBench(async (emulator, bench) => {
      emulator.pauseAt = "transferring";
      const sent = await bench.transport.send(bench.job(), bench.call());
      await emulator.reached("transferring");
      const report = await bench.restarted().cancel(sent.providerId, bench.call());
      expect(report).toMatchObject({ status: "canceled" });
    }));
});

describe("lines", () => {
  it("are taken by calls and given back at their end", () =>
    withBench(async (emulator, bench) => {
      const two = await openBench({ port: emulator.port, maxCalls: 2 });
      try {
        two.start();
        await two.until("connected", () => emulator.calls.coreShowChannels > 0);
        emulator.pauseAt = "ringing";
        const first = await two.transport.send(two.job(), two.call());
        expect(two.transport.hasLine()).toBe(true);
        await two.transport.send(two.job({ to: "+12025550151" }), two.call());
        expect(two.transport.hasLine()).toBe(false);
        await emulator.reached("ringing");
        await two.transport.cancel(first.providerId, two.call());
        await two.until("a line", () => two.transport.hasLine());
        emulator.resume();
      } finally {
        await two.close();
      }
      expect(bench.transport.hasLine()).toBe(true);
    }));

  it("are taken by calls that another process began", () =>
    withBench(async (emulator, bench) => {
      emulator.pauseAt = "transferring";
      await bench.transport.send(bench.job(), bench.call());
      await emulator.reached("transferring");
      const next = await openBench({ port: emulator.port, maxCalls: 1 });
      try {
        expect(next.transport.hasLine()).toBe(true);
        next.start();
        await next.until("it is seen", () => !next.transport.hasLine());
        emulator.resume();
        await next.until("its end", () => next.transport.hasLine());
        expect(next.last("status")).toMatchObject({ report: { status: "delivered" } });
      } finally {
        await next.close();
      }
    }));
});

describe("a call that does not end", () => {
  it("is ended when its time is over", () =>
    withBench(async (emulator) => {
      // A second is a millisecond: five for ringing, 210 for one page, 30 more because Asterisk has a limit too.
      const line = { ...quick.line, secondMs: 1 };
      const bench = await openBench({ port: emulator.port, ringSeconds: 5 }, { ...quick, line });
      try {
        bench.start();
        await bench.until("connected", () => emulator.calls.coreShowChannels > 0);
        emulator.script("0150", "stuck");
        const sent = await bench.transport.send(bench.job({ to: "+12025550150" }), bench.call());
        await bench.until("the end", () => bench.events.some(({ key }) => key.endsWith(":end")));
        expect(emulator.calls.hangup).toBe(1);
        expect(bench.last("status")).toMatchObject({
          report: {
            providerId: sent.providerId,
            status: "failed",
            failure: { reason: "line_error", retryable: true },
          },
        });
        expect(bench.transport.hasLine()).toBe(true);
      } finally {
        await bench.close();
      }
    }));
});

describe("a refused login", () => {
  it("is not tried again and again", async () => {
    const emulator = await startAmiEmulator();
    const bench = await openBench({ port: emulator.port, password: "not-the-password" });
    try {
      bench.start();
      await bench.until("refused", () => bench.logger.text().includes("refuses the login"));
      const logins = emulator.calls.login;
      for (let tries = 0; tries < 20; tries += 1) {
        await expect(bench.transport.send(bench.job(), bench.call())).rejects.toMatchObject({
          code: "transport_unauthorized",
        });
      }
      expect(await bench.transport.checkHealth(bench.call())).toMatchObject({ status: "unhealthy" });
      // 200 ms here, a minute in production.
      expect(emulator.calls.login - logins).toBeLessThanOrEqual(2);
      expect(bench.logger.text()).not.toContain("not-the-password");
    } finally {
      await bench.close();
      await emulator.stop();
    }
  });
});
