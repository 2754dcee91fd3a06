import { resolve } from "node:path";
import { describeSettings, FaxError, settingsFromEnv } from "@faxbot/core";
import { z } from "zod";
import { logLevels } from "./json-logger.ts";

const flag = (standard: boolean) => z.boolean().default(standard);
const minutes = (standard: number) => z.number().positive().default(standard);

/**
 * What a host is told by its environment, besides the settings of its transports. The names are those of Faxbot 1.x
 * to 3.x; `describeSettings(hostSettings)` lists them with their defaults.
 */
export const hostSettings = z.strictObject({
  backend: z.array(z.string()).default([]).meta({
    env: "FAX_BACKEND",
    secret: false,
    title: "Transports",
    description: "Names in order of preference, separated by commas, e.g. `sinch`.",
  }),
  disabled: flag(false).meta({
    env: "FAX_DISABLED",
    secret: false,
    title: "Dial nobody",
    description: "`true` uses the `test` transport whatever FAX_BACKEND says.",
  }),
  dataDir: z.string().default("./faxbot-data").meta({
    env: "FAX_DATA_DIR",
    secret: false,
    title: "Data folder",
    description: "Database, documents and generated secrets, unless they are configured elsewhere.",
  }),
  databaseUrl: z.string().optional().meta({
    env: "DATABASE_URL",
    secret: true,
    title: "Database",
    description:
      "`postgres://…`, `sqlite:///relative/path`, `sqlite:////absolute/path` or a file's path. Default: a SQLite file in the data folder.",
  }),
  databaseTls: flag(false).meta({
    env: "DB_TLS_ENABLED",
    secret: false,
    title: "TLS to PostgreSQL",
  }),
  migrate: flag(true).meta({
    env: "FAXBOT_MIGRATE",
    secret: false,
    title: "Migrate on start",
    description: "`false`: tables are only made by `faxbot migrate`.",
  }),
  apiKey: z.string().optional().meta({
    env: "API_KEY",
    secret: true,
    title: "Bootstrap API key",
    description: "Holds every scope. At least 16 characters in production mode.",
  }),
  authenticationRequired: flag(true).meta({
    env: "REQUIRE_API_KEY",
    secret: false,
    title: "Require an API key",
    description: "`false` (development only) lets everybody in.",
  }),
  sessionPepper: z
    .string()
    .regex(/^[^,]{16,}(,[^,]{16,})?$/)
    .optional()
    .meta({
      env: "FAXBOT_SESSION_PEPPER",
      secret: true,
      title: "Pepper",
      description:
        "Keys the hashes of API keys and tokens. At least 16 characters; `new,old` during rotation.",
    }),
  configMasterKey: z.string().min(32).optional().meta({
    env: "CONFIG_MASTER_KEY",
    secret: true,
    title: "Master key",
    description: "Encrypts stored provider settings. Checked for presence; nothing is stored under it yet.",
  }),
  publicApiUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .meta({
      env: "PUBLIC_API_URL",
      secret: false,
      title: "Public URL",
      description: "Where providers and token holders reach this server. Without it every fax is polled.",
    }),
  enforcePublicHttps: flag(false).meta({
    env: "ENFORCE_PUBLIC_HTTPS",
    secret: false,
    title: "Production mode",
    description: "Refuses to start without https and the required secrets, and generates none.",
  }),
  failOnMissingSecrets: flag(true).meta({
    env: "BOOT_FAIL_ON_MISSING_SECRETS",
    secret: false,
    title: "Missing secrets stop the start",
    description: "`false`: missing secrets are generated even in production mode, with a warning.",
  }),
  maxFileSizeMb: z.number().positive().default(10).meta({
    env: "MAX_FILE_SIZE_MB",
    secret: false,
    title: "Largest document to send (MiB)",
  }),
  inboundEnabled: flag(false).meta({
    env: "INBOUND_ENABLED",
    secret: false,
    title: "Receive faxes",
  }),
  inboundRetentionDays: z.number().nonnegative().default(30).meta({
    env: "INBOUND_RETENTION_DAYS",
    secret: false,
    title: "Days to keep a received document",
    description: "0: for ever.",
  }),
  inboundMaxPdfMb: z.number().positive().default(25).meta({
    env: "INBOUND_MAX_PDF_MB",
    secret: false,
    title: "Largest received document (MiB)",
  }),
  inboundTokenTtlMinutes: minutes(60).meta({
    env: "INBOUND_TOKEN_TTL_MINUTES",
    secret: false,
    title: "Life of a token for a received document (minutes)",
  }),
  cleanupIntervalMinutes: minutes(1440).meta({
    env: "CLEANUP_INTERVAL_MINUTES",
    secret: false,
    title: "Minutes between two retention runs",
  }),
  storageBackend: z.enum(["local"]).default("local").meta({
    env: "STORAGE_BACKEND",
    secret: false,
    title: "Where documents are kept",
  }),
  logLevel: z.enum(logLevels).default("info").meta({
    env: "FAXBOT_LOG_LEVEL",
    secret: false,
    title: "Log level",
  }),
});

/** The settings of a host, as parsed. */
export type HostSettings = z.output<typeof hostSettings>;

/** Environment variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the host's settings and checks how they go together.
 *
 * @throws FaxError `config_invalid` that names every variable that is wrong or missing, never a value
 */
export function readHostSettings(env: Environment): HostSettings {
  const settings = settingsFromEnv("the environment", hostSettings, env);
  if (settings.enforcePublicHttps) checkProduction(settings, env);
  return { ...settings, dataDir: resolve(settings.dataDir) };
}

/** The environment variables that {@link readHostSettings} reads. */
export function hostVariables(): string[] {
  return describeSettings(hostSettings).map((field) => field.env);
}

function checkProduction(settings: HostSettings, env: Environment): void {
  const problems: string[] = [];
  if (settings.apiKey !== undefined && settings.apiKey.length < 16)
    problems.push("API_KEY is shorter than 16");
  if (!settings.publicApiUrl?.startsWith("https://")) problems.push("PUBLIC_API_URL must be an https URL");
  if (!settings.authenticationRequired) problems.push("REQUIRE_API_KEY must not be false");
  for (const [name, value] of Object.entries(env)) {
    if (/_VERIFY_SIGNATURE$/.test(name) && /^(false|0|no|off)$/i.test(value?.trim() ?? "")) {
      problems.push(`${name} must not be false`);
    }
  }
  if (settings.failOnMissingSecrets) {
    if (!settings.sessionPepper) problems.push("FAXBOT_SESSION_PEPPER is missing");
    if (!settings.configMasterKey) problems.push("CONFIG_MASTER_KEY is missing");
  }
  if (problems.length > 0) {
    throw new FaxError("config_invalid", `with ENFORCE_PUBLIC_HTTPS=true: ${problems.join("; ")}`);
  }
}
