import { capturingLogger, sendJob, transportCall } from "@faxbot/testing";
import { describeSettingsTable, recordingServer } from "@faxbot/testing/vitest";
import { describe, expect, test } from "vitest";
import { sinch, sinchManifest, sinchSettings } from "../src/index.ts";

const required = { projectId: "p", apiKey: "key", apiSecret: "secret" };
const env = { SINCH_PROJECT_ID: "p", SINCH_API_KEY: "key", SINCH_API_SECRET: "very-secret" };

describe("settings", () => {
  test("have Faxbot's defaults", () => {
    expect(sinchSettings.parse(required)).toEqual({
      ...required,
      authMethod: "basic",
      region: "global",
      authUrl: "https://auth.sinch.com",
      verifySignature: true,
    });
  });

  test.each([
    ["an unknown field", { apiToken: "x" }, "unknown field apiToken"],
    ["an unknown region", { region: "us" }, "region: must be one of global"],
    ["a user without a password", { webhookUser: "u" }, "webhookPass"],
    ["a password without a user", { webhookPass: "very-secret" }, "webhookPass"],
    ["a user with a colon", { webhookUser: "a:b", webhookPass: "very-secret" }, "webhookUser"],
    ["an old password alone", { previousWebhookPass: "very-secret" }, "previousWebhookPass"],
    ["a sender that is no number", { from: "202-555-0123" }, "from"],
    ["http to another machine", { baseUrl: "http://fax.example.com" }, "https"],
    ["http for the token server", { authMethod: "oauth2", authUrl: "http://auth.example.com" }, "https"],
    ["an empty secret", { apiSecret: "" }, "apiSecret"],
  ])("%s is refused, without its value", (_, more, message) => {
    const make = () => sinch({ ...required, ...(more as object) });
    expect(make).toThrow(
      expect.objectContaining({ code: "config_invalid", message: expect.stringContaining(message) }),
    );
    expect(make).not.toThrow("very-secret");
  });

  test("a missing variable is named, values are not", () => {
    expect(() => sinch.fromEnv({ ...env, SINCH_PROJECT_ID: " " })).toThrow("SINCH_PROJECT_ID: is missing");
    expect(() => sinch.fromEnv({ ...env, SINCH_AUTH_METHOD: "very-secret" })).toThrow("SINCH_AUTH_METHOD");
    expect(() => sinch.fromEnv({ ...env, SINCH_AUTH_METHOD: "very-secret" })).not.toThrow("very-secret");
  });

  test("everything can come from the environment", async () => {
    const { url, requests } = await recordingServer(() => ({ json: { id: "a", status: "QUEUED" } }));
    const transport = sinch.fromEnv({
      ...env,
      SINCH_BASE_URL: `${url}/v3/`,
      SINCH_SERVICE_ID: "svc",
      SINCH_FROM_NUMBER: "+12025550199",
      SINCH_INBOUND_BASIC_USER: "u",
      SINCH_INBOUND_BASIC_PASS: "p",
      SINCH_INBOUND_VERIFY_SIGNATURE: "true",
    });
    await transport.send(sendJob(), transportCall());
    expect(requests[0]?.target).toBe("/v3/projects/p/faxes");
    expect(requests[0]?.body).toContain("+12025550199");
    expect(requests[0]?.body).toContain('name="serviceId"\r\n\r\nsvc\r\n');
  });

  test("the region chooses the host", async () => {
    const hosts: string[] = [];
    const fetch = (url: string) => {
      hosts.push(new URL(url).origin);
      return Promise.resolve(Response.json({ id: "a" }));
    };
    const call = transportCall({ fetch: fetch as typeof globalThis.fetch });
    for (const region of ["global", "eu1"] as const)
      await sinch({ ...required, region }).getStatus("a", call);
    expect(hosts).toEqual(["https://fax.api.sinch.com", "https://eu1.fax.api.sinch.com"]);
  });
});

describe("Phaxio's key in place of Sinch's", () => {
  const phaxio = { PHAXIO_API_KEY: "pk", PHAXIO_API_SECRET: "ps" };

  test("is taken only as a pair, and said once in the log", async () => {
    const { url, requests } = await recordingServer(() => ({ json: { faxes: [] } }));
    const transport = sinch.fromEnv({
      SINCH_PROJECT_ID: "p",
      SINCH_BASE_URL: url,
      SINCH_INBOUND_BASIC_USER: "u",
      SINCH_INBOUND_BASIC_PASS: "p",
      ...phaxio,
    });
    const logger = capturingLogger();
    await transport.checkHealth(transportCall({ logger }));
    await transport.checkHealth(transportCall({ logger }));
    expect(requests[0]?.headers.authorization).toBe(`Basic ${Buffer.from("pk:ps").toString("base64")}`);
    const warnings = logger.lines.filter((line) => line.level === "warn");
    expect(warnings.map((line) => line.message)).toEqual([
      "SINCH_API_KEY and SINCH_API_SECRET are not set: PHAXIO_API_KEY and PHAXIO_API_SECRET are used",
    ]);
    expect(logger.text()).not.toContain('"ps"');
  });

  test("is not mixed with Sinch's own, and the project never has a stand-in", () => {
    expect(() => sinch.fromEnv({ SINCH_PROJECT_ID: "p", SINCH_API_KEY: "k", ...phaxio })).toThrow(
      "SINCH_API_SECRET",
    );
    expect(() => sinch.fromEnv({ SINCH_PROJECT_ID: "p", PHAXIO_API_KEY: "k" })).toThrow("SINCH_API_KEY");
    expect(() => sinch.fromEnv(phaxio)).toThrow("SINCH_PROJECT_ID");
  });
});

test("the manifest changes only where verification is switched off", () => {
  const webhook = { webhookUser: "u", webhookPass: "p" };
  expect(sinch({ ...required, ...webhook }).manifest).toBe(sinchManifest);
  const open = sinch({ ...required, verifySignature: false }).manifest;
  expect(open).toEqual({
    ...sinchManifest,
    webhook: { paths: ["/callbacks/sinch", "/sinch-inbound"], verification: "none" },
  });
});

describeSettingsTable(new URL("../README.md", import.meta.url), sinchSettings);
