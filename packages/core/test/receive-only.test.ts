import { syntheticNumber, syntheticPdf, testTransport } from "@faxbot/testing";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  createFaxbot,
  type Faxbot,
  FaxError,
  type FaxTransportV1,
  memoryBlobs,
  memoryStores,
  transportManifestSchema,
} from "../src/index.ts";

const document = syntheticPdf();
const to = syntheticNumber(50);
const running: Faxbot[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((faxbot) => faxbot.stop()));
});

/** A source of received faxes: it has a `send`, because every transport has, and that refuses. */
function source(id: string): FaxTransportV1 & { send: ReturnType<typeof vi.fn<FaxTransportV1["send"]>> } {
  const transport = testTransport();
  const { manifest } = transport;
  const send = vi.fn<FaxTransportV1["send"]>(() =>
    Promise.reject(new FaxError("unsupported", "this transport receives only")),
  );
  return {
    specVersion: "v1",
    id,
    manifest: {
      ...manifest,
      capabilities: ["run"],
      webhook: undefined,
      lookup: { authoritative: false, settleMs: 0 },
      traits: { ...manifest.traits, send_fax: false, status_callback: false, cancel_supported: false },
    },
    send,
    checkHealth: (call) => transport.checkHealth(call),
    run: async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    },
  };
}

function house(transports: FaxTransportV1[]): Faxbot {
  const faxbot = createFaxbot({
    transports,
    stores: memoryStores(),
    blobs: memoryBlobs(),
    delivery: { pollMs: 10 },
  });
  running.push(faxbot);
  return faxbot;
}

describe("a transport that only receives", () => {
  it("is never the default for sending, though it stands first", async () => {
    const first = source("mail");
    const faxbot = house([first, testTransport({ delayMs: 0 })]);
    await faxbot.start();
    const { id, transportId } = await faxbot.send({ to, document });
    expect(transportId).toBe("test");
    await vi.waitFor(async () => expect((await faxbot.get(id)).status).toBe("delivered"), 5_000);
    expect(first.send).not.toHaveBeenCalled();
  });

  it("is never what a failed fax goes to next", async () => {
    const mail = source("mail");
    const broken = testTransport({ delayMs: 0, outcomes: {}, outcome: "account" });
    const faxbot = house([broken, mail]);
    await faxbot.start();
    const { id } = await faxbot.send({ to, document });
    await vi.waitFor(async () => expect((await faxbot.get(id)).status).toBe("failed"), 5_000);
    expect(await faxbot.attempts(id)).toMatchObject([{ transportId: "test" }]);
    expect(mail.send).not.toHaveBeenCalled();
  });

  it("refuses a fax that asks for it, and so does a house without another", async () => {
    const faxbot = house([source("mail")]);
    await expect(faxbot.send({ to, document, transport: "mail" })).rejects.toMatchObject({
      code: "unsupported",
    });
    await expect(faxbot.send({ to, document })).rejects.toMatchObject({ code: "unsupported" });
  });

  it("says so in its manifest by capability and trait, both or neither", () => {
    const { manifest } = source("mail");
    const fits = (changes: object) => transportManifestSchema.safeParse({ ...manifest, ...changes }).success;
    expect(fits({})).toBe(true);
    expect(fits({ capabilities: ["send", "run"] })).toBe(false);
    expect(fits({ traits: { ...manifest.traits, send_fax: true } })).toBe(false);
    expect(fits({ capabilities: ["get_status"] })).toBe(false);
    expect(() => house([{ ...source("mail"), send: undefined as never }])).toThrow("it has no send()");
  });
});
