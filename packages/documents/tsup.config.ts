import { defineConfig, type Options } from "tsup";

const programs = ["faxbot-documents", "exotic-tiff-worker", "pdf-editor-worker", "pdf-renderer-worker"];

const options: Options = {
  format: ["esm"],
  target: "node22",
  dts: false,
  sourcemap: true,
};

export default defineConfig([
  // Both builds run at once, so the first leaves the files of the second alone.
  { ...options, entry: ["src/index.ts"], clean: programs.map((name) => `!${name}.*`) },
  {
    ...options,
    entry: programs.map((name) => `src/${name}.ts`),
    splitting: false,
    // What starts as a process or a thread of its own takes the few lines that it needs of core with it: loading all of
    // core costs 0.3 s, more than the work of most faxes.
    noExternal: ["@faxbot/core"],
    esbuildOptions(build) {
      build.conditions = ["@faxbot/source"];
    },
  },
]);
