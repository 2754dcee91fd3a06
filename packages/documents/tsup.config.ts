import { defineConfig } from "tsup";

export default defineConfig({
  entry: ["src/{index,faxbot-documents}.ts", "src/*-worker.ts"],
  format: ["esm"],
  target: "node22",
  dts: false,
  clean: true,
  sourcemap: true,
});
