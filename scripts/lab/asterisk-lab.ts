import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, chown, cp, mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type AsteriskConsole, openConsole } from "./asterisk-console.ts";
import { type AsteriskRoot, asteriskRoot, labCacheFolder, whyNoLab } from "./asterisk-root.ts";
import { type LabPorts, type LabSecrets, labConfig, portsFrom } from "./lab-config.ts";

/** The configuration that users get, which is what the lab is to prove. */
const shippedConfig = fileURLToPath(new URL("../../packages/asterisk/config", import.meta.url));

/** Labs that may run at once on a machine; each takes a thousand ports. */
const labs = 10;
/** flock's way to say that somebody else has it. */
const taken = 75;

/** What may be said about a lab. */
export interface LabOptions {
  /** The first port of all labs; default `FAXBOT_LAB_PORT`, else 15000. */
  port?: number;
  /** The configuration to run; default: what `@faxbot/asterisk` ships. */
  config?: string;
  /** Where the library listens for the dialplan's word that a fax has come in. */
  inboundUrl?: string;
}

/** One call as Asterisk's call detail records tell it, one side of it. */
export interface CallRecord {
  /** The number that was dialled, on the side that was called. */
  to: string;
  channel: string;
  /** `ANSWERED`, `BUSY`, `FAILED`, `NO ANSWER`, `CONGESTION` */
  disposition: string;
  uniqueId: string;
}

/** A running Asterisk that calls itself. */
export interface AsteriskLab {
  ports: LabPorts;
  secrets: LabSecrets;
  /** The folders that Asterisk and the library share, the same path for both. */
  spoolIn: string;
  spoolOut: string;
  console: AsteriskConsole;
  pid: number;
  /** Every call that has ended, both sides of it. */
  callRecords(): Promise<CallRecord[]>;
  /** Asterisk's own log. */
  log(): Promise<string>;
  /** Ends Asterisk and removes its folder; what was mounted went with it. */
  stop(): Promise<void>;
}

/**
 * Starts Asterisk on the loopback interface, as user asterisk, from the cached root (which is made first where there is
 * none). Any number of processes may do so; each gets ports of its own.
 *
 * @throws Error with the end of Asterisk's log when it does not start
 * @example
 * const lab = await startAsteriskLab();
 * console.log(await lab.console.command("core show version"));
 * await lab.stop();
 */
export async function startAsteriskLab(options: LabOptions = {}): Promise<AsteriskLab> {
  const why = whyNoLab();
  if (why) throw new Error(`the lab cannot run here (${why})`);
  const root = await asteriskRoot();
  const first = options.port ?? Number(process.env.FAXBOT_LAB_PORT || 15_000);
  for (let lab = 0; lab < labs; lab += 1) {
    const started = await tryToStart(root, lab, portsFrom(first + lab * 1_000), options);
    if (started) return started;
  }
  throw new Error(`${labs} labs are running already`);
}

async function tryToStart(
  root: AsteriskRoot,
  number: number,
  ports: LabPorts,
  options: LabOptions,
): Promise<AsteriskLab | undefined> {
  // Not TMPDIR: the root has a /tmp to mount on, and the path of Asterisk's control socket has to be short.
  const folder = await mkdtemp("/tmp/faxbot-lab-");
  const secrets: LabSecrets = { ami: secret(), lab: secret(), inbound: secret() };
  await layOut(
    folder,
    root,
    options.config ?? shippedConfig,
    labConfig({ folder, ports, secrets, ...options }),
  );
  const output = await open(join(folder, "output.log"), "a");
  const asterisk = launch(root, folder, join(labCacheFolder(), `lab-${number}.lock`), output.fd);
  const ended = new Promise<number | null>((resolve, reject) => {
    asterisk.once("close", resolve);
    asterisk.once("error", reject);
  });
  await output.close();
  const log = async () =>
    (
      await Promise.all(
        ["output.log", "log/full"].map((file) => readFile(join(folder, file), "utf8").catch(() => "")),
      )
    ).join("");
  const stop = async () => {
    asterisk.kill("SIGTERM");
    const patience = setTimeout(() => asterisk.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(patience);
    await rm(folder, { recursive: true, force: true });
  };
  const console = await reach(ports.ami, secrets.lab, ended);
  if (typeof console === "object") {
    return {
      ports,
      secrets,
      spoolIn: join(folder, "spool/in"),
      spoolOut: join(folder, "spool/out"),
      console,
      pid: asterisk.pid as number,
      callRecords: async () =>
        readCallRecords(await readFile(join(folder, "log/cdr-csv/Master.csv"), "utf8").catch(() => "")),
      log,
      async stop() {
        console.close();
        await stop();
      },
    };
  }
  const last = (await log()).trim().split("\n").slice(-30).join("\n");
  await stop();
  if (console === taken) return undefined;
  throw new Error(`Asterisk did not start (${console}):\n${last}`);
}

/** Folders and files as a package of Asterisk would lay them out, below one folder. */
async function layOut(
  folder: string,
  root: AsteriskRoot,
  shipped: string,
  config: Record<string, string>,
): Promise<void> {
  await chmod(folder, 0o755);
  await cp(shipped, join(folder, "etc/shipped"), { recursive: true });
  for (const [name, text] of Object.entries(config)) await writeFile(join(folder, "etc", name), text);
  for (const name of ["run", "lib", "log/cdr-csv", "cache", "spool"])
    await mkdir(join(folder, name), { recursive: true });
  await Promise.all(["run", "lib", "log", "log/cdr-csv", "cache"].map((name) => give(name)));
  // As the guide has it: what one side writes, the other reads by the group.
  for (const name of ["spool/in", "spool/out"]) {
    await mkdir(join(folder, name));
    await give(name);
    await chmod(join(folder, name), 0o2770);
  }

  async function give(name: string): Promise<void> {
    await chown(join(folder, name), root.uid, root.gid);
  }
}

/**
 * Becomes Asterisk without a process in between, so that signals and the end of this process reach it. The lock says
 * that these ports are in use; it is held as long as Asterisk lives. Mounts are in a namespace of its own: the lab's
 * folder under its own path in the root, so that both sides mean the same file by a path.
 */
function launch(root: AsteriskRoot, folder: string, lock: string, output: number): ChildProcess {
  const enter = [
    "set -e",
    'mount -t proc proc "$1/proc"',
    'mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"',
    'mkdir -p "$1$2"',
    'mount --bind "$2" "$1$2"',
    'exec chroot "$1" setpriv --reuid=asterisk --regid=asterisk --init-groups --pdeathsig=KILL ' +
      '/usr/sbin/asterisk -f -C "$2/etc/asterisk.conf"',
  ].join("\n");
  return spawn(
    "flock",
    [
      ...["--nonblock", "--conflict-exit-code", String(taken), "--no-fork", lock],
      ...["unshare", "--mount", "--propagation", "private"],
      ...["sh", "-c", enter, "sh", root.folder, folder],
    ],
    { stdio: ["ignore", output, output], cwd: "/" },
  );
}

/** A console, or how Asterisk ended before it had one. */
async function reach(
  port: number,
  password: string,
  ended: Promise<number | null>,
): Promise<AsteriskConsole | number | "late" | "killed"> {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    const over = await Promise.race([ended, sleep(100, "running" as const)]);
    if (over !== "running") return over ?? "killed";
    const console = await openConsole(port, password).catch(() => undefined);
    if (console) return console;
  }
  return "late";
}

/** Columns of `cdr_csv` (Asterisk, cdr/cdr_csv.c): 3 dst, 6 channel, 15 disposition, 17 uniqueid. */
function readCallRecords(csv: string): CallRecord[] {
  return csv
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const column = [...line.matchAll(/"((?:[^"]|"")*)"|([^,]+)|(?<=,)(?=,|$)|^(?=,)/g)].map(
        ([, quoted, plain]) => quoted ?? plain ?? "",
      );
      return {
        to: column[2] ?? "",
        channel: column[5] ?? "",
        disposition: column[14] ?? "",
        uniqueId: column[16] ?? "",
      };
    });
}

const secret = () => randomBytes(24).toString("hex");
