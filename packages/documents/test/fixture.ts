import { readFileSync } from "node:fs";
import { documentFromBytes, type FaxDocument } from "@faxbot/core/transport";

/** What is known of one page of a fixture. Hashes are over the packed bitmap, see `manifest.json`. */
export interface FixturePage {
  width: number;
  height: number;
  compression: number;
  xres: number;
  yres: number;
  unit: number;
  strips: number;
  /** The true picture. */
  sha256: string;
  /** What libtiff decodes. */
  libtiff: string;
  /** For damaged pages: rows that libtiff gets wrong. */
  libtiffUnmatchedRows?: number;
}

/** What is known of one fixture. */
export interface Fixture {
  class: "ccitt" | "ccitt-nonstd" | "other" | "damaged" | "invalid" | "pdf" | "pdf-odd" | "pdf-invalid";
  pageCount?: number;
  mode?: string;
  expect?: { pages?: number; encrypted?: boolean; openable?: boolean; error?: boolean };
  pages?: FixturePage[];
}

const folder = new URL("fixtures/", import.meta.url);

/** All fixtures by file name. */
export const fixtures = new Map<string, Fixture>(
  Object.entries(
    (JSON.parse(readFileSync(new URL("manifest.json", folder), "utf8")) as { files: Record<string, Fixture> })
      .files,
  ),
);

/** The names of the fixtures of some classes. */
export function fixtureNames(...classes: Fixture["class"][]): string[] {
  return [...fixtures].filter(([, fixture]) => classes.includes(fixture.class)).map(([name]) => name);
}

/** The bytes of a fixture. */
export function fixtureBytes(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(name, folder)));
}

/** Bytes as a document whose declared media type says nothing. */
export function anyDocument(bytes: Uint8Array | string): FaxDocument {
  const content = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  return documentFromBytes(content, { mediaType: "application/octet-stream", fileName: "document" });
}
