import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Fax } from "@faxbot/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { whyNoLab } from "../../scripts/lab/asterisk-root.ts";
import { labNumbers } from "../../scripts/lab/lab-config.ts";
import { faxTiff, picturesOfPdf, picturesOfTiff } from "./fax-pages.ts";
import { type LabFaxbot, type LabHouse, openLabHouse } from "./lab-house.ts";
import { inviteByHand } from "./sip-invite.ts";

const why = whyNoLab("pdfimages", "tiff2pdf");

describe.skipIf(why !== undefined)(
  `strangers at the telephone${why ? ` (no lab: ${why})` : ""}`,
  { concurrent: true, timeout: 300_000 },
  () => {
    let house: LabHouse;
    let library: LabFaxbot;
    let tiff: Uint8Array;

    beforeAll(async () => {
      house = await openLabHouse();
      library = await house.open();
      tiff = await faxTiff("attack", 1, { resolution: "standard" });
    }, 600_000);

    afterAll(async () => {
      await house?.close();
    });

    const send = (to: string, options: Record<string, unknown> = {}) =>
      library.faxbot.send({ to, document: tiff, options });

    const attemptOf = async (fax: Fax): Promise<string> => {
      const [attempt] = await library.faxbot.attempts(fax.id);
      return attempt?.id ?? "";
    };

    const callIn = (call: { to: string; callerId: string; station: string }) =>
      house.callIn({ ...call, tiff });

    it("an INVITE with whole events in the caller's number, about a fax that is on the line", async () => {
      const to = "+15555554001";
      const fax = await send(to);
      const attempt = await attemptOf(fax);
      const channel = `faxbot-${attempt}`;
      await house.event(({ Event, Uniqueid }) => Event === "FAXStatus" && Uniqueid === channel);
      // He even knows the random id. Asterisk keeps 79 characters of a caller's number.
      const events = {
        hangup: ["Event:Hangup", `Uniqueid:${channel}`],
        sent: ["Event:UserEvent", "UserEvent:FaxbotSent", "Status:FAILED"],
        received: ["Event:UserEvent", "UserEvent:FaxbotReceived", "InboundId:00000000"],
      };
      for (const [name, lines] of Object.entries(events)) {
        const number = ["1", "", ...lines, `F:${name}`].join("\r\n");
        expect(number.length).toBeLessThan(80);
        const user = encodeURIComponent(number);
        const call = { user, name: "Eve", to: "+15555554666" };
        expect(await inviteByHand(house.lab.ports.sip, call)).toContain(200);
        // The attack is real: who listens without filters gets an event of its own.
        expect(await house.event(({ F }) => F === name)).toHaveProperty("Event");
      }
      expect(await library.outcome(fax)).toMatchObject({ status: "delivered", pages: 1, attempts: 1 });
      expect(await house.lab.calls(to)).toBe(1);
    });

    it("a caller whose name and station id are arguments, and whose number is a command", async () => {
      const proof = join(house.lab.folder, "lib", "proof");
      await callIn({
        to: "+15555554002",
        callerId: `"x,Status: FAILED,InboundId: 00000000-0000-4000-8000-000000000000" <1&touch$\{IFS}${proof}&>`,
        station: "A\r\nB: 1,C: 2,Pages: 9",
      });
      // What he says of himself does arrive.
      const arrival = await house.event(
        ({ Event, Exten }) => Event === "Newchannel" && Exten === "+15555554002",
      );
      expect(arrival.CallerIDName).toContain("x,Status: FAILED,InboundId: ");
      expect(arrival.CallerIDNum).toContain("&touch");
      const received = await library.received("+15555554002");
      expect(received).toMatchObject({ status: "received", pages: 1, partial: false });
      expect(received.from ?? "").toMatch(/^(\+?[0-9]*)$/);
      expect(await picturesOfPdf(await library.pdf(received))).toEqual(await picturesOfTiff(tiff));
      expect(existsSync(proof)).toBe(false);
    });

    it("a caller whose station id is an event", async () => {
      await callIn({
        to: "+15555554003",
        callerId: '"Eve" <+15555550666>',
        station: "\r\n\r\nEvent: X\r\nA: tsi",
      });
      const received = await library.received("+15555554003");
      expect(received).toMatchObject({ status: "received", pages: 1, from: "+15555550666", partial: false });
      expect(await house.event(({ Event, A }) => Event === "X" && A === "tsi")).toBeDefined();
    });

    it("a dialled number that is an event", async () => {
      const lines = ["+15555554004", "", "Event: UserEvent", "UserEvent: FaxbotReceived", "F: number"];
      const to = encodeURIComponent(lines.join("\r\n"));
      const call = { user: "+15555550666", name: "x,Status: SUCCESS", to };
      expect(await inviteByHand(house.lab.ports.sip, call)).toContain(200);
      expect(await house.event(({ F }) => F === "number")).toHaveProperty("Event");
    });

    it("an answering machine whose station id is an event", async () => {
      const fax = await send(labNumbers.forger);
      expect(await library.outcome(fax)).toMatchObject({ status: "delivered", pages: 1, attempts: 1 });
      expect(await house.event(({ Event, A }) => Event === "X" && A === "b")).toBeDefined();
    });

    it("a user of ours whose header line is a program", async () => {
      const proof = join(house.lab.folder, "lib", "header-proof");
      const header = `\${SHELL(touch ${proof})}`.slice(0, 50);
      const fax = await send("+15555554005", { header_text: header, station_id: "+1 555" });
      expect(await library.outcome(fax)).toMatchObject({ status: "delivered", pages: 1 });
      expect(existsSync(proof)).toBe(false);
    });

    it("leaves no other trace: the events that changed something are those of real faxes", async () => {
      await library.received("+15555554002");
      await library.received("+15555554003");
      await library.received("+15555554001");
      await library.received("+15555554005");
      await sleep(3_000);
      const all = (await library.inbox.list({ limit: 1_000 })).items.map(({ to }) => to);
      expect(all).toHaveLength(4);
      expect(new Set(all)).toEqual(new Set(["+15555554001", "+15555554002", "+15555554003", "+15555554005"]));
      expect((await library.faxbot.deadEvents()).items).toEqual([]);
    });
  },
);
