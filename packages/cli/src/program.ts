import { isFaxError } from "@faxbot/core";
import { Command, CommanderError } from "commander";
import type { CommandContext } from "./command-context.ts";
import { keysCommand } from "./commands/keys-command.ts";
import { migrateCommand } from "./commands/migrate-command.ts";
import { serveCommand } from "./commands/serve-command.ts";
import { transportNames } from "./transport-table.ts";

/** A new command is one file in `commands/` and one line here. */
const commands: readonly ((context: CommandContext) => Command)[] = [
  serveCommand,
  migrateCommand,
  keysCommand,
];

/**
 * Runs the `faxbot` command.
 *
 * @param args what was typed after `faxbot`
 * @param version what `--version` prints
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage or wrong settings
 */
export async function runProgram(
  args: readonly string[],
  version: string,
  context: CommandContext,
): Promise<number> {
  const program = new Command("faxbot")
    .description("Faxbot: send and receive faxes. All settings come from environment variables.")
    .version(version, "-V, --version", "print the version")
    .addHelpText(
      "after",
      `\nTransports for FAX_BACKEND: ${transportNames().join(", ")}\nExit codes: 0 done, 1 failed, 2 wrong usage or wrong settings`,
    );
  for (const command of commands) program.addCommand(command(context));
  prepare(program, context);
  try {
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.code.startsWith("commander.")) {
      // Commander has said what is wrong; help and version are "errors" with exit code 0.
      return error.exitCode === 0 ? 0 : 2;
    }
    context.say(explain(error));
    return isFaxError(error, "config_invalid") || isFaxError(error, "request_invalid") ? 2 : 1;
  }
}

/** Settings that commander does not hand down to commands that were made apart. */
function prepare(command: Command, context: CommandContext): void {
  command
    .exitOverride()
    .showHelpAfterError("(add --help for what there is)")
    .configureOutput({
      writeOut: (text) => context.print(text.trimEnd()),
      writeErr: (text) => context.say(text.trimEnd()),
    });
  for (const child of command.commands) prepare(child, context);
}

/** What a person can act on: messages of FaxError are safe to show, others may hold anything and are not. */
function explain(error: unknown): string {
  if (error instanceof CommanderError) return error.message;
  if (isFaxError(error)) return `faxbot: ${error.message} (${error.code})`;
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (code === "EADDRINUSE") return "faxbot: the port is taken; choose another with --port";
  if (code === "EACCES") return "faxbot: this user may not listen on that port";
  return `faxbot: failed unexpectedly (${code ?? (error instanceof Error ? error.name : typeof error)})`;
}
