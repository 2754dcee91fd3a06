import type { DocumentInfo, PageInfo } from "@faxbot/core";
import { FaxError, isFaxError } from "@faxbot/core/transport";
import { type DocumentLimits, defaultDocumentLimits } from "./document-limits.ts";
import { PdfFile } from "./pdf-file.ts";
import {
  isPdfDictionary,
  isPdfReference,
  type PdfDictionary,
  PdfSyntaxError,
  type PdfValue,
} from "./pdf-parser.ts";
import { TimeSlice } from "./time-slice.ts";

// What readers assume when a page has no usable box.
const letter: Box = [0, 0, 612, 792];

type Box = readonly [number, number, number, number];

/** What a page takes over from the nodes above it (ISO 32000-1, 7.7.3.4). */
interface Inherited {
  mediaBox: Box | undefined;
  cropBox: Box | undefined;
  rotate: number;
}

/**
 * Walks the page tree of a PDF and lists its pages as a reader shows them: cropped and rotated, in points. `/Count` is
 * not looked at. Nothing is rendered, so the content of a page is not checked.
 *
 * Damaged cross-references are repaired the way readers do it; a file whose end is missing is refused, for its pages
 * may be missing too.
 *
 * @param bytes the whole file
 * @throws FaxError `document_invalid`, `document_encrypted` or `document_too_large`
 * @example
 * const { pages } = await inspectPdf(await readFile("order.pdf"));
 * console.log(pages.length, pages[0]?.width); // 2 612
 */
export async function inspectPdf(
  bytes: Uint8Array,
  limits: Partial<DocumentLimits> = {},
): Promise<DocumentInfo> {
  const bounds = { ...defaultDocumentLimits, ...limits };
  try {
    const slice = new TimeSlice();
    const file = await PdfFile.open(bytes, slice);
    let pages: PageInfo[];
    try {
      pages = await listPages(file, bounds, slice);
    } catch (error) {
      if (!(error instanceof PdfSyntaxError) || file.recovered) throw error;
      await file.recover();
      pages = await listPages(file, bounds, slice);
    }
    return { mediaType: "application/pdf", pages, encrypted: file.encrypted };
  } catch (error) {
    if (isFaxError(error)) throw error;
    if (error instanceof PdfSyntaxError) {
      throw new FaxError("document_invalid", `the PDF is damaged: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

async function listPages(file: PdfFile, limits: DocumentLimits, slice: TimeSlice): Promise<PageInfo[]> {
  const pages: PageInfo[] = [];
  const catalog = await file.catalog();
  const visited = new Set<number>();
  let nodes = 0;
  const waiting: { node: PdfValue; inherited: Inherited }[] = [
    { node: catalog.get("Pages") ?? null, inherited: { mediaBox: undefined, cropBox: undefined, rotate: 0 } },
  ];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (slice.due()) await slice.pause();
    nodes += 1;
    const dictionary = await file.resolve(next.node);
    if (!isPdfDictionary(dictionary)) throw new PdfSyntaxError("a page is missing");
    const inherited = await inherit(file, dictionary, next.inherited);
    const kids = await file.resolve(dictionary.get("Kids"));
    if (!Array.isArray(kids)) {
      if (dictionary.get("Type") === "Pages") continue;
      if (pages.length === limits.pages) throw tooManyPages(limits);
      pages.push(pageInfo(inherited, limits));
      continue;
    }
    // Only a node with children can build a loop or multiply pages; none is reached twice in a tree.
    if (isPdfReference(next.node)) {
      if (visited.has(next.node.number)) throw new PdfSyntaxError("its page tree is not a tree");
      visited.add(next.node.number);
    }
    // Nodes that are no objects of their own may come again any number of times.
    if (nodes + waiting.length + kids.length > 2 * limits.pages + 1000) throw tooManyPages(limits);
    for (let i = kids.length - 1; i >= 0; i -= 1) {
      waiting.push({ node: kids[i] as PdfValue, inherited });
    }
  }
  if (pages.length === 0) throw new FaxError("document_invalid", "the PDF has no pages");
  return pages;
}

function tooManyPages(limits: DocumentLimits): FaxError {
  return new FaxError("document_too_large", `the document has more than ${limits.pages} pages`);
}

async function inherit(file: PdfFile, node: PdfDictionary, from: Inherited): Promise<Inherited> {
  const rotate = await file.resolve(node.get("Rotate"));
  return {
    mediaBox: (await readBox(file, node.get("MediaBox"))) ?? from.mediaBox,
    cropBox: (await readBox(file, node.get("CropBox"))) ?? from.cropBox,
    rotate: typeof rotate === "number" ? rotate : from.rotate,
  };
}

async function readBox(file: PdfFile, value: PdfValue | undefined): Promise<Box | undefined> {
  const array = await file.resolve(value);
  if (!Array.isArray(array) || array.length < 4) return undefined;
  const [a, b, c, d] = [
    await file.resolve(array[0]),
    await file.resolve(array[1]),
    await file.resolve(array[2]),
    await file.resolve(array[3]),
  ];
  if (typeof a !== "number" || typeof b !== "number" || typeof c !== "number" || typeof d !== "number") {
    return undefined;
  }
  return [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)];
}

function isEmpty(box: Box): boolean {
  return !(box[2] - box[0] > 0 && box[3] - box[1] > 0);
}

function pageInfo({ mediaBox, cropBox, rotate }: Inherited, limits: DocumentLimits): PageInfo {
  const media = mediaBox === undefined || isEmpty(mediaBox) ? letter : mediaBox;
  let box = media;
  if (cropBox !== undefined && !isEmpty(cropBox)) {
    const cropped: Box = [
      Math.max(media[0], cropBox[0]),
      Math.max(media[1], cropBox[1]),
      Math.min(media[2], cropBox[2]),
      Math.min(media[3], cropBox[3]),
    ];
    if (!isEmpty(cropped)) box = cropped;
  }
  const width = box[2] - box[0];
  const height = box[3] - box[1];
  if (width > limits.pagePoints || height > limits.pagePoints) {
    throw new FaxError("document_too_large", `a page is larger than ${limits.pagePoints} points`);
  }
  return rotate % 180 === 0 ? { width, height } : { width: height, height: width };
}
