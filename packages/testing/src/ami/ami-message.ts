/** A header of an action or an event. Names may repeat. */
export type AmiHeader = readonly [name: string, value: string];

/** One action as Asterisk reads it. */
export interface AmiAction {
  readonly name: string;
  readonly actionId: string | undefined;
  readonly headers: readonly AmiHeader[];
  /** The first header of this name, in any case. */
  readonly header: (name: string) => string | undefined;
  /** All headers of this name. */
  readonly all: (name: string) => string[];
  /** What is wrong with it before it is looked at: `line too long`, `too many lines`. */
  readonly defect: string | undefined;
}

/** Limits of manager.c: bytes in a line, lines in an action. */
const maxLineBytes = 1025;
const maxLines = 128;

/** Reads one action, up to and with its empty line. Lines end in CR LF, or in LF alone. */
export function readAmiAction(text: string): AmiAction {
  const lines = text.split(/\r?\n/).filter((line) => line !== "");
  const headers = lines
    .map((line) => /^([^:]*):[ \t]*(.*)$/s.exec(line))
    .filter((match) => match !== null)
    .map((match): AmiHeader => [match[1] ?? "", match[2] ?? ""]);
  const all = (name: string): string[] =>
    headers.filter(([each]) => each.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  const header = (name: string): string | undefined => all(name)[0];
  const tooLong = lines.some((line) => Buffer.byteLength(line) >= maxLineBytes);
  return {
    name: header("Action") ?? "",
    actionId: header("ActionID") || undefined,
    headers,
    header,
    all,
    defect: tooLong ? "line too long" : lines.length > maxLines ? "too many lines" : undefined,
  };
}

/** Writes a message as it goes over the wire. Values are written as they are: a line break in one is one. */
export function writeAmiMessage(headers: readonly AmiHeader[]): string {
  return `${headers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

/**
 * Reads `Variable` headers as Asterisk does: each is cut at commas, except in parentheses, brackets and double quotes and
 * after a backslash; quotes and backslashes are eaten (app.c, `__ast_app_separate_args`).
 */
export function readAmiVariables(headers: readonly string[]): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const header of headers) {
    for (const part of cutAtCommas(header)) {
      const equals = part.indexOf("=");
      if (equals > 0) variables[part.slice(0, equals).trim()] = part.slice(equals + 1);
    }
  }
  return variables;
}

function cutAtCommas(text: string): string[] {
  const parts: string[] = [""];
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    let character = text[at] ?? "";
    if (character === '"') {
      quoted = !quoted;
      continue;
    }
    if (character === "\\") {
      at += 1;
      character = text[at] ?? "";
    } else if (character === "(" || character === "[") depth += 1;
    else if (character === ")" || character === "]") depth = Math.max(0, depth - 1);
    else if (character === "," && depth === 0 && !quoted) {
      parts.push("");
      continue;
    }
    parts.push((parts.pop() ?? "") + character);
  }
  return parts;
}
