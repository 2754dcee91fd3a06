import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import {
  countPdfPages,
  type SignalWireEmulator,
  type SignalWireFax,
  signalwireErrorMessages,
  signalwireStatuses,
  startSignalWireEmulator,
  syntheticNumber,
  syntheticPdf,
} from "../src/index.ts";
import { type HookCatcher, startHookCatcher } from "./hook-catcher.ts";

let emulator: SignalWireEmulator;
let host: HookCatcher;
const to = syntheticNumber(50);
const from = syntheticNumber(90);
beforeAll(async () => {
  emulator = await startSignalWireEmulator({ completeAfterMs: 12, callEveryMs: 1, numbers: [from] });
  host = await startHookCatcher();
});
afterEach(() => {
  emulator.reset();
  emulator.completeAfterMs = 12;
  host.clear();
});
afterAll(async () => {
  await emulator.stop();
  await host.stop();
});

const basic = (user = emulator.projectId, pass = emulator.apiToken): string =>
  `Basic ${Buffer.from(`${user}:${pass}`).toString("base64")}`;
const api = (path: string, init: RequestInit & { authorization?: string } = {}): Promise<Response> =>
  fetch(`${emulator.apiUrl}/Accounts/${emulator.projectId}${path}`, {
    ...init,
    headers: { authorization: init.authorization ?? basic(), ...(init.headers as Record<string, string>) },
    redirect: "manual",
  });
const post = (path: string, fields: Record<string, string> | [string, string][]): Promise<Response> =>
  api(path, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(fields).toString(),
  });
const good = () => ({ To: to, From: from, MediaUrl: `${host.url}/order.pdf?token=abc` });
const serve = (pages = 2): void => {
  host.fallback = () => ({ status: 200, contentType: "application/pdf", body: syntheticPdf({ pages }) });
};
const send = async (fields: Record<string, string> = {}): Promise<SignalWireFax> => {
  const answer = await post("/Faxes", { ...good(), ...fields });
  expect(answer.status).toBe(200);
  return (await answer.json()) as SignalWireFax;
};
const get = async (sid: string): Promise<SignalWireFax> =>
  (await (await api(`/Faxes/${sid}`)).json()) as SignalWireFax;
const refusal = async (answer: Response): Promise<[number, unknown]> => {
  const body = (await answer.json()) as { code: number; status: number };
  expect(body).toEqual({
    code: expect.any(Number),
    message: expect.any(String),
    more_info: expect.any(String),
    status: answer.status,
  });
  return [answer.status, body.code];
};

test("wrong credentials are 401 with code 20003, another project is 404", async () => {
  for (const authorization of [basic("x"), basic(undefined, "x"), `Bearer ${emulator.apiToken}`, ""]) {
    expect(await refusal(await api("/Faxes", { authorization }))).toEqual([401, 20003]);
  }
  const other = await fetch(`${emulator.apiUrl}/Accounts/other/Faxes`, {
    headers: { authorization: basic() },
  });
  expect(await refusal(other)).toEqual([404, 20404]);
});

describe("send", () => {
  test("takes a form, fetches the document by HEAD and several GETs, and delivers", async () => {
    serve();
    const fax = await send({ Quality: "superfine", Ttl: "300", StoreMedia: "true" });
    expect(fax).toEqual({
      account_sid: emulator.projectId,
      api_version: "v1",
      date_created: expect.stringMatching(/Z$/),
      date_updated: expect.stringMatching(/Z$/),
      direction: "outbound",
      from,
      to,
      media_url: null,
      media_sid: null,
      num_pages: null,
      price: null,
      price_unit: null,
      quality: "superfine",
      sid: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f-]{27}$/),
      status: "queued",
      duration: null,
      links: { media: expect.stringContaining(fax.sid) },
      url: expect.stringContaining(fax.sid),
      error_code: null,
      error_message: null,
    });
    await emulator.idle();
    expect(host.hooks.map(({ method, target }) => [method, target])).toEqual(
      ["HEAD", "GET", "GET"].map((method) => [method, "/order.pdf?token=abc"]),
    );
    expect(await get(fax.sid)).toMatchObject({
      status: "delivered",
      num_pages: "2",
      duration: 60,
      price: "-0.0095",
      price_unit: "USD",
      media_url: expect.stringMatching(/\.pdf$/),
    });
    expect(countPdfPages(emulator.documentOf(fax.sid) ?? Buffer.alloc(0))).toBe(2);
  });

  test("sends the credentials of a media URL", async () => {
    serve();
    await send({ MediaUrl: `${host.url.replace("//", "//user:pa%3Ass@")}/x.pdf` });
    await emulator.idle();
    expect(host.hooks[0]?.headers.authorization).toBe(
      `Basic ${Buffer.from("user:pa:ss").toString("base64")}`,
    );
  });

  test.each([
    ["is not there", { status: 404 }, "21620"],
    [
      "has another type",
      { status: 200, contentType: "application/octet-stream", body: syntheticPdf() },
      "12300",
    ],
    ["is no PDF", { status: 200, contentType: "application/pdf", body: "<html>" }, "21612"],
  ])("a document that %s fails the fax", async (_name, answer, code) => {
    host.fallback = () => answer;
    const fax = await send();
    await emulator.idle();
    expect(await get(fax.sid)).toMatchObject({
      status: "failed",
      num_pages: "0",
      error_code: code,
      error_message: "Document loading error",
      media_url: null,
    });
  });

  test("keeps nothing when told so", async () => {
    serve();
    const fax = await send({ StoreMedia: "false" });
    await emulator.idle();
    expect(await get(fax.sid)).toMatchObject({ status: "delivered", num_pages: "2", media_sid: null });
  });

  test.each<[string, Record<string, string | undefined>, number]>([
    ["no To", { To: undefined }, 21211],
    ["a To without +", { To: "12025550150" }, 21217],
    ["no From", { From: undefined }, 21213],
    ["a From that is no number", { From: "me" }, 21212],
    ["another's From", { From: syntheticNumber(99) }, 21210],
    ["no MediaUrl", { MediaUrl: undefined }, 21620],
    ["a MediaUrl that is none", { MediaUrl: "ftp://example.com/x" }, 21620],
    ["an unknown quality", { Quality: "ultra" }, 10000],
    ["a callback URL that is none", { StatusCallback: "hook" }, 21402],
    ["an unknown callback event", { StatusCallbackEvent: "done" }, 21626],
    ["another method", { StatusCallbackMethod: "PUT" }, 10000],
    ["a boolean that is none", { StoreMedia: "yes" }, 10000],
    ["a Ttl below 5", { Ttl: "4" }, 10000],
    ["an unknown parameter", { SendTime: "now" }, 10000],
    ["a parameter in lower case", { to: to }, 10000],
  ])("refuses %s", async (_name, change, code) => {
    const fields = Object.entries({ ...good(), ...change }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as [string, string]],
    );
    expect(await refusal(await post("/Faxes", fields))).toEqual([422, code]);
    expect(emulator.faxes).toEqual([]);
  });

  test("refuses JSON, unverified numbers in trial mode, and more than the queue holds", async () => {
    const json = await api("/Faxes", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(good()),
    });
    expect(await refusal(json)).toEqual([422, 10000]);
    emulator.console.verifiedNumbers = [from];
    expect(await refusal(await post("/Faxes", good()))).toEqual([422, 21219]);
    const small = await startSignalWireEmulator({
      completeAfterMs: Number.POSITIVE_INFINITY,
      maxQueued: 1,
    });
    const statuses: number[] = [];
    for (let i = 0; i < 2; i += 1) {
      const answer = await fetch(`${small.apiUrl}/Accounts/${small.projectId}/Faxes`, {
        method: "POST",
        headers: { authorization: basic(), "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams(good()).toString(),
      });
      statuses.push(answer.status);
      if (i === 1) expect(await refusal(answer)).toEqual([422, 21611]);
    }
    expect(statuses).toEqual([200, 422]);
    await small.stop();
  });
});

describe("the life of a fax", () => {
  test("goes through queued, processing and sending", async () => {
    serve();
    emulator.completeAfterMs = 1200;
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const { sid, status } = await send();
      const seen = [status];
      for (let quarter = 1; quarter <= 2; quarter += 1) {
        vi.advanceTimersByTime(301);
        seen.push((await get(sid)).status);
      }
      vi.advanceTimersByTime(601);
      vi.useRealTimers();
      await emulator.idle();
      seen.push((await get(sid)).status);
      expect(seen).toEqual(["queued", "processing", "sending", "delivered"]);
      expect(signalwireStatuses).toEqual(expect.arrayContaining(seen));
    } finally {
      vi.useRealTimers();
    }
  });

  test("calls begin one after the other, the rest waits", async () => {
    serve();
    const slow = await startSignalWireEmulator({ completeAfterMs: 1, callEveryMs: 60_000 });
    for (let i = 0; i < 3; i += 1) {
      await fetch(`${slow.apiUrl}/Accounts/${slow.projectId}/Faxes`, {
        method: "POST",
        headers: { authorization: basic(), "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams(good()).toString(),
      });
    }
    while (slow.faxes[0]?.status !== "delivered") await new Promise((resolve) => setTimeout(resolve, 2));
    expect(slow.faxes.map(({ status }) => status)).toEqual(["delivered", "queued", "queued"]);
    await slow.stop();
  });

  test("ends as its script says", async () => {
    serve();
    emulator.script("0150", [
      "busy",
      "no_answer",
      "line_error",
      "partial",
      { errorMessage: signalwireErrorMessages[14] },
    ]);
    const sids: string[] = [];
    for (let i = 0; i < 5; i += 1) sids.push((await send()).sid);
    await emulator.idle();
    const ends = await Promise.all(sids.map(get));
    expect(
      ends.map(({ status, num_pages, error_code, error_message }) => [
        status,
        num_pages,
        error_code,
        error_message,
      ]),
    ).toEqual([
      ["busy", "0", null, null],
      ["no-answer", "0", null, null],
      ["failed", "0", "34004", "The call dropped prematurely"],
      ["failed", "1", null, "No response after sending a page"],
      ["failed", "0", null, "Far end cannot receive at the resolution of the image"],
    ]);
    expect(signalwireErrorMessages).toHaveLength(18);
  });

  test("may never end, end by hand, or get a word that nobody documented", async () => {
    serve();
    emulator.script("0150", ["stuck", "unmapped"]);
    const [stuck, unmapped] = [await send(), await send()];
    await emulator.idle();
    expect([(await get(stuck.sid)).status, (await get(unmapped.sid)).status]).toEqual(["sending", "halfway"]);
    emulator.finish(stuck.sid, "rejected");
    expect((await get(stuck.sid)).status).toBe("failed");
  });

  test("is canceled only from the queue, and deleted only when nothing is under way", async () => {
    serve();
    emulator.completeAfterMs = Number.POSITIVE_INFINITY;
    const { sid } = await send();
    expect(await refusal(await post(`/Faxes/${sid}`, { Status: "cancelled" }))).toEqual([422, 10000]);
    expect(await (await post(`/Faxes/${sid}`, { Status: "canceled" })).json()).toMatchObject({
      status: "canceled",
    });
    expect(await refusal(await post(`/Faxes/${sid}`, { Status: "canceled" }))).toEqual([422, 10000]);
    const active = emulator.addFax({ status: "sending" });
    expect(await refusal(await api(`/Faxes/${active.sid}`, { method: "DELETE" }))).toEqual([409, 20009]);
    expect((await api(`/Faxes/${sid}`, { method: "DELETE" })).status).toBe(204);
    expect(await refusal(await api(`/Faxes/${sid}`))).toEqual([404, 20404]);
  });
});

describe("documents", () => {
  test("are described, downloaded and deleted", async () => {
    const { sid, media_sid, media_url } = emulator.addFax({}, syntheticPdf({ pages: 3 }));
    const list = (await (await api(`/Faxes/${sid}/Media`)).json()) as Record<string, object[]>;
    expect(list.media).toEqual(list.fax_media);
    expect(list.media).toMatchObject([{ sid: media_sid, fax_sid: sid, url: media_url }]);
    const one = `/Faxes/${sid}/Media/${media_sid}`;
    expect(await (await api(one)).json()).toMatchObject({ content_type: "application/pdf" });
    const file = await fetch(media_url ?? "");
    expect(countPdfPages(new Uint8Array(await file.arrayBuffer()))).toBe(3);
    expect((await api(one, { method: "DELETE" })).status).toBe(204);
    expect([(await api(one)).status, (await fetch(media_url ?? "")).status]).toEqual([404, 404]);
    expect((await get(sid)).media_url).toBeNull();
  });

  test("may be protected, by either kind of credentials", async () => {
    const { media_url } = emulator.addFax({}, syntheticPdf());
    const status = async (authorization?: string) =>
      (await fetch(media_url ?? "", authorization ? { headers: { authorization } } : {})).status;
    const bearer = `Bearer ${emulator.apiToken}`;
    const statuses: number[][] = [];
    for (const protectMedia of [false, "basic", "bearer"] as const) {
      emulator.console.protectMedia = protectMedia;
      statuses.push([await status(), await status(basic()), await status(bearer)]);
    }
    expect(statuses).toEqual([
      [200, 200, 200],
      [401, 200, 401],
      [401, 401, 200],
    ]);
  });
});

describe("list", () => {
  const sids = async (query: Record<string, string>): Promise<string[]> => {
    const answer = await api(`/Faxes?${new URLSearchParams(query).toString()}`);
    return ((await answer.json()) as { faxes: SignalWireFax[] }).faxes.map(({ sid }) => sid);
  };

  test("filters by number and time, newest first", async () => {
    const old = emulator.addFax({ date_created: "2020-01-15T09:00:00.000Z", from, to });
    const received = emulator.receiveFax({ from: syntheticNumber(60) });
    await emulator.idle();
    expect(await sids({})).toEqual([received.sid, old.sid]);
    expect(await sids({ To: to })).toEqual([old.sid]);
    expect(await sids({ From: syntheticNumber(60) })).toEqual([received.sid]);
    expect(await sids({ DateCreatedAfter: "2020-01-15T09:00:00Z" })).toEqual([received.sid]);
    expect(await sids({ DateCreatedOnOrBefore: "2020-01-15T09:00:00Z" })).toEqual([old.sid]);
    for (const query of [
      "Status=failed",
      "PageSize=1001",
      "Page=-1",
      "Page=1",
      "DateCreatedAfter=now",
      `To=${to}`,
    ]) {
      expect(await refusal(await api(`/Faxes?${query}`))).toEqual([422, 10000]);
    }
  });

  test("is read to its end by next_page_uri", async () => {
    for (let i = 0; i < 5; i += 1) emulator.addFax({});
    const seen: string[] = [];
    const first = `/api/laml/2010-04-01/Accounts/${emulator.projectId}/Faxes?PageSize=2`;
    let pages = 0;
    for (let uri: string | null = first; uri !== null; pages += 1) {
      const answer = await fetch(emulator.url + uri, { headers: { authorization: basic() } });
      const body = (await answer.json()) as {
        faxes: SignalWireFax[];
        next_page_uri: string | null;
        page: number;
      };
      expect(body.page).toBe(pages);
      seen.push(...body.faxes.map(({ sid }) => sid));
      uri = body.next_page_uri;
    }
    expect([pages, new Set(seen).size]).toEqual([3, 5]);
  });

  test("there are logs of the calls too", async () => {
    const { sid } = emulator.addFax({ status: "no-answer" });
    emulator.addFax({});
    const read = async (path: string) =>
      (await (await fetch(emulator.url + path, { headers: { authorization: basic() } })).json()) as {
        data: object[];
        links: { next?: string };
      };
    const page = await read("/api/fax/logs?page_size=1");
    expect(page.data).toHaveLength(1);
    expect((await read(page.links.next ?? "")).data).toMatchObject([{ id: sid, status: "no-answer" }]);
    expect(await read(`/api/fax/logs/${sid}`)).toMatchObject({ number_of_pages: 1, error_code: null });
  });
});

test("numbers are listed and told where faxes go", async () => {
  const { incoming_phone_numbers } = (await (await api("/IncomingPhoneNumbers")).json()) as {
    incoming_phone_numbers: { sid: string; phone_number: string }[];
  };
  const [number] = incoming_phone_numbers;
  expect(number?.phone_number).toBe(from);
  const path = `/IncomingPhoneNumbers/${number?.sid}`;
  const changed = await post(path, { VoiceReceiveMode: "fax", VoiceUrl: `${host.url}/fax` });
  expect(await changed.json()).toMatchObject({ voice_url: `${host.url}/fax`, voice_method: "POST" });
  expect(await (await api(path)).json()).toMatchObject({ voice_receive_mode: "fax" });
  expect(await refusal(await post(path, { VoiceUrl: "x" }))).toEqual([422, 21402]);
  expect(await refusal(await post("/IncomingPhoneNumbers/x", {}))).toEqual([404, 20404]);
});

describe("faults and quirks", () => {
  test("an answer can be lost after the fax was taken: a second send shows as a second fax", async () => {
    serve();
    emulator.fault({ operation: "sendFax", kind: "reset_after" });
    await expect(send()).rejects.toThrow();
    await send();
    expect([emulator.calls.sendFax, emulator.faxes.length]).toEqual([2, 2]);
  });

  test("statuses come with the vendor's codes, errors in three forms, numbers swapped", async () => {
    emulator.fault({ kind: "respond", status: 429 });
    expect(await refusal(await api("/Faxes"))).toEqual([429, 20429]);
    emulator.quirks.errorShape = "list";
    expect(await (await api("/Faxes/x")).json()).toMatchObject({ errors: [{ code: "20404" }] });
    emulator.quirks.errorShape = "strings";
    expect(await (await api("/Faxes/x")).json()).toEqual({ errors: ["No such fax"] });
    Object.assign(emulator.quirks, { numberShape: "swapped", linkShape: "fax" });
    const { sid } = emulator.addFax({ duration: 30 });
    expect(await get(sid)).toMatchObject({ num_pages: 1, duration: "30", url: `/fax/v1/Faxes/${sid}` });
  });
});
