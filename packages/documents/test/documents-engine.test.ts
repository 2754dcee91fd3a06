import { existsSync } from "node:fs";
import { checkFaxTiff, readDocument } from "@faxbot/core/transport";
import { describe, expect, it } from "vitest";
import { documents } from "../src/documents-engine.ts";
import { anyDocument, fixtureBytes } from "./fixture.ts";
import { sha256 } from "./pdf-images.ts";

const hasWorkers = ["pdf-editor-worker", "pdf-renderer-worker"].every((name) =>
  existsSync(new URL(`../dist/${name}.js`, import.meta.url)),
);

describe("documents()", () => {
  const engine = documents();

  it("makes a PDF of a TIFF, whole and by ranges", async () => {
    const source = { ...anyDocument(fixtureBytes("g4-fine-3p.tif")), fileName: "fax-17.TIF" };
    const pdf = await engine.toPdf(source);
    expect(pdf).toMatchObject({ mediaType: "application/pdf", fileName: "fax-17.pdf" });
    const bytes = await readDocument(pdf);
    expect(bytes.length).toBe(pdf.size);
    expect(sha256(bytes)).toBe(pdf.sha256);
    const range = await readDocument({ ...pdf, open: () => pdf.open({ start: 100, end: 60_000 }) });
    expect(Buffer.compare(range, bytes.subarray(100, 60_001))).toBe(0);
    expect(await engine.inspect(pdf)).toMatchObject({ pages: { length: 3 }, encrypted: false });
  });

  it("leaves a PDF as it is and corrects its media type", async () => {
    const source = anyDocument(fixtureBytes("letter-1p.pdf"));
    const pdf = await engine.toPdf(source);
    expect(pdf).toMatchObject({ mediaType: "application/pdf", sha256: source.sha256, size: source.size });
    const same = await engine.prepare(pdf, { accepts: ["image/tiff", "application/pdf"] });
    expect(same).toBe(pdf);
  });

  it("prepares what the transport takes, and no more than it must", async () => {
    const fax = anyDocument(fixtureBytes("g4-lsb-std.tif"));
    const scan = anyDocument(fixtureBytes("lzw-minisblack-strips.tif"));
    expect(await engine.prepare(fax, { accepts: ["image/tiff;profile=fax"] })).toMatchObject({
      mediaType: "image/tiff",
      sha256: fax.sha256,
    });
    expect(await engine.prepare(scan, { accepts: ["image/tiff"] })).toMatchObject({ sha256: scan.sha256 });
    const pdf = await engine.prepare(scan, { accepts: ["application/pdf"] });
    expect(await engine.inspect(pdf)).toMatchObject({ mediaType: "application/pdf", pages: { length: 1 } });
    const text = anyDocument("Dear Sir,\n");
    expect(await engine.prepare(text, { accepts: ["text/plain"] })).toMatchObject({
      mediaType: "text/plain",
    });
    await expect(engine.prepare(scan, { accepts: ["text/plain"] })).rejects.toMatchObject({
      code: "unsupported",
    });
  });

  it.skipIf(!hasWorkers)(
    `gives telephone exchanges only what they send${hasWorkers ? "" : " (needs a build)"}`,
    async () => {
      for (const name of ["g4-b4.tif", "g4-nores.tif", "g31d-rtc.tif", "letter-1p.pdf"]) {
        const fax = await engine.prepare(anyDocument(fixtureBytes(name)), {
          accepts: ["image/tiff;profile=fax"],
        });
        expect(await checkFaxTiff(fax), name).toEqual({ pages: 1 });
      }
    },
    30_000,
  );

  it("holds to its limits in every call", async () => {
    const strict = documents({ limits: { bytes: 1000 } });
    const tiff = anyDocument(fixtureBytes("g4-fine-3p.tif"));
    await expect(strict.inspect(tiff)).rejects.toMatchObject({ code: "document_too_large" });
    await expect(strict.toPdf(tiff)).rejects.toMatchObject({ code: "document_too_large" });
  });
});

describe.runIf(hasWorkers)("documents() with its threads (needs a build)", () => {
  const engine = documents({ tiff: { resolution: "standard" } });

  it("says what it can add", () => {
    expect(engine.adds).toEqual(["cover", "header"]);
  });

  it("sets text as PDF, on the pages that inspection counts", async () => {
    const text = { ...anyDocument(`${"line\n".repeat(61)}`), fileName: "letter.txt" };
    const pdf = await engine.toPdf(text);
    expect(pdf.fileName).toBe("letter.pdf");
    expect((await engine.inspect(pdf)).pages).toHaveLength((await engine.inspect(text)).pages.length);
  });

  it("renders whatever a fax machine does not take", async () => {
    const accepts = ["image/tiff;profile=fax"];
    for (const name of ["letter-1p.pdf", "lzw-minisblack-strips.tif"]) {
      const fax = await engine.prepare(anyDocument(fixtureBytes(name)), { accepts });
      const { mediaType, pages } = await engine.inspect(fax);
      expect(mediaType).toBe("image/tiff");
      expect(pages).toMatchObject([{ width: 1728, xDpi: 204, yDpi: 98 }]);
      // What it made is what it takes.
      expect(await engine.prepare(fax, { accepts })).toBe(fax);
    }
  });

  it("puts a cover page in front and a line on each page, for PDF and for TIFF", async () => {
    const wanted = { cover: { to: "Dr. Żak", from: "Billing" }, header: "Billing   page {page} of {pages}" };
    for (const name of ["mixed-5p.pdf", "g4-fine-3p.tif"]) {
      const source = anyDocument(fixtureBytes(name));
      const count = (await engine.inspect(source)).pages.length;
      for (const accepts of [["application/pdf"], ["image/tiff;profile=fax"]]) {
        const prepared = await engine.prepare(source, { ...wanted, accepts });
        expect((await engine.inspect(prepared)).pages).toHaveLength(count + 1);
        expect(prepared.sha256).toBe(sha256(await readDocument(prepared)));
      }
    }
  });

  it("makes what the transport likes best", async () => {
    const text = anyDocument("Dear Sir,\n");
    for (const [accepts, mediaType] of [
      [["image/tiff;profile=fax", "application/pdf"], "image/tiff"],
      [["application/pdf", "image/tiff"], "application/pdf"],
    ] as const) {
      expect(await engine.prepare(text, { accepts })).toMatchObject({ mediaType });
    }
  });
});
