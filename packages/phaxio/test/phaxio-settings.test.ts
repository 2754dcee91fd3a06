import { capturingLogger, sendJob, transportCall } from "@faxbot/testing";
import { describeSettingsTable, recordingServer } from "@faxbot/testing/vitest";
import { describe, expect, test } from "vitest";
import { phaxio, phaxioManifest, phaxioSettings } from "../src/index.ts";

const required = { apiKey: "key", apiSecret: "secret" };
const env = { PHAXIO_API_KEY: "key", PHAXIO_API_SECRET: "very-secret" };

describe("settings", () => {
  test("have Faxbot's defaults", () => {
    expect(phaxioSettings.parse(required)).toEqual({
      ...required,
      verifySignature: true,
      inboundVerifySignature: true,
      signatureMode: "hmac-sha1",
      baseUrl: "https://api.phaxio.com",
    });
  });

  test.each([
    ["an unknown field", { apiToken: "x" }, "unknown field apiToken"],
    ["an unknown mode", { signatureMode: "none" }, "signatureMode: must be one of hmac-sha1"],
    ["a key with a colon", { apiKey: "very:secret" }, "apiKey"],
    ["an empty secret", { apiSecret: "" }, "apiSecret"],
    ["an empty callback token", { callbackToken: "" }, "callbackToken"],
    ["an old token alone", { previousCallbackToken: "very-secret" }, "previousCallbackToken"],
    ["a callback URL that is none", { callbackUrl: "mailto:very-secret@example.com" }, "callbackUrl"],
    ["a callback URL with a fragment", { callbackUrl: "https://a.example/#very-secret" }, "callbackUrl"],
    ["a sender that is no number", { from: "202-555-0123" }, "from"],
    ["http to another machine", { baseUrl: "http://fax.example.com" }, "https"],
  ])("%s is refused, without its value", (_, more, message) => {
    const make = () => phaxio({ ...required, ...(more as object) });
    expect(make).toThrow(
      expect.objectContaining({ code: "config_invalid", message: expect.stringContaining(message) }),
    );
    expect(make).not.toThrow(/very.secret/);
  });

  test("a missing variable is named, values are not", () => {
    expect(() => phaxio.fromEnv({ ...env, PHAXIO_API_KEY: " " })).toThrow("PHAXIO_API_KEY: is missing");
    const wrong = () => phaxio.fromEnv({ ...env, PHAXIO_SIGNATURE_MODE: "very-secret" });
    expect(wrong).toThrow("PHAXIO_SIGNATURE_MODE");
    expect(wrong).not.toThrow("very-secret");
  });

  test("everything can come from the environment", async () => {
    const { url, requests } = await recordingServer(() => ({ json: { success: true, data: { id: 1 } } }));
    const transport = phaxio.fromEnv({
      ...env,
      PHAXIO_CALLBACK_TOKEN: "t",
      PHAXIO_PREVIOUS_CALLBACK_TOKEN: "u",
      PHAXIO_CALLBACK_URL: "https://hooks.example.com/phaxio-callback",
      PHAXIO_VERIFY_SIGNATURE: "true",
      PHAXIO_INBOUND_VERIFY_SIGNATURE: "1",
      PHAXIO_SIGNATURE_MODE: "hmac-sha1",
      PHAXIO_FROM_NUMBER: "+12025550199",
      PHAXIO_BASE_URL: `${url}/v2.1/`,
    });
    await transport.send(sendJob(), transportCall());
    expect(requests[0]?.target).toBe("/v2.1/faxes");
    expect(requests[0]?.body).toContain('name="caller_id"\r\n\r\n+12025550199\r\n');
    expect(requests[0]?.body).toContain(
      'name="callback_url"\r\n\r\nhttps://hooks.example.com/phaxio-callback\r\n',
    );
  });

  test("the API is v2.1, whatever stands at the end of the base URL", async () => {
    const urls: string[] = [];
    const fetch = (url: string) => {
      urls.push(url);
      return Promise.resolve(Response.json({ success: true, data: { id: 7 } }));
    };
    const call = transportCall({ fetch: fetch as typeof globalThis.fetch });
    for (const baseUrl of [undefined, "https://api.phaxio.com/v2", "https://api.phaxio.com/v2.1/"]) {
      await phaxio({ ...required, ...(baseUrl ? { baseUrl } : {}) }).getStatus("7", call);
    }
    expect(new Set(urls)).toEqual(new Set(["https://api.phaxio.com/v2.1/faxes/7"]));
  });
});

describe("what the log says once", () => {
  const warningsOf = async (more: object) => {
    const logger = capturingLogger();
    const { url } = await recordingServer(() => ({ json: { success: true, data: {} } }));
    const transport = phaxio({ ...required, baseUrl: url, ...more });
    await transport.checkHealth(transportCall({ logger }));
    await transport.checkHealth(transportCall({ logger }));
    return logger.lines.filter((line) => line.level === "warn").map((line) => line.message);
  };

  test.each([
    [{ callbackToken: "t" }, []],
    [{}, [expect.stringContaining("webhooks are refused and faxes are polled")]],
    [{ callbackToken: "t", verifySignature: false }, [expect.stringContaining("PHAXIO_VERIFY_SIGNATURE")]],
    [
      { callbackToken: "t", inboundVerifySignature: false },
      [expect.stringContaining("PHAXIO_INBOUND_VERIFY_SIGNATURE")],
    ],
    [{ signatureMode: "hmac-sha256-body" }, [expect.stringContaining("raw body")]],
  ])("%j", async (more, warnings) => {
    expect(await warningsOf(more)).toEqual(warnings);
  });
});

describe("the manifest", () => {
  test("is ready for HIPAA and lists the classic paths", () => {
    expect(phaxioManifest.traits).toMatchObject({ hipaa_compliant: true, baa_available: true });
    expect(phaxioManifest.webhook).toEqual({
      verification: "hmac_sha1",
      paths: ["/callbacks/phaxio", "/phaxio-callback", "/phaxio-inbound"],
      verifyHeader: "X-Phaxio-Signature",
    });
  });

  test("changes only with how webhooks are verified", () => {
    const paths = phaxioManifest.webhook?.paths;
    const webhookOf = (more: object) => {
      const { webhook, ...rest } = phaxio({ ...required, ...more }).manifest;
      expect({ ...rest, webhook: phaxioManifest.webhook }).toEqual(phaxioManifest);
      return webhook;
    };
    expect(phaxio(required).manifest).toBe(phaxioManifest);
    expect(webhookOf({ verifySignature: false })).toEqual({ paths, verification: "none" });
    expect(webhookOf({ inboundVerifySignature: false })).toEqual({ paths, verification: "none" });
    expect(webhookOf({ signatureMode: "hmac-sha256-body" })).toEqual({
      ...phaxioManifest.webhook,
      verification: "hmac_sha256",
    });
  });
});

describeSettingsTable(new URL("../README.md", import.meta.url), phaxioSettings);
