import { readFile } from "node:fs/promises";
import type { CallOutcome } from "./call-outcome.ts";
import type { CallState } from "./call-timeline.ts";
import { readTiffPages } from "./fax-tiff.ts";

/** One call of an emulated exchange: a fax that was dialled, or one that came in. */
export interface ExchangeCall {
  /** Uniqueid of Asterisk, UUID of FreeSWITCH. */
  readonly id: string;
  readonly direction: "outbound" | "inbound";
  /** As it was dialled. */
  readonly to: string;
  readonly from: string | undefined;
  /** Variables that the call was started with. */
  readonly variables: Readonly<Record<string, string>>;
  /** The file that is sent or received. */
  readonly path: string;
  readonly startedAt: Date;
  outcome: CallOutcome;
  state: CallState;
  /** What was read of the file when the far end answered; received: what was written. */
  document: Uint8Array | undefined;
  /** Pages of the document. */
  pages: number;
  /** Pages that the far end confirmed. */
  confirmedPages: number;
  /** How it ended: `SUCCESS`, a sentence of T.30 or the name of a cause. */
  result: string | undefined;
}

/** A fax that comes in, for `receiveFax`. */
export interface InboundCall {
  /** Number of the caller as the carrier gives it; default a synthetic one. Not checked: it may be hostile. */
  from?: string;
  /** The extension that was dialled; default a synthetic one. */
  to?: string;
  callerName?: string;
  /** Station id of the caller's machine; default its number. Not checked either. */
  station?: string;
  /** Default: a synthetic page. */
  tiff?: Uint8Array;
  /** Default `delivered`; with a result code the file holds the pages so far. */
  outcome?: "delivered" | "partial" | { t30: number };
}

/** What a server finds when it opens the file of a fax. */
export interface OpenedFile {
  document: Uint8Array | undefined;
  pages: number;
  /** Lines per inch of the first page: 98, 196 or 391. */
  resolution: number;
  /** Dots per inch across, as the file says. */
  width: number;
  /** Why it cannot be sent: `missing`, or a result code of spandsp. */
  refusal: "missing" | number | undefined;
}

/** What a server's fax engine cannot send, by its release. */
export type FileRules = (page: {
  width: number;
  bitsPerSample: number;
  compression: number;
  xResolution: number;
  yResolution: number;
}) => number | undefined;

/** spandsp 0.0.6, as Asterisk has it. */
export const spandsp0Rules: FileRules = ({ width, bitsPerSample, compression, xResolution }) => {
  if (bitsPerSample !== 1) return 41;
  if (![3, 4, 5].includes(compression)) return 41;
  if (width === 1728) return undefined;
  return xResolution >= 290 ? 11 : 12;
};

/** spandsp 3, as FreeSWITCH has it. */
export const spandsp3Rules: FileRules = ({ width, bitsPerSample, compression, xResolution, yResolution }) => {
  if (bitsPerSample !== 1) return 46;
  if (![1, 3, 4, 5].includes(compression)) return 41;
  if (width === 2048) return undefined;
  return width === 1728 && xResolution > 0 && yResolution > 0 ? undefined : 11;
};

/** Opens a file as a server does when the far end has answered. */
export async function openFaxFile(path: string, rules: FileRules): Promise<OpenedFile> {
  const nothing = { document: undefined, pages: 0, resolution: 98, width: 204 };
  let document: Uint8Array;
  try {
    document = await readFile(path);
  } catch {
    return { ...nothing, refusal: "missing" };
  }
  const pages = readTiffPages(document);
  const [first] = pages ?? [];
  if (!pages || !first) return { ...nothing, document, refusal: 41 };
  const refusal = pages.map(rules).find((code) => code !== undefined);
  const resolution = first.yResolution > 300 ? 391 : first.yResolution > 150 ? 196 : 98;
  return { document, pages: pages.length, resolution, width: Math.round(first.xResolution), refusal };
}
