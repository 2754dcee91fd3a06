#!/usr/bin/env node
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, extname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { documentFromBytes, isFaxError } from "@faxbot/core/transport";
import type { Halftone } from "./binarise.ts";
import { documents } from "./documents-engine.ts";
import type { FaxResolution } from "./fax-page-layout.ts";
import { inspectDocument } from "./inspect-document.ts";
import { pdfToTiff } from "./pdf-to-tiff.ts";

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
  const document = documentFromBytes(await readFile(file), {
    mediaType: "application/octet-stream",
    fileName: basename(file),
  });

  if (command === "inspect") {
    const info = await inspectDocument(document);
    console.log(`${info.mediaType}, ${info.pages.length} ${info.pages.length === 1 ? "page" : "pages"}`);
    if (info.encrypted) console.log("encrypted, opens without a password");
    info.pages.forEach(({ width, height, xDpi, yDpi }, index) => {
      const dots = xDpi && yDpi ? `, ${Math.round(xDpi)} x ${Math.round(yDpi)} dpi` : "";
      console.log(`page ${index + 1}: ${width} x ${height}${dots}`);
    });
    return;
  }

  const base = file.slice(0, file.length - extname(file).length);
  const pdf = await documents().prepare(document, { accepts: ["application/pdf"] });
  const bytes = new Uint8Array(await new Response(await pdf.open()).arrayBuffer());
  if (command === "to-pdf") {
    await write(values.output ?? `${base}.pdf`, bytes, file);
    return;
  }
  const { tiff } = await pdfToTiff(bytes, {
    ...(resolution ? { resolution } : {}),
    ...(compression ? { compression } : {}),
    ...(halftone ? { halftone } : {}),
    onProgress: ({ done, pages }) => {
      process.stderr.write(
        process.stderr.isTTY ? `\rpage ${done} of ${pages}` : `page ${done} of ${pages}\n`,
      );
    },
  });
  if (process.stderr.isTTY) process.stderr.write("\n");
  await write(values.output ?? `${base}.tif`, tiff, file);
}

/** Whole or not at all, and never over what was read. */
async function write(path: string, bytes: Uint8Array, source: string): Promise<void> {
  if (resolve(path) === resolve(source))
    throw new UsageError("the output would replace the file itself; name another one with -o");
  const draft = `${path}.part`;
  try {
    await writeFile(draft, bytes);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  console.log(`${path}: ${bytes.byteLength} bytes`);
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
