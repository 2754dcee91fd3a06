import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Fax, SendInput } from "@faxbot/core";
import { pdfToTiff } from "@faxbot/documents";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { whyNoLab } from "../../scripts/lab/asterisk-root.ts";
import { labNumbers } from "../../scripts/lab/lab-config.ts";
import { faxTiff, labPdf, picturesOfPdf, picturesOfTiff } from "./fax-pages.ts";
import { type LabFaxbot, type LabHouse, openLabHouse } from "./lab-house.ts";

const why = whyNoLab("pdfimages", "tiff2pdf");

// All calls are made at once: most of the time a call waits.
describe.skipIf(why !== undefined)(
  `real faxes over Asterisk${why ? ` (no lab: ${why})` : ""}`,
  { concurrent: true, timeout: 300_000 },
  () => {
    let house: LabHouse;
    let main: LabFaxbot;
    /** Calls through a trunk that takes no T.38. */
    let audio: LabFaxbot;

    beforeAll(async () => {
      house = await openLabHouse();
      main = await house.open();
      audio = await house.open({ trunk: "trunk-audio" });
    }, 600_000);

    afterAll(async () => {
      await house?.close();
    });

    const send = async (to: string, document: SendInput["document"], more: Partial<SendInput> = {}) =>
      main.faxbot.send({ to, document, ...more });
    const small = () => faxTiff("one page", 1, { resolution: "standard" });

    /** The call's id in Asterisk. */
    const channelOf = async (fax: Fax, from = main) => {
      const [attempt] = await from.faxbot.attempts(fax.id);
      return `faxbot-${attempt?.id}`;
    };

    /** How the call went over the line, as the dialplan tells the lab. */
    const sentEvent = async (fax: Fax, from = main) => {
      const channel = await channelOf(fax, from);
      return house.event(({ UserEvent, Uniqueid }) => UserEvent === "FaxbotSent" && Uniqueid === channel);
    };

    const deliveries = [
      { name: "standard, T.38", to: "+15555552001", pages: 2, resolution: "standard", mode: "T38" },
      { name: "fine, T.38", to: "+15555552002", pages: 2, resolution: "fine", mode: "T38" },
      {
        name: "Group 3, T.38",
        to: "+15555552003",
        pages: 1,
        resolution: "fine",
        mode: "T38",
        compression: "g3",
      },
      { name: "standard, audio", to: "+15555552004", pages: 1, resolution: "standard", mode: "audio" },
      { name: "fine, audio", to: "+15555552005", pages: 2, resolution: "fine", mode: "audio" },
    ] as const;

    for (const { name, to, pages, resolution, mode, ...more } of deliveries) {
      it(`sends and receives, dot for dot: ${name}`, async () => {
        const tiff = await faxTiff(name, pages, { resolution, ...more });
        const fax = await send(to, tiff, mode === "audio" ? { options: { t38: false } } : {});
        expect(await main.outcome(fax)).toMatchObject({ status: "delivered", pages, attempts: 1 });
        expect((await sentEvent(fax)).Mode?.toLowerCase()).toBe(mode.toLowerCase());
        const received = await main.received(to);
        expect(received).toMatchObject({ status: "received", from: "+15555550100", pages, partial: false });
        const pictures = await picturesOfPdf(await main.pdf(received));
        expect(pictures).toHaveLength(pages);
        expect(pictures[0]).toMatchObject({ width: 1728, xDpi: 204, yDpi: resolution === "fine" ? 196 : 98 });
        expect(pictures).toEqual(await picturesOfTiff(tiff));
        expect(await house.lab.calls(to)).toBe(1);
      });
    }

    it("sends a PDF as it would render it", async () => {
      const to = "+15555552010";
      const pdf = labPdf("a PDF", 1);
      const fax = await send(to, pdf);
      expect(await main.outcome(fax)).toMatchObject({ status: "delivered", pages: 1 });
      const pictures = await picturesOfPdf(await main.pdf(await main.received(to)));
      expect(pictures).toEqual(await picturesOfTiff((await pdfToTiff(pdf)).tiff));
    });

    it("falls back to audio when the trunk refuses T.38", async () => {
      const to = "+15555552011";
      const tiff = await faxTiff("fallback", 1, { resolution: "fine" });
      const fax = await audio.faxbot.send({ to, document: tiff });
      expect(await audio.outcome(fax)).toMatchObject({ status: "delivered", pages: 1, attempts: 1 });
      expect((await sentEvent(fax, audio)).Mode?.toLowerCase()).toBe("audio");
      const pictures = await picturesOfPdf(await main.pdf(await main.received(to)));
      expect(pictures).toEqual(await picturesOfTiff(tiff));
    });

    const failures = [
      ["busy", labNumbers.busy, "busy", "Q.850/17"],
      ["congestion", labNumbers.congested, "line_error", "Q.850/34"],
      ["a rejected call", labNumbers.rejected, "rejected", "Q.850/21"],
      ["a wrong number", labNumbers.wrong, "invalid_number", "Q.850/1"],
      ["nobody who answers", labNumbers.noAnswer, "no_answer", "Q.850/19"],
      ["a voice", labNumbers.voice, "no_fax_tone", "T.30/2"],
    ] as const;

    for (const [name, to, reason, providerCode] of failures) {
      it(`reports ${name}`, async () => {
        const fax = await send(to, await small());
        const settled = await main.outcome(fax);
        expect(settled).toMatchObject({ status: "failed", attempts: 1, failure: { reason, providerCode } });
        expect(settled.needsReview).toBeUndefined();
        expect(await house.lab.calls(to)).toBe(1);
      });
    }

    it("reports a far end that hangs up in the middle of a page", async () => {
      const fax = await send(labNumbers.cut, await faxTiff("cut", 3, { resolution: "fine" }));
      const settled = await main.outcome(fax);
      expect(settled).toMatchObject({ status: "failed", failure: { providerCode: "T.30/49" } });
      expect(settled.needsReview).toBeUndefined();
    });

    it("ends a silent call by the limit that the dialplan is told", async () => {
      const fax = await send(labNumbers.silent, await small());
      const started = Date.now();
      const settled = await main.outcome(fax);
      expect(settled).toMatchObject({ status: "failed", attempts: 1, failure: { retryable: true } });
      // 120 s for the call and 90 s for its page, not the 300 s that the far end would stay.
      expect(Date.now() - started).toBeGreaterThan(200_000);
      expect(settled.needsReview).toBeUndefined();
    });

    it("cancels while it rings", async () => {
      const to = labNumbers.ringing;
      const fax = await send(to, await small());
      const channel = await channelOf(fax);
      await house.event(
        ({ Event, DialStatus, DestUniqueid }) =>
          Event === "DialState" && DialStatus === "RINGING" && DestUniqueid === channel,
      );
      await sleep(1_000);
      await main.faxbot.cancel(fax.id);
      expect(await main.outcome(fax)).toMatchObject({ status: "canceled", attempts: 1 });
      expect(await house.lab.calls(to)).toBe(1);
    });

    it("cancels while it sends", async () => {
      const to = "+15555552020";
      const fax = await send(to, await faxTiff("canceled", 4, { resolution: "fine" }));
      const channel = await channelOf(fax);
      await house.event(
        ({ Event, Status, Uniqueid }) =>
          Event === "FAXStatus" && Status === "FAX Transmission In Progress" && Uniqueid === channel,
      );
      await sleep(3_000);
      await main.faxbot.cancel(fax.id);
      expect(await main.outcome(fax)).toMatchObject({ status: "canceled", attempts: 1 });
      expect(await house.lab.calls(to)).toBe(1);
    });

    it("keeps the pages of a caller who hangs up in the middle of the next one", async () => {
      const own = await openLabHouse();
      try {
        const library = await own.open();
        const tiff = await faxTiff("partial", 4, { resolution: "fine" });
        const to = "+15555552040";
        const caller = '"Caller" <+15555550177>';
        const channel = await own.callIn({ to, callerId: caller, station: "+1 555 555 0177", tiff });
        // A page is written once all of it is there.
        while (!(await sizesIn(own.lab.spoolIn)).some((size) => size > 1_000)) await sleep(100);
        await sleep(2_000);
        await own.lab.console.action("Hangup", { Channel: channel });
        const received = await library.received(to);
        expect(received).toMatchObject({ status: "received", partial: true, from: "+15555550177" });
        const pictures = await picturesOfPdf(await library.pdf(received));
        const sent = await picturesOfTiff(tiff);
        expect(pictures.length).toBeGreaterThan(0);
        expect(pictures.length).toBeLessThan(sent.length);
        expect(pictures).toEqual(sent.slice(0, pictures.length));
      } finally {
        await own.close();
      }
    });

    it("hears of received faxes by HTTP from the dialplan, and brings each in once", async () => {
      const to = "+15555552030";
      const fax = await send(to, await small());
      await main.outcome(fax);
      await main.received(to);
      expect(main.hints.length).toBeGreaterThan(0);
      expect(main.hints.every((status) => status < 300)).toBe(true);
      await sleep(5_000);
      const all = (await main.inbox.list({ limit: 1_000 })).items.filter((each) => each.to === to);
      expect(all).toHaveLength(1);
    });
  },
);

async function sizesIn(folder: string): Promise<number[]> {
  const names = await readdir(folder);
  return Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
}
