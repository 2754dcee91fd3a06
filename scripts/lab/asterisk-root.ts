import { type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { arch, homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
const script = fileURLToPath(new URL("build-root.sh", import.meta.url));

/** A folder with Debian sid and its Asterisk 22; nothing in it changes while Asterisk runs. */
export interface AsteriskRoot {
  folder: string;
  /** The user and group `asterisk` in it, by number: outside these numbers may have other names. */
  uid: number;
  gid: number;
}

/** Where roots are kept: `FAXBOT_LAB_CACHE`, else `faxbot-lab` in the user's cache folder. */
function cacheFolder(): string {
  const { env } = process;
  return env.FAXBOT_LAB_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "faxbot-lab");
}

const rootFolder = () => join(cacheFolder(), `asterisk-sid-${arch()}`);

/**
 * Why no Asterisk can be started here, in a few words; undefined when it can.
 *
 * @param peers further programs that are needed
 */
export function whyNoLab(...peers: string[]): string | undefined {
  if (process.platform !== "linux") return "not on Linux";
  if (process.getuid?.() !== 0) return "not root";
  const needed = ["unshare", "setpriv", "flock", "mount", "nice", "chroot", ...peers];
  const missing = needed.find((name) => !hasProgram(name));
  if (missing) return `no ${missing}`;
  if (spawnSync("unshare", ["--mount", "true"]).status !== 0) return "no namespaces";
  if (existsSync(rootFolder())) return undefined;
  if (!hasProgram("debootstrap")) return "no debootstrap";
  return existsSync(keyring) ? undefined : "no debian-archive-keyring";
}

/**
 * Finds the root in the cache, or makes it, which takes two to three minutes. Two processes may ask at once.
 *
 * @throws Error with the last lines of the build when it fails
 */
export async function asteriskRoot(): Promise<AsteriskRoot> {
  const folder = rootFolder();
  if (!existsSync(folder)) {
    await mkdir(cacheFolder(), { recursive: true });
    const mirror = process.env.FAXBOT_LAB_MIRROR || mirrorOfApt();
    await run(
      "flock",
      [`${folder}.lock`, "unshare", "--mount", "--propagation", "private", script, folder, mirror, keyring],
      { env: { ...proxiesOfApt(), ...process.env, PATH: withSystemPath() } },
    );
  }
  const passwd = await readFile(join(folder, "etc/passwd"), "utf8");
  const [, uid, gid] = /^asterisk:[^:]*:(\d+):(\d+):/m.exec(passwd) ?? [];
  if (uid === undefined || gid === undefined) throw new Error(`${folder} has no user asterisk`);
  return { folder, uid: Number(uid), gid: Number(gid) };
}

/** The Debian mirror that this machine's apt uses, or Debian's own where apt knows none, as on Ubuntu. */
function mirrorOfApt(): string {
  const { stdout } = spawnSync(
    "apt-get",
    ["indextargets", "--format", "$(ORIGIN) $(REPO_URI)", "Created-By: Packages"],
    { encoding: "utf8" },
  );
  const mirrors = (stdout ?? "").split("\n").flatMap((line) => {
    const [, origin, uri] = /^(\S*) (https?:\S+)$/.exec(line) ?? [];
    return uri && !/security/.test(uri) && (origin === "Debian" || /\/debian\/?$/.test(uri)) ? [uri] : [];
  });
  return mirrors[0] ?? "http://deb.debian.org/debian";
}

/** apt's proxies, as debootstrap and the apt in the new root read them. */
function proxiesOfApt(): NodeJS.ProcessEnv {
  const { stdout } = spawnSync("apt-config", ["dump", "Acquire"], { encoding: "utf8" });
  const proxies = [...(stdout ?? "").matchAll(/^Acquire::(https?)::Proxy "(\S+)";$/gim)];
  return Object.fromEntries(
    proxies.filter(([, , proxy]) => proxy !== "DIRECT").map(([, name, proxy]) => [`${name}_proxy`, proxy]),
  );
}

/** debootstrap lies where only administrators look. */
const withSystemPath = () => [process.env.PATH, "/usr/sbin", "/sbin"].filter(Boolean).join(delimiter);

const hasProgram = (name: string) =>
  withSystemPath()
    .split(delimiter)
    .some((folder) => existsSync(join(folder, name)));

async function run(program: string, args: string[], options: SpawnOptions): Promise<void> {
  const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let lines: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => {
      lines = [...lines, ...text.split("\n")].slice(-40);
    });
  const code = await new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) => resolve(status ?? signal));
  });
  if (code !== 0) throw new Error(`${script} ended with ${code}:\n${lines.join("\n").trim()}`);
}
