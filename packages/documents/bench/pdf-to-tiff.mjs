// How fast PDF becomes fax, in whole processes as a user starts them, compared with Ghostscript where it is installed,
// and how many bytes the line has to carry for text and for a photograph.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const rounds = 3;
/** How many times Ghostscript's time 100 pages of text may take. */
const mostTimes = 4;

const folder = mkdtempSync(join(tmpdir(), "faxbot-bench-"));
const output = join(folder, "out.tif");

/** Writes a PDF of pages of 595 x 842 points with one font, F1, and one image, Im, of 400 x 300 grey pixels. */
function writePdf(name, contents, pixels = Buffer.alloc(1)) {
  const parts = [];
  const offsets = [];
  let length = 0;
  const append = (part) => {
    parts.push(Buffer.from(part, "latin1"));
    length += part.length;
  };
  const object = (dictionary, stream) => {
    offsets.push(length);
    append(`${offsets.length} 0 obj\n${dictionary}\n`);
    if (stream !== undefined) {
      append("stream\n");
      append(stream);
      append("\nendstream\n");
    }
    append("endobj\n");
  };
  append("%PDF-1.7\n");
  object("<</Type/Catalog/Pages 2 0 R>>");
  const kids = contents.map((_, index) => `${5 + index * 2} 0 R`).join(" ");
  object(`<</Type/Pages/Count ${contents.length}/Kids[${kids}]>>`);
  object("<</Type/Font/Subtype/Type1/BaseFont/Times-Roman>>");
  const [width, height] = pixels.length === 1 ? [1, 1] : [400, 300];
  object(
    `<</Type/XObject/Subtype/Image/Width ${width}/Height ${height}/ColorSpace/DeviceGray/BitsPerComponent 8/Length ${pixels.length}>>`,
    pixels,
  );
  for (const [index, content] of contents.entries()) {
    object(
      `<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents ${6 + index * 2} 0 R` +
        "/Resources<</Font<</F1 3 0 R>>/XObject<</Im 4 0 R>>>>>>",
    );
    object(`<</Length ${content.length}>>`, content);
  }
  const start = length;
  const rows = offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("");
  append(`xref\n0 ${offsets.length + 1}\n0000000000 65535 f \n${rows}`);
  append(`trailer\n<</Size ${offsets.length + 1}/Root 1 0 R>>\nstartxref\n${start}\n%%EOF\n`);
  const file = join(folder, name);
  writeFileSync(file, Buffer.concat(parts));
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

const script = join(folder, "convert.mjs");
writeFileSync(
  script,
  `import { readFile, writeFile } from "node:fs/promises";
import { pdfToTiff } from ${JSON.stringify(new URL("../dist/index.js", import.meta.url).href)};
const { tiff } = await pdfToTiff(await readFile(process.argv[2]), { halftone: process.argv[4] });
await writeFile(process.argv[3], tiff);
console.log(process.resourceUsage().maxRSS);`,
);

const engines = {
  threshold: (file) => [process.execPath, [script, file, output, "threshold"]],
  hybrid: (file) => [process.execPath, [script, file, output, "hybrid"]],
  diffusion: (file) => [process.execPath, [script, file, output, "diffusion"]],
  ghostscript: (file) => [
    "gs",
    ["-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-sDEVICE=tiffg4", "-r204x196", "-o", output, file],
  ],
};

/** Median seconds of whole processes, the bytes of the fax and, where the process tells, its peak memory in MiB. */
function measure(engine, file) {
  const [program, args] = engines[engine](file);
  const seconds = [];
  let memory = 0;
  for (let round = 0; round < rounds; round += 1) {
    const start = performance.now();
    const { status, stdout, error } = spawnSync(program, args, { encoding: "utf8", timeout: 60_000 });
    if (error?.code === "ENOENT") return undefined;
    if (status !== 0) throw new Error(`${engine} failed`);
    seconds.push((performance.now() - start) / 1000);
    memory = Math.max(memory, Number(stdout) / 1024);
  }
  return { seconds: seconds.toSorted((a, b) => a - b)[rounds >> 1], bytes: statSync(output).size, memory };
}

try {
  const pages = Array.from({ length: 100 }, (_, page) => textPage(page));
  const files = [1, 10, 100].map((count) => ({
    count,
    file: writePdf(`text-${count}.pdf`, pages.slice(0, count)),
  }));
  const photo = writePdf("photo.pdf", ["q 515 0 0 386 40 400 cm /Im Do Q"], photograph());
  console.log(
    "Whole processes, from file to file, in fine mode as Group 4, with the start of Node and of the renderer; pages of 60" +
      " lines of text, and one page with half a page of photograph.\n",
  );
  console.log(
    "| engine | 1 page, s | 10 pages, s | 100 pages, s | peak MiB | KB per text page | KB of photograph |",
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
  const results = {};
  for (const engine of Object.keys(engines)) {
    console.error(engine);
    // Diffusion is there for the picture; its time says nothing new.
    const counted = files.filter(({ count }) => engine !== "diffusion" || count < 100);
    const texts = counted.map(({ file }) => measure(engine, file));
    const picture = measure(engine, photo);
    if (texts.some((text) => text === undefined) || picture === undefined) {
      console.log(`| ${engine} | not installed | | | | | |`);
      continue;
    }
    results[engine] = { text: texts.at(-1), picture };
    const [one, ten, hundred] = texts.map(({ seconds }) => seconds.toFixed(2));
    const { bytes, memory } = texts.at(-1);
    const perPage = bytes / 1000 / counted.at(-1).count;
    console.log(
      `| ${engine} | ${one} | ${ten} | ${hundred ?? ""} | ${memory > 0 ? memory.toFixed(0) : ""} |` +
        ` ${perPage.toFixed(1)} | ${(picture.bytes / 1000).toFixed(0)} |`,
    );
  }
  const { hybrid, ghostscript } = results;
  if (ghostscript !== undefined) {
    const ratio = hybrid.text.seconds / ghostscript.text.seconds;
    console.log(`\nHybrid takes ${ratio.toFixed(1)} times as long as Ghostscript for 100 pages.`);
    if (ratio > mostTimes) {
      console.error(`${ratio.toFixed(2)} times Ghostscript's time, promised are ${mostTimes}`);
      process.exitCode = 1;
    }
    if (hybrid.picture.bytes > ghostscript.picture.bytes) {
      console.error("the photograph takes more bytes than Ghostscript's");
      process.exitCode = 1;
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}
