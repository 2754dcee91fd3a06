import { capturingLogger, transportCall } from "@faxbot/testing";
import { describeSettingsTable, recordingServer } from "@faxbot/testing/vitest";
import { describe, expect, test } from "vitest";
import { signalwire, signalwireManifest, signalwireSettings } from "../src/index.ts";

const required = { spaceUrl: "example", projectId: "p-1", apiToken: "very-secret", from: "+12025550123" };
const env = {
  SIGNALWIRE_SPACE_URL: "example",
  SIGNALWIRE_PROJECT_ID: "p-1",
  SIGNALWIRE_API_TOKEN: "very-secret",
  SIGNALWIRE_FAX_FROM_E164: "+12025550123",
};

describe("settings", () => {
  test("have few defaults", () => {
    expect(signalwireSettings.parse(required)).toEqual({
      ...required,
      verifySignature: true,
      inboundPollSeconds: 300,
      receivePageSize: "letter",
    });
  });

  test.each([
    ["an unknown field", { apiKey: "x" }, "unknown field apiKey"],
    ["a project id that could leave its path", { projectId: "p/../q" }, "projectId"],
    ["a sender that is no number", { from: "202-555-0123" }, "from"],
    ["no sender", { from: undefined }, "from"],
    ["a user without a password", { webhookUser: "u" }, "webhookPass"],
    ["a password without a user", { webhookPass: "very-secret" }, "webhookPass"],
    ["a user with a colon", { webhookUser: "a:b", webhookPass: "very-secret" }, "webhookUser"],
    ["an old key alone", { previousSigningKey: "very-secret" }, "previousSigningKey"],
    ["an old password alone", { previousWebhookPass: "very-secret" }, "previousWebhookPass"],
    [
      "an old user alone",
      { webhookUser: "u", webhookPass: "very-secret", previousWebhookUser: "v" },
      "previousWebhookUser",
    ],
    ["an empty key", { signingKey: "" }, "signingKey"],
    ["an empty token", { apiToken: "" }, "apiToken"],
    ["an empty password", { webhookUser: "u", webhookPass: "" }, "webhookPass"],
    ["a number that is none", { inboundNumbers: ["1"] }, "inboundNumbers"],
    ["a poll before now", { inboundPollSeconds: -1 }, "inboundPollSeconds"],
  ])("%s is refused, without its value", (_, more, message) => {
    const make = () => signalwire({ ...required, ...(more as object) });
    expect(make).toThrow(
      expect.objectContaining({ code: "config_invalid", message: expect.stringContaining(message) }),
    );
    expect(make).not.toThrow("very-secret");
  });

  test.each([
    "",
    "http://example.signalwire.com",
    "https://user:very-secret@example.signalwire.com",
    "https://example.signalwire.com/api/laml",
    "https://example.signalwire.com?x",
    "ftp://example.signalwire.com",
    "two words",
    "https://",
  ])("%j is no space", (spaceUrl) => {
    const make = () => signalwire({ ...required, spaceUrl });
    expect(make).toThrow(expect.objectContaining({ code: "config_invalid" }));
    expect(make).not.toThrow("very-secret");
  });

  test.each([
    "example",
    "Example",
    "example.signalwire.com",
    "EXAMPLE.signalwire.com",
    "https://example.signalwire.com",
    "https://example.signalwire.com/",
    " https://example.signalwire.com ",
  ])("%j is the same space", async (spaceUrl) => {
    const urls: string[] = [];
    const fetch = (url: string) => {
      urls.push(url);
      return Promise.resolve(Response.json({ sid: "a", status: "queued" }));
    };
    const call = transportCall({ fetch: fetch as typeof globalThis.fetch });
    await signalwire({ ...required, spaceUrl }).getStatus("a", call);
    expect(urls).toEqual(["https://example.signalwire.com/api/laml/2010-04-01/Accounts/p-1/Faxes/a"]);
  });

  test("a missing variable is named, values are not", () => {
    expect(() => signalwire.fromEnv({ ...env, SIGNALWIRE_PROJECT_ID: " " })).toThrow(
      "SIGNALWIRE_PROJECT_ID: is missing",
    );
    const wrong = { ...env, SIGNALWIRE_SPACE_URL: "http://very-secret.example" };
    expect(() => signalwire.fromEnv(wrong)).toThrow("SIGNALWIRE_SPACE_URL");
    expect(() => signalwire.fromEnv(wrong)).not.toThrow("very-secret");
  });

  test("everything can come from the environment", async () => {
    const { url, requests } = await recordingServer(() => ({ json: { faxes: [] } }));
    const transport = signalwire.fromEnv({
      ...env,
      SIGNALWIRE_SPACE_URL: url,
      SIGNALWIRE_WEBHOOK_SIGNING_KEY: "PSK1",
      SIGNALWIRE_WEBHOOK_PREVIOUS_SIGNING_KEY: "PSK0",
      SIGNALWIRE_WEBHOOK_USER: "u",
      SIGNALWIRE_WEBHOOK_PASS: "p",
      SIGNALWIRE_WEBHOOK_PREVIOUS_USER: "v",
      SIGNALWIRE_WEBHOOK_PREVIOUS_PASS: "q",
      SIGNALWIRE_VERIFY_SIGNATURE: "true",
      SIGNALWIRE_INBOUND_NUMBERS: "+12025550123, +12025550124",
      SIGNALWIRE_INBOUND_POLL_SECONDS: "60",
      SIGNALWIRE_RECEIVE_PAGE_SIZE: "a4",
    });
    expect(await transport.checkHealth(transportCall())).toMatchObject({ status: "healthy" });
    expect(requests[0]).toMatchObject({
      method: "GET",
      target: "/api/laml/2010-04-01/Accounts/p-1/Faxes?PageSize=1",
    });
    expect(requests[0]?.headers.authorization).toBe(
      `Basic ${Buffer.from("p-1:very-secret").toString("base64")}`,
    );
  });
});

test("what a webhook proves stands in the manifest", () => {
  const { webhook } = signalwireManifest;
  const of = (more: object) => signalwire({ ...required, ...more }).manifest;
  const basic = { webhookUser: "u", webhookPass: "p" };
  expect(of({})).toBe(signalwireManifest);
  expect(of({ signingKey: "k" })).toBe(signalwireManifest);
  expect(of({ signingKey: "k", ...basic })).toBe(signalwireManifest);
  expect(of(basic).webhook).toEqual({
    ...webhook,
    verification: "basic_auth",
    verifyHeader: "Authorization",
  });
  expect(of({ signingKey: "k", verifySignature: false }).webhook).toEqual({
    paths: webhook?.paths,
    verification: "none",
  });
});

test("what is odd is said once in the log", async () => {
  const { url } = await recordingServer(() => ({ json: { faxes: [] } }));
  for (const [more, warning] of [
    [{ verifySignature: false }, "only hints"],
    [{}, "webhooks are refused and faxes are polled"],
    [{ signingKey: "k" }, undefined],
    [{ webhookUser: "u", webhookPass: "p" }, undefined],
  ] as const) {
    const logger = capturingLogger();
    const transport = signalwire({ ...required, spaceUrl: url, ...more });
    await transport.checkHealth(transportCall({ logger }));
    await transport.checkHealth(transportCall({ logger }));
    const warnings = logger.lines.filter(({ level }) => level === "warn").map(({ message }) => message);
    expect(warnings).toEqual(warning === undefined ? [] : [expect.stringContaining(warning)]);
  }
});

describeSettingsTable(new URL("../README.md", import.meta.url), signalwireSettings);
