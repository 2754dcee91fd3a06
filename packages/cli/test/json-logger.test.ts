import { expect, test } from "vitest";
import { createJsonLogger } from "../src/index.ts";

const now = () => new Date("2026-01-15T15:00:00Z");

function capture(level?: "debug" | "warn" | "silent") {
  const lines: string[] = [];
  const logger = createJsonLogger({ write: (line) => lines.push(line), now, ...(level ? { level } : {}) });
  return { lines, logger };
}

test("one event is one line of JSON", () => {
  const { lines, logger } = capture();
  logger.info({ faxId: "f1", pages: 3, code: null }, "a fax was received");
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^[^\n]*\n$/);
  expect(JSON.parse(lines[0] ?? "")).toEqual({
    time: "2026-01-15T15:00:00.000Z",
    level: "info",
    message: "a fax was received",
    faxId: "f1",
    pages: 3,
    code: null,
  });
});

test("fields that nobody declared harmless are left out", () => {
  const { lines, logger } = capture();
  logger.error({ to: "+12025550123", token: "secret", error: "provider text", faxId: "f1" }, "failed");
  expect(lines[0]).not.toMatch(/5550123|secret|provider text/);
  expect(lines[0]).toContain('"faxId":"f1"');
  logger.error({ error: "TypeError" }, "failed");
  expect(lines[1], "the class of an error tells nothing private").toContain('"error":"TypeError"');
});

test("line breaks and long values cannot make further lines or flood the log", () => {
  const { lines, logger } = capture();
  logger.warn({ code: `a\n${"x".repeat(1000)}` }, "odd");
  expect(lines[0]?.split("\n")).toHaveLength(2);
  expect(lines[0]?.length).toBeLessThan(400);
});

test("the level keeps out what is below it", () => {
  const all = capture("debug");
  const warnings = capture("warn");
  const none = capture("silent");
  for (const { logger } of [all, warnings, none]) {
    for (const level of ["debug", "info", "warn", "error"] as const) logger[level]({}, level);
  }
  const messages = (lines: string[]) =>
    lines.map((line) => (JSON.parse(line) as { message: string }).message);
  expect(messages(all.lines)).toEqual(["debug", "info", "warn", "error"]);
  expect(messages(warnings.lines)).toEqual(["warn", "error"]);
  expect(none.lines).toEqual([]);
});
