import { describe, expect, test } from "vitest";
import { chooseTransports } from "../src/transport-table.ts";

const env = {
  HUMBLEFAX_ACCESS_KEY: "key",
  HUMBLEFAX_SECRET_KEY: "secret",
  INBOUND_ENABLED: "true",
  HUMBLEFAX_IMAP_ENABLED: "true",
  HUMBLEFAX_IMAP_USERNAME: "fax@example.com",
  HUMBLEFAX_IMAP_PASSWORD: "password",
};
const ids = (names: string[], more: Record<string, string> = {}) =>
  chooseTransports(names, { ...env, ...more }).map(({ id }) => id);

describe("HumbleFax's mailbox", () => {
  test("stands beside HumbleFax when faxes are to be received by mail", () => {
    expect(ids(["humblefax", "test"])).toEqual(["humblefax", "test", "humblefax-mail"]);
  });

  test("is not there otherwise", () => {
    expect(ids(["humblefax"], { HUMBLEFAX_IMAP_ENABLED: "false" })).toEqual(["humblefax"]);
    expect(ids(["humblefax"], { INBOUND_ENABLED: "false" })).toEqual(["humblefax"]);
    expect(ids(["test"])).toEqual(["test"]);
  });
});

test("a mailbox can be chosen for any fax service", () => {
  const mail = { IMAP_HOST: "mail.example.com", IMAP_USERNAME: "u", IMAP_PASSWORD: "p" };
  expect(ids(["test", "imap"], { ...mail, IMAP_SENDERS: "@fax.example.net" })).toEqual(["test", "imap"]);
});

test("Asterisk can be chosen by its published name too", () => {
  const lines = {
    ASTERISK_AMI_USERNAME: "faxbot",
    ASTERISK_AMI_PASSWORD: "a-long-password",
    ASTERISK_TRUNK: "t",
  };
  expect(ids(["asterisk"], lines)).toEqual(["asterisk"]);
  expect(ids(["sip"], lines)).toEqual(["asterisk"]);
});
