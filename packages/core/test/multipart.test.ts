import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  documentFromBytes,
  type FormPart,
  isFaxError,
  type MultipartLimits,
  multipartBody,
  readAll,
  readMultipart,
} from "../src/transport/index.ts";

const bytesOf = (length: number) => Buffer.from(Array.from({ length }, (_, index) => (index * 7) % 256));
const pdf = (bytes: Uint8Array, fileName = "fax.pdf") =>
  documentFromBytes(bytes, { mediaType: "application/pdf", fileName });
const encode = async (parts: FormPart[]) => {
  const body = multipartBody(parts);
  const bytes = Buffer.from(await readAll(await body.open(), 100_000_000));
  return { bytes, contentType: body.contentType, contentLength: body.contentLength };
};
/** A stream of pieces of the given size. */
const streamOf = (bytes: Uint8Array, piece = 1 << 16) => {
  let at = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, at + piece));
      at += piece;
    },
  });
};
const handmade = (...lines: string[]) => Buffer.from([...lines, ""].join("\r\n"), "utf8");
const contentType = "multipart/form-data; boundary=xyz";
const limits: MultipartLimits = { fileBytes: 1_000_000 };

/** Reads a whole form into plain values. */
async function readForm(
  source: ReadableStream<Uint8Array>,
  type = contentType,
  within: MultipartLimits = limits,
): Promise<[name: string, content: string | Buffer, fileName?: string, mediaType?: string][]> {
  const parts: [string, string | Buffer, string?, string?][] = [];
  for await (const part of readMultipart(source, type, within)) {
    if (part.kind === "field") parts.push([part.name, part.value]);
    else {
      const content = Buffer.from(await readAll(part.stream, 100_000_000));
      parts.push([part.name, content, part.fileName, part.mediaType]);
    }
  }
  return parts;
}
const failure = async (promise: Promise<unknown>) => {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isFaxError(error)) throw new Error("expected a FaxError", { cause: error });
  return error.code;
};

describe("multipartBody", () => {
  test("is read back by an independent parser, with the exact length", async () => {
    const file = bytesOf(300_000);
    const form = await encode([
      { name: "to", value: "+12025550123" },
      { name: "labels[a b]", value: 'two\r\nlines, "quotes" and ünïcode' },
      { name: "file", document: pdf(file) },
      { name: "file", document: pdf(new Uint8Array(0)), fileName: "empty.pdf" },
      { name: "last", value: "" },
    ]);
    expect(form.bytes.length).toBe(form.contentLength);
    const parsed = await new Response(form.bytes, {
      headers: { "content-type": form.contentType },
    }).formData();
    expect(parsed.get("to")).toBe("+12025550123");
    expect(parsed.get("labels[a b]")).toBe('two\r\nlines, "quotes" and ünïcode');
    expect(parsed.get("last")).toBe("");
    const [first, second] = parsed.getAll("file") as File[];
    expect(first).toMatchObject({ name: "fax.pdf", type: "application/pdf", size: 300_000 });
    expect(Buffer.from(await (first as File).arrayBuffer()).equals(file)).toBe(true);
    expect(second).toMatchObject({ name: "empty.pdf", size: 0 });
  });

  test.each([
    ['a"b.pdf', "a%22b.pdf"],
    ["a\r\nX-Evil: 1.pdf", "a%0D%0AX-Evil: 1.pdf"],
    ["/home/jane/secret/letter.pdf", "letter.pdf"],
    ["C:\\Users\\jane\\letter.pdf", "letter.pdf"],
    ["größe 😀.pdf", "größe 😀.pdf"],
    ["dir/", "document"],
  ])("the file name %j is written as %j", async (fileName, written) => {
    const { bytes } = await encode([{ name: 'n"\r\n', document: pdf(bytesOf(3)), fileName }]);
    const head = bytes.toString("utf8").split("\r\n\r\n")[0]?.split("\r\n") ?? [];
    expect(head).toEqual([
      expect.stringMatching(/^--faxbot-[0-9a-f]{32}$/),
      `Content-Disposition: form-data; name="n%22%0D%0A"; filename="${written}"`,
      "Content-Type: application/pdf",
    ]);
  });

  test("a media type that would break the header is not used", async () => {
    const document = documentFromBytes(bytesOf(3), { mediaType: "a/b\r\nX: 1", fileName: "a" });
    const { bytes } = await encode([{ name: "file", document }]);
    expect(bytes.toString()).toContain("Content-Type: application/octet-stream\r\n\r\n");
  });

  test("can be opened again", async () => {
    const body = multipartBody([{ name: "file", document: pdf(bytesOf(50)) }]);
    const first = await readAll(await body.open(), 10_000);
    expect(await readAll(await body.open(), 10_000)).toEqual(first);
  });
});

describe("readMultipart", () => {
  test("gives the parts in the order of the wire, whatever pieces they come in", async () => {
    const file = bytesOf(5_000);
    const { bytes, contentType: type } = await encode([
      { name: "a", value: "1" },
      { name: "file", document: pdf(file) },
      { name: "b", value: "ünï" },
      { name: "file", document: pdf(file.subarray(0, 10)), fileName: "b.pdf" },
      { name: "a", value: "2" },
    ]);
    for (const piece of [1, 7, 64, 1 << 20]) {
      expect(await readForm(streamOf(bytes, piece), type)).toEqual([
        ["a", "1"],
        ["file", file, "fax.pdf", "application/pdf"],
        ["b", "ünï"],
        ["file", file.subarray(0, 10), "b.pdf", "application/pdf"],
        ["a", "2"],
      ]);
    }
  });

  test("reads what encoders of others write", async () => {
    const form = new FormData();
    form.append("event", "INCOMING_FAX");
    form.append("fax", '{"id":"01"}');
    form.append("file", new Blob([bytesOf(100)], { type: "application/pdf" }), "fax.pdf");
    const request = new Request("http://localhost", { method: "POST", body: form });
    const type = request.headers.get("content-type") as string;
    expect(await readForm(request.body as ReadableStream<Uint8Array>, type)).toEqual([
      ["event", "INCOMING_FAX"],
      ["fax", '{"id":"01"}'],
      ["file", bytesOf(100), "fax.pdf", "application/pdf"],
    ]);
  });

  test("text is not touched; a part without a file name is a file when it is neither text nor JSON", async () => {
    const body = handmade(
      "preamble",
      "--xyz",
      'Content-Disposition: form-data; name="fax"',
      "Content-Type: application/json; charset=utf-8",
      "",
      ' {"a" :"\\u00fc ü",\t"b":1e2}\n ',
      "--xyz",
      'Content-Disposition: form-data; name="file"',
      "Content-Type: application/pdf",
      "",
      "%PDF-1.4",
      "--xyz",
      "content-disposition: form-data; name=latin",
      "content-type: text/plain; charset=iso-8859-1",
      "",
      "plain",
      "--xyz--",
      "epilogue",
    );
    expect(await readForm(streamOf(body), 'multipart/form-data; boundary="xyz"')).toEqual([
      ["fax", ' {"a" :"\\u00fc ü",\t"b":1e2}\n '],
      ["file", Buffer.from("%PDF-1.4"), "", "application/pdf"],
      ["latin", "plain"],
    ]);
  });

  test("a file that nobody reads is skipped, also when it was begun", async () => {
    const { bytes, contentType: type } = await encode([
      { name: "skipped", document: pdf(bytesOf(400_000)) },
      { name: "begun", document: pdf(bytesOf(400_000)) },
      { name: "canceled", document: pdf(bytesOf(400_000)) },
      { name: "end", value: "here" },
    ]);
    const seen: string[] = [];
    for await (const part of readMultipart(streamOf(bytes), type, limits)) {
      seen.push(part.name);
      if (part.kind === "file" && part.name === "begun") await part.stream.getReader().read();
      if (part.kind === "file" && part.name === "canceled") await part.stream.cancel();
    }
    expect(seen).toEqual(["skipped", "begun", "canceled", "end"]);
  });

  test("a reader that leaves early cancels the source, and a file it kept fails", async () => {
    const { bytes, contentType: type } = await encode([
      { name: "file", document: pdf(bytesOf(900_000)) },
      { name: "end", value: "" },
    ]);
    let canceled = false;
    let at = 0;
    const source = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(bytes.subarray(at, at + (1 << 16)));
        at += 1 << 16;
      },
      cancel() {
        canceled = true;
      },
    });
    let kept: ReadableStream<Uint8Array> | undefined;
    for await (const part of readMultipart(source, type, limits)) {
      if (part.kind === "file") kept = part.stream;
      break;
    }
    expect(canceled).toBe(true);
    expect(await failure(readAll(kept as ReadableStream<Uint8Array>, 1e9))).toBe("webhook_malformed");
  });

  test("holds the source back while a file is not read", async () => {
    const { bytes, contentType: type } = await encode([{ name: "file", document: pdf(bytesOf(8_000_000)) }]);
    let at = 0;
    const source = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (at >= bytes.length) return controller.close();
        controller.enqueue(bytes.subarray(at, at + (1 << 16)));
        at += 1 << 16;
      },
    });
    for await (const part of readMultipart(source, type, { fileBytes: 10_000_000 })) {
      if (part.kind !== "file") continue;
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(at).toBeLessThan(1_000_000);
      expect((await readAll(part.stream, 10_000_000)).byteLength).toBe(8_000_000);
    }
  });

  describe("limits", () => {
    test("a file's bytes", async () => {
      const { bytes, contentType: type } = await encode([{ name: "file", document: pdf(bytesOf(200_001)) }]);
      expect(await failure(readForm(streamOf(bytes), type, { fileBytes: 200_000 }))).toBe(
        "document_too_large",
      );
      expect(await readForm(streamOf(bytes), type, { fileBytes: 200_001 })).toHaveLength(1);
    });

    test("a file's bytes, when nobody reads it", async () => {
      const { bytes, contentType: type } = await encode([
        { name: "file", document: pdf(bytesOf(200_001)) },
        { name: "end", value: "" },
      ]);
      const skim = async () => {
        for await (const _ of readMultipart(streamOf(bytes), type, { fileBytes: 200_000 }));
      };
      expect(await failure(skim())).toBe("document_too_large");
    });

    test("a text's bytes", async () => {
      const { bytes, contentType: type } = await encode([{ name: "a", value: "x".repeat(1001) }]);
      expect(await failure(readForm(streamOf(bytes), type, { ...limits, fieldBytes: 1000 }))).toBe(
        "webhook_malformed",
      );
      expect(await readForm(streamOf(bytes), type, { ...limits, fieldBytes: 1001 })).toHaveLength(1);
    });

    test("the number of parts", async () => {
      const { bytes, contentType: type } = await encode(
        Array.from({ length: 11 }, (_, index) => ({ name: `n${index}`, value: "" })),
      );
      expect(await failure(readForm(streamOf(bytes), type, { ...limits, parts: 10 }))).toBe(
        "webhook_malformed",
      );
      expect(await readForm(streamOf(bytes), type, { ...limits, parts: 11 })).toHaveLength(11);
    });
  });

  describe("what is no proper form is refused with the code that the reader asks for", () => {
    const field = ["--xyz", 'Content-Disposition: form-data; name="a"', "", "1"];
    const file = ["--xyz", 'Content-Disposition: form-data; name="f"; filename="f"', "", "1"];
    test.each([
      ["no form", "application/json", handmade("{}")],
      ["an urlencoded form", "application/x-www-form-urlencoded", Buffer.from("a=1")],
      ["no boundary", "multipart/form-data", handmade(...field, "--xyz--")],
      ["an empty boundary", 'multipart/form-data; boundary=""', handmade(...field, "--xyz--")],
      ["another boundary", "multipart/form-data; boundary=abc", handmade(...field, "--xyz--")],
      ["an empty body", contentType, Buffer.alloc(0)],
      ["the end missing after a text", contentType, handmade(...field)],
      ["the end missing after a file", contentType, handmade(...file)],
      ["half a header", contentType, handmade("--xyz", "Content-Disp")],
      [
        "a text without a name",
        contentType,
        handmade("--xyz", "Content-Disposition: form-data", "", "1", "--xyz--"),
      ],
      [
        "a file without a name",
        contentType,
        handmade("--xyz", 'Content-Disposition: form-data; filename="a"', "", "1", "--xyz--"),
      ],
    ])("%s", async (_, type, bytes) => {
      for (const piece of [1, 1 << 16]) {
        const within: MultipartLimits = { ...limits, malformedCode: "request_invalid" };
        expect(await failure(readForm(streamOf(bytes, piece), type, within))).toBe("request_invalid");
      }
    });

    test("a connection that breaks in the middle of a file: the file fails too", async () => {
      const { bytes, contentType: type } = await encode([{ name: "file", document: pdf(bytesOf(900_000)) }]);
      let sent = false;
      const source = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (sent) throw new Error("connection lost");
          sent = true;
          controller.enqueue(bytes.subarray(0, 100_000));
        },
      });
      const codes: string[] = [];
      const read = async () => {
        for await (const part of readMultipart(source, type, limits)) {
          if (part.kind === "file") codes.push(await failure(readAll(part.stream, 1e9)));
        }
      };
      codes.push(await failure(read()));
      expect(codes).toEqual(["webhook_malformed", "webhook_malformed"]);
    });
  });

  test("damaged forms end in a typed error or in parts, never in a hang or a crash", async () => {
    const { bytes, contentType: type } = await encode([
      { name: "event", value: "INCOMING_FAX" },
      { name: "file", document: pdf(bytesOf(3_000)) },
      { name: "fax", value: '{"id":1}' },
    ]);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 20 }),
        fc.nat(bytes.length),
        fc.integer({ min: 1, max: 4_000 }),
        async (changes, length, piece) => {
          const damaged = Buffer.from(bytes.subarray(0, length));
          for (const [at, value] of changes) if (at < length) damaged[at] = value;
          try {
            await readForm(streamOf(damaged, piece), type);
          } catch (error) {
            if (!isFaxError(error, "webhook_malformed")) throw error;
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
