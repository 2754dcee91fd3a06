import { readdir, readFile } from "node:fs/promises";
import { describeSettingsTable } from "@faxbot/testing/vitest";
import { describe, expect, it } from "vitest";
import { asterisk, asteriskManifest, asteriskSettings } from "../src/index.ts";

const required = { username: "faxbot", password: "very-secret-secret", trunk: "carrier" };

describe("settings", () => {
  it("have defaults", () => {
    expect(asteriskSettings.parse(required)).toEqual({
      ...required,
      host: "localhost",
      port: 5038,
      tls: false,
      context: "fax-outbound",
      dialPrefix: "",
      t38: true,
      maxCalls: 4,
      ringSeconds: 60,
      spoolOut: "/var/spool/faxbot/asterisk/out",
      spoolIn: "/var/spool/faxbot/asterisk/in",
    });
  });

  it.each([
    ["an unknown field", { hostname: "x" }, "unknown field hostname"],
    ["no password", { password: undefined }, "password"],
    ["a short password", { password: "secret" }, "password"],
    ["a short secret", { inboundSecret: "secret" }, "inboundSecret"],
    ["an old secret alone", { previousInboundSecret: "very-secret-secret" }, "needs the new secret"],
    ["a relative folder", { spoolOut: "spool/out" }, "spoolOut"],
    ["a folder with a step upwards", { spoolIn: "/var/spool/../../etc" }, "spoolIn"],
    ["a trunk with a slash", { trunk: "PJSIP/very-secret" }, "trunk"],
    ["a sender that is no number", { callerIdNumber: "202-555-0123" }, "callerIdNumber"],
    ["no line at all", { maxCalls: 0 }, "maxCalls"],
    ["a ladder without steps", { callLadder: [] }, "callLadder"],
    ["a speed that no modem has", { callLadder: ["t38-ecm-33600"] }, "callLadder"],
  ])("%s is refused, without its value", (_, more, message) => {
    const make = () => asterisk({ ...required, ...(more as object) });
    expect(make).toThrow(
      expect.objectContaining({ code: "config_invalid", message: expect.stringContaining(message) }),
    );
    expect(make).not.toThrow(/very.secret/);
  });

  it("can all come from the environment", () => {
    const transport = asterisk.fromEnv({
      ASTERISK_AMI_HOST: "asterisk.internal",
      ASTERISK_AMI_PORT: "5039",
      ASTERISK_AMI_USERNAME: "faxbot",
      ASTERISK_AMI_PASSWORD: "very-secret-secret",
      ASTERISK_AMI_TLS: "true",
      ASTERISK_TRUNK: "carrier",
      ASTERISK_CALL_LADDER: "t38-ecm-14400, audio-9600",
      ASTERISK_MAX_CALLS: "8",
      ASTERISK_INBOUND_SECRET: "internal-secret-of-16",
    });
    expect(transport.id).toBe("asterisk");
    expect(transport.hasLine()).toBe(true);
    expect(() => asterisk.fromEnv({ ASTERISK_AMI_USERNAME: "faxbot", ASTERISK_TRUNK: "carrier" })).toThrow(
      "ASTERISK_AMI_PASSWORD: is missing",
    );
  });

  it("read a ladder as texts or as objects", () => {
    const steps = [
      { t38: true, ecm: true, maxRate: 9600 },
      { t38: false, ecm: false, maxRate: 4800 },
    ];
    const read = (callLadder: unknown) => asteriskSettings.parse({ ...required, callLadder }).callLadder;
    expect(read(["T38-ECM-9600", "audio-4800"])).toEqual(steps);
    expect(read(steps)).toEqual(steps);
  });
});

describe("the manifest", () => {
  it("has the published names", () => {
    expect(asteriskManifest).toMatchObject({ id: "asterisk", aliases: ["sip"], backendName: "sip" });
    expect(asteriskManifest.webhook?.paths).toEqual(["/_internal/asterisk/inbound"]);
  });
});

describeSettingsTable(new URL("../README.md", import.meta.url), asteriskSettings);

describe("the configuration that is published", async () => {
  const folder = new URL("../config/", import.meta.url);
  const files = await readdir(folder);
  const text = async (name: string) => readFile(new URL(name, folder), "utf8");
  /** Without comments. */
  const code = async (name: string) => (await text(name)).replace(/^\s*;.*$/gm, "");

  it("is complete", () => {
    expect(files.sort()).toEqual([
      "extensions.conf",
      "manager.conf",
      "modules.conf",
      "pjsip.conf",
      "res_fax.conf",
      "udptl.conf",
    ]);
  });

  it("runs nothing", async () => {
    for (const name of files) {
      expect(await code(name), name).not.toMatch(
        /\b(System|TrySystem|SHELL|AGI|EAGI|FastAGI|ExternalIVR|ExecIf|Exec|EVAL|MixMonitor|Stasis)\s*\(/i,
      );
    }
    expect(await code("modules.conf")).not.toMatch(/app_system|res_agi|app_exec|func_shell/);
  });

  it("lets no text of a stranger into an argument as it is", async () => {
    const foreign =
      /\$\{(CALLERID\([a-z]+\)|EXTEN|FAXOPT\((?:status|statusstr|error|pages|rate|resolution|remotestationid)\)|FAXMODE)[^}]*\}/g;
    const dialplan = await code("extensions.conf");
    const found = [...dialplan.matchAll(foreign)];
    expect(found.length).toBeGreaterThan(10);
    for (const { index } of found) {
      expect(dialplan.slice(Math.max(0, index - 24), index)).toMatch(/(URIENCODE\(|FILTER\([^,]+,)$/);
    }
  });

  it("has no password, and no rights to run commands", async () => {
    const manager = await code("manager.conf");
    expect(manager).not.toMatch(/^\s*secret\s*=\s*\S/m);
    expect(manager).toMatch(/^write = system,call,originate,reporting$/m);
    expect(manager).toMatch(/^read = system,call,user$/m);
    expect(manager).toMatch(/^bindaddr = 127\.0\.0\.1$/m);
    const filters = manager.match(/^eventfilter\(.*$/gm) ?? [];
    for (const filter of filters.filter((each) => !/name\((FullyBooted|Shutdown)\)/.test(each))) {
      expect(filter).toMatch(/header\((Uniqueid|DestUniqueid|UserEvent)\)/);
    }
    expect(await code("extensions.conf")).toMatch(/^FAXBOT_TOKEN =\s*$/m);
  });

  it("notes the answer before it sends", async () => {
    const [send = ""] = (await code("extensions.conf")).split("[fax-result]");
    const at = (what: string) => send.indexOf(what);
    expect(at("hangup_handler_push")).toBeGreaterThan(0);
    expect(at("=ANSWERED|")).toBeGreaterThan(at("hangup_handler_push"));
    expect(at('= "ANSWERED"')).toBeGreaterThan(at("=ANSWERED|"));
    expect(at("SendFAX(")).toBeGreaterThan(at('= "ANSWERED"'));
  });
});
