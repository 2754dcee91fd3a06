import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/**
 * Makes one file of a script and all that it imports, for a process of its own. Whoever asked for it removes it.
 *
 * @param source the script
 * @param conditions of package exports: `@faxbot/source` takes our packages from their sources instead of their builds
 * @returns the file's path
 */
export async function bundleScript(source: URL, conditions: string[] = []): Promise<string> {
  const name = `faxbot-child-${process.pid}-${randomUUID()}.mjs`;
  const script = fileURLToPath(new URL(`../node_modules/.cache/${name}`, import.meta.url));
  await build({
    entryPoints: [fileURLToPath(source)],
    outfile: script,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node22",
    logLevel: "error",
    conditions,
    external: ["better-sqlite3", "@hyzyla/pdfium", "pg-native"],
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
  });
  return script;
}
