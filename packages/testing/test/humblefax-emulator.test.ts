import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import {
  countPdfPages,
  type FormPart,
  type HumbleFaxEmulator,
  type HumbleFaxIncomingFax,
  type HumbleFaxSentFax,
  humblefaxSentStatuses,
  startHumbleFaxEmulator,
  syntheticNumber,
  syntheticPdf,
  testNumbers,
  writeMultipart,
} from "../src/index.ts";

let emulator: HumbleFaxEmulator;
const from = syntheticNumber(90);
const unlimited = Number.POSITIVE_INFINITY;
beforeAll(async () => {
  emulator = await startHumbleFaxEmulator({
    completeAfterMs: 10,
    requestsPerSecond: unlimited,
    numbers: [from],
    attempts: 2,
  });
});
afterEach(() => {
  emulator.reset();
  emulator.completeAfterMs = 10;
});
afterAll(() => emulator.stop());

const to = Number(syntheticNumber(50).slice(1));
const pdf = syntheticPdf({ pages: 3 });
const basic = (user = emulator.accessKey, pass = emulator.secretKey): string =>
  `Basic ${Buffer.from(`${user}:${pass}`).toString("base64")}`;
const api = (path: string, init: RequestInit & { authorization?: string } = {}): Promise<Response> =>
  fetch(emulator.url + path, {
    ...init,
    headers: { authorization: init.authorization ?? basic(), ...(init.headers as Record<string, string>) },
  });
const form = (...parts: FormPart[]): RequestInit => {
  const { contentType, body } = writeMultipart(parts);
  return { method: "POST", headers: { "content-type": contentType }, body: new Uint8Array(body) };
};
const json = (body: unknown): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});
const file: FormPart = { name: "order.pdf", fileName: "order.pdf", content: pdf };
const fields = { recipients: [to], includeCoversheet: false };
const quick = (data: unknown = fields, ...files: FormPart[]): Promise<Response> =>
  api("/quickSendFax", form({ name: "jsonData", content: JSON.stringify(data) }, ...files));
interface Data {
  fax: HumbleFaxSentFax;
  sentFax: HumbleFaxSentFax;
  tmpFax: { id: string };
  incomingFax: HumbleFaxIncomingFax;
  [key: string]: unknown;
}
const read = async (response: Response | Promise<Response>): Promise<Data> => {
  const answer = await response;
  const body = (await answer.json()) as { result: string; data: Data };
  expect([answer.status, body.result]).toEqual([200, "success"]);
  return body.data;
};
const refusal = async (answer: Response): Promise<[number, string]> => {
  const body = (await answer.json()) as { result: string; error: string };
  expect(body).toEqual({ result: "failure", error: expect.stringMatching(/\w/) });
  return [answer.status, body.error];
};
const sendOne = async (data: object = {}): Promise<number> =>
  (await read(quick({ ...fields, ...data }, file))).fax.id;
const get = async (id: number): Promise<HumbleFaxSentFax> => (await read(api(`/sentFax/${id}`))).sentFax;

test("wrong keys are 401 loginFailure", async () => {
  for (const authorization of [basic("x"), basic(undefined, "x"), "Bearer x", ""]) {
    expect(await refusal(await api("/user", { authorization }))).toEqual([401, "loginFailure"]);
  }
});

test("the sixth request within a second blocks the caller for a minute", async () => {
  const strict = await startHumbleFaxEmulator();
  const ask = async (): Promise<Response> =>
    fetch(`${strict.url}/user`, { headers: { authorization: basic() } });
  const start = Date.now();
  vi.useFakeTimers({ toFake: ["Date"], now: start });
  try {
    const statuses: number[] = [];
    for (const ms of [0, 0, 0, 500, 999, 999, 5_000, 60_998, 60_999]) {
      vi.setSystemTime(start + ms);
      const answer = await ask();
      statuses.push(answer.status);
      if (ms === 5_000) {
        expect(answer.headers.get("retry-after")).toBe("56");
        expect((await refusal(answer))[0]).toBe(429);
      }
    }
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429, 429, 200]);
  } finally {
    vi.useRealTimers();
    await strict.stop();
  }
});

describe("quickSendFax", () => {
  test("takes jsonData and a file under any name", async () => {
    const answer = await quick({ ...fields, uuid: "job-1", resolution: "Fine", pageSize: "Legal" }, file);
    expect(await answer.json()).toEqual({
      result: "success",
      data: {
        result: "Fax sent to queue",
        fax: {
          id: expect.any(Number),
          status: "in progress",
          senderEmail: expect.any(String),
          numPages: 3,
          recipients: [{ status: "in progress", toNumber: String(to) }],
        },
      },
    });
    const id = emulator.sentFaxes[0]?.id ?? 0;
    await emulator.idle();
    expect(await get(id)).toEqual({
      id,
      status: "success",
      timestamp: expect.any(Number),
      fromName: "",
      fromNumber: from.slice(1),
      senderEmail: expect.any(String),
      uuid: "job-1",
      source: "API",
      resolution: "Fine",
      pageSize: "Legal",
      subject: "",
      message: "",
      numPages: "3",
      hasCoversheet: false,
      numSuccesses: 1,
      numInProgress: 0,
      numFailures: 0,
      recipients: [
        {
          toNumber: String(to),
          status: "success",
          numAttempts: 1,
          attempts: [
            {
              status: "success",
              numCalls: 1,
              numPagesSent: 3,
              calls: [expect.objectContaining({ status: "success", pagesSent: 3, bitRate: 14400 })],
            },
          ],
        },
      ],
    });
    expect((await read(quick(fields, { ...file, name: "file" }))).fax.status).toBe("in progress");
  });

  test("a cover sheet needs no file and is a page", async () => {
    const data = await read(quick({ ...fields, includeCoversheet: true, message: "Hello" }));
    expect([data.fax.numPages, await get(data.fax.id)]).toMatchObject([
      1,
      { uuid: false, hasCoversheet: true },
    ]);
  });

  test.each<[string, object]>([
    ["no recipients", { recipients: [] }],
    ["four recipients", { recipients: [to, to, to, to] }],
    ["a number that is no list", { recipients: to }],
    ["a number without the 1", { recipients: [2025550150] }],
    ["a number with a plus sign", { recipients: [`+${to}`] }],
    ["a number abroad", { recipients: [442071838750] }],
    ["a toll-free number", { recipients: [18005550100] }],
    ["no includeCoversheet", { includeCoversheet: undefined }],
    ["a boolean as text", { includeCoversheet: "false" }],
    ["another's number", { fromNumber: 12025550199 }],
    ["an unknown resolution", { resolution: "fine" }],
    ["an unknown page size", { pageSize: "A5" }],
    ["a uuid of 101 characters", { uuid: "x".repeat(101) }],
    ["a field that nobody knows", { recipientFaxNumbers: [to] }],
  ])("refuses %s", async (_name, change) => {
    expect((await refusal(await quick({ ...fields, ...change }, file)))[0]).toBe(400);
    expect(emulator.faxes).toEqual([]);
  });

  test("refuses a body without jsonData, without a file, without a filename, or of another type", async () => {
    const data: FormPart = { name: "jsonData", content: JSON.stringify(fields) };
    const answers = [
      await api("/quickSendFax", form(file)),
      await api("/quickSendFax", form(data)),
      await api("/quickSendFax", form(data, { name: "file", content: pdf })),
      await api("/quickSendFax", form(data, { ...file, content: "" })),
      await api("/quickSendFax", form({ name: "jsonData", content: "{" }, file)),
      await api("/quickSendFax", json(fields)),
    ];
    for (const answer of answers) expect((await refusal(answer))[0]).toBe(400);
  });

  test("a PDF that is none fails as an image, and nothing is dialled", async () => {
    const { fax } = await read(quick(fields, { ...file, content: "x" }));
    await emulator.idle();
    expect(await get(fax.id)).toMatchObject({
      status: "image failure",
      recipients: [{ numAttempts: 0, attempts: [] }],
    });
  });
});

describe("the three steps", () => {
  test("make a tmpFax, attach files and send under a new id", async () => {
    const { tmpFax } = await read(api("/tmpFax", json({ ...fields, uuid: "job-2" })));
    expect(tmpFax.id).toMatch(/^[0-9a-f]+\.\d+$/);
    expect(await read(api("/tmpFaxes"))).toEqual({ tmpFaxIds: [tmpFax.id] });
    await read(api(`/attachment/${tmpFax.id}`, form(file)));
    await read(api(`/attachment/${tmpFax.id}`, form({ ...file, name: "attachment" })));
    expect(await read(api(`/tmpFax/${tmpFax.id}`))).toMatchObject({
      tmpFax: { attachments: ["order.pdf", "order.pdf"], uuid: "job-2" },
    });
    const { sentFax } = await read(api(`/tmpFax/${tmpFax.id}/send`, { method: "POST" }));
    expect(sentFax).toMatchObject({ id: expect.any(Number), numPages: "6", uuid: "job-2" });
    await emulator.idle();
    expect((await get(sentFax.id)).status).toBe("success");
    expect((await refusal(await api(`/tmpFax/${tmpFax.id}/send`, { method: "POST" })))[0]).toBe(404);
  });

  test("refuse unknown ids, broken files, no content, and what comes too early", async () => {
    for (const [path, init] of [
      ["/attachment/1.2", form(file)],
      ["/tmpFax/1.2", {}],
      ["/tmpFax/1.2", { method: "DELETE" }],
    ] as const) {
      expect((await refusal(await api(path, init)))[0]).toBe(404);
    }
    emulator.quirks.sendTooEarly = 1;
    const { tmpFax } = await read(api("/tmpFax", json(fields)));
    expect((await refusal(await api(`/attachment/${tmpFax.id}`, form({ ...file, content: "x" }))))[0]).toBe(
      400,
    );
    expect((await refusal(await api(`/attachment/${tmpFax.id}`, form(file, file))))[0]).toBe(400);
    const send = () => api(`/tmpFax/${tmpFax.id}/send`, json({}));
    expect((await refusal(await send()))[1]).toContain("processed");
    expect((await refusal(await send()))[1]).toContain("file is required");
    await read(api(`/attachment/${tmpFax.id}`, form(file)));
    await read(send());
    expect(emulator.calls.sendTmpFax).toBe(3);
    const other = await read(api("/tmpFax", json(fields)));
    await read(api(`/tmpFax/${other.tmpFax.id}`, { method: "DELETE" }));
    expect(await read(api("/tmpFaxes"))).toEqual({ tmpFaxIds: [] });
    expect((await refusal(await api("/tmpFax", form(file))))[0]).toBe(400);
  });
});

describe("the life of a fax", () => {
  test("ends as its script says, recipient by recipient", async () => {
    emulator.script("0150", ["no_answer", "partial", "canceled", { failureReason: "Paper jam" }]);
    const ids = [await sendOne(), await sendOne(), await sendOne(), await sendOne()];
    const both = await sendOne({ recipients: [Number(testNumbers.delivered.slice(1)), 12025550101] });
    await emulator.idle();
    const ends = await Promise.all(ids.map(get));
    expect(ends.map(({ status, recipients }) => [status, recipients[0]?.failureReason])).toEqual([
      ["failure", "Receiver did not pick up"],
      ["partial success", "Transmission failed"],
      ["cancelled", undefined],
      ["failure", "Paper jam"],
    ]);
    expect(ends[0]?.recipients[0]).toMatchObject({ numAttempts: 2, attempts: [{}, {}] });
    expect(await get(both)).toMatchObject({
      status: "partial success",
      numSuccesses: 1,
      numFailures: 1,
      recipients: [{ status: "success" }, { status: "failure" }],
    });
    for (const { status } of ends) expect(humblefaxSentStatuses).toContain(status);
  });

  test("may be scheduled, never end, end by hand, or get a word that nobody has seen", async () => {
    const later = Math.floor(Date.now() / 1000) + 3600;
    const scheduled = await sendOne({ scheduledTime: later });
    expect((await get(scheduled)).status).toBe("scheduled");
    emulator.finish(String(scheduled));
    expect((await get(scheduled)).status).toBe("success");
    emulator.script("0150", ["stuck", "unmapped"]);
    const [stuck, unmapped] = [await sendOne(), await sendOne()];
    await emulator.idle();
    expect([(await get(stuck)).status, (await get(unmapped)).status]).toEqual(["in progress", "halfway"]);
    expect(() => emulator.finish("1")).toThrow(RangeError);
  });
});

describe("reading", () => {
  test("sent faxes are listed by time and sender, and downloaded", async () => {
    const old = emulator.addSentFax({ timestamp: 1_600_000_000 });
    const id = await sendOne();
    const ids = async (query: string): Promise<unknown> => (await read(api(`/sentFaxes${query}`))).sentFaxIds;
    expect(await ids("")).toEqual([id]);
    expect(await ids("?timeFrom=1500000000&timeTo=1700000000")).toEqual([old.id]);
    expect(await ids(`?fromNumber=${from.slice(1)}&timeFrom=0`)).toEqual([id, old.id]);
    expect(await ids("?fromNumber=12025550177")).toEqual([]);
    expect((await refusal(await api("/sentFaxes?timeFrom=yesterday")))[0]).toBe(400);
    expect((await refusal(await api("/sentFax/1")))[0]).toBe(404);
    const document = await api(`/sentFax/${id}/download?fileFormat=pdf`);
    expect(countPdfPages(new Uint8Array(await document.arrayBuffer()))).toBe(3);
  });

  test("received faxes are listed, downloaded and deleted", async () => {
    const old = emulator.addIncomingFax({ time: "1600000000" });
    const fax = emulator.receiveFax({ from: syntheticNumber(60), pdf });
    const list = await read(api("/incomingFaxes"));
    expect(list).toMatchObject({ numResults: 1, incomingFaxIds: [fax.id], incomingFaxes: [fax] });
    expect(await read(api("/incomingFaxes?timeFrom=0&timeTo=1700000000"))).toMatchObject({
      incomingFaxIds: [old.id],
    });
    expect(await read(api("/incomingFaxes?toNumber=12025550177"))).toMatchObject({ numResults: 0 });
    expect((await read(api(`/incomingFax/${fax.id}`))).incomingFax).toEqual({
      id: fax.id,
      status: "success",
      time: expect.stringMatching(/^\d+$/),
      toNumber: from.slice(1),
      fromNumber: syntheticNumber(60).slice(1),
      fromNameAddressBook: "",
      fromNameIdentity: "",
      numPages: "3",
      transmissionTime: "90",
      bitRate: "14400",
    });
    const path = `/incomingFax/${fax.id}`;
    const document = await api(`${path}/download?fileFormat=pdf`);
    expect(document.headers.get("content-type")).toBe("application/pdf");
    expect(countPdfPages(new Uint8Array(await document.arrayBuffer()))).toBe(3);
    expect((await refusal(await api(`${path}/download?fileFormat=tiff`)))[0]).toBe(400);
    await read(api(path, { method: "DELETE" }));
    expect((await refusal(await api(`${path}/download`)))[0]).toBe(404);
    expect(emulator.receiveFax({ partial: true }).status).toBe("partial fax received");
  });

  test("the user and the numbers are there", async () => {
    expect(await read(api("/user"))).toMatchObject({ user: { assignedFaxNumber: from.slice(1) } });
    expect(await read(api("/numbers"))).toMatchObject({
      numbers: [{ number: from.slice(1), tollFree: false }],
    });
  });
});

describe("faults and quirks", () => {
  test("an answer can be lost after the fax was taken: a second send shows as a second fax", async () => {
    emulator.fault({ operation: "quickSendFax", kind: "reset_after" });
    await expect(quick(fields, file)).rejects.toThrow();
    await sendOne();
    expect([emulator.calls.quickSendFax, emulator.faxes.length]).toEqual([2, 2]);
  });

  test("replies come in every form that was seen", async () => {
    Object.assign(emulator.quirks, { quickSendKey: "sentFax", statusAsList: true, numbersAsIntegers: true });
    emulator.script("0150", "busy");
    const sent = await read(quick(fields, file));
    expect(sent.sentFax).toMatchObject({ status: ["in progress"], recipients: [{ toNumber: to }] });
    await emulator.idle();
    Object.assign(emulator.quirks, {
      numbersAsIntegers: false,
      numbersWithPlus: true,
      countsAsStrings: true,
      failureReasonAt: "call",
    });
    const shown = await get(sent.sentFax.id);
    expect(shown).toMatchObject({ id: String(sent.sentFax.id), recipients: [{ toNumber: `+${to}` }] });
    const [recipient] = shown.recipients;
    expect([recipient?.failureReason, recipient?.attempts[0]?.failureReason]).toEqual([undefined, undefined]);
    expect(recipient?.attempts[0]?.calls[0]?.failureReason).toBe("Receiver was busy");
    emulator.quirks.refuseWith200 = true;
    expect(await refusal(await api("/sentFax/1"))).toEqual([200, "faxNotFound"]);
  });

  test("statuses come in the vendor's envelope", async () => {
    emulator.fault({ kind: "respond", status: 500 });
    expect((await refusal(await api("/user")))[0]).toBe(500);
  });
});
