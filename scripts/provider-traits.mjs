// Writes the registry of providers, docs/provider_traits.json, and its schema, docs/schemas/provider_traits.schema.json,
// from the manifests of all transports that can be chosen by name. Needs a finished build. `npm run registry` writes;
// `npm run registry -- --check` only compares, and fails when a file is not what the manifests say. Another folder than
// docs may be named last.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { transportManifests } from "@faxbot/cli";
import { transportManifestSchema } from "@faxbot/core";
import { z } from "zod";
import { root } from "./workspace.mjs";

/** Grows when a key changes its name or meaning, not when one is added. */
const version = 2;

/** A manifest under the keys of the registry: those of Faxbot's published provider traits. */
function entryOf(manifest) {
  const { id, name, version, kind, status, description, categories, capabilities } = manifest;
  const { webhook, auth, traits, configSchema } = manifest;
  const path = webhook?.paths[0] ?? null;
  return {
    ...{ id, name, version, kind, status, description, categories, capabilities },
    traits: {
      ...traits,
      webhook: webhook
        ? { verification: webhook.verification, path, verify_header: webhook.verifyHeader ?? null }
        : null,
      auth,
    },
    config_schema: configSchema,
    webhook_path: path,
  };
}

function registry() {
  return {
    $schema: "./schemas/provider_traits.schema.json",
    version,
    providers: Object.fromEntries(transportManifests().map((manifest) => [manifest.id, entryOf(manifest)])),
  };
}

/** Made of the parts of the manifests' own schema, so that the two cannot differ. */
function registrySchema() {
  const { id, name, version: release, kind, status, description, categories } = transportManifestSchema.shape;
  const { capabilities, webhook, auth, traits, configSchema } = transportManifestSchema.shape;
  const { verification, paths, verifyHeader } = webhook.unwrap().shape;
  const entry = z.strictObject({
    ...{ id, name, version: release, kind, status, description, categories, capabilities },
    traits: z.strictObject({
      ...traits.shape,
      webhook: z
        .strictObject({ verification, path: paths.element, verify_header: verifyHeader.unwrap().nullable() })
        .nullable(),
      auth,
    }),
    config_schema: configSchema,
    webhook_path: paths.element.nullable(),
  });
  const whole = z.strictObject({
    $schema: z.string(),
    version: z.literal(version),
    providers: z.record(id, entry),
  });
  return {
    title: "Provider traits",
    ...z.toJSONSchema(whole, {
      override({ zodSchema, jsonSchema }) {
        if (zodSchema !== configSchema) return;
        for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
        jsonSchema.$ref = "https://json-schema.org/draft/2020-12/schema";
      },
    }),
  };
}

function isCurrent(file, wanted) {
  try {
    return isDeepStrictEqual(JSON.parse(readFileSync(file, "utf8")), wanted);
  } catch {
    return false;
  }
}

function describeFile(name, content) {
  // Through JSON, so that both sides of a comparison are what a reader of the file gets.
  return { name, file: join(folder, name), content: JSON.parse(JSON.stringify(content)) };
}

const { values, positionals } = parseArgs({
  options: { check: { type: "boolean", default: false } },
  allowPositionals: true,
});
const folder = resolve(positionals[0] ?? join(root, "docs"));
const files = [
  describeFile("provider_traits.json", registry()),
  describeFile("schemas/provider_traits.schema.json", registrySchema()),
];

if (values.check) {
  for (const { name, file, content } of files) {
    if (isCurrent(file, content)) continue;
    console.error(`${name} is not what the manifests say; write it with: npm run registry`);
    process.exitCode = 1;
  }
} else {
  for (const { file, content } of files) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
  }
  const biome = join(root, "node_modules", ".bin", "biome");
  spawnSync(biome, ["format", "--write", "--vcs-enabled=false", ...files.map(({ file }) => file)], {
    stdio: ["ignore", "ignore", "inherit"],
    shell: process.platform === "win32",
  });
}
