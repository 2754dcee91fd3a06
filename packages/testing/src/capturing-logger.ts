import type { LogFields, Logger } from "@faxbot/core/transport";

/** One log line. */
export interface LogLine {
  level: "debug" | "info" | "warn" | "error";
  fields: LogFields;
  message: string;
}

/** A logger that keeps what it is told. */
export interface CapturingLogger extends Logger {
  readonly lines: readonly LogLine[];
  /** All lines as JSON text, to search for what must not be there. */
  text(): string;
}

/** Makes a logger for tests that prints nothing and keeps every line. */
export function capturingLogger(): CapturingLogger {
  const lines: LogLine[] = [];
  const keep =
    (level: LogLine["level"]) =>
    (fields: LogFields, message: string): void => {
      lines.push({ level, fields, message });
    };
  return {
    lines,
    text: () => lines.map((line) => JSON.stringify(line)).join("\n"),
    debug: keep("debug"),
    info: keep("info"),
    warn: keep("warn"),
    error: keep("error"),
  };
}
