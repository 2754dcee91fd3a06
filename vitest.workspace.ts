import { existsSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { defineConfig, type ViteUserConfig } from "vitest/config";

// Tests run from the sources: the private condition resolves our packages to src/, no build needed.
const conditions = ["@faxbot/source"];

const projects = ["packages", "examples"]
  .flatMap((folder) => readdirSync(folder).map((name) => ({ name, root: `${folder}/${name}` })))
  .filter(({ root }) => existsSync(`${root}/test`))
  .map((project) => ({ ...project, include: ["test/**/*.test.ts"] }))
  // Killing processes takes a minute and both cores, so it can be left out by name.
  .concat({ name: "repository", root: ".", include: ["test/*.test.ts"] })
  .concat({ name: "crash", root: ".", include: ["test/crash/*.test.ts"] })
  // Documents of 50 MB in processes of their own take both cores, too.
  .concat({ name: "memory", root: ".", include: ["test/transfer-memory/*.test.ts"] })
  // Real faxes take minutes, and a real Asterisk needs root.
  .concat({ name: "lab", root: ".", include: ["test/lab/*.test.ts"] });

const config: ViteUserConfig = defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    projects: projects.map((project) => ({
      extends: true as const,
      test: {
        ...project,
        environment: "node" as const,
        testTimeout: 30_000,
        hookTimeout: 60_000,
        // Only for tests that say so: those that wait for telephone calls, not for the processor.
        maxConcurrency: 100,
        isolate: false,
      },
    })),
    // Half as many again as there are cores: many tests wait for a socket, and vitest alone would leave a core idle.
    maxWorkers: Math.ceil(availableParallelism() * 1.5),
    coverage: { provider: "v8", include: ["packages/*/src/**"] },
  },
});

export default config;
