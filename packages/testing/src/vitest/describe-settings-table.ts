import { readFile } from "node:fs/promises";
import { describeSettings } from "@faxbot/core/transport";
import { expect, test } from "vitest";
import type { z } from "zod";

/**
 * Registers a test that the README of a package lists exactly the settings that there are, in their order: a Markdown
 * table with a row for each, of name, environment variable, default and description. These are the README's only rows that
 * begin with code.
 *
 * @param readme where the README is
 * @param settings the settings object of the transport
 * @example
 * describeSettingsTable(new URL("../README.md", import.meta.url), acmeSettings);
 */
export function describeSettingsTable(readme: URL, settings: z.ZodObject): void {
  test("the README's table lists the settings that there are", async () => {
    const cells = (row: string) => row.split("|").map((cell) => cell.trim());
    const text = await readFile(readme, "utf8");
    const told = text.split("\n").filter((line) => line.startsWith("| `"));
    const rows = describeSettings(settings).map(
      ({ name, env, secret, required, defaultText, description = "" }) => {
        const fallback = defaultText ? `\`${defaultText}\`` : "";
        return `| \`${name}\` | \`${env}\`${secret ? " (secret)" : ""} | ${required ? "**required**" : fallback} | ${description} |`;
      },
    );
    expect(told.map(cells)).toEqual(rows.map(cells));
  });
}
