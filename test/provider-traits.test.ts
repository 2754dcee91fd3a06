import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { transportManifests } from "@faxbot/cli";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it, onTestFinished } from "vitest";
import { readRepositoryFile } from "./repository-files.ts";

const registryFile = "provider_traits.json";
const schemaFile = "schemas/provider_traits.schema.json";

type Entry = Record<string, unknown> & { traits: Record<string, unknown> };
interface Registry {
  version: number;
  providers: Record<string, Entry>;
}

const registry = JSON.parse(readRepositoryFile(`docs/${registryFile}`)) as Registry;
// Not strict: settings also carry `env` and `secret`, which are no keywords of JSON Schema.
const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
const validate = ajv.compile(JSON.parse(readRepositoryFile(`docs/${schemaFile}`)) as object);

/** Where a registry does not fit the schema: the paths of what is wrong. */
function faultsOf(changed: unknown): string[] {
  validate(changed);
  return [...new Set((validate.errors ?? []).map(({ instancePath }) => instancePath))];
}

function run(...args: string[]): { status: number | null; stderr: string } {
  const program = fileURLToPath(new URL("../scripts/provider-traits.mjs", import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: "utf8" });
  return { status, stderr };
}

describe("docs/provider_traits.json", () => {
  it("is what the manifests say, and so is its schema", () => {
    expect(run("--check")).toEqual({ status: 0, stderr: "" });
  });

  it("fits its schema", () => {
    validate(registry);
    expect(validate.errors).toBeNull();
    expect(registry.version).toBe(2);
  });

  it("has every transport that can be chosen by name, under its id", () => {
    const ids = transportManifests().map(({ id }) => id);
    expect(ids.length).toBeGreaterThan(0);
    expect(Object.keys(registry.providers)).toEqual(ids);
    for (const [id, entry] of Object.entries(registry.providers)) expect(entry.id).toBe(id);
  });

  it("says what the manifests say", () => {
    for (const { id, webhook, auth, traits, configSchema } of transportManifests()) {
      const path = webhook?.paths[0] ?? null;
      expect(registry.providers[id]).toMatchObject({
        traits: {
          ...traits,
          auth,
          webhook: webhook
            ? { verification: webhook.verification, path, verify_header: webhook.verifyHeader ?? null }
            : null,
        },
        config_schema: configSchema,
        webhook_path: path,
      });
    }
  });

  it("has settings that name their variable, say whether they are secret, and have no secret as a default", () => {
    for (const { config_schema: schema } of Object.values(registry.providers)) {
      expect(() => ajv.compile(schema as object)).not.toThrow();
      const { properties } = schema as { properties: Record<string, Record<string, unknown>> };
      for (const setting of Object.values(properties)) {
        expect(setting).toMatchObject({ env: expect.any(String), secret: expect.any(Boolean) });
        if (setting.secret) expect(setting).not.toHaveProperty("default");
      }
    }
  });
});

describe("docs/schemas/provider_traits.schema.json", () => {
  const [id = "", entry] = Object.entries(registry.providers)[0] ?? [];
  const at = `/providers/${id}`;
  const withEntry = (change: (entry: Entry) => void): Registry => {
    const changed = structuredClone(registry);
    change(changed.providers[id] as Entry);
    return changed;
  };

  it.each<[what: string, change: (entry: Entry) => void, path: string]>([
    ["lacks its settings", (one) => delete one.config_schema, at],
    ["lacks the path of its webhook", (one) => delete one.webhook_path, at],
    ["lacks a trait", (one) => delete one.traits.needs_storage, `${at}/traits`],
    ["lacks its authentication", (one) => delete one.traits.auth, `${at}/traits`],
    ["has a trait that nobody knows", (one) => Object.assign(one.traits, { fast: true }), `${at}/traits`],
    ["has a key that nobody knows", (one) => Object.assign(one, { price: 1 }), at],
    [
      "says a trait in words",
      (one) => Object.assign(one.traits, { send_fax: "yes" }),
      `${at}/traits/send_fax`,
    ],
    ["is of an unknown kind", (one) => Object.assign(one, { kind: "moon" }), `${at}/kind`],
    ["can what nobody knows", (one) => Object.assign(one, { capabilities: ["fly"] }), `${at}/capabilities/0`],
    [
      "verifies webhooks in an unknown way",
      (one) =>
        Object.assign(one.traits, {
          webhook: { verification: "hope", path: "/callbacks/x", verify_header: null },
        }),
      `${at}/traits/webhook/verification`,
    ],
    [
      "authenticates in an unknown way",
      (one) => Object.assign(one.traits, { auth: { methods: ["smile"] } }),
      `${at}/traits/auth/methods/0`,
    ],
    [
      "limits requests to fewer than none",
      (one) => Object.assign(one.traits, { rate_limits: { requests_per_second: -1 } }),
      `${at}/traits/rate_limits/requests_per_second`,
    ],
    [
      "has settings that are no JSON Schema",
      (one) => Object.assign(one, { config_schema: { type: "fax" } }),
      `${at}/config_schema/type`,
    ],
    [
      "has a webhook path without a slash",
      (one) => Object.assign(one, { webhook_path: "callbacks" }),
      `${at}/webhook_path`,
    ],
  ])("refuses a provider that %s", (_what, change, path) => {
    expect(faultsOf(withEntry(change))).toContain(path);
  });

  it("refuses an id that is none, another version, and a registry of another shape", () => {
    expect(faultsOf({ ...registry, providers: { "No Id": entry } })).toContain("/providers");
    expect(faultsOf({ ...registry, version: 1 })).toEqual(["/version"]);
    expect(faultsOf({ ...registry, more: {} })).toEqual([""]);
    expect(faultsOf(registry.providers)).toContain("");
  });
});

describe("scripts/provider-traits.mjs", () => {
  it("writes both files, and tells which one is missing or differs", () => {
    const folder = mkdtempSync(join(tmpdir(), "faxbot-registry-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const nothing = run("--check", folder);
    expect(nothing.status).toBe(1);
    expect(nothing.stderr).toMatch(
      /^provider_traits\.json is not .+\nschemas\/provider_traits\.schema\.json is not /,
    );

    expect(run(folder).status).toBe(0);
    for (const file of [registryFile, schemaFile]) {
      expect(JSON.parse(readFileSync(join(folder, file), "utf8"))).toEqual(
        JSON.parse(readRepositoryFile(`docs/${file}`)),
      );
    }

    const changed = structuredClone(registry);
    for (const one of Object.values(changed.providers)) one.traits.hipaa_compliant = true;
    writeFileSync(join(folder, registryFile), JSON.stringify(changed));
    const stale = run("--check", folder);
    expect(stale.status).toBe(1);
    expect(stale.stderr).toMatch(/^provider_traits\.json is not what the manifests say/);
    expect(stale.stderr).not.toContain("schemas/");
  });
});
