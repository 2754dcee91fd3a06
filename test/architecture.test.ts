import { describe, expect, it } from "vitest";
import { arrows } from "./arrows.ts";
import { findViolations } from "./find-violations.ts";
import { readRepositoryFile, repositoryFiles } from "./repository-files.ts";

describe("the repository", () => {
  const paths = repositoryFiles().filter(
    (path) => /^(packages|examples|scripts|test)\//.test(path) && !path.includes("/fixtures/"),
  );
  const wanted = paths.filter((path) => /\.(ts|mts|mjs|js)$/.test(path) || path.endsWith("/package.json"));
  const files = new Map(wanted.map((path) => [path, readRepositoryFile(path)]));

  it("is read whole", () => {
    expect(files.has("packages/core/package.json")).toBe(true);
    expect(files.has("packages/core/src/index.ts")).toBe(true);
  });

  it("keeps to the arrows", () => {
    expect(findViolations(files)).toEqual([]);
  });

  it("has only arrows to packages that have one themselves", () => {
    const targets = Object.values(arrows).flatMap(({ imports }) => (imports === "any" ? [] : imports));
    for (const target of targets) expect(Object.keys(arrows)).toContain(target.split("/")[1]);
  });
});

describe("findViolations", () => {
  const manifest = (name: string, fields: Record<string, unknown> = {}) =>
    JSON.stringify({ name: `@faxbot/${name}`, exports: { ".": "./src/index.ts" }, ...fields });
  const core = (fields: Record<string, unknown>) =>
    manifest("core", {
      exports: { ".": "./src/index.ts", "./transport": "./src/transport/index.ts" },
      ...fields,
    });
  const sound: Record<string, string> = {
    "packages/core/package.json": core({ dependencies: { zod: "^4.0.0", ky: "^2.0.0" } }),
    "packages/core/src/index.ts":
      'import { z } from "zod";\nexport * from "./transport/index.ts";\nexport { z };\n',
    "packages/core/src/transport/index.ts": 'import { Buffer } from "node:buffer";\nexport { Buffer };\n',
    "packages/sinch/package.json": manifest("sinch", {
      dependencies: { "@faxbot/core": "workspace:^" },
      devDependencies: { "@faxbot/testing": "workspace:^" },
    }),
    "packages/sinch/src/index.ts": 'export { sinch } from "./sinch-transport.ts";\n',
    "packages/sinch/src/sinch-transport.ts":
      'import type { FaxTransportV1 } from "@faxbot/core/transport";\nexport const sinch = "PHAXIO_API_KEY";\n',
    "packages/sinch/test/sinch-transport.test.ts": 'import "@faxbot/testing";\nimport "../src/index.ts";\n',
    "packages/testing/package.json": manifest("testing", { dependencies: { "@faxbot/core": "workspace:^" } }),
    "packages/testing/src/index.ts": 'export const emulated = ["sinch"];\n',
    "examples/hello/package.json": JSON.stringify({
      name: "hello",
      dependencies: { "@faxbot/core": "workspace:^" },
    }),
    "examples/hello/src/hello.ts": 'import "@faxbot/core";\n',
  };
  const check = (changes: Record<string, string>) =>
    findViolations(new Map(Object.entries({ ...sound, ...changes })));

  it("is content with a sound repository", () => {
    expect(check({})).toEqual([]);
  });

  it.each<[what: string, changes: Record<string, string>, found: string]>([
    [
      "an arrow that is not there",
      { "packages/sinch/src/a.ts": 'import { send } from "@faxbot/core";\n' },
      "packages/sinch/src/a.ts: may not import @faxbot/core",
    ],
    [
      "the same as a type, in another quote, over lines",
      { "packages/sinch/src/a.ts": "import type {\n  A,\n} from\n  '@faxbot/core';\n" },
      "packages/sinch/src/a.ts: may not import @faxbot/core",
    ],
    [
      "the same as a re-export",
      { "packages/sinch/src/a.ts": 'export type * from "@faxbot/core";\n' },
      "packages/sinch/src/a.ts: may not import @faxbot/core",
    ],
    [
      "the same as a dynamic import",
      { "packages/sinch/src/a.ts": 'export const load = () => import("@faxbot/core");\n' },
      "packages/sinch/src/a.ts: may not import @faxbot/core",
    ],
    [
      "the same inside a type",
      { "packages/sinch/src/a.ts": 'export type A = import("@faxbot/core").A;\n' },
      "packages/sinch/src/a.ts: may not import @faxbot/core",
    ],
    [
      "the same by require",
      {
        "packages/sinch/src/a.ts": 'declare const require: any;\nexport const a = require("@faxbot/core");\n',
      },
      "packages/sinch/src/a.ts: may not import @faxbot/core",
    ],
    [
      "the same by import.meta.resolve",
      { "packages/sinch/src/a.ts": 'export const a = import.meta.resolve("@faxbot/core");\n' },
      "packages/sinch/src/a.ts: may not import @faxbot/core",
    ],
    [
      "core that imports a package of ours",
      { "packages/core/src/a.ts": 'import "@faxbot/testing";\n' },
      "packages/core/src/a.ts: may not import @faxbot/testing",
    ],
    [
      "core that depends on a third package",
      {
        "packages/core/package.json": core({ dependencies: { zod: "^4.0.0", lodash: "^4.0.0" } }),
      },
      "packages/core/package.json: may not depend on lodash",
    ],
    [
      "a dependency that is not an arrow",
      {
        "packages/core/package.json": core({
          dependencies: { zod: "^4.0.0" },
          peerDependencies: { "@faxbot/sinch": "workspace:^" },
        }),
      },
      "packages/core/package.json: may not depend on @faxbot/sinch",
    ],
    [
      "a transport spec that needs the rest of core",
      { "packages/core/src/transport/a.ts": 'import type { Fax } from "../records/fax.ts";\n' },
      "packages/core/src/transport/a.ts: imports ../records/fax.ts, but packages/core/src/transport stands alone",
    ],
    [
      "the sources of another package",
      { "packages/testing/src/a.ts": 'import "@faxbot/core/src/index.ts";\n' },
      "packages/testing/src/a.ts: imports @faxbot/core/src/index.ts, which is not a public entry",
    ],
    [
      "a path into another package",
      { "packages/sinch/test/a.test.ts": 'import "../../core/src/index.ts";\n' },
      "packages/sinch/test/a.test.ts: reaches out of its package by ../../core/src/index.ts",
    ],
    [
      "a worker outside the package",
      { "packages/sinch/src/a.ts": 'new Worker(new URL("../../core/a.js", import.meta.url));\n' },
      "packages/sinch/src/a.ts: reaches out of its package by ../../core/a.js",
    ],
    [
      "an example that reaches into a package",
      { "examples/hello/src/hello.ts": 'import "../../../packages/core/src/index.ts";\n' },
      "examples/hello/src/hello.ts: reaches out of its package by ../../../packages/core/src/index.ts",
    ],
    [
      "sources that import their tests",
      { "packages/sinch/src/a.ts": 'import "../test/a.ts";\n' },
      "packages/sinch/src/a.ts: imports ../test/a.ts, which is not published",
    ],
    [
      "sources that import what is not installed with them",
      { "packages/testing/src/a.ts": 'import "fast-check";\n' },
      "packages/testing/src/a.ts: imports fast-check, which is not among its run-time dependencies",
    ],
    [
      "a built-in module without its prefix",
      { "packages/testing/src/a.ts": 'import "fs";\n' },
      "packages/testing/src/a.ts: imports fs without node:",
    ],
    [
      "a version instead of the workspace",
      {
        "packages/testing/package.json": manifest("testing", { dependencies: { "@faxbot/core": "^1.0.0" } }),
      },
      'packages/testing/package.json: @faxbot/core must be "workspace:^", not "^1.0.0"',
    ],
    [
      "a package without an arrow",
      { "packages/novel/package.json": manifest("novel") },
      "packages/novel/package.json: the package has no arrow; add it to test/arrows.ts first",
    ],
    [
      "a file name that says nothing",
      { "packages/core/src/utils.ts": "export const a = 1;\n" },
      'packages/core/src/utils.ts: a name like "utils" says nothing',
    ],
    [
      "a folder name that says nothing",
      { "packages/core/test/helpers/a.ts": "export const a = 1;\n" },
      'packages/core/test/helpers/a.ts: a name like "helpers" says nothing',
    ],
    [
      "a default export",
      { "packages/core/src/a.ts": "export default 1;\n" },
      "packages/core/src/a.ts: has a default export",
    ],
    [
      "a default export in disguise",
      { "packages/core/src/a.ts": "const a = 1;\nexport { a as default };\n" },
      "packages/core/src/a.ts: has a default export",
    ],
    [
      "a provider named outside its package",
      { "packages/core/src/a.ts": 'export const isSinch = (id: string) => id === "sinch";\n' },
      "packages/core/src/a.ts: names the provider sinch",
    ],
    [
      "a provider that names another",
      { "packages/sinch/src/a.ts": 'export const a = "freeswitch";\n' },
      "packages/sinch/src/a.ts: names the provider freeswitch",
    ],
  ])("finds %s", (_what, changes, found) => {
    expect(check(changes)).toEqual([found]);
  });

  it("does not take comments and texts for imports or names", () => {
    const text =
      '// import "@faxbot/core"; as Sinch does\n/* freeswitch */\nexport const a = `import "../../core"`;\n';
    expect(
      check({ "packages/testing/src/a.ts": text, "packages/core/src/b.ts": "/** Sinch. */\nexport {};\n" }),
    ).toEqual([]);
  });

  it("lets a file that is no module lie anywhere", () => {
    const text = 'export const picture = new URL("../../assets/order.pdf", import.meta.url);\n';
    expect(check({ "examples/hello/src/hello.ts": text })).toEqual([]);
  });

  it("refuses a file that it cannot read", () => {
    expect(() => check({ "packages/core/src/a.ts": "export const = 1;\n" })).toThrow(
      /a\.ts cannot be parsed/,
    );
  });
});
