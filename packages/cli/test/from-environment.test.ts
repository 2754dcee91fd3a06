import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isFaxError } from "@faxbot/core";
import { capturingLogger, sinchEmulatorEnvironment, startSinchEmulator, syntheticPdf } from "@faxbot/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type EnvironmentFaxbot, fromEnvironment } from "../src/index.ts";

let folder: string;
const open: EnvironmentFaxbot[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "faxbot-env-"));
});
afterEach(async () => {
  for (const host of open.splice(0)) await host.close();
  await rm(folder, { recursive: true, force: true });
});

const logger = capturingLogger();

async function make(env: Record<string, string>): Promise<EnvironmentFaxbot> {
  const host = await fromEnvironment({ FAX_DATA_DIR: folder, ...env }, { logger });
  open.push(host);
  return host;
}

async function problemOf(env: Record<string, string>): Promise<string> {
  try {
    await make(env);
  } catch (error) {
    if (isFaxError(error, "config_invalid")) return error.message;
    throw error;
  }
  throw new Error("nothing was refused");
}

const apiKey = "a key of a test, long enough";

async function send(host: EnvironmentFaxbot, key = apiKey): Promise<{ status: number; id: string }> {
  const body = new FormData();
  body.set("to", "+12025550123");
  body.set("file", new Blob([syntheticPdf({ pages: 2 }) as Uint8Array<ArrayBuffer>]), "order.pdf");
  const response = await host.api(
    new Request("http://localhost/fax", { method: "POST", headers: { "x-api-key": key }, body }),
  );
  return { status: response.status, id: ((await response.json()) as { id: string }).id };
}

async function statusOf(host: EnvironmentFaxbot, id: string): Promise<string> {
  return (await host.faxbot.get(id)).status;
}

describe("a host of environment variables", () => {
  test("sends a fax from end to end and starts nothing by itself", async () => {
    const host = await make({ FAX_BACKEND: "test", API_KEY: apiKey });
    const { status, id } = await send(host);
    expect(status).toBe(202);
    expect(await statusOf(host, id), "nothing runs before start()").toBe("queued");
    await host.faxbot.start();
    await vi.waitFor(async () => expect(await statusOf(host, id)).toBe("delivered"), 10_000);
    expect((await host.faxbot.get(id)).pages).toBe(2);
    expect((await stat(join(folder, "faxbot.db"))).isFile()).toBe(true);
  });

  test("keeps its faxes when it is closed and made again", async () => {
    const first = await make({ FAX_BACKEND: "test", API_KEY: apiKey });
    const { id } = await send(first);
    await first.close();
    const second = await make({ FAX_BACKEND: "test", API_KEY: apiKey });
    expect(await statusOf(second, id)).toBe("queued");
  });

  test("talks to Sinch and takes its received faxes when it is told to", async () => {
    const emulator = await startSinchEmulator();
    try {
      const host = await make({
        ...sinchEmulatorEnvironment(emulator, { publicUrl: "http://127.0.0.1:9" }),
        INBOUND_ENABLED: "true",
        API_KEY: apiKey,
      });
      expect(host.faxbot.transports.map(({ id }) => id)).toEqual(["sinch"]);
      expect(host.inbox).toBeDefined();
      expect(await host.faxbot.checkHealth()).toMatchObject({ sinch: { status: "healthy" } });
    } finally {
      await emulator.stop();
    }
  });

  test("has no inbox unless INBOUND_ENABLED", async () => {
    const host = await make({ FAX_BACKEND: "test", API_KEY: apiKey });
    expect(host.inbox).toBeUndefined();
    const headers = { "x-api-key": apiKey };
    expect((await host.api(new Request("http://localhost/inbound", { headers }))).status).toBe(404);
  });

  test("refuses documents over MAX_FILE_SIZE_MB", async () => {
    const host = await make({ FAX_BACKEND: "test", API_KEY: apiKey, MAX_FILE_SIZE_MB: "0.0001" });
    expect((await send(host)).status).toBe(413);
  });
});

describe("FAX_BACKEND", () => {
  test("takes aliases and an order", async () => {
    const host = await make({ FAX_BACKEND: "Disabled", API_KEY: apiKey });
    expect(host.faxbot.transports.map(({ id }) => id)).toEqual(["test"]);
  });

  test("is overruled by FAX_DISABLED", async () => {
    const host = await make({ FAX_BACKEND: "sinch", FAX_DISABLED: "true", API_KEY: apiKey });
    expect(host.faxbot.transports.map(({ id }) => id)).toEqual(["test"]);
  });

  test.each(["", "acme", "sinch,acme", "test,disabled", "hunter2 with blanks"])(
    "%j is refused with the list of what there is",
    async (backend) => {
      const problem = await problemOf({ FAX_BACKEND: backend, SINCH_PROJECT_ID: "p", API_KEY: apiKey });
      expect(problem).toContain("FAX_BACKEND");
      expect(problem).not.toContain("hunter2");
      if (backend !== "test,disabled") expect(problem).toMatch(/sinch.*test/);
    },
  );

  test("names the variables of a transport that are missing", async () => {
    expect(await problemOf({ FAX_BACKEND: "sinch", API_KEY: apiKey })).toContain("SINCH_PROJECT_ID");
  });
});

describe("secrets that are not configured", () => {
  test("are generated for development, kept, said aloud and never printed", async () => {
    const env = { FAX_BACKEND: "test" };
    const first = await make(env);
    const key = (await readFile(join(folder, "api-key"), "utf8")).trim();
    const pepper = (await readFile(join(folder, "session-pepper"), "utf8")).trim();
    expect((await stat(join(folder, "api-key"))).mode & 0o777).toBe(0o600);
    expect((await send(first, key)).status).toBe(202);
    expect((await send(first, "another key")).status).toBe(401);
    const said = logger.lines.map(({ fields }) => fields.variables);
    expect(said).toEqual(expect.arrayContaining(["API_KEY", "FAXBOT_SESSION_PEPPER"]));
    expect(logger.text()).not.toContain(key);
    expect(logger.text()).not.toContain(pepper);

    await first.close();
    const second = await make(env);
    expect((await send(second, key)).status).toBe(202);
  });

  test("are an error in production, where keys in the database are enough", async () => {
    const env = {
      FAX_BACKEND: "test",
      ENFORCE_PUBLIC_HTTPS: "true",
      PUBLIC_API_URL: "https://fax.example.com",
    };
    expect(await problemOf(env)).toMatch(/FAXBOT_SESSION_PEPPER.*CONFIG_MASTER_KEY/);
    const host = await make({
      ...env,
      FAXBOT_SESSION_PEPPER: "p".repeat(32),
      CONFIG_MASTER_KEY: "k".repeat(44),
    });
    expect((await send(host, "nobody")).status).toBe(401);
    await expect(stat(join(folder, "api-key"))).rejects.toThrow("ENOENT");
  });

  test("let everybody in only when REQUIRE_API_KEY=false", async () => {
    const host = await make({ FAX_BACKEND: "test", REQUIRE_API_KEY: "false" });
    const response = await host.api(new Request("http://localhost/fax"));
    expect(response.status).toBe(200);
  });
});

test("variables without effect are named in the log, their values are not", async () => {
  const host = await make({
    FAX_BACKEND: "test",
    API_KEY: apiKey,
    S3_BUCKET: "hunter2",
    REDIS_URL: "hunter2",
  });
  expect(host.unsupported).toEqual(["REDIS_URL", "S3_BUCKET"]);
  expect(logger.lines).toContainEqual(
    expect.objectContaining({ level: "warn", fields: { variables: "REDIS_URL S3_BUCKET", count: 2 } }),
  );
  expect(logger.text()).not.toContain("hunter2");
});

test("with FAXBOT_MIGRATE=false the tables are left alone, and start() says what is missing", async () => {
  const host = await make({ FAX_BACKEND: "test", API_KEY: apiKey, FAXBOT_MIGRATE: "false" });
  await expect(host.faxbot.start()).rejects.toThrow();
});
