/** Splits what came so far into whole messages; `rest` is the beginning of the next one. */
export interface SplitMessages {
  messages: Buffer[];
  rest: Buffer;
}

/**
 * Cuts AMI into messages: lines up to an empty one. The banner is a line without one and stays with what follows.
 * (Asterisk ends lines with CR LF; it takes LF alone from a client too.)
 */
export function splitAmi(bytes: Buffer): SplitMessages {
  return splitAt(bytes, (text, from) => {
    const match = /\r?\n\r?\n/g;
    match.lastIndex = from;
    const found = match.exec(text);
    return found ? found.index + found[0].length : -1;
  });
}

/** Cuts ESL into messages: headers up to an empty line, and as many bytes after it as `Content-Length` says. */
export function splitEsl(bytes: Buffer): SplitMessages {
  return splitAt(bytes, (text, from) => {
    const match = /\r?\n\r?\n/g;
    match.lastIndex = from;
    const found = match.exec(text);
    if (!found) return -1;
    const headers = text.slice(from, found.index);
    const length = Number(/^content-length:\s*(\d+)/im.exec(headers)?.[1] ?? 0);
    const end = found.index + found[0].length + length;
    return end <= text.length ? end : -1;
  });
}

function splitAt(bytes: Buffer, endOf: (text: string, from: number) => number): SplitMessages {
  // One character per byte, so that offsets are those of the bytes.
  const text = bytes.toString("latin1");
  const messages: Buffer[] = [];
  let from = 0;
  for (let end = endOf(text, from); end > 0; end = endOf(text, from)) {
    messages.push(bytes.subarray(from, end));
    from = end;
  }
  return { messages, rest: bytes.subarray(from) };
}
