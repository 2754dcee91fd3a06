// Builds every package and example that changed since its last build, two at a time, each after the packages that it
// imports: declarations resolve sibling packages through their built ones. `--force` builds everything.
//
// A member is up to date when neither its own files, nor tools and dependencies, nor the declarations of the packages
// that it imports changed, and its dist is exactly what the last build left. The stamps lie in node_modules/.cache.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { dependenciesOf, readWorkspace, root } from "./workspace.mjs";

const force = process.argv.includes("--force");
const cache = join(root, "node_modules", ".cache", "faxbot", "build");
const parallel = 2;

function hashOf(folder, files) {
  const hash = createHash("sha256");
  for (const file of files) hash.update(`\0${file}\0`).update(readFileSync(join(folder, file)));
  return hash.digest("hex");
}

function filesUnder(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

const dist = (member) => join(root, member.folder, "dist");
const hashOfDist = (member) => hashOf(dist(member), filesUnder(dist(member)));
const hashOfDeclarations = (member) =>
  hashOf(
    dist(member),
    filesUnder(dist(member)).filter((file) => file.endsWith(".d.ts")),
  );

/** What all builds share: the settings, this script, and the versions of tools and dependencies. */
function hashOfTools() {
  return hashOf(root, ["tsconfig.json", "pnpm-lock.yaml", join("scripts", "build.mjs")]);
}

/** The packages that a member imports, directly or through others. */
function closureOf(member, members, found = new Set()) {
  for (const other of dependenciesOf(member, members)) {
    if (!found.has(other)) closureOf(other, members, found.add(other));
  }
  return [...found];
}

/** Folders of a package that its build does not read. */
const notBuilt = ["dist", "node_modules", "test", "bench"];

function hashOfInputs(member, members, tools) {
  const folder = join(root, member.folder);
  const own = readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !notBuilt.includes(name) && !name.endsWith(".md"))
    .flatMap((entry) =>
      entry.isDirectory()
        ? filesUnder(join(folder, entry.name)).map((file) => join(entry.name, file))
        : [entry.name],
    )
    .sort();
  const siblings = closureOf(member, members).map((other) => `${other.name} ${hashOfDeclarations(other)}`);
  return createHash("sha256")
    .update([tools, hashOf(folder, own), ...siblings].join("\n"))
    .digest("hex");
}

const stampOf = (member) => join(cache, member.folder.replace("/", "-"));

function isUpToDate(member, inputs) {
  const stamp = stampOf(member);
  return !force && existsSync(stamp) && readFileSync(stamp, "utf8") === `${inputs} ${hashOfDist(member)}`;
}

/** Runs the `build` script of a package as npm would, without the half second that npm takes to start. */
function runBuildScript(member) {
  return new Promise((resolve) => {
    const child = spawn(member.manifest.scripts.build, {
      cwd: join(root, member.folder),
      env: { ...process.env, PATH: join(root, "node_modules", ".bin") + delimiter + process.env.PATH },
      shell: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
    });
    child.stderr.on("data", (chunk) => {
      output += chunk;
    });
    child.on("error", (error) => resolve({ ok: false, output: error.message }));
    child.on("close", (status) => resolve({ ok: status === 0, output }));
  });
}

/** @returns whether the member's dist is now what its sources say */
async function build(member, members, tools) {
  const inputs = hashOfInputs(member, members, tools);
  if (isUpToDate(member, inputs)) return true;
  const started = performance.now();
  rmSync(stampOf(member), { force: true });
  const { ok, output } = await runBuildScript(member);
  if (!ok) {
    console.error(`\nBuilding ${member.name} (${member.folder}) failed:\n${output.trimEnd()}\n`);
    return false;
  }
  writeFileSync(stampOf(member), `${inputs} ${hashOfDist(member)}`);
  console.log(`built ${member.name} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return true;
}

async function buildAll() {
  const members = readWorkspace().filter(
    (member) => member.manifest.scripts?.build && existsSync(join(root, member.folder, "src")),
  );
  const tools = hashOfTools();
  const results = new Map();
  const waiting = new Set(members);
  const running = new Set();

  while (waiting.size > 0 || running.size > 0) {
    const before = waiting.size;
    for (const member of waiting) {
      const needed = dependenciesOf(member, members);
      if (running.size >= parallel || !needed.every((other) => results.has(other))) continue;
      waiting.delete(member);
      if (needed.some((other) => !results.get(other))) {
        console.error(`${member.name} was not built: it imports a package whose build failed`);
        results.set(member, false);
        continue;
      }
      const job = build(member, members, tools).then((succeeded) => {
        results.set(member, succeeded);
        running.delete(job);
      });
      running.add(job);
    }
    if (running.size > 0) await Promise.race(running);
    else if (waiting.size === before && before > 0) {
      throw new Error(
        `these packages import each other in a circle: ${[...waiting].map((member) => member.name).join(", ")}`,
      );
    }
  }
  return [...results.values()].every(Boolean);
}

/** Two builds at once would clean each other's output away, so the second one waits. */
async function whileAlone(work) {
  mkdirSync(cache, { recursive: true });
  const lock = join(cache, "running");
  for (let waited = false; !takeLock(lock); waited = true) {
    if (!waited) console.log(`waiting for another build to end (it holds ${lock}) …`);
    await setTimeout(200);
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function takeLock(lock) {
  try {
    writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  // A build that was killed leaves its lock behind.
  const holder = existsSync(lock) ? Number(readFileSync(lock, "utf8")) : 0;
  if (holder !== 0 && !isRunning(holder)) rmSync(lock, { force: true });
  return false;
}

function isRunning(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === "EPERM";
  }
}

process.exitCode = (await whileAlone(buildAll)) ? 0 : 1;
