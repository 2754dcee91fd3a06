import { builtinModules } from "node:module";
import { posix } from "node:path";
import { arrows, emptyNames, namesAnother, namesProviders, providerNames, standsAlone } from "./arrows.ts";
import { readSource } from "./read-source.ts";

interface Manifest {
  name: string;
  private?: boolean;
  exports?: Record<string, unknown>;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

interface Member {
  /** `packages/core` */
  folder: string;
  manifest: Manifest;
}

const ours = "@faxbot/";
const sourceFile = /\.(ts|mts|mjs|js)$/;

/**
 * Holds the repository against the table of arrows.
 *
 * @param files texts by path from the top of the repository, with forward slashes: sources and package.json files
 * @returns one line for each violation, `path: what is wrong`; empty when all is well
 */
export function findViolations(files: ReadonlyMap<string, string>): string[] {
  const members = readMembers(files);
  const violations: string[] = [];
  for (const member of members.values()) violations.push(...checkManifest(member, members));
  for (const [path, text] of files) {
    if (!sourceFile.test(path)) continue;
    violations.push(...checkName(path));
    const folder = path.split("/").slice(0, 2).join("/");
    const member = members.get(folder);
    if (member) violations.push(...checkSource(path, text, member, members));
  }
  return violations.sort();
}

function readMembers(files: ReadonlyMap<string, string>): Map<string, Member> {
  const members = new Map<string, Member>();
  for (const [path, text] of files) {
    const match = /^((?:packages|examples)\/[^/]+)\/package\.json$/.exec(path);
    if (match?.[1]) members.set(match[1], { folder: match[1], manifest: JSON.parse(text) as Manifest });
  }
  return members;
}

/** The folder's name when it is a published package, which an arrow is for. */
function packageOf(member: Member): string | undefined {
  return /^packages\/(.+)$/.exec(member.folder)?.[1];
}

function checkManifest(member: Member, members: ReadonlyMap<string, Member>): string[] {
  const path = `${member.folder}/package.json`;
  const name = packageOf(member);
  if (name === undefined) return [];
  const arrow = arrows[name];
  if (!arrow) return [`${path}: the package has no arrow; add it to test/arrows.ts first`];
  const violations: string[] = [];
  if (member.manifest.name !== ours + name) violations.push(`${path}: must be named ${ours}${name}`);
  for (const [dependency, range] of Object.entries(allDependencies(member.manifest))) {
    if (!dependency.startsWith(ours)) continue;
    if (![...members.values()].some((other) => other.manifest.name === dependency)) {
      violations.push(`${path}: ${dependency} is not a package of this repository`);
    }
    if (range !== "workspace:^")
      violations.push(`${path}: ${dependency} must be "workspace:^", not "${range}"`);
  }
  for (const dependency of Object.keys(runtimeDependencies(member.manifest))) {
    if (!dependency.startsWith(ours)) {
      if (arrow.thirdParty && !arrow.thirdParty.includes(dependency)) {
        violations.push(`${path}: may not depend on ${dependency}`);
      }
    } else if (arrow.imports !== "any" && !arrow.imports.some((allowed) => nameOf(allowed) === dependency)) {
      violations.push(`${path}: may not depend on ${dependency}`);
    }
  }
  return violations;
}

function checkName(path: string): string[] {
  const parts = path.split("/").map((part) => part.replace(/(\.test|\.d)?\.[a-z]+$/, ""));
  return emptyNames
    .filter((name) => parts.includes(name))
    .map((name) => `${path}: a name like "${name}" says nothing`);
}

function checkSource(
  path: string,
  text: string,
  member: Member,
  members: ReadonlyMap<string, Member>,
): string[] {
  const violations: string[] = [];
  const report = (message: string) => violations.push(`${path}: ${message}`);
  const source = readSource(path, text);
  const isPublished = path.startsWith(`${member.folder}/src/`) && packageOf(member) !== undefined;

  for (const specifier of source.specifiers) {
    const problem = specifier.startsWith(".")
      ? checkRelative(path, specifier, member)
      : checkBare(specifier, isPublished, member, members);
    if (problem) report(problem);
    const alone = standsAlone.find((folder) => path.startsWith(`${folder}/`));
    if (alone && !specifier.startsWith("node:") && leaves(path, specifier, alone)) {
      report(`imports ${specifier}, but ${alone} stands alone`);
    }
  }
  if (source.hasDefaultExport && !path.endsWith(".config.ts")) report("has a default export");
  if (isPublished) {
    const name = packageOf(member) ?? "";
    const code = source.code.toLowerCase();
    for (const provider of providerNames) {
      const mayName =
        provider === name ||
        namesProviders.includes(name) ||
        namesAnother.some((exception) => exception.folder === name && exception.provider === provider);
      if (!mayName && code.includes(provider)) report(`names the provider ${provider}`);
    }
  }
  return violations;
}

/** A package of ours, or a file outside the folder. Third-party packages are a matter of package.json. */
function leaves(path: string, specifier: string, folder: string): boolean {
  if (!specifier.startsWith(".")) return specifier.startsWith(ours);
  return !posix.join(posix.dirname(path), specifier).startsWith(`${folder}/`);
}

function checkRelative(path: string, specifier: string, member: Member): string | undefined {
  const target = posix.join(posix.dirname(path), specifier);
  if (target !== member.folder && !target.startsWith(`${member.folder}/`)) {
    return `reaches out of its package by ${specifier}`;
  }
  const fromSources = path.startsWith(`${member.folder}/src/`);
  if (fromSources && /^(test|bench)\//.test(target.slice(member.folder.length + 1))) {
    return `imports ${specifier}, which is not published`;
  }
  return undefined;
}

function checkBare(
  specifier: string,
  isPublished: boolean,
  member: Member,
  members: ReadonlyMap<string, Member>,
): string | undefined {
  if (specifier.startsWith("node:")) return undefined;
  const dependency = nameOf(specifier);
  if (builtinModules.includes(dependency)) return `imports ${specifier} without node:`;
  if (dependency.startsWith(ours)) {
    const target = [...members.values()].find((other) => other.manifest.name === dependency);
    const entry = `.${specifier.slice(dependency.length)}`;
    if (!target?.manifest.exports || !(entry in target.manifest.exports)) {
      return `imports ${specifier}, which is not a public entry`;
    }
    const arrow = arrows[packageOf(member) ?? ""];
    if (isPublished && arrow && arrow.imports !== "any" && dependency !== member.manifest.name) {
      if (!arrow.imports.includes(specifier) && !arrow.imports.includes(dependency)) {
        return `may not import ${specifier}`;
      }
    }
  }
  if (
    isPublished &&
    dependency !== member.manifest.name &&
    !(dependency in runtimeDependencies(member.manifest))
  ) {
    return `imports ${specifier}, which is not among its run-time dependencies`;
  }
  return undefined;
}

function runtimeDependencies({ dependencies, peerDependencies, optionalDependencies }: Manifest) {
  return { ...dependencies, ...peerDependencies, ...optionalDependencies };
}

function allDependencies(manifest: Manifest) {
  return { ...manifest.devDependencies, ...runtimeDependencies(manifest) };
}

/** `@faxbot/core/transport` → `@faxbot/core` */
function nameOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}
