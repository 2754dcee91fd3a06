import { defineConfig, type ViteUserConfig } from "vitest/config";

// Suites that have to fail. They run in a vitest of their own, started by the tests that expect it.
const conditions = ["@faxbot/source"];
const config: ViteUserConfig = defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: { include: ["test/broken/*.suite.ts"], environment: "node" },
});

export default config;
