export type { DatabaseTransaction } from "./database.ts";
export { type EnvironmentFaxbot, type EnvironmentOverrides, fromEnvironment } from "./from-environment.ts";
export { type Environment, type HostSettings, hostSettings } from "./host-settings.ts";
export { createJsonLogger, type LogLevel, logLevels } from "./json-logger.ts";
export { transportManifests } from "./transport-table.ts";
