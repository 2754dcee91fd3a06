// How fast received faxes become PDF, compared with reading and writing the same bytes, and with tiff2pdf (libtiff) and
// img2pdf where they are installed. The pages are those of the fixtures, a hundred times.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tiffToPdf } from "../dist/index.js";
import { hasProgram, inTurns, median, peakMemory, promise } from "./support/processes.mjs";

const pageCount = 100;
const rounds = 61;
const wholeRounds = 7;

const folder = mkdtempSync(join(tmpdir(), "faxbot-bench-"));
const fixtures = fileURLToPath(new URL("../test/fixtures/", import.meta.url));

/** The first page of a little-endian fixture, so many times: the data and the directory are copied. */
function repeat(name, pageCount) {
  const bytes = readFileSync(join(fixtures, name));
  const directory = bytes.readUInt32LE(4);
  const count = bytes.readUInt16LE(directory);
  const entries = Array.from({ length: count }, (_, index) => {
    const at = directory + 2 + index * 12;
    return {
      tag: bytes.readUInt16LE(at),
      type: bytes.readUInt16LE(at + 2),
      count: bytes.readUInt32LE(at + 4),
      at,
    };
  });
  const sizes = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8 };
  const numbers = ({ type, count, at }) => {
    const start = count * sizes[type] > 4 ? bytes.readUInt32LE(at + 8) : at + 8;
    return Array.from({ length: count }, (_, i) =>
      type === 3 ? bytes.readUInt16LE(start + i * 2) : bytes.readUInt32LE(start + i * 4),
    );
  };
  const of = (tag) => entries.find((entry) => entry.tag === tag);
  const offsets = numbers(of(273));
  const lengths = numbers(of(279));
  const parts = [Buffer.from("II*\0\0\0\0\0", "latin1")];
  let length = 8;
  let pointer = { buffer: parts[0], at: 4 };
  const append = (part) => {
    const at = length;
    parts.push(part, Buffer.alloc(part.length % 2));
    length += part.length + (part.length % 2);
    return at;
  };
  for (let page = 0; page < pageCount; page += 1) {
    const starts = offsets.map((offset, index) => append(bytes.subarray(offset, offset + lengths[index])));
    const copy = Buffer.from(bytes.subarray(directory, directory + 2 + count * 12 + 4));
    entries.forEach((entry, index) => {
      const field = 2 + index * 12 + 8;
      const size = entry.count * sizes[entry.type];
      let value = bytes.subarray(entry.at + 8, entry.at + 8 + size);
      if (size > 4) value = bytes.subarray(bytes.readUInt32LE(entry.at + 8)).subarray(0, size);
      if (entry.tag === 273) {
        value = Buffer.alloc(starts.length * 4);
        starts.forEach((start, i) => {
          value.writeUInt32LE(start, i * 4);
        });
        copy.writeUInt16LE(4, field - 6);
      }
      if (value.length > 4) copy.writeUInt32LE(append(Buffer.from(value)), field);
      else value.copy(copy, field);
    });
    const at = append(copy);
    pointer.buffer.writeUInt32LE(at, pointer.at);
    pointer = { buffer: copy, at: copy.length - 4 };
  }
  pointer.buffer.writeUInt32LE(0, pointer.at);
  const file = join(folder, `${pageCount}-${name}`);
  writeFileSync(file, Buffer.concat(parts));
  return { file };
}

async function time(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

const cases = [
  { name: "G4, one strip", fixture: "g4-fine-3p.tif", most: 1.6 },
  { name: "G4, one strip, bits in the other order", fixture: "g4-lsb-std.tif", most: 3 },
  { name: "G3 1-D, bits in the other order", fixture: "g31d-lsb.tif", most: 3, mostOfTiff2pdf: 0.7 },
  { name: "G3 2-D", fixture: "g32d.tif", most: 1.6, mostOfTiff2pdf: 0.7 },
  { name: "G4 in strips of 128 rows", fixture: "g4-strips128.tif", mostOfTiff2pdf: 1 },
].map((each) => ({ ...each, ...repeat(each.fixture, pageCount) }));
const out = join(folder, "out.pdf");
const others = ["tiff2pdf", "img2pdf"].filter(hasProgram);

console.log(
  `${pageCount} pages in one process, from file to file, against reading and writing the file's bytes: medians of` +
    ` ${rounds} turns, of the ratio too. And the same conversion with every row verified, beside the processor time of` +
    " libtiff (`tiffcp -c none`) for decoding the same pages; promised are 1.6 ms a page, 2.5 ms where strips are stitched.\n",
);
console.log(
  "| file | MB | read + write, ms | unverified, ms | ratio | verified, ms per page | libtiff, ms per page |",
);
console.log("| --- | --- | --- | --- | --- | --- | --- |");
for (const { name, file, most } of cases) {
  console.error(name);
  const bytes = await readFile(file);
  const copied = [];
  const unverified = [];
  const verified = [];
  for (let round = 0; round < rounds; round += 1) {
    copied.push(await time(async () => writeFile(out, await readFile(file))));
    unverified.push(
      await time(async () => (await tiffToPdf(await readFile(file), { verify: false })).pdf.writeFile(out)),
    );
  }
  // On their own: what they do to the processor's caches is not a matter of files.
  for (let round = 0; round < rounds; round += 1) verified.push(await time(() => tiffToPdf(bytes)));
  const ratio = median(unverified.map((each, round) => each / copied[round]));
  const perPage = median(verified) / pageCount;
  const decode = { libtiff: ["tiffcp", "-c", "none", file, join(folder, "decoded.tif")] };
  const seconds = hasProgram("tiffcp") ? inTurns(decode, wholeRounds).libtiff.processor : Number.NaN;
  const libtiff = (seconds * 1000) / pageCount;
  console.log(
    `| ${name} | ${(bytes.length / 1e6).toFixed(1)} | ${median(copied).toFixed(1)} | ${median(unverified).toFixed(1)} |` +
      ` ${most === undefined ? "strips are stitched" : ratio.toFixed(2)} | ${perPage.toFixed(2)} | ${libtiff.toFixed(2)} |`,
  );
  if (most !== undefined) promise(`${name}, against read + write`, ratio, most);
  promise(`${name}, ms per page verified`, perPage, most === undefined ? 2.5 : 1.6);
}

const program = fileURLToPath(new URL("../dist/faxbot-documents.js", import.meta.url));
console.log(
  `\nThe same files in whole processes, \`faxbot-documents to-pdf\` with every row verified and the start of Node:` +
    ` medians of ${wholeRounds} turns in seconds, and how much of the other's time ours is, by the wall clock and by` +
    " the processor's. tiff2pdf takes a G4 strip unseen and codes everything else anew; img2pdf codes anew what is not" +
    " G4 in one strip.\n",
);
console.log(`| file | ours | ${others.map((name) => `${name} | ours of it`).join(" | ")} | peak MiB |`);
console.log(`| --- | --- | ${others.map(() => "--- | ---").join(" | ")} | --- |`);
const floor = peakMemory(["-e", "0"]);
for (const { name, file, mostOfTiff2pdf } of cases) {
  console.error(name);
  const args = { tiff2pdf: ["-o", out, file], img2pdf: ["-o", out, file] };
  const { ours, ...theirs } = inTurns(
    {
      ours: [process.execPath, program, "to-pdf", file, "-o", out],
      ...Object.fromEntries(others.map((other) => [other, [other, ...args[other]]])),
    },
    wholeRounds,
  );
  const memory = peakMemory([program, "to-pdf", file, "-o", out]);
  const columns = others.map((other) => {
    const { wall, wallRatio, processorRatio } = theirs[other];
    return `${wall.toFixed(2)} | ${wallRatio.toFixed(2)}, ${processorRatio.toFixed(2)}`;
  });
  console.log(`| ${name} | ${ours.wall.toFixed(2)} | ${columns.join(" | ")} | ${memory.toFixed(0)} |`);
  if (mostOfTiff2pdf !== undefined && theirs.tiff2pdf !== undefined) {
    promise(`${name}, against tiff2pdf`, theirs.tiff2pdf.wallRatio, mostOfTiff2pdf);
  }
  promise(`${name}, peak memory`, memory, floor + (4 * readFileSync(file).length) / 2 ** 20 + 20);
}
console.log(`\nNode alone takes ${floor.toFixed(0)} MiB of memory.`);
rmSync(folder, { recursive: true });
