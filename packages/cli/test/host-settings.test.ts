import { resolve } from "node:path";
import { FaxError, isFaxError } from "@faxbot/core";
import { describe, expect, test } from "vitest";
import { hostVariables, readHostSettings } from "../src/host-settings.ts";
import { unsupportedVariables } from "../src/unsupported-variables.ts";

function problemOf(env: Record<string, string>): string {
  try {
    readHostSettings(env);
  } catch (error) {
    if (isFaxError(error, "config_invalid")) return error.message;
    throw error;
  }
  throw new FaxError("config_invalid", "nothing was refused");
}

const production = {
  ENFORCE_PUBLIC_HTTPS: "true",
  PUBLIC_API_URL: "https://fax.example.com",
  FAXBOT_SESSION_PEPPER: "p".repeat(32),
  CONFIG_MASTER_KEY: "k".repeat(44),
};

describe("host settings", () => {
  test("have the documented defaults", () => {
    expect(readHostSettings({})).toMatchObject({
      backend: [],
      dataDir: resolve("faxbot-data"),
      authenticationRequired: true,
      maxFileSizeMb: 10,
      inboundEnabled: false,
      inboundRetentionDays: 30,
      inboundMaxPdfMb: 25,
      inboundTokenTtlMinutes: 60,
      cleanupIntervalMinutes: 1440,
      enforcePublicHttps: false,
      migrate: true,
    });
  });

  test("read lists, flags and numbers as people write them", () => {
    expect(
      readHostSettings({
        FAX_BACKEND: "sinch, test",
        INBOUND_ENABLED: "1",
        REQUIRE_API_KEY: "FALSE",
        MAX_FILE_SIZE_MB: " 25 ",
        PUBLIC_API_URL: "",
      }),
    ).toMatchObject({
      backend: ["sinch", "test"],
      inboundEnabled: true,
      authenticationRequired: false,
      maxFileSizeMb: 25,
    });
  });

  test("name every variable that is wrong and never its value", () => {
    const problem = problemOf({
      MAX_FILE_SIZE_MB: "hunter2",
      PUBLIC_API_URL: "hunter2",
      INBOUND_RETENTION_DAYS: "-1",
      FAXBOT_SESSION_PEPPER: "hunter2",
      STORAGE_BACKEND: "s3",
    });
    for (const name of [
      "MAX_FILE_SIZE_MB",
      "PUBLIC_API_URL",
      "INBOUND_RETENTION_DAYS",
      "FAXBOT_SESSION_PEPPER",
      "STORAGE_BACKEND",
    ]) {
      expect(problem).toContain(name);
    }
    expect(problem).not.toContain("hunter2");
  });
});

describe("production mode", () => {
  test("starts when everything is there", () => {
    expect(readHostSettings(production).enforcePublicHttps).toBe(true);
  });

  test.each([
    ["PUBLIC_API_URL", "http://fax.example.com"],
    ["PUBLIC_API_URL", ""],
    ["FAXBOT_SESSION_PEPPER", ""],
    ["CONFIG_MASTER_KEY", ""],
    ["REQUIRE_API_KEY", "false"],
    ["API_KEY", "short"],
    ["SINCH_INBOUND_VERIFY_SIGNATURE", "false"],
    ["PHAXIO_VERIFY_SIGNATURE", "0"],
  ])("refuses %s=%s", (name, value) => {
    expect(problemOf({ ...production, [name]: value })).toContain(name);
  });

  test("names all problems at once", () => {
    const problem = problemOf({ ENFORCE_PUBLIC_HTTPS: "true" });
    for (const name of ["PUBLIC_API_URL", "FAXBOT_SESSION_PEPPER", "CONFIG_MASTER_KEY"]) {
      expect(problem).toContain(name);
    }
  });

  test("can be told to generate missing secrets after all", () => {
    const env = { ...production, FAXBOT_SESSION_PEPPER: "", BOOT_FAIL_ON_MISSING_SECRETS: "false" };
    expect(readHostSettings(env).sessionPepper).toBeUndefined();
  });
});

describe("unsupported variables", () => {
  const acted = new Set([...hostVariables(), "SINCH_PROJECT_ID", "SINCH_API_KEY"]);

  test("are named when they are set to something", () => {
    const env = {
      SINCH_PROJECT_ID: "p",
      SINCH_API_KEY: "k",
      PHAXIO_API_KEY: "hunter2",
      AUDIT_LOG_FILE: "/tmp/audit",
      REDIS_URL: "redis://localhost",
      ADMIN_MARKETPLACE_ENABLED: "true",
      MAX_FILE_SIZE_MB: "10",
      HOME: "/root",
    };
    expect(unsupportedVariables(env, acted)).toEqual([
      "ADMIN_MARKETPLACE_ENABLED",
      "AUDIT_LOG_FILE",
      "PHAXIO_API_KEY",
      "REDIS_URL",
    ]);
  });

  test("are not named when they stand in for others", () => {
    const env = { SINCH_PROJECT_ID: "p", PHAXIO_API_KEY: "k" };
    expect(unsupportedVariables(env, acted)).toEqual([]);
  });

  test("are not named when they are off or empty", () => {
    const env = {
      AUDIT_LOG_ENABLED: "false",
      ARTIFACT_TTL_DAYS: "0",
      HUMBLEFAX_IMAP_ENABLED: "",
      REDIS_URL: undefined,
    };
    expect(unsupportedVariables(env, acted)).toEqual([]);
  });
});
