import { existsSync, readdirSync } from "node:fs";
import { defineConfig, type ViteUserConfig } from "vitest/config";

// Tests run from the sources: the private condition resolves our packages to src/, no build needed.
const conditions = ["@faxbot/source"];

const projects = ["packages", "examples"]
  .flatMap((folder) => readdirSync(folder).map((name) => `${folder}/${name}`))
  .filter((root) => existsSync(`${root}/test`))
  .concat(".");

const config: ViteUserConfig = defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    projects: projects.map((root) => ({
      extends: true as const,
      test: {
        name: root === "." ? "repository" : (root.split("/")[1] as string),
        root,
        include: ["test/**/*.test.ts"],
        environment: "node" as const,
        testTimeout: 30_000,
      },
    })),
    coverage: { provider: "v8", include: ["packages/*/src/**"] },
  },
});

export default config;
