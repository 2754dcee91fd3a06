import { type ESTree, parseSync } from "vite";

/** What the architecture test wants to know about one TypeScript or JavaScript file. */
export interface Source {
  /** Every module that is imported, re-exported, required, started by its URL or named in a type. */
  specifiers: string[];
  hasDefaultExport: boolean;
  /** The text with blanks for its comments, so that lines and columns stay. */
  code: string;
}

type Node = Record<string, unknown>;

/**
 * Parses a file.
 *
 * @throws Error when it is not valid TypeScript
 */
export function readSource(path: string, text: string): Source {
  const { program, module, comments, errors } = parseSync(path, text, { sourceType: "module" });
  if (errors.length > 0) throw new Error(`${path} cannot be parsed: ${errors[0]?.message}`);
  const specifiers = new Set<string>();
  collectSpecifiers(program, specifiers);
  const exported = module.staticExports.flatMap((statement) => statement.entries);
  return {
    specifiers: [...specifiers],
    hasDefaultExport: exported.some(
      ({ exportName }) => exportName.kind === "Default" || exportName.name === "default",
    ),
    code: comments.reduceRight(
      (code, { start, end }) =>
        code.slice(0, start) + code.slice(start, end).replace(/[^\n]/g, " ") + code.slice(end),
      text,
    ),
  };
}

function collectSpecifiers(node: ESTree.Program | Node | unknown[], found: Set<string>): void {
  const specifier = Array.isArray(node) ? undefined : specifierOf(node as Node);
  if (specifier !== undefined) found.add(specifier);
  for (const value of Object.values(node)) {
    if (typeof value === "object" && value !== null) collectSpecifiers(value as Node, found);
  }
}

function specifierOf(node: Node): string | undefined {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportNamedDeclaration":
    case "ExportAllDeclaration":
    case "ImportExpression":
    case "TSImportType":
      return textOf(node.source);
    case "TSExternalModuleReference":
      return textOf(node.expression);
    case "CallExpression":
      return isLoader(node.callee) ? textOf(firstOf(node.arguments)) : undefined;
    case "NewExpression":
      return isUrlOfModule(node) ? moduleIn(textOf(firstOf(node.arguments))) : undefined;
    default:
      return undefined;
  }
}

/** `require(…)`, `require.resolve(…)`, `import.meta.resolve(…)` */
function isLoader(callee: unknown): boolean {
  const { type, name, object, property } = callee as Node;
  if (type === "Identifier") return name === "require";
  if (type !== "MemberExpression" || (property as Node).name !== "resolve") return false;
  return (object as Node).type === "MetaProperty" || (object as Node).name === "require";
}

/** `new URL("./worker.js", import.meta.url)` */
function isUrlOfModule({ callee, arguments: args }: Node): boolean {
  const base = (args as Node[])[1];
  return (callee as Node).name === "URL" && (base?.object as Node | undefined)?.type === "MetaProperty";
}

/** Other files, such as a picture, are no modules. */
function moduleIn(path: string | undefined): string | undefined {
  return path !== undefined && /\.[cm]?[jt]s$/.test(path) ? path : undefined;
}

function firstOf(list: unknown): unknown {
  return (list as unknown[])[0];
}

function textOf(node: unknown): string | undefined {
  const value = (node as Node | null | undefined)?.value;
  return typeof value === "string" ? value : undefined;
}
