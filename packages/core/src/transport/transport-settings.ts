import { z } from "zod";
import { FaxError } from "./fax-error.ts";
import {
  type TransportManifest,
  type TransportManifestInput,
  transportManifestSchema,
} from "./transport-manifest.ts";

/** What every field of a settings object says about itself in `.meta()`, which must be the last call of the chain. */
export interface SettingMeta {
  /** The environment variable that it is read from. */
  env: string;
  /** True for keys, passwords and tokens: never logged, never returned. */
  secret: boolean;
  /** A short name for people. */
  title: string;
  /** One sentence of help. */
  description?: string;
}

/** One field of a settings object, see {@link describeSettings}. */
export interface SettingDescription extends SettingMeta {
  name: string;
  required: boolean;
  /** The default as text, when there is one. */
  defaultText?: string;
}

const secretName = /(key|secret|token|pass|password|pepper)$/i;

/**
 * Lists the fields of a settings object with their environment variables; the source of README tables, forms and
 * redaction lists.
 *
 * @throws FaxError `config_invalid` when a field has no `.meta({ env, secret, title })`, or is named like a secret and
 * does not say whether it is one
 */
export function describeSettings(settings: z.ZodObject): SettingDescription[] {
  return Object.entries(settings.shape).map(([name, field]) => {
    const meta = (field as z.ZodType).meta() as Partial<SettingMeta> | undefined;
    if (!meta?.env || !meta.title || typeof meta.secret !== "boolean") {
      throw new FaxError(
        "config_invalid",
        `setting ${name} lacks .meta({ env, secret, title }) at the end of its chain`,
      );
    }
    if (secretName.test(name) && !meta.secret) {
      throw new FaxError("config_invalid", `setting ${name} is named like a secret but not marked as one`);
    }
    const fallback = (field as z.ZodType).safeParse(undefined);
    const description: SettingDescription = {
      name,
      env: meta.env,
      secret: meta.secret,
      title: meta.title,
      required: !fallback.success,
    };
    if (meta.description) description.description = meta.description;
    // As it would be written in the environment: a list with commas.
    if (fallback.success && fallback.data !== undefined) description.defaultText = envText(fallback.data);
    return description;
  });
}

/**
 * Checks a manifest against the one schema and adds the settings' JSON Schema.
 *
 * @throws FaxError `config_invalid` naming the field that does not fit
 * @example
 * export const acmeManifest = defineManifest({ id: "acme", name: "Acme Fax", … }, acmeSettings);
 */
export function defineManifest(input: TransportManifestInput, settings: z.ZodObject): TransportManifest {
  describeSettings(settings);
  const configSchema = z.toJSONSchema(settings, { io: "input", unrepresentable: "any" });
  const parsed = transportManifestSchema.safeParse({ ...input, configSchema });
  if (!parsed.success) {
    throw new FaxError("config_invalid", `manifest of ${input.id}: ${z.prettifyError(parsed.error)}`);
  }
  return parsed.data;
}

/**
 * Checks settings given in code.
 *
 * @throws FaxError `config_invalid` that names the fields, never their values
 */
export function parseSettings<S extends z.ZodObject>(
  transportId: string,
  settings: S,
  value: unknown,
): z.output<S> {
  const parsed = settings.safeParse(value);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map(
    (issue) => `${issue.path.join(".") || "settings"}: ${describeIssue(issue)}`,
  );
  throw new FaxError("config_invalid", `settings of ${transportId}: ${fields.join("; ")}`, { transportId });
}

/**
 * Reads settings from environment variables, by the `env` of each field. Empty variables count as absent; `true`,
 * `false` and numbers are converted where the field wants them.
 *
 * @throws FaxError `config_invalid` that names the variables, never their values
 */
export function settingsFromEnv<S extends z.ZodObject>(
  transportId: string,
  settings: S,
  env: Readonly<Record<string, string | undefined>>,
): z.output<S> {
  const raw: Record<string, unknown> = {};
  const envOf = new Map<string, string>();
  for (const field of describeSettings(settings)) {
    envOf.set(field.name, field.env);
    const text = env[field.env]?.trim();
    if (text) raw[field.name] = convert(settings.shape[field.name] as z.ZodType, text);
  }
  const parsed = settings.safeParse(raw);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map(
    (issue) => `${envOf.get(String(issue.path[0])) ?? "settings"}: ${describeIssue(issue)}`,
  );
  throw new FaxError("config_invalid", `settings of ${transportId}: ${fields.join("; ")}`, { transportId });
}

/** A value as it would be written in the environment: a list with commas. */
function envText(value: unknown): string {
  if (Array.isArray(value)) return value.map(envText).join(",");
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** zod's own messages may quote the value ("received …"), so only the kind of problem is told. */
function describeIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === "custom") return issue.message;
  if (issue.code === "invalid_type") return `is missing or not a ${issue.expected}`;
  if (issue.code === "invalid_value") return `must be one of ${issue.values.join(", ")}`;
  if (issue.code === "unrecognized_keys") return `unknown field ${issue.keys.join(", ")}`;
  return `is not valid (${issue.code})`;
}

function convert(field: z.ZodType, text: string): unknown {
  if (field.safeParse(text).success) return text;
  if (/^(true|1|yes|on)$/i.test(text) && field.safeParse(true).success) return true;
  if (/^(false|0|no|off)$/i.test(text) && field.safeParse(false).success) return false;
  const number = Number(text);
  if (Number.isFinite(number) && field.safeParse(number).success) return number;
  if (text.includes(",")) {
    const list = text.split(",").map((item) => item.trim());
    if (field.safeParse(list).success) return list;
  }
  return field.safeParse([text]).success ? [text] : text;
}
