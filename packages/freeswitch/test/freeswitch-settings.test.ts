import { readdir, readFile } from "node:fs/promises";
import { describeSettingsTable } from "@faxbot/testing/vitest";
import { describe, expect, test } from "vitest";
import { freeswitch, freeswitchManifest, freeswitchSettings } from "../src/index.ts";

const required = { password: "very-secret-password", gateway: "trunk" };
const env = { FREESWITCH_ESL_PASSWORD: "very-secret-password", FREESWITCH_GATEWAY_NAME: "trunk" };

describe("settings", () => {
  test("have their defaults", () => {
    expect(freeswitchSettings.parse(required)).toEqual({
      ...required,
      host: "localhost",
      port: 8021,
      dialPrefix: "",
      t38: true,
      maxCalls: 4,
      ringSeconds: 60,
      spoolOut: "/var/spool/faxbot/freeswitch/out",
      spoolIn: "/var/spool/faxbot/freeswitch/in",
    });
    expect(freeswitch.fromEnv(env).manifest).toBe(freeswitchManifest);
    expect(freeswitch({ ...required, id: "second-floor" }).id).toBe("second-floor");
  });

  test("are read from the environment, the ladder too", () => {
    expect(
      freeswitchSettings.parse({
        ...required,
        callLadder: ["t38-ecm-14400", " AUDIO-9600", "audio-ecm-4800"],
      }).callLadder,
    ).toEqual([
      { t38: true, ecm: true, maxRate: 14400 },
      { t38: false, ecm: false, maxRate: 9600 },
      { t38: false, ecm: true, maxRate: 4800 },
    ]);
    expect(() =>
      freeswitch.fromEnv({
        ...env,
        FREESWITCH_CALL_LADDER: "t38-ecm-14400,audio-9600",
        FREESWITCH_T38_ENABLE: "false",
        FREESWITCH_MAX_CALLS: "8",
        FREESWITCH_DEFAULT_COUNTRY_CODE: "1",
      }),
    ).not.toThrow();
  });

  test.each([
    ["the installed password", { password: "ClueCon" }, "password"],
    ["the placeholder of our own example", { password: "CHANGE" }, "password"],
    ["a password with a blank", { password: "very secret password" }, "password"],
    ["no gateway", { gateway: "" }, "gateway"],
    ["a gateway with a path", { gateway: "trunk/911" }, "gateway"],
    ["a relative folder", { spoolOut: "spool/out" }, "spoolOut"],
    ["a folder with a step upwards", { spoolIn: "/var/../etc" }, "spoolIn"],
    ["a folder that a command could not hold", { spoolOut: "/var/spool/my faxes" }, "spoolOut"],
    ["a step that is none", { callLadder: ["t38-ecm-28800"] }, "callLadder"],
    ["an empty ladder", { callLadder: [] }, "callLadder"],
    ["a short secret", { inboundSecret: "very-secret" }, "inboundSecret"],
    ["an old secret alone", { previousInboundSecret: "very-secret-and-old" }, "previousInboundSecret"],
    ["a host with a path", { host: "localhost/x" }, "host"],
    ["an unknown field", { trunk: "x" }, "unknown field trunk"],
  ])("%s is refused, without its value", (_, more, message) => {
    const make = () => freeswitch({ ...required, ...(more as object) });
    expect(make).toThrow(
      expect.objectContaining({ code: "config_invalid", message: expect.stringContaining(message) }),
    );
    expect(make).not.toThrow(/very.secret/);
  });

  test("a missing variable is named", () => {
    expect(() => freeswitch.fromEnv({ ...env, FREESWITCH_ESL_PASSWORD: " " })).toThrow(
      "FREESWITCH_ESL_PASSWORD",
    );
  });
});

test("the manifest lists the classic paths", () => {
  expect(freeswitchManifest.webhook).toEqual({
    verification: "internal_secret",
    paths: ["/_internal/freeswitch/inbound", "/_internal/freeswitch/outbound_result"],
    verifyHeader: "X-Internal-Secret",
  });
});

describeSettingsTable(new URL("../README.md", import.meta.url), freeswitchSettings);

describe("the example configuration", async () => {
  const folder = new URL("../config/", import.meta.url);
  const files = await Promise.all(
    (await readdir(folder)).map(async (name) => ({
      name,
      // Comments may warn of what the rest must not have.
      text: (await readFile(new URL(name, folder), "utf8")).replace(/<!--[\s\S]*?-->/g, ""),
    })),
  );
  const textOf = (name: string) => files.find((file) => file.name === name)?.text ?? "";

  test.each(files)("$name is whole, and starts no program", ({ text }) => {
    const open: string[] = [];
    for (const [, end, name = "", own] of text.matchAll(/<(\/?)([A-Za-z][\w-]*)[^<>]*?(\/?)>/g)) {
      if (end) expect(open.pop()).toBe(name);
      else if (!own) open.push(name);
    }
    expect(open).toEqual([]);
    expect(text).not.toMatch(
      /application="(system|bgsystem|lua|perl|python|curl)"|api_hangup_hook|system_on_fax/,
    );
    expect(text).not.toMatch(/cluecon|value="(::|0\.0\.0\.0)"/i);
  });

  test("fits the settings' defaults", () => {
    const { spoolIn } = freeswitchSettings.parse(required);
    expect(textOf("dialplan.xml")).toContain(`application="rxfax" data="${spoolIn}/\${uuid}.tif"`);
    expect(textOf("dialplan.xml")).toContain('application="set" data="faxbot=1"');
    expect(textOf("dialplan.xml")).toContain('<context name="fax">');
    expect(textOf("fax-profile.xml")).toContain('name="context" value="fax"');
    expect(textOf("fax-profile.xml")).toContain('name="apply-inbound-acl" value="fax-carrier"');
    expect(textOf("event_socket.conf.xml")).toContain('name="apply-inbound-acl" value="faxbot"');
    expect(textOf("event_socket.conf.xml")).toContain('name="listen-ip" value="127.0.0.1"');
    for (const list of ["faxbot", "fax-carrier"]) {
      expect(textOf("acl.conf.xml")).toContain(`<list name="${list}" default="deny">`);
    }
  });
});
