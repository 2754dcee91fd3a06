import { rm } from "node:fs/promises";
import { parseSettings } from "@faxbot/core/transport";
import { type EslEmulator, startEslEmulator, syntheticNumber, type TransportPeer } from "@faxbot/testing";
import { describeTransport } from "@faxbot/testing/vitest";
import { outboundResultPath } from "../src/freeswitch-manifest.ts";
import { freeswitchSettings } from "../src/freeswitch-settings.ts";
import { makeTransport } from "../src/freeswitch-transport.ts";
import { freeswitch } from "../src/index.ts";
import { exchangeSettings, newFolder, quickTiming } from "./exchange-folders.ts";
import { faxTiff } from "./fax-tiff.ts";

const to = syntheticNumber(50);
const secret = "synthetic-internal-secret";

interface Peer extends TransportPeer {
  readonly emulator: EslEmulator;
  readonly settings: object;
}

function connected(settings: object) {
  return makeTransport("freeswitch", parseSettings("freeswitch", freeswitchSettings, settings), {
    ...quickTiming,
    replyMs: 1_500,
  });
}

describeTransport<Peer>("freeswitch", {
  manifest: freeswitch.manifest,
  to,
  document: (text) => faxTiff(2, text),
  create: async () => {
    const emulator = await startEslEmulator({ completeAfterMs: 40 });
    const spoolOut = await newFolder("out");
    const settings = {
      ...exchangeSettings({ spoolOut, spoolIn: emulator.spoolIn }),
      port: emulator.port,
      password: emulator.password,
      inboundSecret: secret,
    };
    return {
      emulator,
      settings,
      transport: connected(settings),
      faxesTaken: () => emulator.faxes.length,
      secrets: [emulator.password, secret],
      stop: async () => {
        await emulator.stop();
        await rm(spoolOut, { recursive: true, force: true });
      },
    };
  },
  scenarios: {
    accepted: () => {},
    busy: ({ emulator }) => emulator.script(to.slice(1), "busy"),
    unauthorized: ({ settings }) => connected({ ...settings, password: "another-password" }),
    rateLimited: { impossible: "the event socket limits no rates" },
    unavailable: ({ emulator }) => emulator.refuseConnections(),
    hangs: ({ emulator }) => {
      for (const operation of ["originate", "status", "sofia", "uuid_exists"] as const) {
        emulator.fault({ operation, kind: "hang", times: Number.POSITIVE_INFINITY });
      }
    },
    malformedReply: ({ emulator }) => void emulator.fault({ operation: "originate", kind: "garbage" }),
    unmappedStatus: { impossible: "a fax was sent or it was not; there is no third word" },
    responseLost: ({ emulator }) => {
      emulator.completeAfterMs = Number.POSITIVE_INFINITY;
      emulator.fault({ operation: "originate", kind: "reset_after" });
    },
    serverError: { impossible: "FreeSWITCH answers an order before it carries it out" },
    redirect: { impossible: "the event socket knows no redirects" },
    statusWebhook: async (_, { url, sent }) => {
      const fields = { uuid: sent.providerId, fax_status: "1", fax_document_transferred_pages: 2 };
      await fetch(new URL(outboundResultPath, url), {
        method: "POST",
        headers: { "x-internal-secret": secret, "content-type": "application/json" },
        body: JSON.stringify({ job_id: "", ...fields }),
      });
    },
    receivedWebhook: ({ emulator }, url) => {
      emulator.inboundHook = { url, secret, header: "X-Internal-Secret" };
      emulator.receiveFax({ from: syntheticNumber(51), to: syntheticNumber(52) });
    },
    statusByRun: () => {},
    unfinished: ({ emulator }) => {
      emulator.completeAfterMs = Number.POSITIVE_INFINITY;
    },
    receivedByRun: ({ emulator }) =>
      void emulator.receiveFax({ from: syntheticNumber(51), to: syntheticNumber(52) }),
  },
});
