import { readSource } from "./read-source.ts";

/** A kind of text that has no place in the repository. */
interface Blunder {
  what: string;
  pattern: RegExp;
  /** Which files are looked at; default: all. */
  in?: RegExp;
  /** Comments may hold it. */
  onlyCode?: boolean;
}

const librarySource = /^packages\/(?!cli\/|testing\/)[^/]+\/src\//;
const script = /\.(ts|mts|mjs|js)$/;

// Some are written in pieces, so that this file does not contain what it looks for.
const blunders: readonly Blunder[] = [
  { what: "a path of one machine", pattern: new RegExp(`/${"work"}/(main|shared)\\b`) },
  {
    what: "a path of one machine",
    pattern: new RegExp(`/${"Users"}/\\w|/${"home"}/\\w|[A-Z]:\\\\+${"Users"}`),
    in: /^(?!.*\/test\/)/, // tests of file names need such paths
  },
  {
    what: "the host of a package registry",
    pattern: new RegExp(
      `\\b${"registry"}\\.[a-z0-9-]+\\.[a-z]{2,}|^\\s*tarball: |${"verda"}ccio|${"artif"}actory`,
    ),
  },
  { what: "an unfinished thing", pattern: new RegExp(`\\b(${"TO"}DO|${"FIX"}ME|${"XX"}X)\\b`) },
  { what: "a switched-off type check", pattern: new RegExp(`@ts-${"(ignore|nocheck)"}\\b`), in: script },
  {
    what: "a test that is left out, or alone",
    pattern: /\b(it|test|describe|suite)\.(concurrent\.|sequential\.)?(only|skip|todo|fails)\b/,
    in: /^(packages|examples)\/.*\.test\.ts$/,
    onlyCode: true,
  },
  // A library says nothing by itself and reads no environment: the host passes in a logger and settings.
  { what: "output from a library", pattern: /\bconsole\.\w+/, in: librarySource, onlyCode: true },
  {
    what: "the environment, read by a library",
    pattern: /\bprocess\.env\b(?!\.(PATH|SystemRoot)\b)/, // needed to start a process
    in: librarySource,
    onlyCode: true,
  },
];

/**
 * Looks for texts that have no place in the repository.
 *
 * @param programs paths of sources that are programs, not library: they may print
 * @returns one line for each finding, `path:line: what`
 */
export function findBlunders(path: string, text: string, programs: readonly string[] = []): string[] {
  return blunders
    .filter(
      (blunder) =>
        (blunder.in?.test(path) ?? true) && !(blunder.in === librarySource && programs.includes(path)),
    )
    .filter(({ pattern }) => text.split("\n").some((line) => pattern.test(line)))
    .flatMap(({ what, pattern, onlyCode }) =>
      (onlyCode && script.test(path) ? readSource(path, text).code : text)
        .split("\n")
        .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${what}`] : [])),
    );
}
