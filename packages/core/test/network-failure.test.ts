import { expect, test } from "vitest";
import { describeNetworkFailure, provenNotSent } from "../src/transport/index.ts";

const systemError = (code: string, syscall?: string) =>
  Object.assign(new Error(`${syscall} ${code} 10.0.0.1`), { code, ...(syscall ? { syscall } : {}) });
const wrapped = (cause: unknown) => new TypeError("fetch failed", { cause });

test.each([
  ["refused", systemError("ECONNREFUSED", "connect")],
  ["no route", systemError("EHOSTUNREACH", "connect")],
  ["time-out while connecting", systemError("ETIMEDOUT", "connect")],
  ["no such name", systemError("ENOTFOUND", "getaddrinfo")],
  ["connect time-out of undici", systemError("UND_ERR_CONNECT_TIMEOUT")],
  ["certificate expired", systemError("CERT_HAS_EXPIRED")],
  [
    "every address refused",
    new AggregateError([systemError("ECONNREFUSED", "connect"), systemError("ENETUNREACH", "connect")]),
  ],
])("%s proves that nothing was sent", (_, error) => {
  expect(provenNotSent(error)).toBe(true);
  expect(provenNotSent(wrapped(wrapped(error)))).toBe(true);
});

test.each([
  ["reset", systemError("ECONNRESET", "read")],
  ["time-out while reading", systemError("ETIMEDOUT", "read")],
  ["broken pipe", systemError("EPIPE", "write")],
  ["refused without the system call", systemError("ECONNREFUSED")],
  ["closed by the other side", systemError("UND_ERR_SOCKET")],
  ["a TLS alert", systemError("EPROTO", "write")],
  [
    "one address refused, one reset",
    new AggregateError([systemError("ECONNREFUSED", "connect"), systemError("ECONNRESET", "read")]),
  ],
  ["no address at all", new AggregateError([])],
  [
    "a coded error that wraps a refusal",
    Object.assign(systemError("UND_ERR_SOCKET"), { cause: systemError("ECONNREFUSED", "connect") }),
  ],
  ["a plain error", new Error("ECONNREFUSED connect")],
  ["no error", "ECONNREFUSED"],
])("%s proves nothing", (_, error) => {
  expect(provenNotSent(error)).toBe(false);
  expect(provenNotSent(wrapped(error))).toBe(false);
});

test("a circle of causes ends", () => {
  const a = new Error("a");
  const b = new Error("b", { cause: a });
  a.cause = b;
  expect(provenNotSent(a)).toBe(false);
});

test("a failure is described in codes only", () => {
  const error = wrapped(systemError("ECONNREFUSED", "connect"));
  expect(describeNetworkFailure(error)).toBe("TypeError, ECONNREFUSED (connect)");
  expect(describeNetworkFailure(systemError("to=+12025550123", "x y"))).toBe("Error");
});
