import { createHash, randomInt } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type FaultPointName, faultPointNames } from "@faxbot/core";
import { syntheticNumber, syntheticPdf } from "@faxbot/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CrashHouse, openCrashHouse, type Settled } from "./crash-house.ts";
import { type CrashJob, type Phase, pointsOfPhase } from "./crash-plan.ts";

/** A database that outlives the children. */
export interface CrashDatabase {
  /** A SQLite file or the URL of a PostgreSQL database. */
  url: string;
  /** Counts the rows of `faxbot_faxes` without our stores. */
  countFaxes(): Promise<number>;
  close(): Promise<void>;
}

/** How long a child may take to reach the point at which it dies. */
const patienceMs = 20_000;
const randomKills = Number(process.env.FAXBOT_CRASH_KILLS ?? 50);

/** Killed here, the provider was never called, and nobody can prove that: a person is told. */
const beforeTheWire: readonly FaultPointName[] = ["attempt.after-intent", "attempt.before-wire"];

/**
 * Kills a process at every fault point of every phase, and at random moments, starts it again, and counts.
 *
 * @param open makes an empty database; a SQLite file may lie in the folder
 */
export function describeCrashes(name: string, open: (folder: string) => Promise<CrashDatabase>): void {
  describe(`killed on ${name}`, { timeout: 180_000 }, () => {
    let folder: string;
    let database: CrashDatabase;
    let house: CrashHouse;
    let jobs = 0;
    let received = 0;
    const kills: Record<Phase | "random", number> = { send: 0, receive: 0, cancel: 0, random: 0 };
    const unreachable = new Set<string>();
    const canceled = new Set<string>();

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "faxbot-crash-"));
      database = await open(folder);
      house = await openCrashHouse(folder, database.url);
    });

    afterAll(async () => {
      await house?.close();
      await database?.close();
      await rm(folder, { recursive: true, force: true });
      console.log(`kills on ${name}: ${JSON.stringify(kills)}`);
    });

    const newJob = (cancel?: CrashJob["cancel"]): CrashJob => {
      jobs += 1;
      // The first numbers script outcomes; these are beyond them.
      const to = syntheticNumber(jobs + 100);
      house.emulator.script(to, cancel === "submitted" ? "stuck" : "delivered");
      if (cancel) canceled.add(to);
      return { key: `job-${jobs}`, to, ...(cancel ? { cancel } : {}) };
    };

    const receive = (options: { withFile?: boolean } = {}): void => {
      received += 1;
      if (options.withFile === false) house.emulator.webhookFault({ kind: "missing_file" });
      house.emulator.receiveFax({
        to: syntheticNumber(90),
        pdf: syntheticPdf({ pages: 1, text: `received ${received}` }),
        contentType: received % 2 ? "multipart/form-data" : "application/json",
      });
    };

    for (const phase of ["send", "receive", "cancel"] as const) {
      it(`dies at every fault point of ${phase} and is started again`, async () => {
        for (const point of pointsOfPhase[phase]) {
          const polled = point.startsWith("check.");
          const list: CrashJob[] =
            phase === "receive" ? [] : [newJob(phase === "cancel" ? cancelKind(point) : undefined)];
          if (phase === "cancel" && point === "attempt.after-intent") unreachable.add(list[0]?.to ?? "");
          if (phase !== "receive" && beforeTheWire.includes(point)) unreachable.add(list[0]?.to ?? "");
          const child = house.start({ jobs: list, killAt: point, webhooks: !polled });
          if (phase === "receive") {
            await Promise.race([child.ready, child.ended]);
            receive({ withFile: !point.startsWith("inbox.") || !point.endsWith("-fetch") });
          }
          const signal = await Promise.race([child.ended, sleep(patienceMs, "late" as const)]);
          if (signal !== "SIGKILL") child.process.kill("SIGKILL");
          expect(`${point}: ${signal} ${child.errors()}`).toBe(`${point}: SIGKILL `);
          kills[phase] += 1;
        }
        expect(kills[phase]).toBe(pointsOfPhase[phase].length);
      });
    }

    it(`dies at ${randomKills} random moments`, async () => {
      for (let kill = 0; kill < randomKills; kill++) {
        const child = house.start({ webhooks: kill % 5 !== 0 });
        await child.ready;
        child.send(newJob());
        receive();
        if (kill % 3 === 0) child.send(newJob());
        await sleep(randomInt(0, 150));
        child.process.kill("SIGKILL");
        expect(await child.ended).toBe("SIGKILL");
        kills.random += 1;
      }
      expect(kills.random).toBe(randomKills);
    });

    it("lost nothing and sent nothing twice", async () => {
      const last = house.start({});
      await last.ready;
      const settled = await last.settle(received);
      expect(await last.ended).toBeNull();
      expect(house.unanswered.size).toBe(0);
      // By the database's own word, so that no other one was in use.
      expect(await database.countFaxes()).toBe(jobs);
      checkSent(settled);
      checkReceived(settled);
      for (const phase of ["send", "receive", "cancel"] as const) expect(kills[phase]).toBeGreaterThan(0);
    });

    function checkSent(settled: Settled): void {
      const { emulator } = house;
      const calls = new Map<string, number>();
      for (const fax of emulator.faxes) {
        if (fax.direction === "OUTBOUND" && fax.to) calls.set(fax.to, (calls.get(fax.to) ?? 0) + 1);
      }
      expect(settled.faxes.map((fax) => fax.to).sort()).toEqual(
        Array.from({ length: jobs }, (_, index) => syntheticNumber(index + 101)).sort(),
      );
      const twice = [...calls].filter(([, count]) => count > 1);
      expect(twice).toEqual([]);
      for (const fax of settled.faxes) {
        const taken = calls.has(fax.to);
        if (fax.needsReview === "outcome_unknown") {
          // Nobody could know; what is known is that the provider has no such fax.
          expect([fax.to, taken]).toEqual([fax.to, false]);
        } else if (canceled.has(fax.to)) {
          expect([fax.to, fax.status]).toEqual([fax.to, "canceled"]);
        } else {
          expect([fax.to, fax.status, taken]).toEqual([fax.to, "delivered", true]);
        }
      }
      const unknown = settled.faxes.filter((fax) => fax.needsReview === "outcome_unknown");
      // One job may be in flight at each kill, and only the points before the wire leave it unknown for certain.
      expect(unknown.length).toBeLessThanOrEqual(unreachable.size + kills.random * 2);
      for (const to of unreachable) {
        if (!calls.has(to)) expect(unknown.map((fax) => fax.to)).toContain(to);
      }
    }

    function checkReceived(settled: Settled): void {
      const { emulator } = house;
      const sent = emulator.faxes.filter((fax) => fax.direction === "INBOUND");
      expect(sent.length).toBe(received);
      expect(settled.inbound.map((fax) => fax.providerId).sort()).toEqual(sent.map((fax) => fax.id).sort());
      for (const fax of settled.inbound) {
        const bytes = emulator.documentOf(fax.providerId);
        const sha256 = createHash("sha256")
          .update(bytes ?? "")
          .digest("hex");
        expect([fax.status, fax.document?.sha256]).toEqual(["received", sha256]);
      }
    }
  });
}

/** Canceling before and after the hand-over pass different points. */
function cancelKind(point: FaultPointName): "waiting" | "submitted" {
  return point.startsWith("cancel.") && point.endsWith("-mark") ? "waiting" : "submitted";
}

/** Proves that the phases together pass every fault point there is. */
export function describeCrashPlan(): void {
  describe("the phases", () => {
    it("pass every fault point between them", () => {
      const planned = new Set(Object.values(pointsOfPhase).flat());
      expect(faultPointNames.filter((name) => !planned.has(name))).toEqual([]);
    });
  });
}
