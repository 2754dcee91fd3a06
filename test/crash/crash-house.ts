import { type ChildProcess, spawn } from "node:child_process";
import { rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Fax, InboundFax } from "@faxbot/core";
import { type SinchEmulator, startSinchEmulator } from "@faxbot/testing";
import { bundleScript } from "../bundle-script.ts";
import type { ChildPlan, CrashJob } from "./crash-plan.ts";

/** What the last child found in the stores. Dates are text here. */
export interface Settled {
  faxes: Pick<Fax, "id" | "to" | "status" | "needsReview" | "attempts" | "providerId">[];
  inbound: Pick<InboundFax, "id" | "providerId" | "status" | "document">[];
}

type Message =
  | { type: "ready" }
  | { type: "accepted"; key: string; faxId: string }
  | { type: "canceled"; key: string }
  | ({ type: "settled" } & Settled);

/** A running child. */
export interface Child {
  process: ChildProcess;
  /** Resolves when the child serves; rejects when it ends before. */
  ready: Promise<void>;
  /** Resolves with the signal that ended it, or null when it ended by itself. */
  ended: Promise<NodeJS.Signals | null>;
  send(job: CrashJob): void;
  /** Asks it to finish everything and stop. */
  settle(inbound: number): Promise<Settled>;
  errors(): string;
}

/** Everything around the children: a provider that lives on, a place for their data, and what they have said so far. */
export interface CrashHouse {
  emulator: SinchEmulator;
  /** How often the provider was asked to cancel, by its id. */
  cancels: Map<string, number>;
  /** Jobs of which no child has said yet that they were accepted, or canceled where that was asked for. */
  unanswered: Map<string, CrashJob>;
  start(plan: Partial<Pick<ChildPlan, "jobs" | "killAt" | "killAtHit" | "webhooks">>): Child;
  close(): Promise<void>;
}

/**
 * Opens the house for one database.
 *
 * @param folder where documents go
 * @param database a SQLite file or the URL of a PostgreSQL database
 */
export async function openCrashHouse(folder: string, database: string): Promise<CrashHouse> {
  // Hundreds of processes start in these tests, and most of a start is looking for modules.
  const script = await bundleScript(new URL("./crash-child.mjs", import.meta.url));
  const emulator = await startSinchEmulator({
    completeAfterMs: 30,
    webhookTimeoutMs: 2_000,
    // The vendor tries for three days. Here that is ten minutes, longer than any of these tests.
    webhookRetryMinutes: [5, 10, 20, ...Array<number>(2_000).fill(30)],
  });
  const port = await freePort();
  emulator.updateService({
    incomingWebhookUrl: `http://hook:hook-secret@127.0.0.1:${port}/callbacks/sinch`,
  });
  const cancels = new Map<string, number>();
  const cancelServer = createServer((request, response) => {
    const id = request.url?.slice(1) ?? "";
    cancels.set(id, (cancels.get(id) ?? 0) + 1);
    emulator.finish(id, "canceled");
    response.end();
  });
  const cancelPort = await listen(cancelServer);
  const unanswered = new Map<string, CrashJob>();

  return {
    emulator,
    cancels,
    unanswered,
    start({ jobs = [], killAt, killAtHit, webhooks = true }) {
      const plan: ChildPlan = {
        database,
        blobs: join(folder, "blobs"),
        port,
        sinch: {
          url: emulator.url,
          projectId: emulator.projectId,
          keyId: emulator.keyId,
          keySecret: emulator.keySecret,
        },
        cancelUrl: `http://127.0.0.1:${cancelPort}`,
        webhooks,
        unanswered: [...unanswered.values()],
        jobs,
        ...(killAt ? { killAt } : {}),
        ...(killAtHit ? { killAtHit } : {}),
      };
      for (const job of jobs) unanswered.set(job.key, job);
      return startChild(script, plan, unanswered);
    },
    async close() {
      await emulator.stop();
      cancelServer.closeAllConnections();
      await new Promise((resolve) => cancelServer.close(resolve));
      await rm(script);
    },
  };
}

function startChild(script: string, plan: ChildPlan, unanswered: Map<string, CrashJob>): Child {
  const child = spawn(process.execPath, [script, JSON.stringify(plan)], { stdio: ["pipe", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  // A killed child cannot read its input any more; that is no news.
  child.stdin.on("error", () => {});
  const ended = new Promise<NodeJS.Signals | null>((resolve) =>
    child.on("close", (_code, signal) => resolve(signal)),
  );
  const waiting: ((message: Message) => void)[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    const message = JSON.parse(line) as Message;
    if (message.type === "canceled") unanswered.delete(message.key);
    if (message.type === "accepted" && !unanswered.get(message.key)?.cancel) unanswered.delete(message.key);
    for (const listener of waiting) listener(message);
  });
  const first = <Type extends Message["type"]>(type: Type): Promise<Extract<Message, { type: Type }>> =>
    new Promise((resolve, reject) => {
      waiting.push((message) => {
        if (message.type === type) resolve(message as Extract<Message, { type: Type }>);
      });
      void ended.then((signal) =>
        reject(new Error(`the child ended (${signal}) before it was ${type}: ${errors}`)),
      );
    });
  const ready = first("ready").then(() => {});
  ready.catch(() => {});
  const tell = (command: unknown): void => void child.stdin.write(`${JSON.stringify(command)}\n`);
  return {
    process: child,
    ready,
    ended,
    send(job) {
      unanswered.set(job.key, job);
      tell({ type: "send", job });
    },
    async settle(inbound) {
      const settled = first("settled");
      tell({ type: "settle", inbound });
      return settled;
    },
    errors: () => errors,
  };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** A port that stays the same over all children, since the provider calls back on it. */
async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
