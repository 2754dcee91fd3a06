import { createApiKey, FaxError } from "@faxbot/core";
import { apiScopes } from "@faxbot/http";
import { Command, InvalidArgumentError } from "commander";
import type { CommandContext } from "../command-context.ts";
import { withHost } from "../open-host.ts";

interface CreateOptions {
  scope: string[];
  name?: string;
  expiresInDays?: number;
  tenant: string;
}

/** `faxbot keys`: makes, lists and revokes the API keys in the database. */
export function keysCommand(context: CommandContext): Command {
  const keys = new Command("keys").description("make, list and revoke the API keys in the database");

  keys
    .command("create")
    .description("make a key and print it; it is shown this once and never stored")
    .option(
      "-s, --scope <scope>",
      `what it may do, repeatable: ${apiScopes.join(", ")}, inbound:read:<mailbox>`,
      collect,
      [],
    )
    .option("-n, --name <name>", "what it is for")
    .option("--expires-in-days <days>", "when it stops working; default: never", days)
    .option("--tenant <id>", "whose faxes it sees", "default")
    .addHelpText(
      "after",
      "\nExample:\n  $ faxbot keys create --name pharmacy --scope fax:send --scope inbound:read:pharmacy",
    )
    .action((options: CreateOptions) =>
      withHost(context, async ({ stores, pepper }) => {
        if (options.scope.length === 0) {
          throw new FaxError("request_invalid", "give the key at least one --scope, e.g. --scope fax:send");
        }
        const { key, record } = createApiKey({
          tenantId: options.tenant,
          scopes: options.scope,
          pepper,
          ...(options.name === undefined ? {} : { name: options.name }),
          ...(options.expiresInDays === undefined
            ? {}
            : { expiresAt: new Date(Date.now() + options.expiresInDays * 86_400_000) }),
        });
        await stores.apiKeys.insert(record);
        context.print(key);
        context.say(`Key ${record.id} was made. Keep it safe: it cannot be shown again.`);
      }),
    );

  keys
    .command("list")
    .description("list the keys; their secrets are not stored")
    .option("--tenant <id>", "whose keys", "default")
    .option("--json", "print one JSON object per line")
    .action((options: { tenant: string; json?: boolean }) =>
      withHost(context, async ({ stores }) => {
        const list = await stores.apiKeys.list(options.tenant);
        for (const { id, name, scopes, createdAt, expiresAt, revokedAt, lastUsedAt } of list) {
          if (options.json) {
            context.print(JSON.stringify({ id, name, scopes, createdAt, expiresAt, revokedAt, lastUsedAt }));
          } else {
            const state = revokedAt ? "revoked" : expiresAt && expiresAt <= new Date() ? "expired" : "active";
            const used = lastUsedAt ? `last used ${lastUsedAt.toISOString()}` : "never used";
            context.print([id, state, scopes.join(","), used, name ?? ""].join("\t"));
          }
        }
        if (list.length === 0) context.say("There are no keys.");
      }),
    );

  keys
    .command("revoke")
    .description("stop a key from working, at once and for good")
    .argument("<id>", "the 12 hex digits in the middle of the key")
    .option("--tenant <id>", "whose key", "default")
    .action((id: string, options: { tenant: string }) =>
      withHost(context, async ({ stores }) => {
        if (!(await stores.apiKeys.revoke(options.tenant, id, new Date()))) {
          throw new FaxError("not_found", "there is no such key");
        }
        context.say(`Key ${id} was revoked.`);
      }),
    );

  return keys;
}

function collect(value: string, earlier: string[]): string[] {
  return [...earlier, ...value.split(",").map((scope) => scope.trim())];
}

function days(text: string): number {
  const number = Number(text);
  if (!Number.isFinite(number) || number <= 0) throw new InvalidArgumentError("It must be a number above 0.");
  return number;
}
