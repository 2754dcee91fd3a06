import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";

// The built example, with nothing configured but where to listen and to keep its files.
const program = fileURLToPath(new URL("../dist/server.js", import.meta.url));

test("the Hono example sends a fax, keeps its own pages and stops in order", async () => {
  const folder = await mkdtemp(join(tmpdir(), "faxbot-hono-"));
  const port = await freePort();
  const child = spawn(process.execPath, [program], {
    env: {
      PATH: process.env.PATH ?? "",
      PORT: String(port),
      FAX_DATA_DIR: folder,
      FAXBOT_LOG_LEVEL: "error",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  try {
    await vi.waitFor(() => expect(output).toContain("_emulator/receive"), { timeout: 20_000, interval: 50 });
    const url = `http://127.0.0.1:${port}`;
    const headers = { "x-api-key": (await readFile(join(folder, "api-key"), "utf8")).trim() };
    const body = new FormData();
    body.set("to", "+12025550123");
    body.set(
      "file",
      new Blob([await readFile(new URL("../../assets/order.pdf", import.meta.url))]),
      "order.pdf",
    );
    const sent = await fetch(`${url}/fax-api/fax`, { method: "POST", headers, body });
    expect(sent.status).toBe(202);
    const { id } = (await sent.json()) as { id: string };
    const read = async () => (await (await fetch(`${url}/fax-api/fax/${id}`, { headers })).json()) as object;
    await vi.waitFor(async () => expect(await read()).toMatchObject({ status: "delivered", pages: 3 }), {
      timeout: 20_000,
      interval: 100,
    });
    expect(await (await fetch(url)).text()).toContain("This host's own pages");
  } finally {
    child.kill("SIGTERM");
  }
  expect(await ended).toEqual([0, null]);
  expect(output).toContain("Faxbot has stopped.");
  await rm(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, "close");
  return port;
}
