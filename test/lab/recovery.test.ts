import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { FaultPointName, Fax } from "@faxbot/core";
import { describe, expect, it } from "vitest";
import type { AmiFields } from "../../scripts/lab/asterisk-console.ts";
import { whyNoLab } from "../../scripts/lab/asterisk-root.ts";
import { labNumbers } from "../../scripts/lab/lab-config.ts";
import { type AmiCable, layAmiCable } from "./ami-cable.ts";
import { faxTiff } from "./fax-pages.ts";
import { type LabFaxbot, type LabHouse, openLabHouse } from "./lab-house.ts";
import { startLabProcess } from "./lab-process.ts";

const why = whyNoLab();
const to = "+15555553001";

const sending = ({ Event, Status }: AmiFields) =>
  Event === "FAXStatus" && Status === "FAX Transmission In Progress";
const ringing = ({ Event, DialStatus }: AmiFields) => Event === "DialState" && DialStatus === "RINGING";
const over = ({ UserEvent }: AmiFields) => UserEvent === "FaxbotSent";

describe.skipIf(why !== undefined)(
  `a fax that outlives its connection and its library${why ? ` (no lab: ${why})` : ""}`,
  { concurrent: true, timeout: 300_000 },
  () => {
    describe("a cut connection", () => {
      it("while the fax is on the line, until it is over: the result comes from Asterisk's database", async () => {
        await withCable(async ({ house, cable, library, send }) => {
          const fax = await send(to, 2);
          await house.event(sending);
          cable.cut();
          await house.event(over);
          cable.mend();
          expect(await library.outcome(fax)).toMatchObject({ status: "delivered", pages: 2, attempts: 1 });
          expect(await house.lab.calls(to)).toBe(1);
          await expectTidy(house);
        });
      });

      it("for a moment, while the fax is on the line", async () => {
        await withCable(async ({ house, cable, library, send }) => {
          const fax = await send(to, 2);
          await house.event(sending);
          cable.cut();
          await sleep(1_000);
          cable.mend();
          expect(await library.outcome(fax)).toMatchObject({ status: "delivered", pages: 2, attempts: 1 });
          expect(await house.lab.calls(to)).toBe(1);
          await expectTidy(house);
        });
      });

      it("while it rings, until nobody has answered: the call is proven not to have been", async () => {
        await withCable(async ({ house, cable, library, send }) => {
          const fax = await send(labNumbers.noAnswer, 1);
          await house.event(ringing);
          cable.cut();
          await house.event(({ Event, Uniqueid }) => Event === "Hangup" && isOurs(Uniqueid));
          cable.mend();
          const settled = await library.outcome(fax);
          expect(settled.status).toBe("failed");
          expect(settled.needsReview).toBeUndefined();
          expect(await house.lab.calls(labNumbers.noAnswer)).toBe(1);
        });
      });
    });

    it("a cancel that comes too late loses: the fax is delivered", async () => {
      await withCable(async ({ house, cable, library, send }) => {
        const fax = await send(to, 1);
        await house.event(sending);
        cable.delay(3_000);
        await house.event(over);
        await library.faxbot.cancel(fax.id);
        const settled = await library.outcome(fax);
        expect(settled).toMatchObject({ status: "delivered", pages: 1, attempts: 1 });
        expect(settled.cancelRequestedAt).toBeInstanceOf(Date);
        expect(await house.lab.calls(to)).toBe(1);
      });
    });

    describe("a killed library", () => {
      it("before anything was said to Asterisk: nothing was sent, which is proven, and it is sent", async () => {
        await withProcess({ killAt: "attempt.before-wire" }, async ({ house, restart }) => {
          const { fax, attempts } = await restart();
          expect(fax).toMatchObject({ status: "delivered", pages: 2 });
          expect(attempts.map(({ state }) => state)).toEqual(["failed", "delivered"]);
          expect(await house.lab.calls(to)).toBe(1);
        });
      });

      it("after the call was made and before that was noted", async () => {
        await withProcess({ killAt: "attempt.after-wire" }, async ({ house, restart }) => {
          const { fax, attempts } = await restart();
          expect(fax).toMatchObject({ status: "delivered", pages: 2 });
          expect(attempts.map(({ state }) => state)).toEqual(["delivered"]);
          expect(await house.lab.calls(to)).toBe(1);
          await expectTidy(house);
        });
      });

      it("while the fax is on the line, and started again at once", async () => {
        await withProcess({ killOn: sending }, async ({ house, restart }) => {
          const { fax, attempts } = await restart();
          expect(fax).toMatchObject({ status: "delivered", pages: 2 });
          expect(attempts.map(({ state }) => state)).toEqual(["delivered"]);
          expect(await house.lab.calls(to)).toBe(1);
          await expectTidy(house);
        });
      });

      it("while the fax is on the line, and started again when it is over", async () => {
        await withProcess({ killOn: sending }, async ({ house, restart }) => {
          await house.event(over);
          await sleep(1_000);
          const { fax, attempts } = await restart();
          expect(fax).toMatchObject({ status: "delivered", pages: 2 });
          expect(attempts.map(({ state }) => state)).toEqual(["delivered"]);
          expect(await house.lab.calls(to)).toBe(1);
          await expectTidy(house);
        });
      });

      it("while it rings, and started again at once", async () => {
        const number = labNumbers.ringing;
        await withProcess({ killOn: ringing, number, ringSeconds: 30 }, async ({ house, restart }) => {
          const { fax, attempts } = await restart();
          expect(fax).toMatchObject({ status: "failed", failure: { reason: "no_answer" } });
          expect(attempts).toHaveLength(1);
          expect(await house.lab.calls(number)).toBe(1);
        });
      });
    });
  },
);

/** A library whose connection can be cut, alone on its Asterisk. */
async function withCable(
  work: (parts: {
    house: LabHouse;
    cable: AmiCable;
    library: LabFaxbot;
    send: (number: string, pages: number) => Promise<Fax>;
  }) => Promise<void>,
): Promise<void> {
  const house = await openLabHouse();
  const cable = await layAmiCable(house.lab.ports.ami);
  try {
    const library = await house.open({ port: cable.port });
    // Asterisk's database has just been told since when it has notes: what is sent in the same second is not covered.
    await sleep(2_000);
    const send = async (number: string, pages: number) =>
      library.faxbot.send({
        to: number,
        document: await faxTiff("cable", pages, { resolution: "standard" }),
      });
    await work({ house, cable, library, send });
  } finally {
    await house.close();
    await cable.close();
  }
}

/** A library in a process of its own that is killed; `restart` starts it again and waits for the fax's last word. */
async function withProcess(
  options: {
    killAt?: FaultPointName;
    killOn?: (event: AmiFields) => boolean;
    number?: string;
    ringSeconds?: number;
  },
  work: (parts: {
    house: LabHouse;
    restart: () => ReturnType<typeof startLabProcess>["settled"];
  }) => Promise<void>,
): Promise<void> {
  const { killAt, killOn, number = to, ringSeconds = 20 } = options;
  const house = await openLabHouse();
  const folder = await mkdtemp(join(tmpdir(), "faxbot-lab-child-"));
  try {
    const tiff = join(folder, "fax.tif");
    await writeFile(tiff, await faxTiff("process", 2, { resolution: "standard" }));
    const plan = { folder, tiff, to: number, settings: { ...house.settings, ringSeconds } };
    const first = startLabProcess({ ...plan, ...(killAt ? { killAt } : {}) });
    if (killOn) {
      await Promise.race([house.event(killOn), first.settled]);
      first.kill();
    }
    expect(await first.ended).toBe("SIGKILL");
    let last: ReturnType<typeof startLabProcess> | undefined;
    try {
      await work({
        house,
        async restart() {
          last = startLabProcess(plan);
          const settled = await last.settled;
          expect(await last.ended).toBeNull();
          return settled;
        },
      });
    } finally {
      last?.kill();
    }
  } finally {
    await house.close();
    await rm(folder, { recursive: true });
  }
}

const isOurs = (uniqueId: string | undefined) => uniqueId?.startsWith("faxbot-") === true;

/** Once the result is durable, the document does not lie about any more. */
async function expectTidy({ lab }: LabHouse): Promise<void> {
  for (let tries = 0; tries < 100 && (await readdir(lab.spoolOut)).length > 0; tries += 1) await sleep(100);
  expect(await readdir(lab.spoolOut)).toEqual([]);
}
