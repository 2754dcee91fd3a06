/**
 * A worker thread that makes fax pages of a PDF with PDFium: it renders a page in grey, turns it black and white and
 * encodes it, so that nothing of that holds the event loop of the application. PDFium is synchronous and has no
 * deadline of its own; whoever started the thread ends it when a page takes too long.
 */
import { parentPort } from "node:worker_threads";
import { type PDFiumDocument, PDFiumLibrary } from "@hyzyla/pdfium";
import { binarise, type GreyImage, type Halftone } from "./binarise.ts";
import { encodeG3, encodeG4, rowsOfBitmap } from "./ccitt-encoder.ts";
import {
  type FaxPageSize,
  type FaxResolution,
  faxPageWidth,
  faxResolutions,
  layOutFaxPage,
} from "./fax-page-layout.ts";

/** What the fax pages of a document look like. */
export interface FaxPageStyle {
  resolution: FaxResolution;
  compression: "g4" | "g3";
  pageSize: FaxPageSize;
  halftone: Halftone;
}

/** What the thread is told to do, one thing at a time. */
export type RendererRequest =
  | { kind: "open"; bytes: Uint8Array; style: FaxPageStyle; maxPagePoints: number }
  | { kind: "page"; index: number }
  | { kind: "close" };

/** A page that is ready to go into a TIFF file. */
export interface RenderedFaxPage {
  width: number;
  height: number;
  /** The only strip. */
  data: Uint8Array;
  turned: boolean;
  scale: number;
}

/** Why something could not be done. After `crashed` the thread is of no more use. */
export type RendererFailure = "password" | "broken" | "page-too-large" | "page-too-long" | "crashed";

/** What the thread answers. */
export type RendererAnswer =
  | { kind: "opened"; pages: number }
  | { kind: "page"; page: RenderedFaxPage }
  | { kind: "closed"; memoryBytes: number }
  | { kind: "failed"; reason: RendererFailure };

// A page of 100 million pixels in colour, decoded once, and the document. resourceLimits do not count this memory.
const maxMemoryBytes = 640 << 20;
const memoryPageBytes = 65_536;

interface GrowingMemory {
  readonly buffer: ArrayBuffer;
  grow: (this: GrowingMemory, delta: number) => number;
}

/** Node's types leave the values out. */
const { Memory, RuntimeError } = (
  globalThis as unknown as {
    WebAssembly: {
      Memory: { prototype: GrowingMemory };
      RuntimeError: ErrorConstructor;
    };
  }
).WebAssembly;

let memoryBytes = 0;

/** Makes PDFium's allocations fail above a limit: WebAssembly memory grows by this function alone. */
function boundMemory(): void {
  const grow = Memory.prototype.grow;
  Memory.prototype.grow = function boundedGrow(delta: number): number {
    const wanted = this.buffer.byteLength + delta * memoryPageBytes;
    if (wanted > maxMemoryBytes) throw new RangeError("the renderer has used up its memory");
    memoryBytes = wanted;
    return grow.call(this, delta);
  };
}

class Renderer {
  readonly #library: PDFiumLibrary;
  #open: { document: PDFiumDocument; style: FaxPageStyle; maxPagePoints: number } | undefined;

  constructor(library: PDFiumLibrary) {
    this.#library = library;
  }

  async answer(request: RendererRequest): Promise<RendererAnswer> {
    switch (request.kind) {
      case "open":
        return this.#openDocument(request);
      case "page":
        return this.#renderPage(request.index);
      case "close":
        this.#open?.document.destroy();
        this.#open = undefined;
        return { kind: "closed", memoryBytes };
      default:
        return request satisfies never;
    }
  }

  async #openDocument(request: RendererRequest & { kind: "open" }): Promise<RendererAnswer> {
    try {
      const document = await this.#library.loadDocument(request.bytes);
      this.#open = { document, style: request.style, maxPagePoints: request.maxPagePoints };
      return { kind: "opened", pages: document.getPageCount() };
    } catch (error) {
      if (error instanceof RuntimeError || !(error instanceof Error)) throw error;
      // The library tells its errors apart by their text alone.
      return { kind: "failed", reason: error.message.startsWith("Password") ? "password" : "broken" };
    }
  }

  async #renderPage(index: number): Promise<RendererAnswer> {
    if (this.#open === undefined) return { kind: "failed", reason: "broken" };
    const { document, style, maxPagePoints } = this.#open;
    const page = document.getPage(index);
    const { originalWidth: width, originalHeight: height } = page.getOriginalSize();
    if (!(width > 0 && height > 0)) return { kind: "failed", reason: "broken" };
    if (width > maxPagePoints || height > maxPagePoints) return { kind: "failed", reason: "page-too-large" };
    const layout = layOutFaxPage(width, height, style.resolution, style.pageSize);
    if (layout === undefined) return { kind: "failed", reason: "page-too-long" };
    const { turned, scale, left, pageHeight } = layout;
    // A picture of exactly this size: PDFium stretches the page to pixels that are not square.
    const rendered = await page.render({
      width: turned ? layout.height : layout.width,
      height: turned ? layout.width : layout.height,
      render: "bitmap",
      colorSpace: "Gray",
      renderFormFields: true,
    });
    const image = turned ? turn(rendered) : rendered;
    const bitmap = binarise(image, {
      halftone: style.halftone,
      yDpi: faxResolutions[style.resolution],
      width: faxPageWidth,
      left,
      height: pageHeight,
    });
    const encode = style.compression === "g4" ? encodeG4 : encodeG3;
    // A copy of just the strip: what the encoder returns lies in a larger buffer, which would be sent whole.
    const data = encode(rowsOfBitmap(bitmap), bitmap.width).slice();
    return { kind: "page", page: { width: bitmap.width, height: bitmap.height, data, turned, scale } };
  }
}

/** Turns a picture a quarter counter-clockwise: its right edge becomes the top. */
function turn({ width, height, data }: GreyImage): GreyImage {
  const turned = new Uint8Array(width * height);
  // In tiles, so that both pictures stay in the processor's cache.
  for (let top = 0; top < height; top += 32) {
    const bottom = Math.min(top + 32, height);
    for (let x = 0; x < width; x += 1) {
      let to = (width - 1 - x) * height + top;
      for (let y = top; y < bottom; y += 1, to += 1) turned[to] = data[y * width + x] as number;
    }
  }
  return { width: height, height: width, data: turned };
}

async function main(): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error("this is a worker thread");
  boundMemory();
  const renderer = new Renderer(await PDFiumLibrary.init());
  const post = (answer: RendererAnswer) =>
    port.postMessage(answer, answer.kind === "page" ? [answer.page.data.buffer as ArrayBuffer] : []);
  port.on("message", (request: RendererRequest) => {
    renderer.answer(request).then(post, () => post({ kind: "failed", reason: "crashed" }));
  });
  port.postMessage("ready");
}

// A start that fails ends the thread with this error, which is told to whoever started it.
void main();
