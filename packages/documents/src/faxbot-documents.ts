#!/usr/bin/env node
import { readFile, rename, rm } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { isFaxError } from "@faxbot/core/transport";
import type { Halftone } from "./binarise.ts";
import { ByteParts } from "./byte-parts.ts";
import { defaultDocumentLimits } from "./document-limits.ts";
import type { FaxResolution } from "./fax-page-layout.ts";
import { inspectBytes, recogniseDocument, recognitionBytes } from "./inspect-document.ts";
import { pdfToTiff } from "./pdf-to-tiff.ts";
import { textToPdf } from "./text-to-pdf.ts";
import { type TiffToPdfReport, tiffToPdf } from "./tiff-to-pdf.ts";

const help = `faxbot-documents: look into fax documents and convert them

usage:
  faxbot-documents inspect FILE              what it is, how many pages, of what size
  faxbot-documents to-pdf FILE [-o OUT]      TIFF or text to PDF; pages of a fax are not decoded
  faxbot-documents to-fax FILE [-o OUT]      PDF, TIFF or text to a fax TIFF

options:
  -o, --output OUT                            default: FILE with another extension, beside it
  --resolution standard|fine|superfine        for to-fax; default fine
  --compression g4|g3                         for to-fax; default g4
  --halftone hybrid|threshold|diffusion       for to-fax; default hybrid
  -h, --help

Exit codes: 0 done, 1 the document was refused or a file could not be used, 2 wrong usage.
`;

class UsageError extends Error {}

/** One of the allowed words. */
function oneOf<Word extends string>(
  name: string,
  given: string | undefined,
  allowed: readonly Word[],
): Word | undefined {
  if (given === undefined) return undefined;
  const word = allowed.find((each) => each === given);
  if (word) return word;
  throw new UsageError(`--${name} is one of ${allowed.join(", ")}`);
}

function readCommandLine(args: string[]) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        output: { type: "string", short: "o" },
        resolution: { type: "string" },
        compression: { type: "string" },
        halftone: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
    return { values, positionals };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

async function run(args: string[]): Promise<void> {
  const { values, positionals } = readCommandLine(args);
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const [command, file, ...more] = positionals;
  if (!command || !["inspect", "to-pdf", "to-fax"].includes(command)) {
    throw new UsageError("the first word is inspect, to-pdf or to-fax");
  }
  if (!file || more.length > 0) throw new UsageError(`${command} takes one file`);
  const resolution = oneOf<FaxResolution>("resolution", values.resolution, ["standard", "fine", "superfine"]);
  const compression = oneOf("compression", values.compression, ["g4", "g3"] as const);
  const halftone = oneOf<Halftone>("halftone", values.halftone, ["hybrid", "threshold", "diffusion"]);
  const bytes = await readFile(file);
  if (command === "inspect") return inspect(bytes);
  const base = file.slice(0, file.length - extname(file).length);
  const pdf = await toPdf(bytes);
  if (command === "to-pdf") return write(values.output ?? `${base}.pdf`, pdf, file);
  const { tiff } = await pdfToTiff(await pdf.bytes(), {
    ...(resolution ? { resolution } : {}),
    ...(compression ? { compression } : {}),
    ...(halftone ? { halftone } : {}),
    onProgress: showProgress,
  });
  await write(values.output ?? `${base}.tif`, new ByteParts([tiff]), file);
}

async function inspect(bytes: Uint8Array): Promise<void> {
  const info = await inspectBytes(bytes, defaultDocumentLimits);
  console.log(`${info.mediaType}, ${info.pages.length} ${info.pages.length === 1 ? "page" : "pages"}`);
  if (info.encrypted) console.log("encrypted, opens without a password");
  info.pages.forEach(({ width, height, xDpi, yDpi }, index) => {
    const dots = xDpi && yDpi ? `, ${Math.round(xDpi)} x ${Math.round(yDpi)} dpi` : "";
    console.log(`page ${index + 1}: ${width} x ${height}${dots}`);
  });
}

async function toPdf(bytes: Uint8Array): Promise<ByteParts> {
  const mediaType = recogniseDocument(bytes.subarray(0, recognitionBytes));
  switch (mediaType) {
    case "application/pdf":
      await inspectBytes(bytes, defaultDocumentLimits);
      return new ByteParts([bytes]);
    case "image/tiff": {
      const { pdf, report } = await tiffToPdf(bytes, { onProgress: showProgress });
      tellDamage(report);
      return pdf;
    }
    case "text/plain":
      return textToPdf(bytes);
    default:
      return mediaType satisfies never;
  }
}

/** One line that is written over on a terminal, a line per page elsewhere. */
function showProgress({ done, pages }: { done: number; pages: number }): void {
  const isTerminal = process.stderr.isTTY;
  const end = isTerminal && done < pages ? "" : "\n";
  process.stderr.write(`${isTerminal ? "\r" : ""}page ${done} of ${pages}${end}`);
}

function tellDamage({ pages, warnings }: TiffToPdfReport): void {
  for (const warning of warnings) console.error(`damaged file: ${warning}`);
  for (const [index, { badRows, missingRows }] of pages.entries()) {
    if (badRows + missingRows === 0) continue;
    console.error(`page ${index + 1}: ${badRows} damaged and ${missingRows} missing rows`);
  }
}

/** Whole or not at all, and never over what was read. */
async function write(path: string, content: ByteParts, source: string): Promise<void> {
  if (resolve(path) === resolve(source))
    throw new UsageError("the output would replace the file itself; name another one with -o");
  const draft = `${path}.part`;
  try {
    await content.writeFile(draft);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  console.log(`${path}: ${content.size} bytes`);
}

run(process.argv.slice(2)).catch((error: unknown) => {
  if (error instanceof UsageError) {
    console.error(`faxbot-documents: ${error.message}\n\n${help}`);
    process.exitCode = 2;
    return;
  }
  const known = isFaxError(error) || (error instanceof Error && "code" in error);
  console.error(`faxbot-documents: ${known ? (error as Error).message : "something went wrong inside"}`);
  process.exitCode = 1;
});
