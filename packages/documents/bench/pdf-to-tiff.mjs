// How fast PDF becomes fax, in whole processes as a user starts them, compared with Ghostscript where it is installed,
// how many bytes the line has to carry for text and for a photograph, and how many characters tesseract reads wrongly.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pdfToTiff, tiffToPdf } from "../dist/index.js";
import { pdfOf } from "./support/pdf-of.mjs";
import { hasProgram, inTurns, peakMemory, promise } from "./support/processes.mjs";

const rounds = 3;
/** How many times Ghostscript's time 100 pages of text may take. */
const mostTimes = 4;
/** How many points of a hundred more than with Ghostscript may be read wrongly. */
const mostPoints = 0.3;

const folder = mkdtempSync(join(tmpdir(), "faxbot-bench-"));
const output = join(folder, "out.tif");

/** Writes a PDF of pages of 595 x 842 points with one font, F1, and one image, Im, of 400 x 300 grey pixels. */
function writePdf(name, contents, pixels = Buffer.alloc(400 * 300)) {
  const kids = contents.map((_, index) => `${5 + index * 2} 0 R`).join(" ");
  const file = join(folder, name);
  writeFileSync(
    file,
    pdfOf([
      { dictionary: "/Type/Catalog/Pages 2 0 R" },
      { dictionary: `/Type/Pages/Count ${contents.length}/Kids[${kids}]` },
      { dictionary: "/Type/Font/Subtype/Type1/BaseFont/Times-Roman" },
      {
        dictionary:
          "/Type/XObject/Subtype/Image/Width 400/Height 300/ColorSpace/DeviceGray/BitsPerComponent 8",
        stream: pixels,
      },
      ...contents.flatMap((stream, index) => [
        {
          dictionary:
            `/Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents ${6 + index * 2} 0 R` +
            "/Resources<</Font<</F1 3 0 R>>/XObject<</Im 4 0 R>>>>",
        },
        { dictionary: "", stream },
      ]),
    ]),
  );
  return file;
}

const words =
  "the quick brown fox jumps over a lazy dog while seven wizards box with five dozen jugs of liquor".split(
    " ",
  );

/** A page of 60 lines of 10 points; no two pages are alike. */
function textPage(page) {
  const lines = Array.from({ length: 60 }, (_, line) => {
    const text = Array.from({ length: 16 }, (_, i) => words[(page * 7 + line * 5 + i * 3) % words.length]);
    return `(${page + 1}.${line + 1} ${text.join(" ")}) Tj T*`;
  });
  return `BT /F1 10 Tf 12 TL 50 780 Td ${lines.join("\n")} ET`;
}

/** Tones, an edge and grain. */
function photograph() {
  const pixels = Buffer.alloc(400 * 300);
  let grain = 1;
  for (let i = 0; i < pixels.length; i += 1) {
    const [x, y] = [i % 400, Math.floor(i / 400)];
    grain = (Math.imul(grain, 1_103_515_245) + 12_345) >>> 0;
    const tone = 128 + 60 * Math.sin(x / 37) + 50 * Math.cos(y / 23) + ((grain >>> 24) % 17) - 8;
    pixels[i] = Math.max(0, Math.min(255, tone + (Math.hypot(x - 200, y - 150) < 60 ? 40 : 0)));
  }
  return pixels;
}

const program = fileURLToPath(new URL("../dist/faxbot-documents.js", import.meta.url));
const own = (halftone) => (file) => [
  process.execPath,
  program,
  "to-fax",
  file,
  "--halftone",
  halftone,
  "-o",
  output,
];
const ghostscript = (file, yDpi = 196) => [
  "gs",
  ...["-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-sDEVICE=tiffg4", `-r204x${yDpi}`, "-o", output, file],
];
const engines = {
  hybrid: own("hybrid"),
  threshold: own("threshold"),
  diffusion: own("diffusion"),
  ...(hasProgram("gs") ? { ghostscript } : {}),
};

/** Bytes of what an engine makes. */
function bytesOf(engine, file) {
  const [command, ...args] = engines[engine](file);
  execFileSync(command, args, { stdio: "ignore" });
  return statSync(output).size;
}

function measureSpeed() {
  const pages = Array.from({ length: 100 }, (_, page) => textPage(page));
  const counts = [1, 10, 100];
  const files = counts.map((count) => writePdf(`text-${count}.pdf`, pages.slice(0, count)));
  const photo = writePdf("photo.pdf", ["q 515 0 0 386 40 400 cm /Im Do Q"], photograph());
  console.log(
    "Whole processes, from file to file, in fine mode as Group 4, with the start of Node and of the renderer; pages of 60" +
      " lines of text, and one page with half a page of photograph. Medians of " +
      `${rounds} turns in seconds; the last columns are how many times the time of hybrid is that of 100 pages, by the` +
      " wall clock and by the processor's.\n",
  );
  console.log(
    "| engine | 1 page | 10 pages | 100 pages | hybrid's time is | peak MiB | KB per text page | KB of photograph |",
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- | --- |");
  const results = files.map((file, index) => {
    console.error(`${counts[index]} pages`);
    // Diffusion is there for the bytes; its time says nothing new.
    const timed = Object.entries(engines).filter(([name]) => name !== "diffusion");
    return inTurns(Object.fromEntries(timed.map(([name, command]) => [name, command(file)])), rounds);
  });
  const photoBytes = {};
  for (const engine of Object.keys(engines)) {
    photoBytes[engine] = bytesOf(engine, photo);
    const seconds = results.map((result) => result[engine]?.wall.toFixed(2) ?? "");
    const { wallRatio, processorRatio } = results.at(-1)[engine] ?? {};
    const times = wallRatio === undefined ? "" : `${wallRatio.toFixed(1)}, ${processorRatio.toFixed(1)}`;
    const memory = engine === "ghostscript" ? "" : peakMemory(engines[engine](files[1]).slice(1)).toFixed(0);
    const textBytes = bytesOf(engine, files[1]) / 10;
    console.log(
      `| ${engine} | ${seconds.join(" | ")} | ${times} | ${memory} | ${(textBytes / 1000).toFixed(1)} |` +
        ` ${(photoBytes[engine] / 1000).toFixed(0)} |`,
    );
  }
  if (photoBytes.ghostscript === undefined) return;
  promise("hybrid against Ghostscript", results.at(-1).ghostscript.wallRatio, mostTimes);
  promise("bytes of the photograph", photoBytes.hybrid, photoBytes.ghostscript);
}

/** Prose of this repository, in lines of 90 characters. */
function prose() {
  const files = ["docs/how-a-fax-travels.md", "docs/writing-a-transport.md", "CONTRIBUTING.md"];
  const text = files
    .map((file) => readFileSync(fileURLToPath(new URL(`../../../${file}`, import.meta.url)), "utf8"))
    .join("\n")
    .replace(/```[\s\S]*?```/g, " ");
  const lines = [""];
  for (const word of text.match(/(?<=^|[\s(])[A-Za-z]+[,.;:]?(?=[\s)]|$)/g)) {
    if (`${lines.at(-1)} ${word}`.length > 90) lines.push("");
    lines.push(`${lines.pop()} ${word}`.trim());
  }
  return lines;
}

/** How many characters have to be inserted, removed or replaced. */
function editDistance(a, b) {
  let row = Uint16Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 0; i < a.length; i += 1) {
    const next = new Uint16Array(b.length + 1);
    next[0] = i + 1;
    for (let j = 0; j < b.length; j += 1) {
      next[j + 1] = Math.min(row[j] + (a[i] === b[j] ? 0 : 1), row[j + 1] + 1, next[j] + 1);
    }
    row = next;
  }
  return row[b.length];
}

/** Percent of the characters that tesseract reads wrongly on the pages of a fax. */
async function errorRate(tiff, truth) {
  const { pdf } = await tiffToPdf(tiff);
  await pdf.writeFile(join(folder, "read.pdf"));
  let wrong = 0;
  for (const [index, expected] of truth.entries()) {
    // Square pixels, as the far end's printer makes them.
    const picture = join(folder, "read");
    const page = String(index + 1);
    execFileSync("pdftoppm", [
      "-f",
      page,
      "-l",
      page,
      "-r",
      "300",
      "-gray",
      "-singlefile",
      join(folder, "read.pdf"),
      picture,
    ]);
    const read = execFileSync("tesseract", [`${picture}.pgm`, "-", "--psm", "6"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      env: { ...process.env, OMP_THREAD_LIMIT: "1" },
    });
    wrong += editDistance(read.replace(/\s+/g, " ").trim(), expected);
  }
  return (100 * wrong) / truth.reduce((sum, text) => sum + text.length, 0);
}

async function measureLegibility() {
  const lines = prose();
  const truth = [];
  const contents = [];
  for (const [index, font] of [10, 11, 12].entries()) {
    const used = lines.slice(index * 50, index * 50 + 50);
    truth.push(used.join(" "));
    const shown = used.map((line) => `(${line}) Tj T*`).join("\n");
    contents.push(`BT /F1 ${font} Tf ${font * 1.25} TL 40 790 Td ${shown} ET`);
  }
  const file = writePdf("prose.pdf", contents);
  const characters = truth.reduce((sum, text) => sum + text.length, 0);
  console.log(
    `\nPercent of ${characters} characters, Times of 10 to 12 points, that tesseract reads wrongly off the fax:\n`,
  );
  console.log("| engine | standard | fine |");
  console.log("| --- | --- | --- |");
  const rates = {};
  for (const engine of ["hybrid", "ghostscript"]) {
    console.error(`legibility of ${engine}`);
    rates[engine] = [];
    for (const [resolution, yDpi] of [
      ["standard", 98],
      ["fine", 196],
    ]) {
      if (engine === "ghostscript") {
        const [command, ...args] = ghostscript(file, yDpi);
        execFileSync(command, args);
        rates[engine].push(await errorRate(readFileSync(output), truth));
      } else {
        const { tiff } = await pdfToTiff(readFileSync(file), { resolution, halftone: engine });
        rates[engine].push(await errorRate(tiff, truth));
      }
    }
    console.log(`| ${engine} | ${rates[engine].map((rate) => rate.toFixed(2)).join(" | ")} |`);
  }
  rates.ghostscript?.forEach((rate, index) => {
    promise(
      `characters read wrongly, ${["standard", "fine"][index]}`,
      rates.hybrid[index] - rate,
      mostPoints,
    );
  });
}

try {
  measureSpeed();
  if (hasProgram("tesseract") && hasProgram("gs")) await measureLegibility();
} finally {
  rmSync(folder, { recursive: true });
}
