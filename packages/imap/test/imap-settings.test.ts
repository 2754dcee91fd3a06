import { describeSettingsTable } from "@faxbot/testing/vitest";
import { describe, expect, test } from "vitest";
import { isAllowedSender, isAuthenticated } from "../src/allowed-sender.ts";
import { imap, imapManifest, imapSettings } from "../src/index.ts";

const required = { host: "mail.example.com", user: "u", pass: "very-secret", senders: ["@fax.example.net"] };
const env = {
  IMAP_HOST: "mail.example.com",
  IMAP_USERNAME: "u",
  IMAP_PASSWORD: "very-secret",
  IMAP_SENDERS: "a@example.net, @fax.example.net",
};

describe("settings", () => {
  test("have their defaults", () => {
    expect(imapSettings.parse(required)).toEqual({
      ...required,
      port: 993,
      mailbox: "INBOX",
      pollSeconds: 300,
    });
    expect(imap.fromEnv(env).manifest).toBe(imapManifest);
  });

  test.each([
    ["no senders", { senders: [] }, "senders"],
    ["everybody as sender", { senders: ["*"] }, "senders"],
    ["a domain without its @", { senders: ["fax.example.net"] }, "senders"],
    ["an empty password", { pass: "" }, "pass"],
    ["no encryption", { encryption: "none" }, "encryption"],
    ["a number that is none", { faxNumber: "202" }, "faxNumber"],
    ["an unknown field", { tls: false }, "unknown field tls"],
  ])("%s is refused, without its value", (_, more, message) => {
    const make = () => imap({ ...required, ...(more as object) });
    expect(make).toThrow(
      expect.objectContaining({ code: "config_invalid", message: expect.stringContaining(message) }),
    );
    expect(make).not.toThrow("very-secret");
  });

  test("a missing variable is named", () => {
    expect(() => imap.fromEnv({ ...env, IMAP_SENDERS: "" })).toThrow("IMAP_SENDERS");
  });
});

describe("a sender", () => {
  const senders = ["@fax.example.net", "Only@Example.org"];
  test.each([
    [["noreply@fax.example.net"], true],
    [["NoReply@FAX.example.net"], true],
    [["only@example.org"], true],
    [["other@example.org"], false],
    [["a@sub.fax.example.net"], false],
    [["a@evilfax.example.net"], false],
    [["a@fax.example.net.evil.example"], false],
    [["evil@example.com <a@fax.example.net"], false],
    [["a@fax.example.net", "b@fax.example.net"], false],
    [[""], false],
    [[undefined], false],
    [[], false],
  ])("%j: %s", (authors, allowed) => {
    expect(isAllowedSender(authors, { senders })).toBe(allowed);
  });
});

describe("the authentication of a mail", () => {
  const header = "Authentication-Results:";
  test.each([
    [`${header} mx.example.com; spf=pass; dmarc=pass header.from=a.example\r\n`, true],
    [`${header} MX.example.com 1;\r\n\tspf=fail;\r\n dmarc=pass (p=REJECT) header.from=a\r\n`, true],
    [`${header} mx.example.com; dmarc=fail\r\n${header} mx.example.com; dmarc=pass\r\n`, false],
    [`${header} evil.example; dmarc=pass\r\n`, false],
    [`${header} mx.example.com.evil.example; dmarc=pass\r\n`, false],
    [`${header} mx.example.com; dmarc=passing\r\n`, false],
    [`${header} mx.example.com; spf=fail smtp.mailfrom="; dmarc=pass "\r\n`, false],
    [`${header} mx.example.com; spf=fail (a (b; dmarc=pass) ; dmarc=pass ) x\r\n`, false],
    [`${header} mx.example.com; xdmarc=pass\r\n`, false],
    ["", false],
  ])("%j: %s", (headers, passed) => {
    expect(isAuthenticated(headers, "mx.example.com")).toBe(passed);
  });
});

describeSettingsTable(new URL("../README.md", import.meta.url), imapSettings);
