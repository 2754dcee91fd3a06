/** What the commands of the documentation are held against. */
export interface KnownCommands {
  /** Scripts of the root's package.json. */
  scripts: readonly string[];
  /** Names of the published packages. */
  packages: readonly string[];
  /** Sub-commands of each program that the packages bring, by the program's name. */
  programs: Readonly<Record<string, readonly string[]>>;
  /** Tells whether a file of the repository exists. */
  fileExists: (path: string) => boolean;
}

/** Programs of the system that an example may use; their arguments are not checked. */
const system = [
  "cd",
  "cp",
  "curl",
  "docker",
  "export",
  "git",
  "mkdir",
  "openssl",
  "psql",
  "tail",
  "cat",
  "echo",
  "kubectl",
];
const ownByNpm = ["install", "i", "ci", "test", "start", "pack"];

/**
 * Checks the lines of a shell block.
 *
 * @returns the commands that do not exist here, with the reason; empty when all do
 */
export function findUnknownCommands(shell: string, known: KnownCommands): string[] {
  return shell
    .replace(/\\\n\s*/g, " ")
    .split("\n")
    .map((line) =>
      line
        .replace(/^\s*\$\s+/, "")
        .replace(/(^|\s)#.*$/, "")
        .trim(),
    )
    .filter((line) => line !== "")
    .flatMap((line) => line.split(/\s*(?:&&|\|\||;|\|)\s*/))
    .flatMap((command) => {
      const problem = problemOf(command, known);
      return problem === undefined ? [] : [`${command}: ${problem}`];
    });
}

function problemOf(command: string, known: KnownCommands): string | undefined {
  const words = command.split(/\s+/);
  while (/^[A-Z_][A-Z0-9_]*=/.test(words[0] ?? "")) words.shift();
  if (words[0] === "npx") {
    words.shift();
    while (words[0]?.startsWith("-")) words.shift();
  }
  const [program = "", ...rest] = words;
  if (program === "" || system.includes(program)) return undefined;
  if (program === "npm" || program === "pnpm") return problemOfNpm(rest, known);
  if (program === "node") {
    const script = rest.find((word) => !word.startsWith("-"));
    return script === undefined || known.fileExists(script) ? undefined : `there is no ${script}`;
  }
  const subCommands = known.programs[program];
  if (!subCommands) return /^pnpm@/.test(program) ? problemOfNpm(rest, known) : "unknown program";
  const [subCommand] = rest;
  if (subCommand === undefined || subCommand.startsWith("-") || subCommands.length === 0) return undefined;
  return subCommands.includes(subCommand) ? undefined : `${program} has no command ${subCommand}`;
}

function problemOfNpm([command = "", ...rest]: string[], known: KnownCommands): string | undefined {
  if (command === "run") {
    const script = rest.find((word) => !word.startsWith("-")) ?? "";
    return known.scripts.includes(script) ? undefined : `there is no script "${script}"`;
  }
  if (!ownByNpm.includes(command) && command !== "add") return `there is no command "${command}"`;
  if ((command === "test" || command === "start") && !known.scripts.includes(command))
    return "there is no such script";
  const ours = rest.filter((word) => word.startsWith("@faxbot/"));
  const missing = ours.find((name) => !known.packages.includes(name));
  return missing === undefined ? undefined : `there is no package ${missing}`;
}
