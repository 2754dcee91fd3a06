import { isFaxError, readDocument, type TransportEvent, type WebhookRequest } from "@faxbot/core/transport";
import {
  phaxioSignature as emulatedSignature,
  syntheticPdf,
  transportCall,
  webhookRequest,
  writeMultipart,
} from "@faxbot/testing";
import { recordingServer } from "@faxbot/testing/vitest";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type PhaxioOptions, phaxio } from "../src/index.ts";
import { readForm } from "../src/phaxio-form.ts";
import { phaxioSignature } from "../src/phaxio-signature.ts";
import { bodyVector, negativeVectors, pdf, signatureVectors } from "./phaxio-vectors.ts";

type Part = readonly [name: string, content: string | Buffer];

const token = "callback-token-0123456789";
const account = { apiKey: "test-api-key", apiSecret: "api-secret" };
const url = "https://hooks.example.com/callbacks/phaxio?attempt=0123456789abcdef0123456789abcdef";
const attemptId = "0123456789abcdef0123456789abcdef";
const receive = (request: WebhookRequest, more: Partial<PhaxioOptions> = {}) =>
  phaxio({ ...account, callbackToken: token, ...more }).receiveWebhook(request, transportCall());

/** A call as Phaxio makes it. `undefined` for the signature: without one. */
function call(parts: readonly Part[], signature: string | undefined, calledUrl = url): WebhookRequest {
  const { body, contentType } = writeMultipart(
    parts.map(([name, content]) =>
      typeof content === "string"
        ? { name, content }
        : { name, content, fileName: "x.pdf", contentType: "application/pdf" },
    ),
  );
  const headers = { "content-type": contentType, ...(signature ? { "x-phaxio-signature": signature } : {}) };
  return webhookRequest(calledUrl, body, { headers });
}

/** The same, signed by code that is not the transport's. */
function signed(parts: readonly Part[], signedUrl = url, key = token, calledUrl = signedUrl): WebhookRequest {
  const contents = parts.map(([name, content]) => ({ name, content }));
  return call(parts, emulatedSignature(key, signedUrl, contents), calledUrl);
}

const sent = {
  id: 900100,
  direction: "sent",
  num_pages: 2,
  status: "success",
  is_test: false,
  created_at: "2026-01-15T09:00:00.000-06:00",
  completed_at: "2026-01-15T09:01:30.000-06:00",
  cost: 14,
  tags: { faxbot_attempt: attemptId, order_id: "77" },
  error_id: null,
  error_type: null,
  recipients: [{ phone_number: "+12025550106", status: "success", error_id: null }],
};
const received = {
  id: 900200,
  direction: "received",
  num_pages: 1,
  status: "success",
  is_test: false,
  from_number: "+12025550101",
  to_number: "+12025550102",
  completed_at: "2026-01-15T09:01:30.000-06:00",
};
const completed = (fax: object, ...more: Part[]): Part[] => [
  ["event_type", "fax_completed"],
  ["fax", JSON.stringify(fax)],
  ...more,
];
const codeOf = async (promise: Promise<unknown>) => {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return isFaxError(error) ? error.code : error;
};
const onlyEvent = async (request: WebhookRequest, more: Partial<PhaxioOptions> = {}) => {
  const [event, ...others] = (await receive(request, more)).events;
  if (!event || others.length > 0) throw new Error("expected one event");
  return event;
};
const receivedEvent = async (
  request: WebhookRequest,
): Promise<Extract<TransportEvent, { type: "received" }>> => {
  const event = await onlyEvent(request);
  if (event.type !== "received") throw new Error("expected a received fax");
  return event;
};

describe("the signature", () => {
  const partsOf = ({ fields, files }: (typeof signatureVectors)[number]): Part[] => [
    ...fields,
    ...files.map((name): Part => [name, pdf]),
  ];

  test.each(signatureVectors)("vector $name", async (vector) => {
    const form = await readForm(call(partsOf(vector), undefined));
    const hashed = form.files.map(({ name, sha1 }) => name + sha1).join("");
    const sorted = form.fields.toSorted(([a], [b]) => (a < b ? -1 : 1)).flat();
    expect(vector.url + sorted.join("") + hashed).toBe(vector.stringToSign);
    expect(phaxioSignature(vector.token, vector.url, form)).toBe(vector.signature);
    const backwards = { fields: form.fields.toReversed(), files: form.files.toReversed() };
    expect(phaxioSignature(vector.token, vector.url, backwards)).toBe(vector.signature);
  });

  test.each(signatureVectors.slice(1))("vector $name, as a call", async (vector) => {
    const request = call(partsOf(vector), vector.signature, vector.url);
    expect((await receive(request, { callbackToken: vector.token })).events).toHaveLength(1);
  });

  test.each(negativeVectors)("negative vector %s", async (_, signature) => {
    const [, p2] = signatureVectors;
    if (!p2) throw new Error("expected P2");
    expect(await codeOf(receive(call(partsOf(p2), signature, p2.url)))).toBe("webhook_unverified");
  });

  test("another spelling of the URL, the API secret, or the JSON written anew does not fit", async () => {
    const [, p2] = signatureVectors;
    if (!p2) throw new Error("expected P2");
    const refused = [
      ...[`${p2.url}/`, `${p2.url}?`, p2.url.replace("https", "http"), p2.url.toUpperCase()].map((spelling) =>
        call(partsOf(p2), p2.signature, spelling),
      ),
      signed(partsOf(p2), p2.url, account.apiSecret),
      call(
        p2.fields.map(
          ([name, value]): Part => [
            name,
            name === "fax" ? JSON.stringify(JSON.parse(value), null, 2) : value,
          ],
        ),
        p2.signature,
        p2.url,
      ),
    ];
    for (const request of refused) expect(await codeOf(receive(request))).toBe("webhook_unverified");
  });

  test("names are sorted by their bytes, and of two with one name the order of the wire stays", async () => {
    const names = ["z", "a", "B", "ä", "\u{1f4e0}", "\uff5e", "a"];
    const parts = completed(sent, ...names.map((name, index): Part => [name, String(index)]));
    expect((await receive(signed(parts))).events).toHaveLength(1);
    const files: Part[] = [
      ["z", Buffer.from("1")],
      ["file", pdf],
      ["B", Buffer.from("2")],
    ];
    expect((await receive(signed(completed(received, ...files)))).events).toHaveLength(1);
    const swapped = completed(sent, ["a", "6"], ["a", "1"]);
    const right = emulatedSignature(
      token,
      url,
      completed(sent, ["a", "1"], ["a", "6"]).map(([name, content]) => ({ name, content })),
    );
    expect(await codeOf(receive(call(swapped, right)))).toBe("webhook_unverified");
  });

  test("one flipped bit, another length or another case is refused, wherever", async () => {
    const parts = completed(received, ["direction", "received"], ["file", pdf]);
    const contents = parts.map(([name, content]) => ({ name, content }));
    const signature = emulatedSignature(token, url, contents);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.nat(6),
        fc.constantFrom("flip", "drop", "double", "case"),
        async (at, bit, kind) => {
          const index = at % signature.length;
          const letter = signature.charAt(index);
          const other = {
            flip: String.fromCharCode(letter.charCodeAt(0) ^ (1 << bit)),
            drop: "",
            double: letter + letter,
            case: letter.toUpperCase(),
          }[kind];
          fc.pre(other !== letter && /^[\x21-\x7e]*$/.test(other));
          const changed = signature.slice(0, index) + other + signature.slice(index + 1);
          expect(await codeOf(receive(call(parts, changed)))).toBe("webhook_unverified");
        },
      ),
      { numRuns: 150 },
    );
  });

  test("a part that is changed, added, left out or renamed is noticed", async () => {
    const parts = completed(received, ["direction", "received"], ["file", pdf]);
    const signature = emulatedSignature(
      token,
      url,
      parts.map(([name, content]) => ({ name, content })),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.nat(parts.length - 1),
        fc.nat(),
        fc.nat(6),
        fc.constantFrom("change", "add", "drop", "rename", "url"),
        async (which, at, bit, kind) => {
          const tampered = parts.flatMap(([name, content], index): Part[] => {
            if (index !== which) return [[name, content]];
            if (kind === "drop") return [];
            if (kind === "add") {
              return [
                [name, content],
                [`${name}2`, content],
              ];
            }
            if (kind === "rename") return [[`${name}_`, content]];
            const bytes = Buffer.from(content);
            bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ (1 << bit);
            return kind === "url"
              ? [[name, content]]
              : [[name, typeof content === "string" ? bytes.toString() : bytes]];
          });
          const position = 8 + (at % (url.length - 8));
          const other = url.charAt(position) === "x" ? "y" : "x";
          const called = kind === "url" ? url.slice(0, position) + other + url.slice(position + 1) : url;
          expect(await codeOf(receive(call(tampered, signature, called)))).toBe("webhook_unverified");
        },
      ),
      { numRuns: 150 },
    );
  });

  test("what plays no part: a file's name and type", async () => {
    const parts = completed(received, ["file", pdf]);
    const contents = parts.map(([name, content]) => ({ name, content }));
    const { body, contentType } = writeMultipart([
      ...contents.slice(0, 2),
      { name: "file", content: pdf, fileName: "../../etc/passwd", contentType: "text/html" },
    ]);
    const headers = {
      "content-type": contentType,
      "x-phaxio-signature": emulatedSignature(token, url, contents),
    };
    expect(await receivedEvent(webhookRequest(url, body, { headers }))).toMatchObject({
      document: { fileName: "fax.pdf", mediaType: "application/pdf", size: pdf.length },
    });
  });

  test("a URL-encoded form is signed the same way", async () => {
    const contents = completed({ ...sent, caller_name: "Zoë & Co" }) as [string, string][];
    const headers = {
      "content-type": "application/x-www-form-urlencoded",
      "x-phaxio-signature": emulatedSignature(
        token,
        url,
        contents.map(([name, content]) => ({ name, content })),
      ),
    };
    const body = new URLSearchParams(contents).toString();
    expect((await receive(webhookRequest(url, body, { headers }))).events).toHaveLength(1);
    expect(await codeOf(receive(webhookRequest(url, `${body}&a=1`, { headers })))).toBe("webhook_unverified");
  });

  test("the previous token counts during a rotation, and no other", async () => {
    const old = signed(completed(sent), url, "old-token");
    expect((await receive(old, { previousCallbackToken: "old-token" })).events).toHaveLength(1);
    expect(
      (await receive(signed(completed(sent)), { previousCallbackToken: "old-token" })).events,
    ).toHaveLength(1);
    expect(await codeOf(receive(old))).toBe("webhook_unverified");
  });

  test("a callback URL of the settings is what Phaxio was told, with the query that was called", async () => {
    const callbackUrl = "https://Proxy.example.com:443/fax//phaxio-callback";
    const query = `?attempt=${attemptId}&tenant=a`;
    const called = `http://localhost/phaxio-callback${query}`;
    const request = signed(completed(sent), callbackUrl + query, token, called);
    expect((await receive(request, { callbackUrl })).events).toHaveLength(1);
    expect(await codeOf(receive(request))).toBe("webhook_unverified");
    const bare = signed(completed(sent), callbackUrl, token, "http://localhost/phaxio-callback");
    expect((await receive(bare, { callbackUrl })).events).toHaveLength(1);
    const direct = signed(completed(sent), url);
    expect((await receive(direct, { callbackUrl })).events).toHaveLength(1);
  });
});

describe("what is refused before the body is read", () => {
  const untouchable = (headers: Record<string, string>): WebhookRequest => ({
    method: "POST",
    url,
    headers: new Headers({ "content-type": "multipart/form-data; boundary=x", ...headers }),
    body: {
      bytes: () => Promise.reject(new Error("the body was read")),
      stream: () => Promise.reject(new Error("the body was read")),
    },
  });
  const sha1 = "0".repeat(40);

  test.each([
    ["no signature", undefined],
    ["an empty one", ""],
    ["an upper-case one", "ABCDEF".padEnd(40, "0")],
    ["too short a one", sha1.slice(1)],
    ["HMAC-SHA256", "0".repeat(64)],
    ["two", `${sha1}, ${sha1}`],
    ["with a prefix", `sha1=${sha1}`],
  ])("%s", async (_, signature) => {
    const request = untouchable(signature === undefined ? {} : { "x-phaxio-signature": signature });
    expect(await codeOf(receive(request))).toBe("webhook_unverified");
  });

  test("any, without a configured token", async () => {
    const call = phaxio(account).receiveWebhook(untouchable({ "x-phaxio-signature": sha1 }), transportCall());
    expect(await codeOf(call)).toBe("webhook_unverified");
  });
});

describe("hmac-sha256-body", () => {
  const mode = { signatureMode: "hmac-sha256-body", apiSecret: bodyVector.apiSecret } as const;
  const body = new URLSearchParams(
    bodyVector.fields.map(([name, value]): [string, string] => [name, value]),
  ).toString();
  const request = (text: string, signature: string = bodyVector.signature) =>
    webhookRequest(url, text, {
      headers: { "content-type": bodyVector.contentType, "x-phaxio-signature": signature },
    });

  test("takes vector N3, with the current or the previous secret", async () => {
    for (const secrets of [mode, { ...mode, apiSecret: "new", previousApiSecret: bodyVector.apiSecret }]) {
      expect(await onlyEvent(request(body), secrets)).toMatchObject({
        key: "fax_completed:900100:success",
        report: { providerId: "900100", status: "delivered" },
      });
    }
  });

  test("refuses everything else, also what Phaxio itself would sign", async () => {
    const digest = bodyVector.signature;
    for (const refused of [
      request(`${body} `),
      request(body.replace("success", "failure")),
      request(body, digest.toUpperCase()),
      request(body, digest.slice(0, 40)),
      signed(completed(sent)),
    ]) {
      expect(await codeOf(receive(refused, mode))).toBe("webhook_unverified");
    }
    expect(await codeOf(receive(request(body), { ...mode, apiSecret: "new" }))).toBe("webhook_unverified");
    expect(await codeOf(receive(request(body)))).toBe("webhook_unverified");
  });
});

describe("a received fax", () => {
  const whole = {
    type: "received",
    key: "received:900200",
    providerId: "900200",
    from: "+12025550101",
    to: "+12025550102",
    pages: 1,
    occurredAt: new Date("2026-01-15T15:01:30Z"),
  };
  const flags: Part[] = [
    ["success", "true"],
    ["is_test", "false"],
    ["direction", "received"],
  ];
  const { direction: _, ...undirected } = received;

  test.each<[string, Part[]]>([
    ["v2.1", completed(received, ...flags, ["file", pdf])],
    ["v2.0", [["fax", JSON.stringify(received)], ...flags, ["file", pdf]]],
    [
      "v1",
      [
        ["fax", JSON.stringify({ ...received, from_number: "12025550101", completed_at: 1768489290 })],
        ...flags,
        ["filename", pdf],
      ],
    ],
    ["numbers as texts", completed({ ...received, id: "900200", num_pages: "1" }, ...flags, ["file", pdf])],
    ["the direction beside the fax", completed(undirected, ...flags, ["file", pdf])],
    ["no direction, but a file", completed(undirected, ["file", pdf])],
    ["the file first", [["file", pdf], ...completed(received)]],
    ["fields that nobody knows", completed({ ...received, new: {} }, ["more", "1"], ["file", pdf])],
  ])("with its document: %s", async (_name, parts) => {
    const { document, ...event } = await receivedEvent(signed(parts));
    expect(event).toEqual(whole);
    if (!document) throw new Error("expected the document");
    expect(document).toMatchObject({ mediaType: "application/pdf", fileName: "fax.pdf", size: pdf.length });
    expect(pdf.equals(await readDocument(document))).toBe(true);
    expect(pdf.equals(await readDocument(document)), "again").toBe(true);
    await document.dispose?.();
  });

  test.each<[string, Part[]]>([
    ["no file", completed(received, ...flags)],
    ["no PDF", completed(received, ["file", Buffer.from("GIF89a")])],
    ["an empty file", completed(received, ["file", Buffer.alloc(0)])],
    ["a file of another name", completed(received, ["attachment", pdf])],
  ])("without a usable document it is fetched later: %s", async (_name, parts) => {
    expect(await receivedEvent(signed(parts))).toEqual(whole);
  });

  test("a small fax object is enough; numbers that are none are left out", async () => {
    const bare = { id: 77, direction: "received", from_number: "anonymous", to_number: "2025550102" };
    expect(await receivedEvent(signed(completed(bare)))).toEqual({
      type: "received",
      key: "received:77",
      providerId: "77",
    });
  });

  test("a call that broke after its first page is partial, one before it is nothing", async () => {
    const failed = { ...received, status: "failure", error_type: "faxError", error_id: 20 };
    expect(await receivedEvent(signed(completed(failed)))).toEqual({ ...whole, partial: true });
    const nothing = { ...failed, num_pages: 0 };
    expect((await receive(signed(completed(nothing)))).events).toEqual([]);
  });

  test("a large document is hashed and kept piece by piece", async () => {
    const size = 24 * 1024 * 1024;
    const piece = Buffer.alloc(64 * 1024, 7);
    const large = Buffer.concat([Buffer.from("%PDF-1.4\n"), Buffer.alloc(size, 7)]);
    const parts = completed(received, ["file", large]);
    const signature = emulatedSignature(
      token,
      url,
      parts.map(([name, content]) => ({ name, content })),
    );
    const head = (name: string, more = "") =>
      `--b\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n`;
    const start = `${head("event_type")}fax_completed\r\n${head("fax")}${JSON.stringify(received)}\r\n${head("file", '; filename="x"')}%PDF-1.4\n`;
    let opened = 0;
    const stream = async () => {
      opened += 1;
      let left = size;
      let begun = false;
      return new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            if (!begun) controller.enqueue(Buffer.from(start));
            else if (left > 0) controller.enqueue(Buffer.from(piece));
            else {
              controller.enqueue(Buffer.from("\r\n--b--\r\n"));
              controller.close();
            }
            if (begun) left -= piece.length;
            begun = true;
          },
        },
        { highWaterMark: 0 },
      );
    };
    const event = await receivedEvent({
      method: "POST",
      url,
      headers: new Headers({
        "content-type": "multipart/form-data; boundary=b",
        "x-phaxio-signature": signature,
      }),
      body: { bytes: () => Promise.reject(new Error("the body was read whole")), stream },
    });
    expect(opened, "once to verify, once to keep").toBe(2);
    expect(event.document?.size).toBe(large.length);
    await event.document?.dispose?.();
  });
});

describe("a sent fax", () => {
  const report = {
    providerId: "900100",
    status: "delivered",
    providerStatus: "success",
    reference: attemptId,
    pages: 2,
    cost: { amount: "0.14", currency: "USD" },
    occurredAt: new Date("2026-01-15T15:01:30Z"),
  };

  test.each<[string, Part[]]>([
    ["v2.1", completed(sent, ["direction", "sent"], ["success", "true"], ["is_test", "false"])],
    [
      "v2.0",
      [
        ["fax", JSON.stringify(sent)],
        ["direction", "sent"],
        ["success", "true"],
      ],
    ],
    [
      "v1",
      [
        [
          "fax",
          JSON.stringify({
            ...sent,
            completed_at: 1768489290,
            recipients: [{ number: "12025550106", status: "success" }],
          }),
        ],
        ["success", "true"],
      ],
    ],
    ["one recipient, no list", completed({ ...sent, recipients: sent.recipients[0] })],
    ["no direction", completed({ ...sent, direction: undefined })],
    ["with a file, which is ours already", completed(sent, ["file", pdf])],
  ])("%s", async (_name, parts) => {
    expect((await receive(signed(parts))).events).toEqual([
      { type: "status", key: "fax_completed:900100:success", report },
    ]);
  });

  test("a failure comes with its reason", async () => {
    const failed = {
      ...sent,
      status: "failure",
      cost: 0,
      error_type: "lineError",
      error_id: 17,
      error_message: "Jane Doe is busy",
    };
    expect(await onlyEvent(signed(completed(failed)))).toMatchObject({
      key: "fax_completed:900100:failure",
      report: {
        status: "failed",
        failure: { reason: "busy", retryable: true, providerCode: "lineError/17" },
      },
    });
  });

  test("a failure in the shape of v1, which names no id, is read again by id", async () => {
    const { url: baseUrl, requests } = await recordingServer(() => ({
      json: { success: true, data: { ...sent, status: "failure", error_type: "faxError", error_id: 75 } },
    }));
    const old = { ...sent, status: "failure", recipients: [{ status: "failure", error_type: "faxError" }] };
    const request = signed([
      ["fax", JSON.stringify(old)],
      ["success", "false"],
    ]);
    expect(await onlyEvent(request, { baseUrl })).toMatchObject({
      report: { status: "canceled", reference: attemptId },
    });
    expect(requests.map(({ target }) => target)).toEqual(["/v2.1/faxes/900100"]);
    const { url: away } = await recordingServer(() => ({ status: 503 }));
    expect(await codeOf(receive(request, { baseUrl: away }))).toBe("transport_unavailable");
  });

  test("on its way: pages and tries are events of their own, and never an end", async () => {
    const events: TransportEvent[] = [];
    for (const [type, step, fax] of [
      ["transmitting_page", ["page", "1"], { ...sent, status: "inprogress" }],
      ["transmitting_page", ["page", "2"], { ...sent, status: "inprogress" }],
      ["retry_scheduled", ["retry_count", "1"], { id: 900100 }],
      ["retry_scheduled", ["retry_count", "call +12025550106"], { ...sent, status: "success" }],
    ] as const) {
      const parts: Part[] = [
        ["event_type", type],
        ["fax", JSON.stringify(fax)],
        step,
        ["recipient_phone_number", "+12025550106"],
      ];
      events.push(await onlyEvent(signed(parts)));
    }
    expect(events.map(({ key }) => key)).toEqual([
      "transmitting_page:900100:1",
      "transmitting_page:900100:2",
      "retry_scheduled:900100:1",
      "retry_scheduled:900100:",
    ]);
    for (const event of events) expect(event).toMatchObject({ report: { status: "in_progress" } });
    expect(JSON.stringify(events)).not.toContain("2025550106");
  });

  test("delivered again it has the same key", async () => {
    const keys = await Promise.all(
      [completed(sent), completed({ ...sent, cost: 7 }, ["success", "true"])].map(
        async (parts) => (await onlyEvent(signed(parts))).key,
      ),
    );
    expect(new Set(keys).size).toBe(1);
  });

  test("events that are not documented mean nothing, and are no error", async () => {
    for (const type of ["fax_started", "FAX_COMPLETED", "constructor"]) {
      const parts: Part[] = [
        ["event_type", type],
        ["fax", JSON.stringify(sent)],
      ];
      expect(await receive(signed(parts))).toEqual({ events: [] });
    }
    const inflight: Part[] = [
      ["event_type", "transmitting_page"],
      ["fax", JSON.stringify(received)],
    ];
    expect(await receive(signed(inflight)), "of a received fax").toEqual({ events: [] });
  });

  test("a word that is not known stays as it is", async () => {
    for (const status of ["half_way", "constructor", "SUCCESS"]) {
      expect(await onlyEvent(signed(completed({ ...sent, status })))).toMatchObject({
        report: { status: "unmapped", providerStatus: status },
      });
    }
  });
});

describe("what cannot be read", () => {
  test.each<[string, Part[]]>([
    ["no fax", [["event_type", "fax_completed"]]],
    ["a fax that is no JSON", [["fax", "{"]]],
    ["no object", [["fax", "[]"]]],
    ["no id", [["fax", "{}"]]],
    ["an id that leads elsewhere", completed({ id: "../x" })],
    ["an id that is a text", completed({ id: "Jane Doe" })],
    ["two faxes", [...completed(sent), ["fax", JSON.stringify(received)]]],
  ])("%s, although it is signed", async (_name, parts) => {
    expect(await codeOf(receive(signed(parts)))).toBe("webhook_malformed");
  });

  const headers = { "x-phaxio-signature": "0".repeat(40) };
  test.each([
    ["JSON", webhookRequest(url, "{}", { headers: { ...headers, "content-type": "application/json" } })],
    ["no type", webhookRequest(url, "{}", { headers })],
    ["another method", webhookRequest(url, "", { method: "GET", headers })],
  ])("%s is no form", async (_name, request) => {
    expect(await codeOf(receive(request))).toBe("webhook_malformed");
  });

  test("a form that was cut off proves nothing, wherever the cut is", async () => {
    const request = signed(completed(received, ["file", pdf]));
    const bytes = await request.body.bytes(10_000);
    for (let length = 0; length < bytes.length - 8; length += 7) {
      const cut = webhookRequest(url, bytes.subarray(0, length), {
        headers: Object.fromEntries(request.headers),
      });
      expect(await codeOf(receive(cut)), `${length} bytes`).toBe("webhook_unverified");
    }
  });

  test("whatever is in the form, the answer is events or a typed error", async () => {
    const values = fc.oneof(
      fc.jsonValue().map((value) => JSON.stringify(value)),
      fc
        .dictionary(fc.constantFrom(...Object.keys({ ...sent, ...received })), fc.jsonValue())
        .map((fields) => JSON.stringify({ id: 1, error_id: 17, ...fields })),
      fc.string(),
    );
    const names = fc.constantFrom("fax", "event_type", "direction", "page", "retry_count", "success", "x");
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(names, values), { maxLength: 5 }), async (parts) => {
        const safe = parts.map(([name, value]): Part => [name, value.replaceAll("\r", " ")]);
        // Failures without an id are read again by id; nobody answers there.
        const outcome = await receive(signed(safe), { baseUrl: "http://127.0.0.1:1" }).catch(
          (error: unknown) => error,
        );
        const typed =
          isFaxError(outcome, "webhook_malformed") || isFaxError(outcome, "transport_unavailable");
        if (!typed) expect(outcome).toHaveProperty("events");
      }),
      { numRuns: 200 },
    );
  });
});

describe("without verification a webhook is only a hint", () => {
  const off = { verifySignature: false, inboundVerifySignature: false };
  /** The API, which knows two faxes. */
  const api = () =>
    recordingServer(({ target }) => {
      const fax = [received, { ...sent, status: "failure", error_type: "lineError", error_id: 17 }].find(
        (each) => target.endsWith(`/faxes/${each.id}`),
      );
      return fax ? { json: { success: true, data: fax } } : { status: 404, json: { success: false } };
    });

  test("what happened is asked of Phaxio: nothing else in the call counts", async () => {
    const { url: baseUrl, requests } = await api();
    const lie = { ...received, from_number: "+12025550199", status: "failure" };
    const event = await onlyEvent(call(completed(lie, ["file", Buffer.from(syntheticPdf())]), undefined), {
      ...off,
      baseUrl,
    });
    expect(event).toMatchObject({ type: "received", from: "+12025550101", to: "+12025550102" });
    expect(event).not.toHaveProperty("document");
    expect(requests.map((request) => request.target)).toEqual(["/v2.1/faxes/900200"]);
  });

  test("a lie about a sent fax changes nothing", async () => {
    const { url: baseUrl } = await api();
    expect(await onlyEvent(call(completed(sent), undefined), { ...off, baseUrl })).toMatchObject({
      report: { status: "failed", failure: { reason: "busy" } },
    });
  });

  test("a fax that Phaxio does not know, or is still on its way, means nothing", async () => {
    const { url: baseUrl } = await api();
    expect((await receive(call(completed({ id: 1 }), undefined), { ...off, baseUrl })).events).toEqual([]);
    const { url: busy } = await recordingServer(() => ({
      json: { success: true, data: { ...sent, status: "inprogress" } },
    }));
    const hint = call(completed(sent), undefined);
    expect((await receive(hint, { ...off, baseUrl: busy })).events).toEqual([]);
  });

  test("when Phaxio cannot be asked the call fails, so that Phaxio calls again", async () => {
    const { url: baseUrl } = await recordingServer(() => ({ status: 503 }));
    const hint = receive(call(completed(sent), undefined), { ...off, baseUrl });
    expect(await codeOf(hint)).toBe("transport_unavailable");
  });

  test("each direction is verified by its own setting, and nobody gets in by the other", async () => {
    const { url: baseUrl } = await api();
    const inboundOnly = { baseUrl, verifySignature: false };
    const outboundOnly = { baseUrl, inboundVerifySignature: false };
    const of = (fax: object) => call(completed(fax), undefined);
    expect(await onlyEvent(of(sent), inboundOnly)).toMatchObject({ type: "status" });
    expect(await codeOf(receive(of(received), inboundOnly))).toBe("webhook_unverified");
    expect(await onlyEvent(signed(completed(received)), inboundOnly)).toMatchObject({ type: "received" });
    expect(await onlyEvent(of(received), outboundOnly)).toMatchObject({ type: "received" });
    expect(await codeOf(receive(of(sent), outboundOnly))).toBe("webhook_unverified");
    expect(await onlyEvent(signed(completed(sent)), outboundOnly)).toMatchObject({ type: "status" });
    // Says "sent" and is a received one.
    expect(await codeOf(receive(of({ ...received, direction: "sent" }), inboundOnly))).toBe(
      "webhook_unverified",
    );
  });
});
