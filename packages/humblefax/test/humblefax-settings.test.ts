import { describeSettingsTable } from "@faxbot/testing/vitest";
import { describe, expect, test } from "vitest";
import {
  humblefax,
  humblefaxImapPreset,
  humblefaxMailboxFromEnv,
  humblefaxManifest,
  humblefaxSettings,
} from "../src/index.ts";

const required = { accessKey: "key", secretKey: "secret" };
const env = { HUMBLEFAX_ACCESS_KEY: "key", HUMBLEFAX_SECRET_KEY: "very-secret" };
const webhookToken = "0123456789abcdef0123456789abcdef";

describe("settings", () => {
  test("have Faxbot's defaults", () => {
    expect(humblefaxSettings.parse(required)).toEqual({
      ...required,
      baseUrl: "https://api.humblefax.com",
      sendMethod: "quick",
      inbound: false,
      pollSeconds: 60,
      webhookEnabled: false,
      verifySignature: true,
      imapEnabled: false,
      imapServer: "imap.gmail.com",
      imapPort: 993,
      imapPollInterval: 300,
    });
  });

  test.each([
    ["an unknown field", { apiToken: "x" }, "unknown field apiToken"],
    ["a key with a colon", { accessKey: "very-secret:b" }, "accessKey"],
    ["an empty secret", { secretKey: "" }, "secretKey"],
    ["a sender that is no number", { from: "202-555-0123" }, "from"],
    ["a sender elsewhere", { from: "+442071234567" }, "from"],
    ["http to another machine", { baseUrl: "http://fax.example.com" }, "https"],
    ["a webhook without a callback base", { webhookEnabled: true, webhookToken }, "callbackBase"],
    [
      "a webhook without a token",
      { webhookEnabled: true, callbackBase: "https://a.example" },
      "webhookToken",
    ],
    ["a token that can be guessed", { webhookToken: "very-secret" }, "webhookToken"],
    ["a token with a space", { webhookToken: `very-secret ${webhookToken}` }, "webhookToken"],
    ["an old token alone", { previousWebhookToken: webhookToken }, "previousWebhookToken"],
    ["an empty webhook secret", { webhookSecret: "" }, "webhookSecret"],
    ["an old webhook secret alone", { previousWebhookSecret: "very-secret" }, "previousWebhookSecret"],
    ["mail without a user", { imapEnabled: true, imapPassword: "very-secret" }, "imapUsername"],
    ["mail without a password", { imapEnabled: true, imapUsername: "a@example.com" }, "imapPassword"],
    ["mail without a server", { imapServer: "" }, "imapServer"],
    ["no pause between polls", { pollSeconds: 0 }, "pollSeconds"],
  ])("%s is refused, without its value", (_, more, message) => {
    const make = () => humblefax({ ...required, ...(more as object) });
    expect(make).toThrow(
      expect.objectContaining({ code: "config_invalid", message: expect.stringContaining(message) }),
    );
    expect(make).not.toThrow("very-secret");
  });

  test("a missing variable is named, values are not", () => {
    expect(() => humblefax.fromEnv({ ...env, HUMBLEFAX_ACCESS_KEY: " " })).toThrow("HUMBLEFAX_ACCESS_KEY");
    expect(() => humblefax.fromEnv({ ...env, HUMBLEFAX_WEBHOOK_TOKEN: "very-secret" })).toThrow(
      "HUMBLEFAX_WEBHOOK_TOKEN",
    );
    expect(() => humblefax.fromEnv({ ...env, HUMBLEFAX_WEBHOOK_TOKEN: "very-secret" })).not.toThrow(
      "very-secret",
    );
    expect(() => humblefax.fromEnv({ ...env, HUMBLEFAX_WEBHOOK_ENABLED: "true" })).toThrow(
      "HUMBLEFAX_CALLBACK_BASE",
    );
  });

  test("everything can come from the environment", () => {
    const transport = humblefax.fromEnv({
      ...env,
      HUMBLEFAX_BASE_URL: "https://api.humblefax.com/",
      HUMBLEFAX_FROM_NUMBER: "+12025550199",
      HUMBLEFAX_WEBHOOK_ENABLED: "true",
      HUMBLEFAX_WEBHOOK_TOKEN: webhookToken,
      HUMBLEFAX_WEBHOOK_SECRET: "s",
      HUMBLEFAX_CALLBACK_BASE: "https://fax.example.com/fax-api/",
      INBOUND_ENABLED: "true",
    });
    expect(transport.manifest.webhook?.verification).toBe("hmac_sha256");
  });
});

describe("the mailbox", () => {
  const mail = {
    INBOUND_ENABLED: "true",
    HUMBLEFAX_IMAP_ENABLED: "true",
    HUMBLEFAX_IMAP_USERNAME: "fax@example.com",
    HUMBLEFAX_IMAP_PASSWORD: "p",
  };

  test("has the classic defaults and HumbleFax's senders", () => {
    expect(humblefaxMailboxFromEnv({ ...env, ...mail })).toEqual({
      ...humblefaxImapPreset,
      user: "fax@example.com",
      pass: "p",
      pollSeconds: 300,
    });
    const own = { HUMBLEFAX_IMAP_SERVER: "mail.example.com", HUMBLEFAX_IMAP_PORT: "143" };
    expect(humblefaxMailboxFromEnv({ ...env, ...mail, ...own })).toMatchObject({
      host: "mail.example.com",
      port: 143,
    });
  });

  test("is there only when it is switched on", () => {
    expect(humblefaxMailboxFromEnv({ ...env, ...mail, HUMBLEFAX_IMAP_ENABLED: "false" })).toBeUndefined();
    expect(humblefaxMailboxFromEnv({ ...env, ...mail, INBOUND_ENABLED: "false" })).toBeUndefined();
    expect(() => humblefaxMailboxFromEnv({ ...env, HUMBLEFAX_IMAP_ENABLED: "true" })).toThrow(
      "HUMBLEFAX_IMAP_USERNAME",
    );
  });
});

test("the manifest says what a webhook proves", () => {
  expect(humblefax(required).manifest).toBe(humblefaxManifest);
  expect(humblefaxManifest.webhook?.verification).toBe("url_token");
  const { paths } = humblefaxManifest.webhook ?? {};
  expect(paths).toEqual(["/callbacks/humblefax", "/inbound/humblefax/webhook"]);
  expect(humblefax({ ...required, webhookSecret: "s" }).manifest.webhook).toEqual({
    paths,
    verification: "hmac_sha256",
    verifyHeader: "X-Humblefax-Signature",
  });
  expect(humblefax({ ...required, verifySignature: false }).manifest.webhook).toEqual({
    paths,
    verification: "none",
  });
});

describeSettingsTable(new URL("../README.md", import.meta.url), humblefaxSettings);
