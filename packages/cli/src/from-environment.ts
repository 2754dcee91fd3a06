import {
  type BlobStore,
  createFaxbot,
  type Faxbot,
  type FaxbotOptions,
  folderBlobs,
  type Inbox,
  type Logger,
  type Stores,
} from "@faxbot/core";
import { documents } from "@faxbot/documents";
import { type FaxbotApi, faxbotApi, storedApiKeys } from "@faxbot/http";
import { createInbox } from "@faxbot/inbound";
import type { DatabaseTransaction } from "./database.ts";
import type { Environment, HostSettings } from "./host-settings.ts";
import { openHost } from "./open-host.ts";
import { chooseTransports } from "./transport-table.ts";

/** What a host may bring itself instead of having it made from the environment. */
export type EnvironmentOverrides = Partial<
  Pick<
    FaxbotOptions<DatabaseTransaction>,
    | "transports"
    | "blobs"
    | "documents"
    | "wakeUp"
    | "limiter"
    | "clock"
    | "logger"
    | "fetch"
    | "faultPoint"
    | "delivery"
  >
>;

/** A whole Faxbot, made and not started. */
export interface EnvironmentFaxbot {
  faxbot: Faxbot<DatabaseTransaction>;
  /** With INBOUND_ENABLED=true. */
  inbox?: Inbox<DatabaseTransaction>;
  /** The REST API; mount it with `@faxbot/http/express`, `/hono` or `/node`. */
  api: FaxbotApi;
  stores: Stores<DatabaseTransaction>;
  blobs: BlobStore;
  logger: Logger;
  /** As read; holds secrets, so never print it. */
  settings: HostSettings;
  /** Set variables that this version does not act on, by name; they were also logged. */
  unsupported: readonly string[];
  /** Stops the engine, lets running work end, closes the database. */
  close: () => Promise<void>;
}

const mebibyte = 1024 * 1024;

/**
 * Makes a whole Faxbot of environment variables: transports by FAX_BACKEND, database, document folder, inbox and REST
 * API. It opens the database and brings its tables up to date; nothing runs before `faxbot.start()`.
 *
 * Without ENFORCE_PUBLIC_HTTPS=true, missing secrets are generated, kept in FAX_DATA_DIR (readable by this user alone)
 * and said aloud in the log, by file name; with it they are an error.
 *
 * @throws FaxError `config_invalid` that names every variable that is wrong or missing, never a value;
 * `store_unavailable` when the database cannot be reached
 * @example
 * const { faxbot, api, close } = await fromEnvironment();
 * createServer(toNode(api)).listen(8080);
 * await faxbot.start();
 * process.once("SIGTERM", () => void close());
 */
export async function fromEnvironment(
  env: Environment = process.env,
  overrides: EnvironmentOverrides = {},
): Promise<EnvironmentFaxbot> {
  const host = await openHost(env, overrides.logger ? { logger: overrides.logger } : {});
  try {
    const { settings, stores, logger, pepper } = host;
    const { transports, blobs = folderBlobs(settings.dataDir), ...rest } = overrides;
    const { wakeUp } = host.database;
    const engine = {
      documents: documents(),
      ...(wakeUp ? { wakeUp } : {}),
      ...rest,
      stores,
      blobs,
      logger,
      pepper,
    };
    const publicUrl = settings.publicApiUrl === undefined ? {} : { publicUrl: settings.publicApiUrl };
    const clock = overrides.clock ?? { now: () => new Date() };

    const inbox = settings.inboundEnabled
      ? createInbox({
          stores,
          blobs,
          documents: engine.documents,
          pepper,
          clock,
          logger,
          retentionDays: settings.inboundRetentionDays,
          retentionEveryMinutes: settings.cleanupIntervalMinutes,
          tokenTtlMinutes: settings.inboundTokenTtlMinutes,
          maxPdfBytes: settings.inboundMaxPdfMb * mebibyte,
        })
      : undefined;
    const faxbot = createFaxbot({
      ...engine,
      ...publicUrl,
      ...(inbox ? { inbox } : {}),
      transports: transports ?? chooseTransports(settings.disabled ? ["test"] : settings.backend, env),
      maxDocumentBytes: settings.maxFileSizeMb * mebibyte,
    });
    const api = faxbotApi({
      faxbot,
      ...publicUrl,
      ...(inbox ? { inbox } : {}),
      ...(await access(host)),
      authenticate: storedApiKeys({ stores, pepper, clock }),
      maxUploadBytes: settings.maxFileSizeMb * mebibyte,
      logger,
    });
    return {
      faxbot,
      ...(inbox ? { inbox } : {}),
      api,
      stores,
      blobs,
      logger,
      settings,
      unsupported: host.unsupported,
      async close() {
        await faxbot.stop();
        await host.close();
      },
    };
  } catch (error) {
    await host.close();
    throw error;
  }
}

/** Who may call besides the holders of stored keys. */
async function access(
  host: Awaited<ReturnType<typeof openHost>>,
): Promise<{ apiKey?: string; allowUnauthenticated?: boolean }> {
  const { apiKey, authenticationRequired, enforcePublicHttps } = host.settings;
  if (!authenticationRequired) {
    host.logger.warn({ variables: "REQUIRE_API_KEY" }, "everybody may call the API; for development alone");
    return { ...(apiKey === undefined ? {} : { apiKey }), allowUnauthenticated: true };
  }
  if (apiKey !== undefined) return { apiKey };
  // In production the keys in the database are enough; `faxbot keys create` makes the first one.
  return enforcePublicHttps ? {} : { apiKey: await host.secret("API_KEY", undefined, "api-key") };
}
