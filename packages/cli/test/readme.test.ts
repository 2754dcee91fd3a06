import { readFile, writeFile } from "node:fs/promises";
import { describeSettings } from "@faxbot/core";
import { expect, test } from "vitest";
import { hostSettings } from "../src/index.ts";

const readme = new URL("../README.md", import.meta.url);
const [start, end] = [
  "<!-- variables: made from hostSettings, a test compares them -->\n",
  "<!-- end of variables -->",
];

/** Run with UPDATE_README=1 to write the table anew. */
test("the README lists every variable with its default", async () => {
  const rows = describeSettings(hostSettings).map(({ env, title, description, defaultText, secret }) => {
    const fallback = defaultText === undefined ? "" : defaultText === "" ? "none" : `\`${defaultText}\``;
    return `| \`${env}\` | ${fallback} | ${title}${secret ? " (secret)" : ""}.${description ? ` ${description}` : ""} |`;
  });
  const table = ["", "| variable | default | |", "|---|---|---|", ...rows, "", ""].join("\n");
  const text = await readFile(readme, "utf8");
  const before = text.slice(0, text.indexOf(start) + start.length);
  const wanted = before + table + text.slice(text.indexOf(end));
  if (process.env.UPDATE_README) await writeFile(readme, wanted);
  else expect(text).toBe(wanted);
});
