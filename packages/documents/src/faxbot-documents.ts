#!/usr/bin/env node
import { constants } from "node:fs";
import { access, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, extname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import { FaxError, isFaxError } from "@faxbot/core/transport";
import type { Halftone } from "./binarise.ts";
import { ByteParts } from "./byte-parts.ts";
import { readStreamBytes } from "./document-bytes.ts";
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

FILE and OUT may be -, for standard input and output. A file that is there already is replaced.

options:
  -o, --output OUT                            default: FILE with another extension, beside it
  --resolution standard|fine|superfine        for to-fax; default fine
  --compression g4|g3                         for to-fax; default g4
  --page-size source|a4|letter|legal          for to-fax; default source: as long as each page is
  --halftone hybrid|threshold|diffusion       for to-fax; default hybrid
  -h, --help

Exit codes: 0 done, 1 the document was refused or a file could not be used, 2 wrong usage.`;

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
        "page-size": { type: "string" },
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
    console.log(help);
    return;
  }
  const [command, file, ...more] = positionals;
  if (!command || !["inspect", "to-pdf", "to-fax"].includes(command)) {
    throw new UsageError("the first word is inspect, to-pdf or to-fax");
  }
  if (!file || more.length > 0) throw new UsageError(`${command} takes one file`);
  refuseOptions(command, Object.keys(values));
  const resolution = oneOf<FaxResolution>("resolution", values.resolution, ["standard", "fine", "superfine"]);
  const compression = oneOf("compression", values.compression, ["g4", "g3"] as const);
  const pageSize = oneOf("page-size", values["page-size"], ["source", "a4", "letter", "legal"] as const);
  const halftone = oneOf<Halftone>("halftone", values.halftone, ["hybrid", "threshold", "diffusion"]);
  if (command === "inspect") return inspect(await readInput(file));
  const output = values.output ?? outputFor(file, command === "to-pdf" ? "pdf" : "tif");
  const bytes = await readInput(file);
  await checkOutput(output, file);
  const pdf = await toPdf(bytes);
  if (command === "to-pdf") return write(output, pdf);
  const { tiff } = await pdfToTiff(await pdf.bytes(), {
    ...(resolution ? { resolution } : {}),
    ...(compression ? { compression } : {}),
    ...(pageSize ? { pageSize } : {}),
    ...(halftone ? { halftone } : {}),
    onProgress: showProgress,
  });
  await write(output, new ByteParts([tiff]));
}

/** An option that would do nothing is a mistake. */
function refuseOptions(command: string, given: readonly string[]): void {
  const taken: Record<string, readonly string[]> = { inspect: [], "to-pdf": ["output"] };
  const other = given.find((name) => taken[command]?.includes(name) === false);
  if (other !== undefined) throw new UsageError(`${command} does not take --${other}`);
}

function outputFor(file: string, extension: string): string {
  return file === "-" ? file : `${file.slice(0, file.length - extname(file).length)}.${extension}`;
}

async function readInput(file: string): Promise<Uint8Array> {
  if (file === "-") return readStreamBytes(Readable.toWeb(process.stdin), defaultDocumentLimits.bytes);
  if ((await stat(file)).isDirectory()) throw new FaxError("request_invalid", `${file} is a directory`);
  return readFile(file);
}

/** Before the work, which may take long. */
async function checkOutput(path: string, source: string): Promise<void> {
  if (path === "-") return;
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) throw new FaxError("request_invalid", `${path} is a directory`);
  // A device or a pipe is written to as it is; the folder of /dev/stdout is nobody's to write in.
  if (found && !found.isFile()) return access(path, constants.W_OK);
  const there = await realpath(path).catch(() => undefined);
  if (there !== undefined && there === (await realpath(source).catch(() => undefined))) {
    throw new UsageError("the output would replace the file itself; name another one with -o");
  }
  await access(dirname(there ?? path), constants.W_OK);
}

const pageUnits = {
  "application/pdf": "points",
  "image/tiff": "pixels",
  "text/plain": "characters",
} as const;

async function inspect(bytes: Uint8Array): Promise<void> {
  const info = await inspectBytes(bytes, defaultDocumentLimits);
  console.log(`${info.mediaType}, ${info.pages.length} ${info.pages.length === 1 ? "page" : "pages"}`);
  if (info.encrypted) console.log("encrypted, opens without a password");
  info.pages.forEach(({ width, height, xDpi, yDpi }, index) => {
    const dots = xDpi && yDpi ? `, ${Math.round(xDpi)} x ${Math.round(yDpi)} dpi` : "";
    console.log(`page ${index + 1}: ${width} x ${height} ${pageUnits[info.mediaType]}${dots}`);
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

/** A file is written whole or not at all. */
async function write(path: string, content: ByteParts): Promise<void> {
  if (path === "-") return pipeline(content.stream(), process.stdout);
  const there = await stat(path).catch(() => undefined);
  // A device or a pipe, which a file must not take the place of.
  if (there && !there.isFile()) return content.writeFile(path);
  const target = there ? await realpath(path) : path;
  const draft = `${target}.${process.pid}.part`;
  try {
    await content.writeFile(draft);
    await rename(draft, target);
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
