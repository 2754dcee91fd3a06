import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { asterisk } from "@faxbot/asterisk";
import {
  createFaxbot,
  type DeliveryOptions,
  type Fax,
  type Faxbot,
  failureReasons,
  type InboundFax,
  type Inbox,
  memoryBlobs,
  memoryStores,
} from "@faxbot/core";
import { documents } from "@faxbot/documents";
import { faxbotApi } from "@faxbot/http";
import { toNode } from "@faxbot/http/node";
import { createInbox } from "@faxbot/inbound";
import type { AmiFields } from "../../scripts/lab/asterisk-console.ts";
import { type AsteriskLab, startAsteriskLab } from "../../scripts/lab/asterisk-lab.ts";

/** What a host's Asterisk settings are in the lab. */
export type LabSettings = Parameters<typeof asterisk>[0];

/** A library at work on the lab's Asterisk, with everything in memory. */
export interface LabFaxbot {
  faxbot: Faxbot;
  inbox: Inbox;
  /** What the library answered to the dialplan's words that a fax has come in. */
  hints: number[];
  /** Waits for the fax's last word. */
  outcome(fax: Fax): Promise<Fax>;
  /** Waits for a received fax by the number that it was sent to. */
  received(to: string): Promise<InboundFax>;
  /** The PDF of a received fax. */
  pdf(fax: InboundFax): Promise<Uint8Array>;
}

/** An Asterisk, and libraries that use it. */
export interface LabHouse {
  lab: AsteriskLab;
  settings: LabSettings;
  /** Starts one more library. The first one is told by the dialplan when a fax comes in. */
  open(settings?: Partial<LabSettings>): Promise<LabFaxbot>;
  /** Waits up to two minutes for an event of Asterisk's that is so, also one that is past. */
  event(is: (event: AmiFields) => boolean): Promise<AmiFields>;
  /**
   * Has a stranger call a number and send a fax. His texts are taken as they are.
   *
   * @returns his channel's id
   */
  callIn(call: { to: string; callerId: string; station: string; tiff: Uint8Array }): Promise<string>;
  close(): Promise<void>;
}

const never = { retries: 0 };
/** A failed call is a failed fax: what is looked at here is one call. */
const once: DeliveryOptions = {
  retry: Object.fromEntries(failureReasons.map((reason) => [reason, never])),
  statusPollMs: 2_000,
};

/** Starts an Asterisk for one file of tests. */
export async function openLabHouse(): Promise<LabHouse> {
  let listener: RequestListener | undefined;
  const server = createServer((request, response) => {
    if (listener) listener(request, response);
    else response.writeHead(503).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const lab = await startAsteriskLab({ inboundUrl: `${url}/_internal/asterisk/inbound` });
  const settings: LabSettings = {
    host: "127.0.0.1",
    port: lab.ports.ami,
    username: "faxbot",
    password: lab.secrets.ami,
    trunk: "trunk",
    dialPrefix: "+",
    spoolIn: lab.spoolIn,
    spoolOut: lab.spoolOut,
    inboundSecret: lab.secrets.inbound,
    callerIdNumber: "+15555550100",
    maxCalls: 50,
    ringSeconds: 8,
  };
  const open: Faxbot[] = [];
  return {
    lab,
    settings,
    async open(own = {}) {
      const stores = memoryStores();
      const blobs = memoryBlobs();
      const engine = documents();
      const inbox = createInbox({ stores, blobs, documents: engine });
      const faxbot = createFaxbot({
        transports: [asterisk({ ...settings, ...own })],
        stores,
        blobs,
        documents: engine,
        // Two inboxes on one spool would take each other's files away.
        ...(open.length === 0 ? { inbox } : {}),
        delivery: once,
      });
      const hints: number[] = [];
      if (open.length === 0) {
        const api = toNode(faxbotApi({ faxbot, inbox, apiKey: "fbk_live_lab_key_that_nobody_uses_here" }));
        listener = (request, response) => {
          response.once("finish", () => hints.push(response.statusCode));
          api(request, response);
        };
      }
      open.push(faxbot);
      await faxbot.start();
      return labFaxbot(faxbot, inbox, hints);
    },
    async event(is) {
      const deadline = Date.now() + 120_000;
      for (let at = 0; Date.now() < deadline; ) {
        for (; at < lab.console.events.length; at += 1) {
          const event = lab.console.events[at];
          if (event && is(event)) return event;
        }
        await sleep(20);
      }
      throw new Error(`no such event of Asterisk came: ${is.toString()}`);
    },
    async callIn({ to, callerId, station, tiff }) {
      const id = `stranger-${randomUUID()}`;
      const file = join(lab.folder, "lib", `${id}.tif`);
      await writeFile(file, tiff);
      await lab.console.action("Originate", {
        Channel: `PJSIP/${to}@trunk`,
        ChannelId: id,
        Context: "lab-stranger",
        Exten: "send",
        Priority: "1",
        Async: "true",
        CallerID: callerId,
        Variable: `FILE=${file}\r\nVariable: STATION=${encodeURIComponent(station)}`,
      });
      return id;
    },
    async close() {
      await Promise.all(open.map((each) => each.stop({ timeoutMs: 5_000 })));
      await lab.stop();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function labFaxbot(faxbot: Faxbot, inbox: Inbox, hints: number[]): LabFaxbot {
  return {
    faxbot,
    inbox,
    hints,
    outcome: ({ id }) => faxbot.waitFor(id, { signal: AbortSignal.timeout(300_000) }),
    async received(to) {
      for (;;) {
        const found = (await inbox.list({ limit: 1_000 })).items.find((each) => each.to === to);
        if (found && found.status !== "receiving") return found;
        await sleep(50);
      }
    },
    async pdf({ id }) {
      const stream = await (await inbox.document(id)).open();
      return new Uint8Array(await new Response(stream as never).arrayBuffer());
    },
  };
}
