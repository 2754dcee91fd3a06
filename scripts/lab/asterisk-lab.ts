import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, chown, cp, mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type AsteriskConsole, openConsole } from "./asterisk-console.ts";
import { type AsteriskRoot, asteriskRoot, whyNoLab } from "./asterisk-root.ts";
import { type LabPorts, type LabSecrets, labConfig, portsFrom, portsOfALab } from "./lab-config.ts";

/** The configuration that users get, which is what the lab is to prove. */
const shippedConfig = fileURLToPath(new URL("../../packages/asterisk/config", import.meta.url));

/** Labs that may run at once on a machine. */
const labs = 20;
/** flock's way to say that somebody else has it. */
const taken = 75;

/** What may be said about a lab. */
export interface LabOptions {
  /** The first port of all labs; default `FAXBOT_LAB_PORT`, else 15000. */
  port?: number;
  /** Where the library listens for the dialplan's word that a fax has come in. */
  inboundUrl?: string;
}

/** A running Asterisk that calls itself. */
export interface AsteriskLab {
  ports: LabPorts;
  secrets: LabSecrets;
  /** Everything of this Asterisk's, the same path for both sides. */
  folder: string;
  /** The folders that Asterisk and the library share, the same path for both. */
  spoolIn: string;
  spoolOut: string;
  console: AsteriskConsole;
  pid: number;
  /** How many calls to a number have arrived, by Asterisk's own log. */
  calls(number: string): Promise<number>;
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
 * console.log(await lab.console.command("fax show sessions"));
 * await lab.stop();
 */
export async function startAsteriskLab(options: LabOptions = {}): Promise<AsteriskLab> {
  const why = whyNoLab();
  if (why) throw new Error(`the lab cannot run here (${why})`);
  const root = await asteriskRoot();
  const first = options.port ?? Number(process.env.FAXBOT_LAB_PORT || 15_000);
  for (let lab = 0; lab < labs; lab += 1) {
    const started = await tryToStart(root, portsFrom(first + lab * portsOfALab), options);
    if (started) return started;
  }
  throw new Error(`${labs} labs are running already, or their ports from ${first} on are in use`);
}

async function tryToStart(
  root: AsteriskRoot,
  ports: LabPorts,
  options: LabOptions,
): Promise<AsteriskLab | undefined> {
  // Not TMPDIR: the root has a /tmp to mount on, and the path of Asterisk's control socket has to be short.
  const folder = await mkdtemp("/tmp/faxbot-lab-");
  const secrets: LabSecrets = { ami: secret(), lab: secret(), inbound: secret() };
  await layOut(folder, root, shippedConfig, labConfig({ folder, ports, secrets, ...options }));
  const output = await open(join(folder, "output.log"), "a");
  const asterisk = launch(root, folder, `/run/faxbot-lab-${ports.ami}.lock`, output.fd);
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
    if (!process.env.FAXBOT_LAB_KEEP) await rm(folder, { recursive: true, force: true });
  };
  const console = await reach(ports.ami, secrets.lab, ended);
  if (typeof console === "object") {
    return {
      ports,
      secrets,
      folder,
      spoolIn: join(folder, "spool/in"),
      spoolOut: join(folder, "spool/out"),
      console,
      pid: asterisk.pid as number,
      calls: async (to) => (await log()).split(`Executing [${to}@fax-inbound:1]`).length - 1,
      log,
      async stop() {
        console.close();
        await stop();
      },
    };
  }
  const told = (await log()).trim();
  await stop();
  // By another lab, or by another program.
  if (console === taken || told.includes("Address already in use")) return undefined;
  throw new Error(`Asterisk did not start (${console}):\n${told.split("\n").slice(-30).join("\n")}`);
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
  for (const name of ["run", "lib", "log", "cache", "spool"])
    await mkdir(join(folder, name), { recursive: true });
  await Promise.all(["run", "lib", "log", "cache"].map((name) => give(name)));
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
    // A fax modem that is late drops the line, however busy the machine is with other tests.
    'exec nice -n -10 chroot "$1" setpriv --reuid=asterisk --regid=asterisk --init-groups --pdeathsig=KILL ' +
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

const secret = () => randomBytes(24).toString("hex");
