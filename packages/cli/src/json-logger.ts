import type { LogFields, Logger } from "@faxbot/core";

/** How much is logged; each level includes the ones after it. */
export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;

/** One of {@link logLevels}. */
export type LogLevel = (typeof logLevels)[number];

/**
 * The names of the fields that may be logged. A field with another name is left out, so that whoever adds one decides
 * here, once, that its values are harmless: ids, codes, counts and times, never a number, name, text, token or secret.
 */
const harmlessFields: ReadonlySet<string> = new Set([
  "at",
  "attempt",
  "attemptId",
  "attempts",
  "backend",
  "bytes",
  "code",
  "count",
  "delayMs",
  "durationMs",
  "errorCode",
  "errorName",
  "eventId",
  "faxId",
  "file",
  "found",
  "id",
  "inboundId",
  "lane",
  "method",
  "migration",
  "ms",
  "noticeId",
  "operation",
  "pages",
  "port",
  "providerCode",
  "reason",
  "requestId",
  "retryAfterMs",
  "route",
  "signal",
  "state",
  "status",
  "task",
  "tenantId",
  "transportId",
  "tries",
  "type",
  "variables",
]);

/** `error` is allowed as the name of an error's class; as a sentence it would be somebody else's text. */
const className = /^[A-Za-z]\w{0,59}$/;

/** One line is one event; longer values would be provider text. */
const maxTextLength = 200;

/**
 * Makes a logger that writes one JSON object per line: `time` (UTC), `level`, `message`, then the fields that are on
 * the allow-list.
 *
 * @param options.level default `info`
 * @param options.write takes one line, newline included; default: standard error, so that standard output stays free
 * for results
 * @example
 * const logger = createJsonLogger({ level: "warn" });
 * logger.warn({ faxId: fax.id, code: "outcome_unknown" }, "a fax needs review");
 */
export function createJsonLogger(
  options: { level?: LogLevel; write?: (line: string) => void; now?: () => Date } = {},
): Logger {
  const { level = "info", now = () => new Date() } = options;
  const write = options.write ?? ((line: string) => void process.stderr.write(line));
  const lowest = logLevels.indexOf(level);

  const log =
    (name: Exclude<LogLevel, "silent">) =>
    (fields: LogFields, message: string): void => {
      if (logLevels.indexOf(name) < lowest) return;
      const line: Record<string, unknown> = { time: now().toISOString(), level: name, message };
      for (const [key, value] of Object.entries(fields)) {
        if (value === undefined || !isHarmless(key, value)) continue;
        line[key] = typeof value === "string" ? value.slice(0, maxTextLength) : value;
      }
      write(`${JSON.stringify(line)}\n`);
    };
  return { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
}

function isHarmless(key: string, value: LogFields[string]): boolean {
  return harmlessFields.has(key) || (key === "error" && className.test(String(value)));
}
