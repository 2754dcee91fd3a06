import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

// The built program, as it is installed.
const program = fileURLToPath(new URL("../dist/faxbot.js", import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "faxbot-program-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function start(args: string[]) {
  const child = spawn(process.execPath, [program, ...args], {
    env: {
      PATH: process.env.PATH ?? "",
      FAX_DATA_DIR: folder,
      FAX_BACKEND: "test",
      FAXBOT_LOG_LEVEL: "error",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => {
    output.out += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    output.err += chunk.toString();
  });
  const done = once(child, "close").then(([code]) => ({ code: code as number | null, ...output }));
  const said = async (text: string): Promise<void> => {
    while (!output.err.includes(text)) {
      if (child.exitCode !== null) throw new Error(`the program ended: ${output.err}`);
      await Promise.race([once(child.stderr, "data"), once(child, "close")]);
    }
  };
  return { child, done, said };
}

test("the installed program says its version, and ends with 2 when it is used wrongly", async () => {
  const [version, wrong] = await Promise.all([start(["--version"]).done, start(["nonsense"]).done]);
  expect(version).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), err: "" });
  expect(wrong).toMatchObject({ code: 2, out: "", err: expect.stringContaining("unknown command") });
});

test("serve answers holders of stored keys, at once no more when they are revoked, and stops in order", async () => {
  const port = await freePort();
  const server = start(["serve", "--host", "127.0.0.1", "--port", String(port)]);
  try {
    const made = await start(["keys", "create", "--scope", "fax:read"]).done;
    const key = made.out.trim();
    await server.said("listens on port");
    const call = (headers: Record<string, string>) => fetch(`http://127.0.0.1:${port}/fax`, { headers });
    expect((await call({})).status).toBe(401);
    expect((await call({ "x-api-key": key })).status).toBe(200);
    expect((await start(["keys", "revoke", key.slice(9, 21)]).done).code).toBe(0);
    expect((await call({ "x-api-key": key })).status).toBe(401);
  } finally {
    server.child.kill("SIGTERM");
  }
  expect(await server.done).toMatchObject({ code: 0, err: expect.stringContaining("has stopped") });
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, "close");
  return port;
}
