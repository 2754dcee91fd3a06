/**
 * A thread that makes and changes PDF files with pdf-lib: loading that takes 0.2 s, and all its work is synchronous.
 * It answers each {@link PdfJob} with one {@link PdfJobResult} and is ended by whoever started it.
 */
import { parentPort } from "node:worker_threads";
import { FaxError, isFaxError } from "@faxbot/core/transport";
import { PDFArray, PDFDocument, PDFName, PDFNumber, PDFPageLeaf, PDFPageTree, type PDFRef } from "pdf-lib";
import { type CoverSheet, layOutCover, logoBox, ruleEnds } from "./cover-page-layout.ts";
import {
  type CoverPageContent,
  type PdfJob,
  type PdfJobResult,
  type PdfPart,
  paperSizes,
} from "./pdf-job.ts";
import {
  columnsOfText,
  columnWidth,
  FontResources,
  number,
  oneLine,
  PdfTypesetter,
} from "./pdf-typesetter.ts";
import { decodeText } from "./text-decoder.ts";
import { layOutText, textLayout } from "./text-layout.ts";
import { TimeSlice } from "./time-slice.ts";

const textSize = 10;
const textLeading = 12;
const headerSize = 8;
// The printed width of a fax, 1,728 pixels at 204 per inch: what larger pages are scaled down to.
const faxWidth = (1728 / 204) * 72;

const loadOptions = {
  password: "",
  updateMetadata: false,
  throwOnInvalidObject: false,
  warnOnInvalidObjects: false,
  preserveXFA: true,
};

/** What the parts that are text say. */
type Texts = ReadonlyMap<PdfPart, string[]>;

interface Page {
  ref: PDFRef;
  leaf: PDFPageLeaf;
}

class PdfEditor {
  readonly #pdf: PDFDocument;
  readonly #job: PdfJob;
  readonly #texts: Texts;
  readonly #size: readonly [number, number];
  readonly #typesetter: PdfTypesetter;
  readonly #tree: PDFRef;

  private constructor(pdf: PDFDocument, job: PdfJob, texts: Texts, typesetter: PdfTypesetter) {
    this.#pdf = pdf;
    this.#job = job;
    this.#texts = texts;
    this.#size = paperSizes[job.paper];
    this.#typesetter = typesetter;
    this.#tree = pdf.context.register(PDFPageTree.withContext(pdf.context));
  }

  /** The first PDF is changed in place, so that it keeps its forms and outline; other parts are put around it. */
  static async start(job: PdfJob): Promise<PdfEditor> {
    const first = job.parts.find((part): part is PdfPart & { kind: "pdf" } => part.kind === "pdf");
    const pdf =
      first === undefined
        ? await PDFDocument.create({ updateMetadata: false })
        : await PDFDocument.load(first.bytes, loadOptions);
    const texts = new Map<PdfPart, string[]>();
    for (const part of job.parts) {
      if (part.kind === "text") texts.set(part, [...(await decodeText(part.bytes, new TimeSlice()))]);
    }
    const typesetter = await PdfTypesetter.embed(pdf, textsOf(job, texts), job.fonts);
    return new PdfEditor(pdf, job, texts, typesetter);
  }

  async finish(): Promise<Uint8Array<ArrayBuffer>> {
    const groups = new Map<PdfPart, Page[]>();
    let hasBase = false;
    for (const part of this.#job.parts) {
      if (part.kind === "text") groups.set(part, this.#textPages(this.#texts.get(part) ?? []));
      if (part.kind !== "pdf") continue;
      groups.set(part, hasBase ? await this.#copied(part.bytes) : this.#ownPages());
      hasBase = true;
    }
    for (const part of this.#job.parts) {
      if (part.kind === "cover") groups.set(part, await this.#coverPages(part.cover, countOf(groups)));
    }
    const pages = this.#job.parts.flatMap((part) => groups.get(part) ?? []);
    this.#setPages(pages);
    const header = this.#job.header;
    if (header !== undefined) {
      for (const [index, { leaf }] of pages.entries()) {
        const values: Record<string, number> = { "{page}": index + 1, "{pages}": pages.length };
        const line = header.replace(/\{pages?\}/g, (name) => String(values[name]));
        this.#stamp(leaf, oneLine(line));
      }
    }
    const pdf = await this.#pdf.save({
      useObjectStreams: false,
      addDefaultPage: false,
      updateFieldAppearances: false,
    });
    return pdf as Uint8Array<ArrayBuffer>;
  }

  #ownPages(): Page[] {
    return this.#pdf.getPages().map((page) => ({ ref: page.ref, leaf: page.node }));
  }

  async #copied(bytes: Uint8Array): Promise<Page[]> {
    let source = await PDFDocument.load(bytes, loadOptions);
    if (source.catalog.has(PDFName.of("AcroForm"))) {
      try {
        // Fields are not copied with their pages, so what they hold becomes part of the page.
        source.getForm().flatten({ updateFieldAppearances: false });
      } catch {
        source = await PDFDocument.load(bytes, loadOptions);
      }
    }
    const pages = await this.#pdf.copyPages(source, source.getPageIndices());
    return pages.map((page) => ({ ref: page.ref, leaf: page.node }));
  }

  #newPage(): Page {
    const { context } = this.#pdf;
    const leaf = PDFPageLeaf.withContextAndParent(context, this.#tree);
    leaf.set(PDFName.of("MediaBox"), context.obj([0, 0, this.#size[0], this.#size[1]]));
    return { ref: context.register(leaf), leaf };
  }

  #setContent({ leaf }: Page, content: string): void {
    const { context } = this.#pdf;
    leaf.set(PDFName.of("Contents"), context.register(context.flateStream(content)));
  }

  #textPages(text: readonly string[]): Page[] {
    return Array.from(layOutText(text), (lines) => this.#textPage(lines));
  }

  #textPage(lines: readonly string[]): Page {
    const page = this.#newPage();
    const resources = new FontResources(page.leaf, this.#typesetter);
    const [width, height] = this.#size;
    const x = (width - textLayout.columns * textSize * columnWidth) / 2;
    const top = height - (height - textLayout.linesPerPage * textLeading) / 2;
    let content = "";
    for (const [index, line] of lines.entries()) {
      const y = top - (index + 1) * textLeading + 3;
      content += this.#typesetter.line(resources, line, { x, y, size: textSize });
    }
    this.#setContent(page, content);
    return page;
  }

  async #coverPages(cover: CoverPageContent, others: number): Promise<Page[]> {
    const count = layOutCover(cover, cover.pages ?? others, this.#size).length;
    const total = cover.pages ?? (others > 0 ? others + count : undefined);
    const pages: Page[] = [];
    for (const sheet of layOutCover(cover, total, this.#size)) {
      const page = this.#newPage();
      const logo =
        pages.length === 0 && cover.logo !== undefined ? await this.#logo(page.leaf, cover.logo) : "";
      this.#setContent(page, logo + this.#sheet(page.leaf, sheet));
      pages.push(page);
    }
    return pages;
  }

  #sheet(leaf: PDFPageLeaf, sheet: CoverSheet): string {
    const resources = new FontResources(leaf, this.#typesetter);
    const [left, right] = ruleEnds(this.#size);
    const rules = sheet.rules.map(
      (y) => `q 1 w ${number(left)} ${number(y)} m ${number(right)} ${number(y)} l S Q\n`,
    );
    const lines = sheet.lines.map(({ text, ...place }) => this.#typesetter.line(resources, text, place));
    return [...rules, ...lines].join("");
  }

  async #logo(leaf: PDFPageLeaf, bytes: Uint8Array): Promise<string> {
    const image = await this.#image(bytes);
    const box = logoBox(this.#size);
    const scale = Math.min(1, box.width / image.width, box.height / image.height);
    const [width, height] = [image.width * scale, image.height * scale];
    const name = leaf.newXObject("Logo", image.ref).toString();
    const matrix = [width, 0, 0, height, box.right - width, box.top - height].map(number).join(" ");
    return `q ${matrix} cm ${name} Do Q\n`;
  }

  async #image(bytes: Uint8Array) {
    try {
      return await (bytes[0] === 0x89 ? this.#pdf.embedPng(bytes) : this.#pdf.embedJpg(bytes));
    } catch {
      throw new FaxError("config_invalid", "the logo of the cover page is neither PNG nor JPEG");
    }
  }

  /** Puts all pages into one flat tree: what the file says of its own (`/Count`) may be wrong. */
  #setPages(pages: readonly Page[]): void {
    const { context, catalog } = this.#pdf;
    const tree = context.lookup(this.#tree, PDFPageTree);
    for (const { leaf } of pages) {
      for (const name of PDFPageLeaf.InheritableEntries.map((entry) => PDFName.of(entry))) {
        const value = leaf.getInheritableAttribute(name);
        if (value !== undefined) leaf.set(name, value);
      }
      leaf.setParent(this.#tree);
    }
    tree.set(PDFName.of("Kids"), context.obj(pages.map(({ ref }) => ref)));
    tree.set(PDFName.of("Count"), context.obj(pages.length));
    catalog.set(PDFName.of("Pages"), this.#tree);
  }

  /** Writes a line at the top of what is seen of a page, over a white ground. */
  #stamp(leaf: PDFPageLeaf, line: string): void {
    const { context } = this.#pdf;
    const { matrix, width, height } = visiblePart(leaf);
    const columns = Math.max(1, columnsOfText(line));
    const side = width * 0.03;
    // A wide page is turned and made smaller when it is faxed; a narrow one keeps its size.
    const scale = Math.min(1, faxWidth / Math.min(width, height));
    const size = Math.min(headerSize / scale, (width - 2 * side) / (columns * columnWidth));
    const bar = size * 1.5;
    // Pages may share one list of contents.
    const key = PDFName.of("Contents");
    const contents = leaf.Contents();
    const single = leaf.get(key);
    // A list in any case: a page that was made here counts as normalized with its single stream.
    leaf.set(key, contents instanceof PDFArray ? contents.clone() : context.obj(single ? [single] : []));
    // The page's own content may leave any state behind: this encloses it.
    leaf.normalize();
    const resources = new FontResources(leaf, this.#typesetter);
    const text = this.#typesetter.line(resources, line, { x: side, y: height - size * 1.1, size });
    const ground = `1 g 0 ${number(height - bar)} ${number(width)} ${number(bar)} re f 0 g 0 G`;
    const content = `q ${matrix.map(number).join(" ")} cm\n${ground}\n${text}Q\n`;
    leaf.addContentStream(context.register(context.flateStream(content)));
  }
}

/** The matrix from the page as it is seen, upright and from its lower left corner, to the page's own coordinates. */
function visiblePart(leaf: PDFPageLeaf): { matrix: number[]; width: number; height: number } {
  const media = boxOf(leaf, "MediaBox") ?? [0, 0, 612, 792];
  const crop = boxOf(leaf, "CropBox") ?? media;
  // ISO 32000-1, 14.11.2: a crop box counts as far as it lies within the media box.
  const left = Math.max(media[0], crop[0]);
  const bottom = Math.max(media[1], crop[1]);
  const right = Math.min(media[2], crop[2]);
  const top = Math.min(media[3], crop[3]);
  if (right <= left || top <= bottom) return visibleOf(media, leaf);
  return visibleOf([left, bottom, right, top], leaf);
}

type Box = readonly [left: number, bottom: number, right: number, top: number];

function visibleOf([left, bottom, right, top]: Box, leaf: PDFPageLeaf) {
  const [across, up] = [right - left, top - bottom];
  const rotate = leaf.getInheritableAttribute(PDFName.of("Rotate"));
  const turns = rotate instanceof PDFNumber ? Math.round(rotate.asNumber() / 90) : 0;
  switch (((turns % 4) + 4) % 4) {
    case 1:
      return { matrix: [0, 1, -1, 0, right, bottom], width: up, height: across };
    case 2:
      return { matrix: [-1, 0, 0, -1, right, top], width: across, height: up };
    case 3:
      return { matrix: [0, -1, 1, 0, left, top], width: up, height: across };
    default:
      return { matrix: [1, 0, 0, 1, left, bottom], width: across, height: up };
  }
}

function boxOf(leaf: PDFPageLeaf, name: string): Box | undefined {
  const entry = leaf.getInheritableAttribute(PDFName.of(name));
  const box = entry === undefined ? undefined : leaf.context.lookup(entry);
  if (!(box instanceof PDFArray) || box.size() !== 4) return undefined;
  const numbers = [0, 1, 2, 3].map((index) => {
    const value = box.lookup(index);
    return value instanceof PDFNumber ? value.asNumber() : Number.NaN;
  });
  const [a = Number.NaN, b = Number.NaN, c = Number.NaN, d = Number.NaN] = numbers;
  if (numbers.some(Number.isNaN) || a === c || b === d) return undefined;
  return [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)];
}

/** All that will be set, to know which fonts are needed. */
function* textsOf(job: PdfJob, texts: Texts): Generator<string> {
  yield "0123456789ABCDEF ";
  for (const pieces of texts.values()) yield* pieces;
  if (job.header !== undefined) yield job.header;
  for (const part of job.parts) {
    if (part.kind !== "cover") continue;
    for (const { lines } of layOutCover(part.cover, undefined, paperSizes[job.paper])) {
      for (const { text } of lines) yield text;
    }
    yield part.cover.labels?.pages ?? "Pages";
  }
}

function countOf(groups: ReadonlyMap<PdfPart, readonly Page[]>): number {
  return [...groups.values()].reduce((sum, pages) => sum + pages.length, 0);
}

async function answer(job: PdfJob): Promise<PdfJobResult> {
  try {
    const editor = await PdfEditor.start(job);
    return { pdf: await editor.finish() };
  } catch (error) {
    if (isFaxError(error, "config_invalid")) {
      return { code: "config_invalid", message: error.message, cause: error.cause };
    }
    const message = "the PDF is built in a way that cannot be changed";
    return { code: "document_invalid", message, cause: error };
  }
}

parentPort?.on("message", (job: PdfJob) => {
  void answer(job).then((result) => {
    parentPort?.postMessage(result, "pdf" in result ? [result.pdf.buffer] : []);
  });
});
parentPort?.postMessage("ready");
