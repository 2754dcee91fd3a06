import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type BasicCredentials,
  basicAuthorization,
  constantTimeEqual,
  parseBasicAuth,
  verifyBasicAuth,
} from "../src/transport/index.ts";

const hook = { user: "faxhook", pass: "Tr0ub4dor-3" };
const credentials = fc.record({
  user: fc.string({ minLength: 1, unit: "binary" }).filter((user) => !/[:\uD800-\uDFFF]/.test(user)),
  pass: fc.string({ minLength: 1, unit: "binary" }).filter((pass) => !/[\uD800-\uDFFF]/.test(pass)),
});

test("RFC 7617's own examples", () => {
  expect(basicAuthorization({ user: "Aladdin", pass: "open sesame" })).toBe(
    "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
  );
  expect(parseBasicAuth("Basic dGVzdDoxMjPCow==")).toEqual({ user: "test", pass: "123£" });
});

test("the scheme's case and the spaces after it do not matter, everything else does", () => {
  const token = basicAuthorization(hook).slice("Basic ".length);
  for (const header of [`Basic ${token}`, `basic ${token}`, `BASIC   ${token}`]) {
    expect(verifyBasicAuth(header, [hook])).toBe(true);
  }
  for (const header of [
    undefined,
    null,
    "",
    "Basic",
    "Basic ",
    token,
    `Bearer ${token}`,
    `Basic${token}`,
    `Basic ${token} `,
    ` Basic ${token}`,
    `Basic ${token},Basic ${token}`,
    `Basic ${token.replace(/=+$/, "")}`,
    `Basic ${token}=`,
    `Basic ${token.toLowerCase()}`,
    `Basic ${Buffer.from("faxhook").toString("base64")}`,
    `Basic ${Buffer.from("faxhook:").toString("base64")}`,
    `Basic ${Buffer.from(":Tr0ub4dor-3").toString("base64")}`,
    `Basic ${Buffer.from("Faxhook:Tr0ub4dor-3").toString("base64")}`,
    `Basic ${Buffer.from("faxhook:tr0ub4dor-3").toString("base64")}`,
    `Basic ${Buffer.from("faxhook:Tr0ub4dor-3\0").toString("base64")}`,
    `Basic ${Buffer.from([0xff, 0x3a, 0xfe]).toString("base64")}`,
  ]) {
    expect(verifyBasicAuth(header, [hook]), String(header)).toBe(false);
  }
});

test("two spellings of the same bytes do not both fit", () => {
  // The last characters of these two differ only in bits that base64 throws away.
  const header = basicAuthorization({ user: "a", pass: "bc" });
  expect(header).toBe("Basic YTpiYw==");
  expect(parseBasicAuth("Basic YTpiYx==")).toBeUndefined();
});

test("several credentials fit during a rotation", () => {
  const old = { user: "faxhook", pass: "old" };
  for (const one of [hook, old]) expect(verifyBasicAuth(basicAuthorization(one), [hook, old])).toBe(true);
  expect(verifyBasicAuth(basicAuthorization(old), [hook])).toBe(false);
});

describe("nothing to check against is a configuration error, never acceptance", () => {
  test.each<[string, BasicCredentials[]]>([
    ["no credentials", []],
    ["an empty password", [{ user: "faxhook", pass: "" }]],
    ["an empty user", [{ user: "", pass: "x" }]],
    ["a colon in the user", [{ user: "a:b", pass: "x" }]],
  ])("%s", (_, accepted) => {
    expect(() => verifyBasicAuth("Basic Og==", accepted)).toThrow(
      expect.objectContaining({ code: "config_invalid" }),
    );
  });
});

test("any credentials survive the way there and back", () => {
  fc.assert(
    fc.property(credentials, (one) => {
      expect(parseBasicAuth(basicAuthorization(one))).toEqual(one);
      expect(verifyBasicAuth(basicAuthorization(one), [one])).toBe(true);
    }),
  );
});

test("one flipped bit, another length or another case never fits", () => {
  fc.assert(
    fc.property(credentials, fc.nat(), fc.nat(7), (one, at, bit) => {
      const header = basicAuthorization(one);
      const index = "Basic ".length + (at % (header.length - "Basic ".length));
      const flipped = String.fromCharCode(header.charCodeAt(index) ^ (1 << bit));
      const changed = [
        header.slice(0, index) + flipped + header.slice(index + 1),
        header.slice(0, index) + header.slice(index + 1),
        header.slice(0, index) + header.charAt(index) + header.slice(index),
      ].filter((each) => each !== header);
      for (const each of changed) expect(verifyBasicAuth(each, [one])).toBe(false);
    }),
    { numRuns: 1000 },
  );
});

test("constantTimeEqual compares texts and bytes of any length", () => {
  expect(constantTimeEqual("ü", new TextEncoder().encode("ü"))).toBe(true);
  expect(constantTimeEqual("", "")).toBe(true);
  expect(constantTimeEqual("a", "aa")).toBe(false);
});
