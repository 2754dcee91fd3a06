import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runProgram } from "../src/program.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "faxbot-program-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function run(args: string[], env: Record<string, string> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runProgram(args, "1.2.3", {
    env: { FAX_DATA_DIR: folder, FAXBOT_LOG_LEVEL: "silent", ...env },
    print: (line) => out.push(line),
    say: (line) => err.push(line),
    signal: new AbortController().signal,
  });
  return { code, out: out.join("\n"), err: err.join("\n") };
}

describe("faxbot", () => {
  test("helps, and says its version", async () => {
    const help = await run(["--help"]);
    expect(help.code).toBe(0);
    expect(help.out).toMatch(/serve[\s\S]*migrate[\s\S]*keys[\s\S]*sinch/);
    expect(await run(["--version"])).toMatchObject({
      code: 0,
      out: "1.2.3",
    });
  });

  test.each([
    "serve",
    "migrate",
    "migrate apply",
    "migrate status",
    "keys",
    "keys create",
    "keys list",
    "keys revoke",
  ])("helps with %s", async (command) => {
    const { code, out } = await run([...command.split(" "), "--help"]);
    expect(code).toBe(0);
    expect(out).toContain(`Usage: faxbot ${command}`);
  });

  test.each([
    [["nonsense"]],
    [["keys", "create", "--expires-in-days", "soon"]],
    [["serve", "--port", "x"]],
    [["keys", "create"]],
  ])("ends with 2 and a sentence when it is used wrongly: %j", async (args) => {
    const { code, out, err } = await run(args);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toMatch(/\w/);
    expect(err).not.toMatch(/\n\s+at /);
  });

  test("ends with 2 when a setting is wrong, and names it", async () => {
    const { code, err } = await run(["migrate"], { DATABASE_URL: "mysql://u:hunter2@h/d" });
    expect(code).toBe(2);
    expect(err).toContain("DATABASE_URL");
    expect(err).not.toContain("hunter2");
  });
});

test("migrations are listed, applied and done", async () => {
  const before = await run(["migrate", "status"]);
  expect(before).toMatchObject({ code: 1, out: expect.stringMatching(/^(missing\t\S+\n?)+$/) });
  const applied = await run(["migrate"]);
  expect(applied).toMatchObject({ code: 0, out: before.out.replaceAll("missing\t", "") });
  const after = await run(["migrate", "status"]);
  expect(after).toMatchObject({ code: 0, out: before.out.replaceAll("missing", "applied") });
});

test("a key is made, listed without its secret, and revoked", async () => {
  const made = await run(["keys", "create", "--name", "front desk", "--scope", "fax:send,fax:read"]);
  expect(made.code).toBe(0);
  expect(made.out).toMatch(/^fbk_live_[0-9a-f]{12}_[A-Za-z0-9_-]{43}$/);
  const id = made.out.slice(9, 21);

  const listed = await run(["keys", "list", "--json"]);
  expect(JSON.parse(listed.out)).toMatchObject({ id, name: "front desk", scopes: ["fax:send", "fax:read"] });
  expect(listed.out).not.toContain(made.out.slice(-43));
  expect((await run(["keys", "list", "--tenant", "acme"])).out).toBe("");

  expect((await run(["keys", "revoke", id])).code).toBe(0);
  expect((await run(["keys", "list"])).out).toMatch(new RegExp(`^${id}\trevoked\t`));
  expect(await run(["keys", "revoke", "0123456789ab"])).toMatchObject({ code: 1, out: "" });
});

test("a key can expire and see another tenant", async () => {
  await run(["keys", "create", "--scope", "fax:read", "--expires-in-days", "0.00000001", "--tenant", "acme"]);
  expect((await run(["keys", "list", "--tenant", "acme"])).out).toMatch(/^[0-9a-f]{12}\texpired\tfax:read\t/);
});

test("a taken port is said in a sentence", async () => {
  const blocker = createServer().listen(0, "127.0.0.1");
  await once(blocker, "listening");
  const { port } = blocker.address() as { port: number };
  try {
    const args = ["serve", "--host", "127.0.0.1", "--port", String(port)];
    const { code, err } = await run(args, { FAX_BACKEND: "test" });
    expect(code).toBe(1);
    expect(err).toContain("the port is taken");
  } finally {
    blocker.close();
  }
});
