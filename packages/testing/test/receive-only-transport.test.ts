import { createHash } from "node:crypto";
import { defineManifest, documentFromBytes, FaxError, type FaxTransportV1 } from "@faxbot/core/transport";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  checkTransport,
  receiveOnlyScenarios,
  syntheticPdf,
  type TransportCheckName,
  type TransportPeer,
  type TransportSuite,
} from "../src/index.ts";
import { describeTransport } from "../src/vitest/describe-transport.ts";

type Defect = "sends" | "throws_plain_errors" | "loses_mail" | "always_healthy" | "health_ignores_signal";

const manifest = defineManifest(
  {
    id: "letterbox",
    name: "Letterbox",
    version: "1.0.0",
    kind: "cloud",
    status: "experimental",
    description: "A box that faxes are put into, to test the conformance suite with.",
    capabilities: ["run"],
    accepts: ["application/pdf"],
    lookup: { authoritative: false, settleMs: 0 },
    redials: "none",
    definiteRejections: [],
    singleton: true,
    auth: { methods: ["basic"] },
    traits: { send_fax: false, status_callback: false, inbound_supported: true },
  },
  z.strictObject({}),
);

/** Where faxes lie until somebody took them. */
interface Box {
  mail: Uint8Array[];
  state: "open" | "locked" | "gone" | "deaf";
}

/** A transport that only receives, right in all but one respect. */
function letterbox(box: Box, defect?: Defect): FaxTransportV1 {
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  return {
    specVersion: "v1",
    id: "letterbox",
    manifest,
    async send() {
      if (defect === "sends") return { providerId: "1", status: "queued", providerStatus: "x" };
      if (defect === "throws_plain_errors") throw new TypeError("no");
      const failure = { reason: "rejected", retryable: false, providerCode: "receives_only" } as const;
      throw new FaxError("transport_rejected", "a letterbox sends no faxes", { failure });
    },
    async checkHealth({ signal }) {
      while (box.state === "deaf" && (defect === "health_ignores_signal" || !signal.aborted)) await pause(5);
      if (box.state === "open" || defect === "always_healthy") return { status: "healthy", message: "open" };
      return { status: "unhealthy", message: "closed" };
    },
    async run(host) {
      while (!host.signal.aborted) {
        const [bytes] = box.mail;
        if (bytes) {
          const key = createHash("sha256").update(bytes).digest("hex");
          const document = documentFromBytes(bytes, { mediaType: "application/pdf", fileName: "fax.pdf" });
          if (defect === "loses_mail") box.mail.shift();
          await host.emit({ type: "received", key, providerId: key, document });
          if (defect !== "loses_mail") box.mail.shift();
        }
        await pause(5);
      }
    },
  };
}

interface BoxPeer extends TransportPeer {
  box: Box;
}

function suite(defect?: Defect): TransportSuite<BoxPeer> {
  return {
    manifest,
    create() {
      const box: Box = { mail: [], state: "open" };
      const transport = letterbox(box, defect);
      return {
        box,
        transport,
        faxesTaken: () => 0,
        secrets: [],
        stop: async () => void Object.assign(box, { state: "open" }),
      };
    },
    patienceMs: defect ? 500 : 5_000,
    scenarios: {
      ...receiveOnlyScenarios,
      unauthorized: ({ box }) => void Object.assign(box, { state: "locked" }),
      unavailable: ({ box }) => void Object.assign(box, { state: "gone" }),
      hangs: ({ box }) => void Object.assign(box, { state: "deaf" }),
      receivedByRun: ({ box }) => void box.mail.push(syntheticPdf()),
    },
  };
}

describeTransport("letterbox", suite());

describe("a broken transport that only receives is caught", () => {
  test.each<[Defect, TransportCheckName, string]>([
    ["sends", "refusesToSend", "send succeeds where it should throw transport_rejected or unsupported"],
    [
      "throws_plain_errors",
      "refusesToSend",
      "send throws a TypeError, not a FaxError, instead of transport_rejected or unsupported",
    ],
    ["loses_mail", "receivedByRun", "a fax that the host could not store at first is lost"],
    ["always_healthy", "unauthorized", "checkHealth says healthy, not unhealthy"],
    ["always_healthy", "unavailable", "checkHealth says healthy, not unhealthy"],
    ["health_ignores_signal", "hangs", "checkHealth goes on after its signal was aborted"],
  ])("%s by %s", async (defect, check, sentence) => {
    expect(await checkTransport(suite(defect), check)).toContain(sentence);
  });

  test("receiving in no way at all", async () => {
    const mute = suite();
    mute.scenarios.receivedByRun = { impossible: "too much work" };
    expect(await checkTransport(mute, "manifest")).toEqual([
      "the scenario receivedByRun is declared impossible, but the manifest promises it",
    ]);
  });
});
