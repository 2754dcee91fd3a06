import type { Logger, Stores } from "@faxbot/core";
import type { CommandContext } from "./command-context.ts";
import { openDataDirectory } from "./data-directory.ts";
import { type Database, type DatabaseTransaction, openDatabase } from "./database.ts";
import { type Environment, type HostSettings, hostVariables, readHostSettings } from "./host-settings.ts";
import { createJsonLogger } from "./json-logger.ts";
import { transportVariables } from "./transport-table.ts";
import { unsupportedVariables } from "./unsupported-variables.ts";

/** What every program of a host needs: settings, database and pepper. No transport, nothing running. */
export interface OpenHost {
  settings: HostSettings;
  logger: Logger;
  database: Database;
  stores: Stores<DatabaseTransaction>;
  /** Keys the hashes of API keys and tokens, the current one first. */
  pepper: readonly string[];
  /** Set variables that this version does not act on, by name. */
  unsupported: readonly string[];
  /** A secret that was configured, or the one kept in the data folder where generating one is allowed. */
  secret(variable: string, configured: string | undefined, file: string): Promise<string>;
  close(): Promise<void>;
}

/**
 * Reads the settings, opens the database and brings its tables up to date.
 *
 * @param options.migrate false leaves the tables alone; default: what FAXBOT_MIGRATE says
 * @throws FaxError `config_invalid`, `store_unavailable`
 */
export async function openHost(
  env: Environment,
  options: { migrate?: boolean; logger?: Logger } = {},
): Promise<OpenHost> {
  const settings = readHostSettings(env);
  const logger = options.logger ?? createJsonLogger({ level: settings.logLevel });
  const unsupported = unsupportedVariables(env, new Set([...hostVariables(), ...transportVariables()]));
  if (unsupported.length > 0) {
    logger.warn(
      { variables: unsupported.join(" "), count: unsupported.length },
      "these variables have no effect in this version",
    );
  }
  if (settings.apiKey !== undefined && settings.apiKey.length < 16) {
    logger.warn({ variables: "API_KEY" }, "the API key is shorter than 16 characters");
  }

  const directory = await openDataDirectory(settings.dataDir);
  const secret = async (variable: string, configured: string | undefined, name: string): Promise<string> => {
    if (configured !== undefined) return configured;
    const { value, file } = await directory.secret(name);
    logger.warn(
      { variables: variable, file },
      "a secret is not configured; the one that was generated into this file is used, for development",
    );
    return value;
  };
  const pepper = (await secret("FAXBOT_SESSION_PEPPER", settings.sessionPepper, "session-pepper")).split(",");

  const database = await openDatabase(settings, directory.path);
  try {
    if (options.migrate ?? settings.migrate) {
      const applied = await database.migrate();
      if (applied.length > 0) logger.info({ count: applied.length }, "the database was migrated");
    }
  } catch (error) {
    await database.close();
    throw error;
  }
  return {
    settings,
    logger,
    database,
    stores: database.stores,
    pepper,
    unsupported,
    secret,
    close: () => database.close(),
  };
}

/** Opens the host for one command, and closes it whatever happens. */
export async function withHost(
  context: CommandContext,
  work: (host: OpenHost) => Promise<void>,
  options: { migrate?: boolean } = {},
): Promise<void> {
  const host = await openHost(context.env, options);
  try {
    await work(host);
  } finally {
    await host.close();
  }
}
