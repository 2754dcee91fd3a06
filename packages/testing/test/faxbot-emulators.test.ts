import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";
import { emulators } from "../src/emulator-registry.ts";

// Spawned from the built file: Node below 22.18 does not strip types.
const program = fileURLToPath(new URL("../dist/faxbot-emulators.js", import.meta.url));

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    if (child.stdout) createInterface({ input: child.stdout }).once("line", resolve);
    child.once("exit", () => reject(new Error("it ended early")));
  });
}

test.skipIf(!existsSync(program))(
  "serves in a process of its own until interrupted (needs a build)",
  async () => {
    const child = spawn(process.execPath, [program, "sinch"], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      const started = JSON.parse(await firstLine(child)) as Record<string, string>;
      expect(Object.keys(started)).toEqual(["name", "url", "projectId", "keyId", "keySecret", "serviceId"]);
      const knob = (name: string, input?: unknown): Promise<Response> =>
        fetch(`${started.url}/_emulator/${name}`, {
          method: "POST",
          body: input ? JSON.stringify(input) : "",
        });
      expect(await (await knob("receive", { from: "+12025550101" })).json()).toMatchObject({
        direction: "INBOUND",
      });
      expect((await knob("script", { digits: "0177", outcomes: ["busy"] })).status).toBe(200);
      expect((await knob("script", {})).status).toBe(400);
      await knob("fault", { operation: "getFax", kind: "respond", status: 500 });
      const { projectId, keyId, keySecret } = started;
      const authorization = `Basic ${Buffer.from(`${keyId}:${keySecret}`).toString("base64")}`;
      const get = await fetch(`${started.url}/v3/projects/${projectId}/faxes/x`, {
        headers: { authorization },
      });
      expect(get.status).toBe(500);
      expect(await (await knob("calls")).json()).toMatchObject({ getFax: 1, sendFax: 0 });
      expect(await (await knob("faxes")).json()).toHaveLength(1);
      await knob("reset");
      expect(await (await knob("faxes")).json()).toEqual([]);
    } finally {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      expect(await ended).toBe(0);
    }
  },
);

test.skipIf(!existsSync(program))("says how to use it (needs a build)", () => {
  const run = (...args: string[]) => spawnSync(process.execPath, [program, ...args], { encoding: "utf8" });
  expect(run("--help")).toMatchObject({ status: 0, stdout: expect.stringContaining("sinch") });
  expect(run("nobody")).toMatchObject({ status: 2, stderr: expect.stringContaining("Usage") });
  expect(run("sinch", "--port", "x").status).toBe(2);
});

test("every registered emulator starts, counts and stops", async () => {
  for (const entry of Object.values(emulators)) {
    const { emulator, details } = await entry.start({});
    expect(emulator.url).toMatch(/^(http|tcp):\/\/127\.0\.0\.1:\d+$/);
    expect(Object.values(details).every((value) => value.length > 0)).toBe(true);
    const url = emulator.url.replace("tcp:", "http:");
    // A protocol without HTTP hears a request as one command that it does not know.
    const enough = new AbortController();
    const asked = fetch(url, { signal: enough.signal }).catch(() => {});
    await vi.waitFor(() => expect(emulator.requests).toHaveLength(1), { timeout: 5_000, interval: 5 });
    enough.abort();
    await asked;
    emulator.reset();
    expect(emulator.requests).toHaveLength(0);
    await emulator.stop();
    await expect(fetch(url)).rejects.toThrow();
  }
});

test("an emulated exchange has its knobs at a port of their own", async () => {
  const { emulator, details } = (await emulators.freeswitch?.start({})) ?? {};
  const knob = async (name: string, input?: unknown): Promise<Response> =>
    fetch(`${details?.controlUrl}/_emulator/${name}`, {
      method: "POST",
      body: input === undefined ? "" : JSON.stringify(input),
    });
  expect(await (await knob("calls")).json()).toMatchObject({ originate: 0 });
  expect(await (await knob("faxes")).json()).toEqual([]);
  expect((await knob("script", { digits: "0177", outcomes: ["busy", { t30: 48 }] })).status).toBe(200);
  expect((await knob("script", {})).status).toBe(400);
  expect((await knob("finish", { id: "nobody" })).status).toBe(400);
  expect(await (await knob("receive", { from: "+12025550101" })).json()).toMatch(/^[0-9a-f-]{36}$/);
  for (const [name, input] of Object.entries({
    fault: { kind: "hang" },
    eventFault: { kind: "drop" },
    silent: { silent: true },
    drop: undefined,
    restart: undefined,
    reset: undefined,
  })) {
    expect((await knob(name, input)).status).toBe(200);
  }
  await emulator?.stop();
});
