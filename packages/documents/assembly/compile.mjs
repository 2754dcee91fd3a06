// Compiles the decoder of regular rows, regular-rows.ts, and writes it as text to ../src/regular-rows-module.ts.
// `npm run wasm` writes; `npm run wasm -- --check` only compares, and fails when the file is not what the source compiles to.
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import compiler from "assemblyscript/asc";

const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
const source = "regular-rows.ts";
const target = new URL("../src/regular-rows-module.ts", import.meta.url);

let module;
const { error } = await compiler.main(
  [
    ...[source, "--outFile", "regular-rows.wasm"],
    ...["-O3", "--noAssert", "--runtime", "stub", "--enable", "simd", "--use", "abort="],
    // Four pages of 64 KiB, and never more: see the source for what is where.
    ...["--initialMemory", "4", "--maximumMemory", "4"],
  ],
  {
    readFile: (name) => {
      // The compiler asks for other names too, and brings its own library.
      return name === source ? readFileSync(new URL(source, import.meta.url), "utf8") : null;
    },
    writeFile: (_, contents) => {
      module = contents;
    },
    listFiles: () => [],
    stderr: process.stderr,
  },
);
if (error) process.exit(1);

const text = `/** WebAssembly, made of \`assembly/regular-rows.ts\` by \`npm run wasm\`. */
export const regularRowsModule =
  "${Buffer.from(module).toString("base64")}";
`;
if (!values.check) {
  writeFileSync(target, text);
  console.log(`Wrote ${target.pathname}: ${module.length} bytes of WebAssembly.`);
} else if (readFileSync(target, "utf8") !== text) {
  console.error(`${target.pathname} is not what its source compiles to: run "npm run wasm".`);
  process.exit(1);
}
