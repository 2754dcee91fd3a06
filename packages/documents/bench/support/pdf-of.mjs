/**
 * A PDF of objects, numbered from 1, of which the first is the catalog.
 *
 * @param objects `{ dictionary, stream }`, the stream left out where there is none
 */
export function pdfOf(objects) {
  const parts = [];
  const offsets = [];
  let length = 0;
  const append = (part) => {
    parts.push(Buffer.from(part, "latin1"));
    length += part.length;
  };
  append("%PDF-1.7\n");
  for (const { dictionary, stream } of objects) {
    offsets.push(length);
    append(`${offsets.length} 0 obj\n`);
    if (stream === undefined) append(`<<${dictionary}>>\n`);
    else {
      append(`<<${dictionary}/Length ${stream.length}>>\nstream\n`);
      append(stream);
      append("\nendstream\n");
    }
    append("endobj\n");
  }
  const start = length;
  const rows = offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("");
  append(`xref\n0 ${offsets.length + 1}\n0000000000 65535 f \n${rows}`);
  append(`trailer\n<</Size ${offsets.length + 1}/Root 1 0 R>>\nstartxref\n${start}\n%%EOF\n`);
  return Buffer.concat(parts);
}
