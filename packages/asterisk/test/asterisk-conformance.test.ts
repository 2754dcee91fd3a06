import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { documentFromBytes } from "@faxbot/core/transport";
import {
  type AmiEmulator,
  faxbotDialplan,
  startAmiEmulator,
  syntheticFaxTiff,
  syntheticNumber,
  type TransportPeer,
} from "@faxbot/testing";
import { describeTransport } from "@faxbot/testing/vitest";
import { asterisk } from "../src/index.ts";
import { type Bench, openBench } from "./asterisk-bench.ts";

const to = syntheticNumber(50);

interface AsteriskPeer extends TransportPeer {
  readonly emulator: AmiEmulator;
  readonly bench: Bench;
  /** What the dialplan says of sessions, in place of the truth. */
  word: string | undefined;
}

describeTransport<AsteriskPeer>("asterisk", {
  manifest: asterisk.manifest,
  to,
  document: (text) =>
    documentFromBytes(syntheticFaxTiff({ pages: 2, text }), { mediaType: "image/tiff", fileName: "fax.tif" }),
  create: async () => {
    const told: { word: string | undefined } = { word: undefined };
    const emulator = await startAmiEmulator({
      completeAfterMs: 20,
      dialplan: {
        ...faxbotDialplan,
        sentEvent: (call, result) =>
          faxbotDialplan.sentEvent(call, { ...result, status: told.word ?? result.status }),
      },
    });
    // Asterisk's database has been in use for an hour.
    emulator.database.set("faxbot/since", String(Math.floor(Date.now() / 1_000) - 3_600));
    const bench = await openBench({ port: emulator.port, spoolIn: emulator.spoolIn });
    return {
      emulator,
      bench,
      transport: bench.transport,
      faxesTaken: () => emulator.faxes.length,
      secrets: [emulator.secret, "internal-secret-of-16"],
      get word() {
        return told.word;
      },
      set word(word) {
        told.word = word;
      },
      stop: async () => {
        await bench.close();
        await emulator.stop();
      },
    };
  },
  scenarios: {
    accepted: () => {},
    busy: ({ emulator }) => emulator.script(to.slice(1), "busy"),
    unauthorized: ({ emulator, bench }) =>
      asterisk({
        host: "127.0.0.1",
        port: emulator.port,
        username: emulator.username,
        password: "another-password",
        trunk: "trunk",
        spoolOut: join(bench.folder, "out"),
      }),
    rateLimited: { impossible: "the manager interface limits no rates" },
    unavailable: ({ emulator }) => emulator.refuseConnections(),
    hangs: ({ emulator }) => {
      emulator.fault({ operation: "originate", kind: "hang", times: Number.POSITIVE_INFINITY });
      emulator.fault({ operation: "coreShowChannels", kind: "hang", times: Number.POSITIVE_INFINITY });
    },
    malformedReply: ({ emulator }) => void emulator.fault({ operation: "originate", kind: "garbage" }),
    unmappedStatus: (peer) => {
      peer.word = "MAYBE";
    },
    responseLost: ({ emulator }) => void emulator.fault({ operation: "originate", kind: "reset_after" }),
    serverError: { impossible: "Asterisk answers before it dials: its errors prove that it did not" },
    redirect: { impossible: "the manager interface knows no redirects" },
    statusWebhook: { impossible: "results come over the manager interface" },
    receivedWebhook: async ({ emulator }, url) => {
      const id = randomUUID();
      await writeFile(join(emulator.spoolIn, `${id}.tif`), syntheticFaxTiff({ pages: 2 }));
      await fetch(url, {
        method: "POST",
        headers: { "x-internal-secret": "internal-secret-of-16" },
        body: new URLSearchParams({
          id,
          from: "+13125550177",
          to: "+12125550100",
          status: "SUCCESS",
          pages: "2",
        }),
      });
    },
    statusByRun: () => {},
    unfinished: ({ emulator }) => {
      emulator.pauseAt = "transferring";
    },
    receivedByRun: ({ emulator }) => void emulator.receiveFax({ from: "+13125550177", to: "+12125550100" }),
  },
});
