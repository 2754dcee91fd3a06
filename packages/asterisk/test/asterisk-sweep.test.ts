import { mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { faxSpool } from "@faxbot/core/transport";
import { expect, it } from "vitest";
import { openAmi } from "../src/ami-connection.ts";
import { sweep } from "../src/asterisk-sweep.ts";

const now = new Date("2026-11-22T12:00:00Z");
const daysAgo = (days: number) => Math.floor(now.getTime() / 1_000) - days * 86_400;

/** The database of an Asterisk 22, which answers in these words. */
async function databaseServer(entries: Map<string, string>): Promise<{ port: number; stop(): void }> {
  const server = createServer((socket) => {
    socket.write("Asterisk Call Manager/11.0.0\r\n");
    let text = "";
    socket.on("data", (data) => {
      text += data.toString();
      for (let end = text.indexOf("\r\n\r\n"); end !== -1; end = text.indexOf("\r\n\r\n")) {
        const fields = new Map(
          text
            .slice(0, end)
            .split("\r\n")
            .map((line): [string, string] => [line.split(": ")[0] ?? "", line.split(": ")[1] ?? ""]),
        );
        text = text.slice(end + 4);
        const id = `ActionID: ${fields.get("ActionID")}\r\n`;
        const family = `/${fields.get("Family")}/`;
        if (fields.get("Action") === "DBDel") entries.delete(`${family}${fields.get("Key")}`);
        const success = `Response: Success\r\n${id}`;
        if (fields.get("Action") !== "DBGetTree") {
          socket.write(`${success}\r\n`);
          continue;
        }
        const found = [...entries].filter(([key]) => key.startsWith(family));
        socket.write(
          `${success}EventList: start\r\nMessage: Result will follow\r\n\r\n` +
            found
              .map(([key, value]) => `Event: DBGetTreeResponse\r\nKey: ${key}\r\nVal: ${value}\r\n${id}\r\n`)
              .join("") +
            `Event: DBGetTreeComplete\r\n${id}EventList: Complete\r\nListItems: ${found.length}\r\n\r\n`,
        );
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, stop: () => server.close() };
}

it("removes notes of a month ago and documents of calls that are over, and nothing else", async () => {
  const id = (digit: string) => digit.repeat(32);
  const entries = new Map([
    ["/faxbot/since", String(daysAgo(400))],
    [`/faxbot/${id("1")}`, `SUCCESS|3|14400|OK|${daysAgo(31)}|HANGUP`],
    [`/faxbot/${id("2")}`, `ANSWERED|${daysAgo(31)}`],
    [`/faxbot/${id("3")}`, `SUCCESS|3|14400|OK|${daysAgo(29)}|HANGUP`],
    [`/faxbot/${id("4")}`, `ANSWERED|${daysAgo(1)}`],
    [`/faxbot/${id("5")}`, "ANSWERED"],
    ["/faxbot/somebody's", `SUCCESS|3|14400|OK|${daysAgo(90)}`],
    ["/faxbot-in/0b3d2a8e-6a51-4e39-a1a0-2f0d1f7a1c11", `SUCCESS|1|2025550100|2025550101|${daysAgo(31)}`],
    ["/faxbot-in/1b3d2a8e-6a51-4e39-a1a0-2f0d1f7a1c11", `SUCCESS|1|2025550100|2025550101|${daysAgo(1)}`],
    ["/other/1", `SUCCESS|3|14400|OK|${daysAgo(90)}`],
  ]);
  const folder = await mkdtemp(join(tmpdir(), "faxbot-sweep-"));
  for (const [name, hours] of [
    [`${id("a")}.tif`, 3],
    [`${id("b")}.tif`, 3],
    [`${id("c")}.tif`, 1],
    ["readme.txt", 99],
  ] as const) {
    await writeFile(join(folder, name), "x");
    const time = new Date(now.getTime() - hours * 3_600_000);
    await utimes(join(folder, name), time, time);
  }
  const server = await databaseServer(entries);
  const { signal } = new AbortController();
  const ami = await openAmi(
    { host: "127.0.0.1", port: server.port, username: "u", password: "p", tls: false },
    { signal },
  );
  try {
    const isLive = (attemptId: string) => attemptId === id("b");
    await sweep(ami, { spoolOut: faxSpool(folder), isLive, now, signal });
    expect([...entries.keys()]).toEqual([
      "/faxbot/since",
      `/faxbot/${id("3")}`,
      `/faxbot/${id("4")}`,
      `/faxbot/${id("5")}`,
      "/faxbot/somebody's",
      "/faxbot-in/1b3d2a8e-6a51-4e39-a1a0-2f0d1f7a1c11",
      "/other/1",
    ]);
    expect((await readdir(folder)).sort()).toEqual([`${id("b")}.tif`, `${id("c")}.tif`, "readme.txt"]);
  } finally {
    ami.close();
    server.stop();
    await rm(folder, { recursive: true });
  }
});
