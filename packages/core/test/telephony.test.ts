import { mkdir, mkdtemp, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  callLadderSchema,
  callLadderText,
  callStep,
  checkFaxTiff,
  defaultCallLadder,
  dialledNumber,
  documentFromBytes,
  type FaxSpool,
  failureReasons,
  faxSpool,
  headerTextOf,
  q850Failure,
  readDocument,
  readFormOrJson,
  reconnectDelay,
  sipFailure,
  spoolFolderSchema,
  stationIdOf,
  t30CodeOf,
  t30Failure,
  trunkNameSchema,
  verifyInternalSecret,
} from "@faxbot/core/transport";
import { webhookRequest } from "@faxbot/testing";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

describe("q850Failure", () => {
  it.each([
    [1, "invalid_number", false],
    [3, "invalid_number", false],
    [17, "busy", true],
    [18, "no_answer", true],
    [19, "no_answer", true],
    [21, "rejected", false],
    [22, "invalid_number", false],
    [28, "invalid_number", false],
    [34, "line_error", true],
    [38, "line_error", true],
    [41, "line_error", true],
    [58, "line_error", true],
    [88, "line_error", true],
    [0, "line_error", true],
    [127, "line_error", true],
  ])("reads cause %i as %s", (cause, reason, retryable) => {
    expect(q850Failure(cause)).toEqual({ reason, retryable, providerCode: `Q.850/${cause}` });
  });

  it("has a failure for every value there is", () => {
    for (let cause = 0; cause < 128; cause++) expect(failureReasons).toContain(q850Failure(cause).reason);
  });

  it.each([
    [404, "invalid_number"],
    [410, "invalid_number"],
    [484, "invalid_number"],
    [486, "busy"],
    [600, "busy"],
    [408, "no_answer"],
    [480, "no_answer"],
    [403, "rejected"],
    [603, "rejected"],
    [488, "line_error"],
    [503, "line_error"],
    [599, "line_error"],
  ])("reads the SIP answer %i as %s", (status, reason) => {
    expect(sipFailure(status)).toMatchObject({ reason, providerCode: `SIP/${status}` });
  });
});

describe("t30Failure", () => {
  it.each([
    [2, "no_fax_tone", true],
    [6, "line_error", true],
    [8, "rejected", false],
    [11, "document", false],
    [15, "transmission_error", true],
    [41, "document", false],
    [48, "line_error", true],
    [49, "line_error", true],
    [51, "rejected", false],
    [61, "rejected", false],
    [99, "unknown", true],
  ])("reads result %i as %s", (code, reason, retryable) => {
    expect(t30Failure(code)).toEqual({ reason, retryable, providerCode: `T.30/${code}` });
  });

  it.each([
    ["OK", 0],
    ["Timed out waiting for initial communication", 2],
    ["TIFF/F file cannot be opened", 41],
    ["The call dropped prematurely", 49],
    ["the call  dropped prematurely.", 49],
    ["Received no response to DCS, training or TCF", 20],
    ["Called subscriber internet address not accepted", 61],
    ["Something new", undefined],
    ["", undefined],
  ])("knows the sentence %j", (sentence, code) => {
    expect(t30CodeOf(sentence)).toBe(code);
  });
});

describe("callStep", () => {
  const lineError = q850Failure(41);

  it("goes down a rung for trouble on the line only, and stays on the last", () => {
    expect(callStep(defaultCallLadder, [])).toEqual(defaultCallLadder[0]);
    expect(callStep(defaultCallLadder, [q850Failure(17), q850Failure(19)])).toEqual(defaultCallLadder[0]);
    expect(callStep(defaultCallLadder, [lineError])).toEqual(defaultCallLadder[1]);
    expect(callStep(defaultCallLadder, [lineError, q850Failure(17), t30Failure(15)])).toEqual(
      defaultCallLadder[2],
    );
    expect(callStep(defaultCallLadder, Array(20).fill(lineError))).toEqual(defaultCallLadder.at(-1));
  });

  it("is written and read as texts too", () => {
    const text = callLadderText(defaultCallLadder);
    expect(text).toBe("t38-ecm-14400,t38-ecm-9600,audio-ecm-9600,audio-4800");
    expect(callLadderSchema.parse(text.split(","))).toEqual(defaultCallLadder);
    for (const wrong of [[], ["t38"], ["t38-ecm-300"], ["fax-9600"], [""], Array(11).fill("audio-9600")])
      expect(callLadderSchema.safeParse(wrong).success, String(wrong)).toBe(false);
  });

  it("leaves T.38 away after it was refused", () => {
    expect(callStep(defaultCallLadder, [q850Failure(88)])).toMatchObject({ t38: false });
    const onlyT38 = callLadderSchema.parse([{ t38: true, ecm: true, maxRate: 14400 }]);
    expect(callStep(onlyT38, [q850Failure(88)])).toEqual(onlyT38[0]);
  });
});

describe("what is told to an exchange", () => {
  it("dials digits and nothing else", () => {
    expect(dialledNumber("+12025550123")).toBe("12025550123");
    expect(dialledNumber("5551000")).toBe("5551000");
    for (const evil of [
      "",
      "+1",
      "1&touch",
      "12025550123\r\nAction: Logoff",
      "12025550123\n",
      "١٢٣٤٥",
      "1".repeat(21),
    ])
      expect(() => dialledNumber(evil)).toThrow(expect.objectContaining({ code: "request_invalid" }));
  });

  it("lets only harmless signs through", () => {
    expect(stationIdOf("+1 (202) 555-0123")).toBe("+1 202 5550123");
    expect(headerTextOf("St. Mary's Hospital, {ICU}")).toBe("St. Mary s Hospital ICU");
    expect(headerTextOf("Zürich Spitäler")).toBe("Zurich Spitaler");
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        expect(headerTextOf(text)).toMatch(/^[A-Za-z0-9 .+()@:_-]{0,50}$/);
        expect(stationIdOf(text)).toMatch(/^[0-9+ ]{0,20}$/);
      }),
    );
    for (const name of ["", "a b", "trunk\n", "a/b", "x".repeat(65)])
      expect(trunkNameSchema.safeParse(name).success).toBe(false);
    expect(trunkNameSchema.parse("carrier-1_b")).toBe("carrier-1_b");
  });

  it("waits longer after each failure, never long", () => {
    for (const [failures, most] of [
      [1, 500],
      [3, 2_000],
      [50, 60_000],
    ] as const) {
      const delay = reconnectDelay(failures);
      expect(delay).toBeGreaterThanOrEqual(most / 2);
      expect(delay).toBeLessThanOrEqual(most);
    }
  });
});

describe("verifyInternalSecret", () => {
  const request = (headers: Record<string, string>) => webhookRequest("http://localhost/x", "", { headers });

  it.each([
    ["the header", { "x-internal-secret": "one" }],
    ["the second secret of a rotation", { "x-internal-secret": "two" }],
    ["a bearer token", { authorization: "Bearer two" }],
  ])("takes %s", (_, headers) => {
    expect(() => verifyInternalSecret(request(headers), ["one", "two"])).not.toThrow();
  });

  it.each([
    ["nothing", {}],
    ["an empty one", { "x-internal-secret": "" }],
    ["a prefix", { "x-internal-secret": "on" }],
    ["another case", { "x-internal-secret": "One" }],
    ["another scheme", { authorization: "Basic one" }],
  ])("refuses %s", (_, headers) => {
    expect(() => verifyInternalSecret(request(headers as Record<string, string>), ["one", "two"])).toThrow(
      expect.objectContaining({ code: "webhook_unverified" }),
    );
  });

  it("never accepts when there is nothing to compare with", () => {
    for (const secrets of [[], [""], ["one", ""]])
      expect(() => verifyInternalSecret(request({ "x-internal-secret": "" }), secrets)).toThrow(
        expect.objectContaining({ code: "config_invalid" }),
      );
  });
});

describe("readFormOrJson", () => {
  const read = (body: string | Uint8Array, type?: string) =>
    readFormOrJson(
      webhookRequest("http://localhost/x", body, type ? { headers: { "content-type": type } } : {}),
      100,
    );

  it("reads a form and a flat object alike", async () => {
    expect({ ...(await read("id=1&from=%2B49&text=a+b")) }).toEqual({ id: "1", from: "+49", text: "a b" });
    expect({ ...(await read('{"id":1,"from":"+49","no":null,"ok":true}', "application/json")) }).toEqual({
      id: "1",
      from: "+49",
      ok: "true",
    });
  });

  it.each([
    ["a field twice", "id=1&id=2", undefined],
    ["no JSON", "id=1", "application/json"],
    ["a list", "[]", "application/json"],
    ["what is not flat", '{"a":{}}', "application/json; charset=utf-8"],
    ["too much", `id=${"1".repeat(100)}`, undefined],
    ["no UTF-8", new Uint8Array([0x69, 0xff]), undefined],
  ])("refuses %s", async (_, body, type) => {
    await expect(read(body, type)).rejects.toMatchObject({ code: "webhook_malformed" });
  });
});

/** A file of one row per page that says of itself what the test wants. */
function tiff(
  change: Record<number, number> = {},
  options: { bigEndian?: boolean; next?: number } = {},
): Buffer {
  const tags: Record<number, number> = {
    256: 1728,
    257: 1,
    258: 1,
    259: 4,
    273: 8,
    277: 1,
    279: 4,
    282: 204,
    283: 196,
    296: 2,
    ...change,
  };
  const file = Buffer.alloc(200);
  const big = options.bigEndian ?? false;
  const u16 = (value: number, at: number) =>
    big ? file.writeUInt16BE(value, at) : file.writeUInt16LE(value, at);
  const u32 = (value: number, at: number) =>
    big ? file.writeUInt32BE(value, at) : file.writeUInt32LE(value, at);
  file.write(big ? "MM" : "II", "latin1");
  u16(42, 2);
  u32(12, 4);
  const entries = Object.entries(tags).filter(([, value]) => value >= 0);
  u16(entries.length, 12);
  for (const [index, [tag, value]] of entries.entries()) {
    const at = 14 + index * 12;
    const rational = tag === "282" || tag === "283";
    u16(Number(tag), at);
    u16(rational ? 5 : 4, at + 2);
    u32(1, at + 4);
    const elsewhere = 160 + Number(tag === "283") * 8;
    u32(rational ? elsewhere : value, at + 8);
    if (rational) {
      u32(Math.round(value * 100), elsewhere);
      u32(100, elsewhere + 4);
    }
  }
  u32(options.next ?? 0, 14 + entries.length * 12);
  return file;
}

describe("checkFaxTiff", () => {
  const check = (bytes: Uint8Array) =>
    checkFaxTiff(documentFromBytes(bytes, { mediaType: "image/tiff", fileName: "fax.tif" }));

  it.each([
    ["fine", tiff()],
    ["big-endian", tiff({}, { bigEndian: true })],
    ["standard", tiff({ 283: 98 })],
    ["superfine", tiff({ 283: 391 })],
    ["Group 3", tiff({ 259: 3 })],
    ["200 by 200", tiff({ 282: 200, 283: 200 })],
    ["per centimetre", tiff({ 282: 80.31, 283: 77.16, 296: 3 })],
    ["without the tags that have defaults", tiff({ 258: -1, 277: -1, 296: -1 })],
  ])("takes a file that is %s", async (_, bytes) => {
    expect(await check(bytes)).toEqual({ pages: 1 });
  });

  it.each([
    ["empty", Buffer.alloc(0)],
    ["PDF", Buffer.from("%PDF-1.7\n")],
    ["BigTIFF", Buffer.concat([Buffer.from("II"), Buffer.from([43, 0]), Buffer.alloc(100)])],
    ["of another width", tiff({ 256: 1700 })],
    ["B4", tiff({ 256: 2048 })],
    ["grey", tiff({ 258: 8 })],
    ["of colours", tiff({ 277: 3 })],
    ["not compressed", tiff({ 259: 1 })],
    ["LZW", tiff({ 259: 5 })],
    ["of 300 dots per inch", tiff({ 282: 300, 283: 300 })],
    ["without a resolution", tiff({ 282: -1, 283: -1 })],
    ["of a resolution without a unit", tiff({ 296: 1 })],
    ["without strips", tiff({ 273: -1 })],
    ["cut off", tiff({ 279: 1_000 })],
    ["without end", tiff({}, { next: 12 })],
    ["without pages", Buffer.from([0x49, 0x49, 42, 0, 0, 0, 0, 0])],
  ])("refuses a file that is %s", async (_, bytes) => {
    await expect(check(bytes)).rejects.toMatchObject({
      code: "transport_rejected",
      failure: { reason: "document", retryable: false },
    });
  });

  it("takes or refuses whatever comes, and nothing else", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(199), fc.nat(255)), { maxLength: 12 }), async (changes) => {
        const file = tiff();
        for (const [at, byte] of changes) file[at] = byte;
        await check(file).catch((error: unknown) =>
          expect(error).toMatchObject({ code: "transport_rejected" }),
        );
      }),
    );
  });
});

describe("spoolFolderSchema", () => {
  it.each(["/var/spool/faxbot/out", "/srv/a.b_c-d"])("takes %s", (path) => {
    expect(spoolFolderSchema.parse(path)).toBe(path);
  });

  it.each(["", "/", "spool", "/var/../etc", "/a b", "/a,b", "/a$b", "/a'b", "/a/", "/a\n"])(
    "refuses %j",
    (path) => {
      expect(spoolFolderSchema.safeParse(path).success).toBe(false);
    },
  );
});

describe("faxSpool", () => {
  const name = "0123456789abcdef.tif";
  const document = documentFromBytes(tiff(), { mediaType: "image/tiff", fileName: "x.tif" });
  let folder: string;
  let spool: FaxSpool;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "faxbot-spool-"));
    await mkdir(join(folder, "in"));
    await mkdir(join(folder, "other"));
    spool = faxSpool(join(folder, "in"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("writes a document whole, for the group to read, and gives it back", async () => {
    const path = await spool.write(name, document);
    expect(path).toBe(join(folder, "in", name));
    expect((await stat(path)).mode & 0o777).toBe(0o640);
    expect(await spool.locate(path)).toBe(name);
    expect(await spool.locate(name)).toBe(name);
    const read = await spool.document(name);
    expect(read).toMatchObject({ size: document.size, sha256: document.sha256, mediaType: "image/tiff" });
    expect(Buffer.from(await readDocument(read)).equals(await readFile(path))).toBe(true);
    await spool.remove(name);
    await spool.remove(name);
    await expect(spool.document(name)).rejects.toMatchObject({ code: "not_found" });
    await expect(spool.locate(name)).rejects.toMatchObject({ code: "not_found" });
  });

  it("leaves nothing of a document that breaks off", async () => {
    const broken = { ...document, open: () => Promise.reject(new Error("gone")) };
    await expect(spool.write(name, broken)).rejects.toMatchObject({ code: "transport_unavailable" });
    await expect(faxSpool(join(folder, "none")).write(name, document)).rejects.toMatchObject({
      code: "transport_unavailable",
    });
    await expect(spool.locate(name)).rejects.toMatchObject({ code: "not_found" });
    expect(await spool.settled(0, new Date(Date.now() + 1_000))).toEqual([]);
  });

  it("clears away what a killed process began to write, once nobody can be writing it", async () => {
    const old = join(folder, "in", `${name}.0123456789abcdef`);
    const young = join(folder, "in", `${name}.fedcba9876543210`);
    const foreign = join(folder, "in", "notes.txt");
    for (const path of [old, young, foreign]) await writeFile(path, "x");
    const twoDaysAgo = new Date(Date.now() - 2 * 86_400_000);
    for (const path of [old, foreign]) await utimes(path, twoDaysAgo, twoDaysAgo);
    await spool.write(name, document);
    await expect(stat(old)).rejects.toMatchObject({ code: "ENOENT" });
    await stat(young);
    await stat(foreign);
  });

  it.each([
    "../other/0123456789abcdef.tif",
    "sub/0123456789abcdef.tif",
    "0123456789abcdef.tif\n",
    "0123456789abcdef.tif\0",
    "/etc/passwd",
    "/nowhere/0123456789abcdef.tif",
    "fax received.tif",
    "..",
    "",
  ])("refuses the path %j", async (path) => {
    await writeFile(join(folder, "other", name), "x");
    await expect(spool.locate(path)).rejects.toMatchObject({ code: "request_invalid" });
    await expect(spool.document(path)).rejects.toMatchObject({ code: "request_invalid" });
    await expect(spool.remove(path)).rejects.toMatchObject({ code: "request_invalid" });
    await expect(spool.write(path, document)).rejects.toMatchObject({ code: "request_invalid" });
  });

  it("follows no link and opens nothing but files", async () => {
    await writeFile(join(folder, "other", name), "secret");
    await symlink(join(folder, "other", name), join(folder, "in", name));
    await mkdir(join(folder, "in", "fedcba9876543210.tif"));
    await symlink(join(folder, "in"), join(folder, "way"));
    for (const each of [name, "fedcba9876543210.tif"]) {
      await expect(spool.locate(each)).rejects.toMatchObject({ code: "request_invalid" });
      await expect(spool.document(each)).rejects.toMatchObject({ code: "request_invalid" });
    }
    expect(await spool.settled(0, new Date(Date.now() + 1_000))).toEqual([]);
    const real = "aaaaaaaaaaaaaaaa.tif";
    await spool.write(real, document);
    expect(await spool.locate(join(folder, "way", real))).toBe(real);
  });

  it("lists what nobody writes any more, oldest first", async () => {
    const now = new Date();
    for (const [index, each] of ["cccccccc.tif", "bbbbbbbb.tif", "aaaaaaaa.tif"].entries()) {
      const path = await spool.write(each, document);
      const time = new Date(now.getTime() - (3 - index) * 60_000);
      await utimes(path, time, time);
    }
    await writeFile(join(folder, "in", "notes.txt"), "x");
    const settled = await spool.settled(90_000, now);
    expect(settled.map((file) => file.name)).toEqual(["cccccccc.tif", "bbbbbbbb.tif"]);
    expect(settled[0]).toMatchObject({ size: document.size });
    expect(await faxSpool(join(folder, "none")).settled(0, now)).toEqual([]);
  });
});
