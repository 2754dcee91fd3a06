import { Command, CommanderError } from "commander";
import type { CommandContext } from "../command-context.ts";
import { withHost } from "../open-host.ts";

/** `faxbot migrate`: brings the database's tables up to date, or says whether they are. */
export function migrateCommand(context: CommandContext): Command {
  const migrate = new Command("migrate").description("bring the tables of DATABASE_URL up to date");

  migrate
    .command("apply", { isDefault: true })
    .description("apply the migrations that are missing; this is what `faxbot migrate` alone does")
    .action(() =>
      withHost(
        context,
        async ({ database }) => {
          const applied = await database.migrate();
          for (const name of applied) context.print(name);
          context.say(applied.length === 0 ? "The tables are up to date." : `${applied.length} applied.`);
        },
        { migrate: false },
      ),
    );

  migrate
    .command("status")
    .description("list all migrations and whether they are applied; ends with 1 when one is missing")
    .action(() =>
      withHost(
        context,
        async ({ database }) => {
          const list = await database.migrations();
          for (const { name, applied } of list) context.print(`${applied ? "applied" : "missing"}\t${name}`);
          if (list.every(({ applied }) => applied)) return;
          throw new CommanderError(
            1,
            "faxbot.missing",
            "The tables are not up to date: run `faxbot migrate`.",
          );
        },
        { migrate: false },
      ),
    );

  return migrate;
}
