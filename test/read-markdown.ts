/** A fenced code block. */
export interface CodeBlock {
  /** The language: the first word after the fence. */
  language: string;
  /** Further words after the fence, e.g. `run`. */
  marks: string[];
  text: string;
  /** The line of the first line of its text, counted from 1. */
  line: number;
  /** The file that the block must be a copy of, from `<!-- file: path -->` on the line before. */
  copyOf?: string;
}

/** A link or an image. */
export interface Link {
  target: string;
  line: number;
}

/** What the documentation test wants to know about one Markdown file. */
export interface Markdown {
  blocks: CodeBlock[];
  links: Link[];
  /** The anchors of its headings, made as GitHub makes them. */
  anchors: string[];
}

/** Reads the code blocks, links and headings of a Markdown text. */
export function readMarkdown(text: string): Markdown {
  const result: Markdown = { blocks: [], links: [], anchors: [] };
  const lines = text.split(/\r?\n/);
  let block: (CodeBlock & { fence: string; indent: string }) | undefined;
  let lastText = "";
  for (const [index, line] of lines.entries()) {
    const fence = /^(\s*)(`{3,})(.*)$/.exec(line);
    if (block) {
      if (fence?.[2] === block.fence && fence[3]?.trim() === "") {
        const { fence: _fence, indent: _indent, ...finished } = block;
        result.blocks.push(finished);
        block = undefined;
        lastText = "";
      } else {
        block.text += `${line.startsWith(block.indent) ? line.slice(block.indent.length) : line}\n`;
      }
    } else if (fence) {
      const [language = "", ...marks] = (fence[3] ?? "").trim().split(/\s+/);
      block = { language, marks, text: "", line: index + 2, fence: fence[2] ?? "", indent: fence[1] ?? "" };
      const source = /^<!-- file: (\S+) -->$/.exec(lastText)?.[1];
      if (source !== undefined) block.copyOf = source;
    } else {
      if (line.trim() !== "") lastText = line.trim();
      const prose = line.replace(/`[^`]*`/g, "");
      for (const match of prose.matchAll(/\]\(([^()\s]+)(?:\s+"[^"]*")?\)/g)) {
        result.links.push({ target: match[1] ?? "", line: index + 1 });
      }
      const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1];
      if (heading !== undefined) result.anchors.push(anchorOf(heading, result.anchors));
    }
  }
  if (block) throw new Error(`the code block in line ${block.line - 1} is never closed`);
  return result;
}

function anchorOf(heading: string, taken: readonly string[]): string {
  const base = heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replace(/\s/g, "-");
  let anchor = base;
  for (let count = 1; taken.includes(anchor); count++) anchor = `${base}-${count}`;
  return anchor;
}
