import { readFile, writeFile } from "node:fs/promises";
import { describeSettings } from "@faxbot/core";
import { expect, test } from "vitest";
import { hostSettings } from "../src/index.ts";

const readme = new URL("../README.md", import.meta.url);
const start = "<!-- variables: made from hostSettings, a test compares them -->";
const end = "<!-- end of variables -->";

/** Run with UPDATE_README=1 to write the table anew, then format. */
test("the README lists every variable with its default", async () => {
  const rows = describeSettings(hostSettings).map(({ env, title, description, defaultText, secret }) => {
    const fallback = defaultText === undefined ? "" : defaultText === "" ? "none" : `\`${defaultText}\``;
    const text = `${title}${secret ? " (secret)" : ""}.${description ? ` ${description}` : ""}`;
    return [`\`${env}\``, fallback, text];
  });
  const text = await readFile(readme, "utf8");
  const [from, to] = [text.indexOf(start) + start.length, text.indexOf(end)];
  if (process.env.UPDATE_README) {
    const table = [["variable", "default", ""], ["---", "---", "---"], ...rows];
    const lines = table.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
    await writeFile(readme, `${text.slice(0, from)}\n\n${lines}\n\n${text.slice(to)}`);
    return;
  }
  // The formatter pads the cells.
  const written = text
    .slice(from, to)
    .trim()
    .split("\n")
    .slice(2)
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  expect(written).toEqual(rows);
});
