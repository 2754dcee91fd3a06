export { kyselyStores } from "./kysely-stores.ts";
export { migrateFaxbot } from "./migrate.ts";
export { faxbotMigrations } from "./migrations.ts";
export { type OpenPostgres, type OpenPostgresOptions, openPostgres } from "./open-postgres.ts";
export { type OpenSqlite, type OpenSqliteOptions, openSqlite } from "./open-sqlite.ts";
export {
  type PostgresClient,
  type PostgresPool,
  type PostgresWakeUpOptions,
  postgresWakeUp,
} from "./postgres-wake-up.ts";
