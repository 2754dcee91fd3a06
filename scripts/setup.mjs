// Makes a fresh clone ready: installs the dependencies, then builds what changed. Every npm script that needs either
// calls this first; when nothing changed it takes a fraction of a second.
//
// It is started by whatever Node the machine has (18 or newer), so it is plain JavaScript and needs no dependency.
// All later steps run on the Node 24 that the install puts into node_modules/.bin, see docs/decisions/0001-toolchain.md.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const inRoot = (...parts) => join(root, ...parts);
const bin = inRoot("node_modules", ".bin");
const stampFile = inRoot("node_modules", ".cache", "faxbot", "installed");

function stop(message) {
  console.error(`\n${message}`);
  process.exit(1);
}

function olderThan(wantedMajor, wantedMinor) {
  const [major, minor] = process.versions.node.split(".").map(Number);
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor);
}

/** The bundled Node exists for Linux with glibc on x64 and arm64. */
function bundledNodeFits() {
  if (process.platform !== "linux" || !["x64", "arm64"].includes(process.arch)) return false;
  // Without this the report looks up the name of every open connection, which can take long.
  process.report.excludeNetwork = true;
  return process.report.getReport().header.glibcVersionRuntime !== undefined;
}

/** Changes with everything that decides what gets installed. */
function fingerprint() {
  const files = ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json"];
  for (const group of ["packages", "examples"]) {
    for (const name of readdirSync(inRoot(group)).sort()) files.push(join(group, name, "package.json"));
  }
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}`);
  for (const file of files) {
    if (existsSync(inRoot(file))) hash.update(`\0${file}\0`).update(readFileSync(inRoot(file)));
  }
  return hash.digest("hex");
}

function isInstalled(wanted) {
  // An `npm install` typed by habit replaces the tree by its own, and leaves this file.
  if (existsSync(inRoot("node_modules", ".package-lock.json"))) return false;
  if (!existsSync(inRoot("node_modules", ".modules.yaml")) || !existsSync(stampFile)) return false;
  return readFileSync(stampFile, "utf8") === wanted;
}

function homeIsWritable() {
  try {
    accessSync(homedir(), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function install() {
  const { packageManager } = JSON.parse(readFileSync(inRoot("package.json"), "utf8"));
  // CI: pnpm never asks a question. NODE_ENV: `production` would leave out the tools that build and test.
  const env = { ...process.env, CI: "true", NODE_ENV: "" };
  // Some service users have no home; npm and pnpm then keep their caches with the clone.
  if (!homeIsWritable()) {
    env.HOME = inRoot("node_modules", ".cache", "home");
    env.npm_config_cache = join(env.HOME, ".npm");
  }
  rmSync(stampFile, { force: true });
  rmSync(inRoot("node_modules", ".package-lock.json"), { force: true });
  console.log(`Installing dependencies with ${packageManager} …`);
  const result = spawnSync("npx", ["--yes", packageManager, "install", "--frozen-lockfile"], {
    cwd: root,
    env,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32", // npx is a .cmd file there
  });
  if (result.error)
    stop(`Cannot start npx (${result.error.message}). It comes with npm; please install npm first.`);
  if (result.status !== 0) {
    stop(
      `Installing the dependencies failed, see the lines above. Check that the npm registry can be reached; after a change of dependencies run "npx ${packageManager} install" once.`,
    );
  }
}

/** A bundled Node that cannot run here (installed on a system without glibc) would hide the machine's own. */
function dropUnusableNode() {
  const bundled = join(bin, "node");
  if (existsSync(bundled) && spawnSync(bundled, ["--version"]).status !== 0) rmSync(bundled, { force: true });
}

function build() {
  const bundled = join(bin, "node");
  const result = spawnSync(
    existsSync(bundled) ? bundled : process.execPath,
    [inRoot("scripts", "build.mjs")],
    {
      cwd: root,
      env: { ...process.env, PATH: bin + delimiter + process.env.PATH },
      stdio: "inherit",
    },
  );
  if (result.status !== 0) process.exit(result.status ?? 1);
}

if (olderThan(18, 0))
  stop(`This repository needs Node 18 or newer to set itself up; this is ${process.version}.`);

const wanted = fingerprint();
if (!isInstalled(wanted)) {
  if (olderThan(22, 18) && !bundledNodeFits()) {
    stop(
      `On this system (${process.platform} ${process.arch}) please use Node 22.18 or newer; this is ${process.version}. Only for Linux with glibc does the repository bring its own Node.`,
    );
  }
  install();
  dropUnusableNode();
  mkdirSync(join(stampFile, ".."), { recursive: true });
  writeFileSync(stampFile, wanted);
}
build();
