import { randomUUID } from "node:crypto";
import { mkdir, readdir, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readDocument } from "@faxbot/core/transport";
import { capturingLogger, transportCall, webhookRequest } from "@faxbot/testing";
import { describe, expect, test } from "vitest";
import { receivedFile } from "./exchange-folders.ts";
import { eventually, exchangeInTest } from "./exchange-in-test.ts";

const secret = "synthetic-internal-secret";

async function listening(options: Parameters<typeof exchangeInTest>[0] = {}) {
  const inTest = await exchangeInTest(options);
  const logger = capturingLogger();
  const { host, stop } = inTest.run({ logger });
  await eventually(() =>
    expect(inTest.exchange.commands.filter((each) => each.startsWith("filter"))).toHaveLength(3),
  );
  const result = (id: string, more: Record<string, string> = {}) =>
    inTest.exchange.event({
      "Event-Name": "CUSTOM",
      "Event-Subclass": "spandsp::rxfaxresult",
      "Unique-ID": id,
      "Call-Direction": "inbound",
      "Caller-Caller-ID-Number": "+13125550177",
      "Caller-Destination-Number": "+12125550100",
      "Event-Date-Timestamp": "1795319042821651",
      "fax-success": "1",
      "fax-document-transferred-pages": "2",
      ...more,
    });
  return { ...inTest, host, stop, logger, result };
}

describe("the event at the end of a reception", () => {
  test("hands the fax over with all that is known", async () => {
    const { result, host, folders, transport } = await listening();
    const id = randomUUID();
    await receivedFile(folders.spoolIn, id, 2);
    result(id);
    result(id);
    await eventually(() => expect(host.events).toHaveLength(1));
    expect(host.events[0]).toEqual({
      type: "received",
      key: `received:${id}`,
      providerId: id,
      from: "+13125550177",
      to: "+12125550100",
      pages: 2,
      partial: false,
      occurredAt: new Date(1795319042821),
    });
    const document = await transport.fetchDocument(id, transportCall());
    expect(document).toMatchObject({ mediaType: "image/tiff", fileName: `${id}.tif` });
    expect((await readDocument(document)).byteLength).toBe(document.size);
    await transport.deleteDocument(id, transportCall());
    await transport.deleteDocument(id, transportCall());
    await expect(transport.fetchDocument(id, transportCall())).rejects.toMatchObject({ code: "not_found" });
  });

  test("of a part of a fax hands over what came", async () => {
    const { result, host, folders } = await listening();
    const id = randomUUID();
    await receivedFile(folders.spoolIn, id);
    result(id, { "fax-success": "0", "fax-result-code": "49", "fax-document-transferred-pages": "1" });
    await eventually(() => expect(host.events).toMatchObject([{ pages: 1, partial: true }]));
  });

  test("leaves out numbers that are not certain", async () => {
    const { result, host, folders } = await listening();
    const id = randomUUID();
    await receivedFile(folders.spoolIn, id);
    result(id, { "Caller-Caller-ID-Number": "anonymous", "Caller-Destination-Number": "2125550100" });
    await eventually(() => expect(host.events).toHaveLength(1));
    expect(host.events[0]).not.toHaveProperty("from");
    expect(host.events[0]).not.toHaveProperty("to");
  });

  test("reads numbers of the North American form where that is set", async () => {
    const { result, host, folders } = await listening({ settings: { defaultCountryCode: "1" } });
    const id = randomUUID();
    await receivedFile(folders.spoolIn, id);
    result(id, { "Caller-Caller-ID-Number": "13125550177", "Caller-Destination-Number": "2125550100" });
    await eventually(() => expect(host.events).toMatchObject([{ from: "+13125550177", to: "+12125550100" }]));
  });

  test("says nothing of receptions without a page, and of other applications' files", async () => {
    const { result, host, folders, logger } = await listening();
    const [empty, elsewhere, good] = [randomUUID(), randomUUID(), randomUUID()];
    await receivedFile(folders.spoolIn, empty);
    await receivedFile(folders.spoolIn, good);
    result(empty, { "fax-success": "0", "fax-document-transferred-pages": "0" });
    result(elsewhere, { variable_fax_filename: `${folders.spoolIn}/${good}.tif` });
    result("../../etc/passwd");
    result(`${good}.tif/../x`);
    await eventually(() => expect(logger.text()).toContain("not in the incoming folder"));
    result(good);
    await eventually(() => expect(host.events).toMatchObject([{ providerId: good }]));
    expect(logger.text()).not.toContain("3125550177");
  });
});

describe("the incoming folder", () => {
  const quick = { timing: { scanMs: 40, quietMs: 60 } };

  test("is looked through for what no event told of", async () => {
    const { host, folders } = await listening(quick);
    const id = randomUUID();
    await receivedFile(folders.spoolIn, id);
    await eventually(() => expect(host.events).toMatchObject([{ type: "received", key: `received:${id}` }]));
    expect(host.events[0]).not.toHaveProperty("partial");
  });

  test("is left alone while a call still writes", async () => {
    const { host, folders, exchange } = await listening(quick);
    const [running, done] = [randomUUID(), randomUUID()];
    (exchange.channels as Map<string, object>).set(running, {});
    await receivedFile(folders.spoolIn, running);
    await eventually(() => expect(exchange.commands).toContain(`api uuid_exists ${running}`));
    await receivedFile(folders.spoolIn, done);
    await eventually(() => expect(host.events).toMatchObject([{ providerId: done }]));
    exchange.forget(running);
    await eventually(() =>
      expect(host.events).toMatchObject([{ providerId: done }, { providerId: running }]),
    );
  });

  test("holds things that are no faxes", async () => {
    const { host, folders } = await listening(quick);
    const [linked, folder, empty, old] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
    await symlink("/etc/hostname", join(folders.spoolIn, `${linked}.tif`));
    await mkdir(join(folders.spoolIn, `${folder}.tif`));
    await writeFile(
      join(folders.spoolIn, `${empty}.tif`),
      Buffer.from("II*\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    );
    await writeFile(join(folders.spoolIn, `${old}.tif`), "");
    await utimes(join(folders.spoolIn, `${old}.tif`), 0, 0);
    await writeFile(join(folders.spoolIn, "notes.txt"), "II*");
    const id = randomUUID();
    await receivedFile(folders.spoolIn, id);
    await eventually(() => expect(host.events).toMatchObject([{ providerId: id }]));
    // What has had no page for a day goes; nothing else is touched.
    await eventually(async () =>
      expect((await readdir(folders.spoolIn)).sort()).toEqual(
        [`${linked}.tif`, `${folder}.tif`, `${empty}.tif`, `${id}.tif`, "notes.txt"].sort(),
      ),
    );
  });

  test("gives the same event again to a process that was started again", async () => {
    const { host, folders, stop, run, another, result } = await listening(quick);
    const id = randomUUID();
    await receivedFile(folders.spoolIn, id);
    result(id);
    await eventually(() => expect(host.events).toHaveLength(1));
    await stop();
    const { host: next } = run({}, another());
    await eventually(() => expect(next.events).toMatchObject([{ key: host.events[0]?.key }]));
  });
});

describe("a hint that a fax was received", () => {
  const hint = async (
    body: string | object,
    headers: Record<string, string> = { "x-internal-secret": secret },
  ) => {
    const inTest = await exchangeInTest();
    const id = randomUUID();
    await receivedFile(inTest.folders.spoolIn, id);
    const filled = (typeof body === "string" ? body : JSON.stringify(body))
      .replaceAll("ID", id)
      .replaceAll("FOLDER", inTest.folders.spoolIn);
    const type = typeof body === "string" ? "application/x-www-form-urlencoded" : "application/json";
    const request = webhookRequest("https://fax.example.com/fax-api/_internal/freeswitch/inbound", filled, {
      headers: { "content-type": type, ...headers },
    });
    return { id, result: inTest.transport.receiveWebhook(request, transportCall()) };
  };

  test("as a form", async () => {
    const { id, result } = await hint(
      "id=ID&from=%2B13125550177&to=%2B12125550100&status=SUCCESS&pages=2&station=x",
    );
    expect(await result).toEqual({
      events: [
        {
          type: "received",
          key: `received:${id}`,
          providerId: id,
          from: "+13125550177",
          to: "+12125550100",
          pages: 2,
          partial: false,
        },
      ],
      response: {
        status: 200,
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ id, status: "received" }),
      },
    });
  });

  test("as JSON with a path", async () => {
    const { id, result } = await hint({
      tiff_path: "FOLDER/ID.tif",
      to_number: "+12125550100",
      from_number: "+13125550177",
      faxstatus: "FAILED",
      faxpages: 1,
      uniqueid: "1795319042.7",
    });
    expect((await result).events).toMatchObject([
      { key: `received:${id}`, from: "+13125550177", to: "+12125550100", pages: 1, partial: true },
    ]);
  });

  test("of a call that left nothing", async () => {
    const { result } = await hint("id=00000000-0000-4000-8000-000000000000&status=FAILED&pages=0");
    expect(await result).toMatchObject({ events: [], response: { status: 200 } });
  });

  test.each([
    "",
    "id=",
    "id=..%2F..%2Fetc%2Fpasswd",
    "id=%2Fetc%2Fpasswd&status=SUCCESS",
    "id=ID%00.tif",
    "id=ID%0A",
    "id=00000000-0000-4000-8000-000000000000&status=SUCCESS",
    "tiff_path=%2Fetc%2Fpasswd",
    "tiff_path=FOLDER%2F..%2F..%2Fetc%2Fpasswd",
    "tiff_path=FOLDER",
    "tiff_path=FOLDER%2FID.tif&id=00000000-0000-4000-8000-000000000000",
    "id=ID&id=ID",
  ])("is refused: %s", async (body) => {
    await expect((await hint(body)).result).rejects.toMatchObject({ code: "webhook_malformed" });
  });

  test.each([
    ["no secret", {}],
    ["an empty one", { "x-internal-secret": "" }],
    ["a wrong one", { "x-internal-secret": `${secret}x` }],
    ["another scheme", { authorization: `Basic ${secret}` }],
  ])("is refused with %s", async (_, headers) => {
    await expect((await hint("id=ID", headers)).result).rejects.toMatchObject({ code: "webhook_unverified" });
  });

  test("is taken with the secret as a bearer", async () => {
    const { result } = await hint("id=ID", { authorization: `Bearer ${secret}` });
    expect((await result).events).toHaveLength(1);
  });
});

describe("a hint of what became of a sent fax", () => {
  const uuid = "0123abcd-0000-4000-8000-00000000abcd";
  const attempt = uuid.replaceAll("-", "");
  const hint = async (fields: object, more: object = {}) => {
    const { transport } = await exchangeInTest({ settings: more });
    const request = webhookRequest(
      "https://fax.example.com/_internal/freeswitch/outbound_result",
      JSON.stringify(fields),
      { headers: { "content-type": "application/json", "x-internal-secret": secret } },
    );
    return transport.receiveWebhook(request, transportCall());
  };

  test("ends the call with the key that the event has", async () => {
    const fields = { job_id: "classic", uuid, fax_status: 1, fax_result_text: "OK" };
    const { events } = await hint({ ...fields, fax_document_transferred_pages: 3 });
    expect(events).toEqual([
      {
        type: "status",
        key: `call:${uuid}:delivered`,
        report: {
          providerId: uuid,
          status: "delivered",
          providerStatus: "fax_success=1",
          reference: attempt,
          pages: 3,
        },
      },
    ]);
  });

  test("tells why it failed, in spandsp's words", async () => {
    const { events } = await hint({
      job_id: attempt,
      fax_status: "0",
      fax_result_text: "The call dropped prematurely",
    });
    expect(events).toMatchObject([
      {
        key: `call:${uuid}:failed`,
        report: { reference: attempt, failure: { reason: "line_error", providerCode: "T.30/49" } },
      },
    ]);
  });

  test("without a result leaves the end to the event of the hang-up", async () => {
    expect(await hint({ uuid, fax_status: "" })).toMatchObject({ events: [], response: { status: 200 } });
  });

  test.each([
    [{}],
    [{ uuid: "x", fax_status: "1" }],
    [{ uuid: `${uuid}\n`, fax_status: "1" }],
    [{ job_id: "classic", fax_status: "1" }],
    [{ uuid, fax_status: "maybe" }],
    [{ uuid, fax_status: { a: 1 } }],
    [[uuid]],
  ])("is refused: %j", async (fields) => {
    await expect(hint(fields)).rejects.toMatchObject({ code: "webhook_malformed" });
  });

  test("is refused where no secret is set", async () => {
    await expect(hint({ uuid, fax_status: "1" }, { inboundSecret: undefined })).rejects.toMatchObject({
      code: "webhook_unverified",
    });
  });

  test("may carry the secret from before the change", async () => {
    const more = { inboundSecret: "another-internal-secret", previousInboundSecret: secret };
    expect((await hint({ uuid, fax_status: "1" }, more)).events).toHaveLength(1);
  });
});
