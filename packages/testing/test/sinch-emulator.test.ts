import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  countPdfPages,
  type FormPart,
  type SinchEmulator,
  type SinchFax,
  sinchErrorCodes,
  sinchTestNumber,
  startSinchEmulator,
  syntheticNumber,
  syntheticPdf,
  testNumbers,
  writeMultipart,
} from "../src/index.ts";

let emulator: SinchEmulator;
beforeAll(async () => {
  emulator = await startSinchEmulator({ completeAfterMs: 10 });
});
afterEach(() => emulator.reset());
afterAll(() => emulator.stop());

const to = syntheticNumber(50);
const pdf = syntheticPdf({ pages: 3 });
const basic = (user = emulator.keyId, pass = emulator.keySecret): string =>
  `Basic ${Buffer.from(`${user}:${pass}`).toString("base64")}`;
const api = (path: string, init: RequestInit & { authorization?: string } = {}): Promise<Response> =>
  fetch(`${emulator.url}/v3/projects/${emulator.projectId}${path}`, {
    ...init,
    headers: { authorization: init.authorization ?? basic(), ...(init.headers as Record<string, string>) },
    redirect: "manual",
  });
const json = (body: unknown): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});
const form = (...parts: FormPart[]): RequestInit => {
  const { contentType, body } = writeMultipart(parts);
  return { method: "POST", headers: { "content-type": contentType }, body: new Uint8Array(body) };
};
const file: FormPart = { name: "file", fileName: "a.pdf", contentType: "application/pdf", content: pdf };
const inJson = { files: [{ file: Buffer.from(pdf).toString("base64"), fileType: "PDF" }] };
const read = async (response: Response | Promise<Response>): Promise<SinchFax> =>
  (await (await response).json()) as SinchFax;
const violations = async (response: Response): Promise<string[]> => {
  const body = (await response.json()) as { details?: { fieldViolations?: { field: string }[] } };
  return (body.details?.fieldViolations ?? []).map(({ field }) => field);
};

describe("credentials", () => {
  test("wrong key, wrong secret, no header and wrong project are 401 with an empty body", async () => {
    const answers = [
      await api("/faxes", { authorization: basic("x") }),
      await api("/faxes", { authorization: basic(emulator.keyId, "x") }),
      await api("/faxes", { authorization: "Bearer x" }),
      await fetch(`${emulator.url}/v3/projects/other/faxes`, { headers: { authorization: basic() } }),
    ];
    for (const answer of answers) expect([answer.status, await answer.text()]).toEqual([401, ""]);
  });

  const token = (body = "grant_type=client_credentials", authorization = basic()): Promise<Response> =>
    fetch(`${emulator.url}/oauth2/token`, {
      method: "POST",
      headers: { authorization, "content-type": "application/x-www-form-urlencoded" },
      body,
    });

  test("gives a JWT with exp that the API takes, until it is expired", async () => {
    const { access_token, expires_in, token_type } = (await (await token()).json()) as Record<string, string>;
    expect([expires_in, token_type]).toEqual([3600, "bearer"]);
    const claims = JSON.parse(Buffer.from(String(access_token).split(".")[1] ?? "", "base64url").toString());
    expect(claims.exp - claims.iat).toBe(3600);
    const authorization = `Bearer ${access_token}`;
    expect((await api("/faxes", { authorization })).status).toBe(200);
    emulator.expireTokens();
    const expired = await api("/faxes", { authorization });
    expect([expired.status, expired.headers.get("www-authenticate")]).toEqual([
      401,
      expect.stringContaining("expired"),
    ]);
    expect(emulator.calls.issueToken).toBe(1);
  });

  test("refuses a wrong client and another grant", async () => {
    expect((await token("grant_type=password")).status).toBe(400);
    expect((await token(undefined, basic("x"))).status).toBe(401);
  });
});

describe("send", () => {
  test("takes a multipart upload with labels and counts its pages", async () => {
    const answer = await api(
      "/faxes",
      form(
        { name: "to", content: to },
        file,
        { name: "labels[attempt]", content: "abc" },
        { name: "maxRetries", content: "0" },
        { name: "headerPageNumbers", content: "false" },
        { name: "callbackUrl", content: "https://user:secret@hooks.example.com/x" },
      ),
    );
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      id: expect.stringMatching(/^[0-9A-HJKMNP-TV-Z]{26}$/),
      direction: "OUTBOUND",
      to,
      status: "IN_PROGRESS",
      labels: { attempt: "abc" },
      maxRetries: 0,
      headerPageNumbers: false,
      numberOfPages: 3,
      callbackUrl: "https://***:***@hooks.example.com/x",
      projectId: emulator.projectId,
      serviceId: emulator.serviceId,
    });
    expect(emulator.calls.sendFax).toBe(1);
    expect(Buffer.from(emulator.documentOf(emulator.faxes[0]?.id ?? "") ?? []).equals(pdf)).toBe(true);
  });

  test("takes JSON; one recipient gives a fax, several give a list", async () => {
    const one = await read(api("/faxes", json({ to: [to], ...inJson })));
    expect(one.to).toBe(to);
    for (const several of [[to, syntheticNumber(51)], `${to},${syntheticNumber(51)}`]) {
      const { faxes } = (await (await api("/faxes", json({ to: several, ...inJson }))).json()) as {
        faxes: SinchFax[];
      };
      expect(faxes.map((fax) => fax.to)).toEqual([to, syntheticNumber(51)]);
    }
    expect(emulator.faxes).toHaveLength(5);
  });

  test("several recipients in a form: repeated parts or one joined part", async () => {
    const twice = form({ name: "to", content: to }, { name: "to", content: syntheticNumber(51) }, file);
    const joined = form({ name: "to", content: `${to},${syntheticNumber(51)}` }, file);
    for (const body of [twice, joined])
      expect((await read(api("/faxes", body))) as object).toHaveProperty("faxes");
  });

  const good = { to, ...inJson };
  test.each<[string, unknown, string]>([
    ["no number", inJson, "to"],
    ["a number that is not E.164", { ...good, to: "2025550150" }, "to"],
    ["an empty list of numbers", { ...good, to: [] }, "to"],
    ["no document", { to }, "file"],
    ["a header of 51 characters", { ...good, headerText: "x".repeat(51) }, "headerText"],
    ["6 retries", { ...good, maxRetries: 6 }, "maxRetries"],
    ["retries as text in JSON", { ...good, maxRetries: "1" }, "maxRetries"],
    ["29 seconds between retries", { ...good, retryDelaySeconds: 29 }, "retryDelaySeconds"],
    ["301 seconds between retries", { ...good, retryDelaySeconds: 301 }, "retryDelaySeconds"],
    ["an unknown resolution", { ...good, resolution: "fine" }, "resolution"],
    ["an unknown conversion", { ...good, imageConversionMethod: "GREY" }, "imageConversionMethod"],
    ["an unknown time zone", { ...good, headerTimeZone: "Mars/Olympus" }, "headerTimeZone"],
    ["a callback that is no URL", { ...good, callbackUrl: "hooks.example.com" }, "callbackUrl"],
    [
      "a callback type that is none",
      { ...good, callbackUrlContentType: "text/xml" },
      "callbackUrlContentType",
    ],
    ["labels that are no texts", { ...good, labels: { a: 1 } }, "labels"],
    ["cover page keys in upper case", { ...good, coverPageData: { Name: "x" } }, "coverPageData"],
    ["an unknown cover page", { ...good, coverPageId: "nope" }, "coverPageId"],
    ["an unknown service", { ...good, serviceId: "nope" }, "serviceId"],
    ["an unknown file type", { to, files: [{ file: "AAAA", fileType: "DOC" }] }, "files"],
    ["a file that is not base64", { to, files: [{ file: "%%%", fileType: "PDF" }] }, "files"],
    ["a field that does not exist", { ...good, contentBase64: "AAAA" }, "contentBase64"],
  ])("refuses JSON with %s", async (_name, body, field) => {
    const answer = await api("/faxes", json(body));
    expect(answer.status).toBe(422);
    expect(await violations(answer)).toContain(field);
    expect(emulator.faxes).toEqual([]);
  });

  test.each<[string, FormPart, string]>([
    [
      "a file part without a filename",
      { name: "file", contentType: "application/pdf", content: pdf },
      "file",
    ],
    ["an unsupported file type", { ...file, fileName: "a.exe" }, "file"],
    ["a file name without extension", { ...file, fileName: "a" }, "file"],
    ["an empty file", { ...file, content: "" }, "file"],
    ["a file under another name", { ...file, name: "document" }, "document"],
    ["labels without brackets", { name: "labels", content: "a" }, "labels"],
    ["a boolean that is none", { name: "headerPageNumbers", content: "yes" }, "headerPageNumbers"],
    ["a number that is none", { name: "maxRetries", content: "two" }, "maxRetries"],
  ])("refuses a form with %s", async (_name, part, field) => {
    const answer = await api(
      "/faxes",
      form({ name: "to", content: to }, ...(part.name === "file" ? [] : [file]), part),
    );
    expect(answer.status).toBe(422);
    expect(await violations(answer)).toContain(field);
    expect(emulator.faxes).toEqual([]);
  });

  test("a body that cannot be read is 400", async () => {
    const headers = { "content-type": "application/json" };
    expect((await api("/faxes", { method: "POST", headers, body: "{" })).status).toBe(400);
    expect((await api("/faxes", { method: "POST", headers, body: "[]" })).status).toBe(400);
    expect((await api("/faxes", { method: "POST", body: "to=x" })).status).toBe(400);
    const cut = form({ name: "to", content: to }, file);
    expect(
      (
        await api("/faxes", {
          ...cut,
          body: (cut.body as Uint8Array).subarray(0, 300) as Uint8Array<ArrayBuffer>,
        })
      ).status,
    ).toBe(400);
  });

  test("answers errors in the other documented shape when told so", async () => {
    emulator.quirks.errorShape = "schema";
    expect(await (await api("/faxes", json({}))).json()).toMatchObject({
      code: 422,
      status: "INVALID_ARGUMENT",
      details: [{ type: "BadRequest", fieldViolations: [{ field: "to" }] }],
    });
  });

  test("takes only one's own numbers as sender when the account's numbers are given", async () => {
    const own = await startSinchEmulator({ numbers: [syntheticNumber(7)], completeAfterMs: 5 });
    try {
      const send = (from: string): Promise<Response> =>
        fetch(`${own.url}/v3/projects/${own.projectId}/faxes`, {
          ...json({ ...good, from }),
          headers: { authorization: basic(), "content-type": "application/json" },
        });
      expect((await send(syntheticNumber(8))).status).toBe(422);
      expect((await send(syntheticNumber(7))).status).toBe(200);
    } finally {
      await own.stop();
    }
  });
});

describe("the life of a fax", () => {
  const settled = async (options: object = {}): Promise<SinchFax> => {
    const { id } = await read(api("/faxes", json({ to, ...inJson, ...options })));
    await emulator.idle();
    return read(api(`/faxes/${id}`));
  };

  test("is completed on a timer, with pages, price and time", async () => {
    expect(await settled()).toMatchObject({
      status: "COMPLETED",
      numberOfPages: 3,
      pagesSentSuccessfully: 3,
      price: { currencyCode: "USD", amount: "0.21" },
      completedTime: expect.stringMatching(/Z$/),
    });
  });

  test("fails as the number, the script and the vendor's pair say, after the vendor's own retries", async () => {
    expect(await settled({ to: testNumbers.busy, maxRetries: 2 })).toMatchObject({
      status: "FAILURE",
      errorType: "CALL_ERROR",
      errorCode: 17,
      retryCount: 2,
    });
    expect(await settled({ to: testNumbers.partial })).toMatchObject({
      pagesSentSuccessfully: 1,
      retryCount: 0,
    });
    emulator.script("0150", ["busy", { errorType: "FATAL_ERROR", errorCode: 9 }, "delivered"]);
    const seen = [];
    for (let i = 0; i < 4; i += 1) seen.push((await settled()).errorType ?? "none");
    expect(seen).toEqual(["CALL_ERROR", "FATAL_ERROR", "none", "none"]);
    expect(sinchErrorCodes.DOCUMENT_CONVERSION_ERROR).toContain(133);
    expect(sinchErrorCodes.FAX_ERROR).toContain(133);
  });

  test("the vendor's test number always succeeds and is free", async () => {
    emulator.script("8989898", "busy");
    expect(await settled({ to: sinchTestNumber })).toMatchObject({
      status: "COMPLETED",
      price: { amount: "0.00" },
    });
  });

  test("what is called a PDF and is none fails when it is converted", async () => {
    const files = [{ file: Buffer.from("hello").toString("base64"), fileType: "PDF" }];
    expect(await settled({ files })).toMatchObject({
      errorType: "DOCUMENT_CONVERSION_ERROR",
      errorCode: 133,
    });
  });

  test("stuck never ends, an unmapped word is not documented, finish() ends by hand", async () => {
    expect((await settled({ to: testNumbers.stuck })).status).toBe("IN_PROGRESS");
    expect((await settled({ to: testNumbers.unmapped })).status).toBe("HALF_WAY");
    emulator.finish(emulator.faxes[0]?.id ?? "", "canceled");
    expect(emulator.faxes[0]).toMatchObject({ status: "FAILURE", errorType: "FAX_ERROR", errorCode: 75 });
  });

  test("pulls a content URL on this machine, with the credentials in it", async () => {
    const host = await startSinchEmulator();
    try {
      const fax = host.addFax({}, syntheticPdf({ pages: 2 }));
      const path = `/v3/projects/${host.projectId}/faxes/${fax.id}/file`;
      const good = `${host.url.replace("//", `//${host.keyId}:${encodeURIComponent(host.keySecret)}@`)}${path}`;
      expect(await settled({ files: undefined, contentUrl: good })).toMatchObject({
        status: "COMPLETED",
        numberOfPages: 2,
        contentUrl: [`${host.url.replace("//", "//***:***@")}${path}`],
      });
      expect(await settled({ files: undefined, contentUrl: [host.url + path] })).toMatchObject({
        errorCode: 54,
      });
    } finally {
      await host.stop();
    }
  });

  test("one document can be fetched by both paths and deleted once; the record stays", async () => {
    const { id } = await settled();
    for (const path of [`/faxes/${id}/file`, `/faxes/${id}/file.pdf`]) {
      const answer = await api(path);
      expect(answer.headers.get("content-type")).toBe("application/pdf");
      expect(answer.headers.get("content-disposition")).toContain(".pdf");
      expect(countPdfPages(Buffer.from(await answer.arrayBuffer()))).toBe(3);
    }
    expect((await api(`/faxes/${id}/file`, { method: "DELETE" })).status).toBe(204);
    expect((await api(`/faxes/${id}/file`, { method: "DELETE" })).status).toBe(404);
    expect((await api(`/faxes/${id}/file`)).status).toBe(404);
    expect((await read(api(`/faxes/${id}`))).hasFile).toBe(false);
    expect((await api("/faxes/01J00000000000000000000000")).status).toBe(404);
    expect((await api(`/faxes/${id}`, { method: "DELETE" })).status).toBe(404);
  });
});

describe("list", () => {
  const day = 24 * 60 * 60 * 1000;
  const ago = (days: number): string => new Date(Date.now() - days * day).toISOString();
  const ids = async (query: string): Promise<string[]> => {
    const body = (await (await api(`/faxes?${query}`)).json()) as { faxes?: SinchFax[] };
    return (body.faxes ?? []).map((fax) => fax.id);
  };

  test("shows the prior week only, unless a date is given", async () => {
    const fresh = emulator.addFax({ createTime: ago(6) }).id;
    const old = emulator.addFax({ createTime: ago(8) }).id;
    expect(await ids("")).toEqual([fresh]);
    expect(await ids(`createTime%3E=${ago(9)}`)).toEqual([fresh, old]);
    expect(await ids(`createTime%3E=${ago(9)}&createTime%3C=${ago(7)}`)).toEqual([old]);
    expect(await ids(`createTime=${ago(8).slice(0, 10)}`)).toEqual([old]);
    expect(await ids(`createTime=${ago(8).slice(0, 7)}`)).toContain(old);
    const exact = ago(8).slice(0, 10);
    expect(await ids(`createTime>=${exact}&createTime<=${exact}`)).toEqual([old]);
  });

  test("filters by direction, status, the beginning of numbers, and labels", async () => {
    const a = emulator.addFax({ to: "+12025550101", labels: { attempt: "a", more: "x" } }).id;
    const b = emulator.addFax({
      to: "+15005550001",
      from: "+12025550199",
      direction: "INBOUND",
      status: "FAILURE",
    }).id;
    expect(await ids("direction=INBOUND")).toEqual([b]);
    expect(await ids("status=COMPLETED")).toEqual([a]);
    expect(await ids("to=%2B1202")).toEqual([a]);
    expect(await ids("from=%2B1202")).toEqual([b]);
    expect(await ids("labels=attempt,a")).toEqual([a]);
    expect(await ids("labels=attempt,b")).toEqual([]);
    emulator.quirks.ignoreLabels = true;
    expect((await ids("labels=attempt,b")).sort()).toEqual([a, b].sort());
  });

  test("pages", async () => {
    for (let i = 0; i < 5; i += 1) emulator.addFax({});
    const page = await (await api("/faxes?pageSize=2&page=3")).json();
    expect(page).toMatchObject({ page: 3, totalPages: 3, pageSize: 2, totalItems: 5, faxes: [{}] });
    emulator.quirks.pageField = "pageNumber";
    const other = (await (await api("/faxes")).json()) as object;
    expect(other).toMatchObject({ pageNumber: 1, pageSize: 100 });
    expect(other).not.toHaveProperty("page");
  });

  test.each([
    "status=SUCCEEDED",
    "direction=outbound",
    "createTime=gt:2026-02-01",
    "to=+1202",
    "pageSize=1001",
    "pageSize=0",
    "page=x",
    "limit=3",
    "labels=a",
    "format=xml",
  ])("refuses %s", async (query) => {
    expect((await api(`/faxes?${query}`)).status).toBe(422);
  });

  test("exports CSV", async () => {
    emulator.addFax({ id: "A", from: "+12025550101", to: "+12025550102" });
    const answer = await api("/faxes?format=csv", { headers: { accept: "text/csv" } });
    expect(answer.headers.get("content-type")).toBe("text/csv");
    expect(await answer.text()).toMatch(
      /^id,direction,.*\r\nA,OUTBOUND,\+12025550101,\+12025550102,COMPLETED,/,
    );
  });

  test("a lag hides new faxes for a while", async () => {
    emulator.quirks.listLagMs = 60_000;
    emulator.addFax({});
    expect(await ids("")).toEqual([]);
  });
});

describe("services", () => {
  test("can be made, changed, listed and removed", async () => {
    const made = await api("/services", json({ name: "Pharmacy", numberOfRetries: 1 }));
    expect(made.status).toBe(201);
    const { id } = await read(made);
    expect(await read(api(`/services/${id}`, { ...json({ name: "Ward" }), method: "PATCH" }))).toMatchObject({
      name: "Ward",
    });
    expect(await (await api("/services")).json()).toMatchObject({ totalItems: 2, pageSize: 20 });
    expect((await api("/services", json({ name: "x".repeat(61) }))).status).toBe(422);
    expect((await api(`/services/${id}`, { method: "DELETE" })).status).toBe(204);
    expect((await api(`/services/${id}`)).status).toBe(404);
  });

  test("cover pages can be kept and used; numbers are listed", async () => {
    const base = `/services/${emulator.serviceId}`;
    const body = {
      name: "Cover",
      file: { fileContent: Buffer.from(pdf).toString("base64"), fileType: "PDF" },
    };
    const { id } = await read(api(`${base}/coverPages`, json(body)));
    expect((await api("/faxes", json({ to, ...inJson, coverPageId: id }))).status).toBe(200);
    expect(await (await api(`${base}/coverPages`)).json()).toMatchObject({ coverPages: [{ id }] });
    expect((await api(`${base}/coverPages/${id}`, { method: "DELETE" })).status).toBe(204);
    expect((await api(`${base}/coverPages/${id}`)).status).toBe(404);
    expect(await (await api(`${base}/numbers`)).json()).toMatchObject({ numbers: [], totalItems: 0 });
  });
});

test("quirks change the form of replies", async () => {
  Object.assign(emulator.quirks, {
    firstStatus: "QUEUED",
    contentUrl: "string",
    hasFile: "text",
    priceAmount: "number",
    numbersAsStrings: true,
    omitNumbers: true,
  });
  const sent = await read(
    api("/faxes", json({ to, contentUrl: ["https://a.example.com/1", "https://a.example.com/2"] })),
  );
  expect(sent.status).toBe("QUEUED");
  await emulator.idle();
  const fax = await read(api(`/faxes/${sent.id}`));
  expect(fax).toMatchObject({
    contentUrl: "https://a.example.com/1,https://a.example.com/2",
    hasFile: "true",
    numberOfPages: "2",
    price: { amount: 0.14 },
  });
  expect(fax).not.toHaveProperty("to");
});
