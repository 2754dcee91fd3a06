import { defineConfig } from "tsup";

export default defineConfig({
  entry: ["src/index.ts", "src/vitest/index.ts", "src/postgres/index.ts", "src/faxbot-emulators.ts"],
  format: ["esm"],
  target: "node22",
  dts: false,
  clean: true,
  sourcemap: true,
});
