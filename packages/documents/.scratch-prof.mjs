import { readFileSync } from "node:fs";
import { PDFiumLibrary } from "@hyzyla/pdfium";
import { binarise } from "./src/binarise.ts";
import { encodeG4, rowsOfBitmap } from "./src/ccitt-encoder.ts";

const lib = await PDFiumLibrary.init();
const doc = await lib.loadDocument(readFileSync(process.argv[2]));
const cpu = () => {
  const u = process.cpuUsage();
  return (u.user + u.system) / 1000;
};
let r = 0,
  b = 0,
  e = 0,
  g = 0;
for (let i = 0; i < doc.getPageCount(); i++) {
  const page = doc.getPage(i);
  const t0 = cpu();
  const x = await page.render({
    width: 1686,
    height: 2292,
    render: "bitmap",
    colorSpace: "Gray",
    renderFormFields: true,
  });
  const t1 = cpu();
  const bm = binarise(
    { width: 1686, height: 2292, data: x.data },
    { halftone: process.argv[3] ?? "hybrid", yDpi: 196, width: 1728, left: 16 },
  );
  const t2 = cpu();
  encodeG4(rowsOfBitmap(bm), 1728);
  const t3 = cpu();
  r += t1 - t0;
  b += t2 - t1;
  e += t3 - t2;
}
const n = doc.getPageCount();
console.log(
  "cpu ms/page render",
  (r / n).toFixed(1),
  "binarise",
  (b / n).toFixed(1),
  "encode",
  (e / n).toFixed(1),
);
