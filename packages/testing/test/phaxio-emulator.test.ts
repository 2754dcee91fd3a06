import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import {
  countPdfPages,
  type FormPart,
  type PhaxioEmulator,
  type PhaxioFax,
  phaxioErrors,
  startPhaxioEmulator,
  syntheticNumber,
  syntheticPdf,
  testNumbers,
  writeMultipart,
} from "../src/index.ts";
import { type HookCatcher, startHookCatcher } from "./hook-catcher.ts";

let emulator: PhaxioEmulator;
let host: HookCatcher;
beforeAll(async () => {
  emulator = await startPhaxioEmulator({ completeAfterMs: 10, secondMs: 1, numbers: [syntheticNumber(90)] });
  host = await startHookCatcher();
});
afterEach(() => {
  emulator.reset();
  emulator.completeAfterMs = 10;
  host.clear();
});
afterAll(async () => {
  await emulator.stop();
  await host.stop();
});

const to = syntheticNumber(50);
const pdf = syntheticPdf({ pages: 3 });
const live = () => [emulator.apiKey, emulator.apiSecret] as const;
const tester = () => [emulator.testApiKey, emulator.testApiSecret] as const;
const basic = ([user, pass]: readonly [string, string]): string =>
  `Basic ${Buffer.from(`${user}:${pass}`).toString("base64")}`;
const api = (path: string, init: RequestInit & { as?: readonly [string, string] } = {}): Promise<Response> =>
  fetch(emulator.apiUrl + path, {
    ...init,
    headers: { authorization: basic(init.as ?? live()), ...(init.headers as Record<string, string>) },
    redirect: "manual",
  });
const form = (...parts: FormPart[]): RequestInit => {
  const { contentType, body } = writeMultipart(parts);
  return { method: "POST", headers: { "content-type": contentType }, body: new Uint8Array(body) };
};
const field = (name: string, content: string): FormPart => ({ name, content });
const file: FormPart = { name: "file", fileName: "a.pdf", contentType: "application/pdf", content: pdf };
interface Reply {
  success: boolean;
  message: string;
  data: PhaxioFax & PhaxioFax[];
  paging?: object;
}
const read = async (response: Response | Promise<Response>): Promise<Reply> =>
  (await (await response).json()) as Reply;
const sendTo = async (number = to, ...more: FormPart[]): Promise<number> => {
  const reply = await read(api("/faxes", form(field("to", number), file, ...more)));
  expect(reply).toMatchObject({ success: true, message: "Fax queued for sending" });
  return reply.data.id;
};
const get = async (id: number): Promise<PhaxioFax> => (await read(api(`/faxes/${id}`))).data;

describe("credentials", () => {
  test("Basic, form fields and query parameters are taken; the key decides the mode", async () => {
    const [key, secret] = tester();
    const parts = [field("to", to), file, field("api_key", key), field("api_secret", secret)];
    const posted = await fetch(`${emulator.apiUrl}/faxes`, form(...parts));
    const { data } = await read(posted);
    expect(Number.isInteger(data.id)).toBe(true);
    const query = new URLSearchParams({ api_key: key, api_secret: secret });
    expect((await read(fetch(`${emulator.apiUrl}/faxes/${data.id}?${query.toString()}`))).data.is_test).toBe(
      true,
    );
    expect((await get(await sendTo())).is_test).toBe(false);
    expect((await fetch(`${emulator.url}/v2/account/status?${query.toString()}`)).status).toBe(200);
  });

  test("anything else is 401; public paths need none", async () => {
    const answers = [
      await api("/faxes", { as: [emulator.apiKey, "x"] }),
      await api("/faxes", { as: [emulator.apiKey, emulator.testApiSecret] }),
      await fetch(`${emulator.apiUrl}/faxes`),
      await fetch(`${emulator.apiUrl}/faxes`, form(field("to", to), file)),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(401);
      expect(await answer.json()).toEqual({ success: false, message: expect.any(String) });
    }
    expect(emulator.faxes).toEqual([]);
    for (const path of ["countries", "area_codes"]) {
      const { data, paging } = await read(fetch(`${emulator.apiUrl}/public/${path}`));
      expect([data.length > 0, paging]).toEqual([true, expect.objectContaining({ page: 1 })]);
    }
  });
});

describe("send", () => {
  test("takes a file with every documented option", async () => {
    emulator.completeAfterMs = Number.POSITIVE_INFINITY;
    const id = await sendTo(
      to,
      field("header_text", "Synthetic"),
      field("batch_delay", "5"),
      field("batch_collision_avoidance", "true"),
      field("cancel_timeout", "60"),
      field("callback_url", "mailto:fax@example.com"),
      field("tag[order_id]", "77"),
      field("caller_id", syntheticNumber(90)),
    );
    expect(await get(id)).toMatchObject({
      id,
      direction: "sent",
      num_pages: 3,
      status: "pendingbatch",
      created_at: expect.stringMatching(/\.\d{3}-06:00$/),
      completed_at: null,
      caller_id: syntheticNumber(90),
      tags: { order_id: "77" },
      error_id: null,
      recipients: [{ phone_number: to, status: null, retry_count: 0, error_id: null }],
    });
    expect(Buffer.from(emulator.documentOf(String(id)) ?? []).equals(pdf)).toBe(true);
    emulator.finish(String(id));
    expect(await get(id)).toMatchObject({
      status: "success",
      cost: 21,
      recipients: [{ status: "success", bitrate: 14400, resolution: 8040 }],
    });
  });

  test("one call to many numbers is one fax", async () => {
    const reply = await read(
      api("/faxes", form(field("to[]", to), field("to[]", testNumbers.busy), { ...file, name: "file[]" })),
    );
    await emulator.idle();
    expect(emulator.faxes).toHaveLength(1);
    expect(await get(reply.data.id)).toMatchObject({
      status: "partialsuccess",
      cost: 21,
      error_id: null,
      recipients: [
        { phone_number: to, status: "success" },
        { phone_number: testNumbers.busy, status: "failure", error_type: "lineError", error_id: 17 },
      ],
    });
  });

  test("fetches content URLs", async () => {
    host.fallback = () => ({ status: 200, contentType: "application/pdf", body: pdf });
    const { data } = await read(
      api("/faxes", form(field("to", to), field("content_url", `${host.url}/x.pdf`))),
    );
    await emulator.idle();
    expect(await get(data.id)).toMatchObject({ status: "success", num_pages: 3 });
    host.fallback = () => ({ status: 404 });
    const lost = await read(
      api("/faxes", form(field("to", to), field("content_url[]", `${host.url}/x.pdf`))),
    );
    await emulator.idle();
    expect(await get(lost.data.id)).toMatchObject({
      status: "failure",
      error_type: "documentConversionError",
      error_id: 54,
    });
  });

  test("what is no known type, or no PDF, fails in conversion", async () => {
    const unknown = await read(
      api("/faxes", form(field("to", to), { name: "file", fileName: "a.xyz", content: "x" })),
    );
    const broken = await read(
      api("/faxes", form(field("to", to), { name: "file", fileName: "a.pdf", content: "x" })),
    );
    const found = await read(api("/faxes", form(field("to", to), { ...file, fileName: "no-extension" })));
    await emulator.idle();
    expect((await get(unknown.data.id)).error_id).toBe(128);
    expect((await get(broken.data.id)).error_type).toBe("documentConversionError");
    expect((await get(found.data.id)).status).toBe("success");
  });

  test.each<[string, FormPart[]]>([
    ["no recipient", [file]],
    ["a number without +", [field("to", "12025550150"), file]],
    ["no content", [field("to", to)]],
    ["a file without a filename", [field("to", to), { name: "file", content: pdf }]],
    ["an empty file", [field("to", to), { ...file, content: "" }]],
    ["a field of v1", [field("to", to), field("string_data", "hello")]],
    ["the arrays of v1", [field("to[0]", to), file]],
    ["to and to[] at once", [field("to", to), field("to[]", to), file]],
    ["to twice without brackets", [field("to", to), field("to", to), file]],
    ["a header of 51 characters", [field("to", to), file, field("header_text", "x".repeat(51))]],
    ["batch_delay above an hour", [field("to", to), file, field("batch_delay", "3601")]],
    ["cancel_timeout below 3", [field("to", to), file, field("cancel_timeout", "2")]],
    ["a boolean that is none", [field("to", to), file, field("batch_collision_avoidance", "1")]],
    ["another caller id", [field("to", to), file, field("caller_id", syntheticNumber(99))]],
    ["test_fail with live keys", [field("to", to), file, field("test_fail", "lineError")]],
    ["receiving with live keys", [field("direction", "received"), file]],
    ["a callback_url that is none", [field("to", to), file, field("callback_url", "hooks.example.com")]],
    [
      "eleven tags",
      [field("to", to), file, ...Array.from({ length: 11 }, (_, tag) => field(`tag[${tag}]`, "1"))],
    ],
  ])("refuses %s", async (_name, parts) => {
    const answer = await api("/faxes", form(...parts));
    expect(answer.status).toBe(422);
    expect(await answer.json()).toEqual({ success: false, message: expect.stringMatching(/\w/) });
    expect(emulator.faxes).toEqual([]);
  });

  test("refuses other content types", async () => {
    for (const [type, body] of [
      ["application/json", JSON.stringify({ to })],
      ["application/x-www-form-urlencoded", new URLSearchParams({ to }).toString()],
      ["multipart/form-data", "--x"],
    ] as const) {
      const answer = await api("/faxes", { method: "POST", headers: { "content-type": type }, body });
      expect(answer.status).toBe(422);
    }
  });
});

describe("the life of a fax", () => {
  test("goes through every documented status", async () => {
    emulator.completeAfterMs = 900;
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const id = await sendTo();
      const seen: string[] = [];
      for (let third = 0; third <= 3; third += 1) {
        const fax = await get(id);
        seen.push(`${fax.status} ${fax.recipients?.[0]?.status ?? null}`);
        vi.advanceTimersByTime(301);
      }
      expect(seen).toEqual(["queued null", "inprogress ringing", "inprogress callactive", "success success"]);
    } finally {
      vi.useRealTimers();
    }
  });

  test("ends as its script says: by name, by id, by error, one after the other", async () => {
    emulator.script("0150", ["no_answer", 107, { errorType: "fatalError", errorId: 9 }, "delivered"]);
    const ids = [await sendTo(), await sendTo(), await sendTo(), await sendTo(), await sendTo()];
    await emulator.idle();
    const ends = await Promise.all(ids.map(get));
    expect(ends.map(({ status, error_id }) => [status, error_id])).toEqual([
      ["failure", 30],
      ["failure", 107],
      ["failure", 9],
      ["success", null],
      ["success", null],
    ]);
    expect(Object.keys(phaxioErrors).length).toBeGreaterThan(120);
    for (const [id, { errorId }] of Object.entries(phaxioErrors)) expect(String(errorId)).toBe(id);
  });

  test("may never end, end by hand, or get a word that nobody documented", async () => {
    emulator.script("0150", ["stuck", "unmapped"]);
    const [stuck, unmapped] = [await sendTo(), await sendTo()];
    await emulator.idle();
    expect([(await get(stuck)).status, (await get(unmapped)).status]).toEqual(["inprogress", "halfway"]);
    emulator.finish(String(stuck), "rejected");
    expect(await get(stuck)).toMatchObject({ status: "failure", error_id: 50 });
    expect(() => emulator.finish("1")).toThrow(RangeError);
  });

  test("test_fail fails with the ids of the simulation", async () => {
    const seen: unknown[] = [];
    for (const type of ["faxError", "generalError", "lineError", "documentConversionError", "fatalError"]) {
      const { data } = await read(
        api("/faxes", { ...form(field("to", to), file, field("test_fail", type)), as: tester() }),
      );
      emulator.finish(String(data.id));
      const { error_type, error_id, is_test } = await get(data.id);
      seen.push([error_type === type, error_id, is_test]);
    }
    expect(seen).toEqual([119, 120, 121, 122, 126].map((id) => [true, id, true]));
  });

  test("is cancelled a moment later, by hand or by cancel_timeout, and not when it is over", async () => {
    emulator.completeAfterMs = Number.POSITIVE_INFINITY;
    const id = await sendTo();
    expect(await read(api(`/faxes/${id}/cancel`, { method: "POST" }))).toEqual({
      success: true,
      message: "Fax cancellation scheduled successfully.",
      data: { id },
    });
    const late = await sendTo(to, field("cancel_timeout", "3"));
    await emulator.idle();
    expect([(await get(id)).error_id, (await get(late)).error_id]).toEqual([75, 76]);
    expect((await api(`/faxes/${id}/cancel`, { method: "POST" })).status).toBe(422);
  });

  test("is sent again under a new id", async () => {
    emulator.script("0150", ["busy", "delivered"]);
    const id = await sendTo();
    await emulator.idle();
    const { data, message } = await read(api(`/faxes/${id}/resend`, { method: "POST" }));
    expect([message, data.id === id]).toEqual(["Fax queued for resending", false]);
    await emulator.idle();
    expect((await get(data.id)).status).toBe("success");
    expect((await api(`/faxes/${emulator.receiveFax().id}/resend`, { method: "POST" })).status).toBe(422);
  });
});

describe("documents", () => {
  test("are downloaded, also as a thumbnail, and deleted", async () => {
    const id = await sendTo();
    const answer = await api(`/faxes/${id}/file`);
    expect([answer.headers.get("content-type"), answer.headers.get("content-disposition")]).toEqual([
      "application/pdf",
      `attachment; filename="fax-${id}.pdf"`,
    ]);
    expect(countPdfPages(new Uint8Array(await answer.arrayBuffer()))).toBe(3);
    const small = await api(`/faxes/${id}/file?thumbnail=s`);
    expect(Buffer.from(await small.arrayBuffer()).subarray(0, 3)).toEqual(Buffer.from("ffd8ff", "hex"));
    expect(await read(api(`/faxes/${id}/file`, { method: "DELETE" }))).toEqual({
      success: true,
      message: "Deleted files successfully!",
    });
    expect((await api(`/faxes/${id}/file`)).status).toBe(404);
    expect((await api(`/faxes/${id}`)).status).toBe(200);
  });

  test("only test faxes can be deleted altogether", async () => {
    const id = await sendTo();
    expect((await api(`/faxes/${id}`, { method: "DELETE" })).status).toBe(422);
    const { data } = await read(api("/faxes", { ...form(field("to", to), file), as: tester() }));
    expect((await read(api(`/faxes/${data.id}`, { method: "DELETE" }))).message).toBe(
      "Deleted fax successfully!",
    );
    expect((await api(`/faxes/${data.id}`)).status).toBe(404);
  });
});

describe("list", () => {
  const ids = async (query: Record<string, string>): Promise<number[]> => {
    const { data } = await read(api(`/faxes?${new URLSearchParams(query).toString()}`));
    return data.map(({ id }) => id);
  };

  test("filters by time, direction, status, number and tags", async () => {
    const old = emulator.addFax({ created_at: "2020-01-15T09:00:00.000-06:00" });
    const received = emulator.receiveFax({ from: syntheticNumber(60) });
    const sent = await sendTo(to, field("tag[attempt]", "a b"));
    expect(await ids({})).toEqual([sent, received.id]);
    expect(
      await ids({ created_after: "2020-01-01T00:00:00Z", created_before: "2020-02-01T00:00:00" }),
    ).toEqual([old.id]);
    expect(await ids({ direction: "received" })).toEqual([received.id]);
    expect(await ids({ phone_number: syntheticNumber(60) })).toEqual([received.id]);
    expect(await ids({ phone_number: to })).toEqual([sent]);
    expect(await ids({ "tag[attempt]": "a b" })).toEqual([sent]);
    expect(await ids({ status: "failure" })).toEqual([]);
    for (const query of [
      "direction=up",
      "status=done",
      "per_page=1001",
      "page=0",
      "created_after=x",
      "a=b",
    ]) {
      expect((await api(`/faxes?${query}`)).status).toBe(422);
    }
    // Not percent-encoded, so that the plus sign is a space.
    expect((await api(`/faxes?phone_number=${to}`)).status).toBe(422);
  });

  test("comes page by page, with totals in body and headers", async () => {
    for (let i = 0; i < 5; i += 1) emulator.addFax({});
    const answer = await api("/faxes?per_page=2&page=3");
    const { data, paging } = await read(answer.clone());
    expect([data.length, paging]).toEqual([1, { total: 5, per_page: 2, page: 3 }]);
    expect(["x-total", "x-per-page", "x-page"].map((name) => answer.headers.get(name))).toEqual([
      "5",
      "2",
      "3",
    ]);
    emulator.quirks.totalAsText = true;
    expect((await read(api("/faxes"))).paging).toMatchObject({ total: ">10000", per_page: 25 });
  });
});

test("numbers are listed, provisioned, read and released", async () => {
  const create = form(field("country_code", "1"), field("area_code", "202"));
  const { data } = (await read(api("/phone_numbers", create))) as unknown as {
    data: { phone_number: string };
  };
  expect(data).toMatchObject({ phone_number: expect.stringMatching(/^\+1202555\d{4}$/), cost: 200 });
  expect((await read(api("/phone_numbers?country_code=1&area_code=202"))).data).toHaveLength(2);
  for (const spelt of [data.phone_number, encodeURIComponent(data.phone_number)]) {
    expect((await api(`/phone_numbers/${spelt}`)).status).toBe(200);
  }
  expect((await api(`/phone_numbers/${data.phone_number}`, { method: "DELETE" })).status).toBe(200);
  expect((await api(`/phone_numbers/${data.phone_number}`)).status).toBe(404);
  expect((await api("/phone_numbers", form(field("country_code", "1")))).status).toBe(422);
});

test("the account tells its balance and counts", async () => {
  await sendTo();
  emulator.receiveFax();
  expect((await read(api("/account/status"))).data).toEqual({
    balance: 10_000 - 21 - 7,
    faxes_today: { sent: 1, received: 1 },
    faxes_this_month: { sent: 1, received: 1 },
  });
});

test("PhaxCodes are made and read", async () => {
  const { data } = (await read(api("/phax_codes", form(field("metadata", "m"))))) as unknown as {
    data: { identifier: string };
  };
  expect((await read(api(`/phax_codes/${data.identifier}`))).data).toMatchObject({ metadata: "m" });
  for (const path of [`/phax_codes/${data.identifier}.png`, "/phax_code?type=png"]) {
    expect((await api(path)).headers.get("content-type")).toBe("image/png");
  }
  expect((await api("/phax_codes/nobody")).status).toBe(404);
});

describe("faults and quirks", () => {
  test("an answer can be lost after the fax was taken: a second send shows as a second fax", async () => {
    emulator.fault({ operation: "sendFax", kind: "reset_after" });
    await expect(sendTo()).rejects.toThrow();
    await sendTo();
    expect([emulator.calls.sendFax, emulator.faxes.length]).toEqual([2, 2]);
  });

  test("refusals may come with 200, numbers as text, files go missing", async () => {
    emulator.quirks.refuseWith200 = true;
    const refused = await api("/faxes", form(field("to", "x"), file));
    expect([refused.status, (await refused.json()) as object]).toMatchObject([200, { success: false }]);
    emulator.quirks.numbersAsStrings = true;
    const { data } = await read(api("/faxes", form(field("to", to), file)));
    expect(typeof data.id).toBe("string");
    emulator.quirks.dropFilesAbove = 10;
    const many = Array.from({ length: 12 }, () => ({ ...file, name: "file[]" }));
    await api("/faxes", form(field("to", to), ...many));
    expect(emulator.faxes.at(-1)?.num_pages).toBe(30);
  });

  test("statuses come in the vendor's envelope, and requests can be limited", async () => {
    emulator.fault({ kind: "respond", status: 503 });
    const answer = await api("/faxes");
    expect([answer.status, (await answer.json()) as object]).toMatchObject([503, { success: false }]);
    const strict = await startPhaxioEmulator({ requestsPerSecond: 2 });
    const start = Date.now();
    vi.useFakeTimers({ toFake: ["Date"], now: start });
    try {
      const statuses: number[] = [];
      for (const ms of [0, 0, 999, 1000]) {
        vi.setSystemTime(start + ms);
        statuses.push((await fetch(`${strict.apiUrl}/public/countries`)).status);
      }
      expect(statuses).toEqual([200, 200, 429, 200]);
    } finally {
      vi.useRealTimers();
      await strict.stop();
    }
  });
});
