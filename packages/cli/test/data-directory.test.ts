import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isFaxError } from "@faxbot/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openDataDirectory } from "../src/data-directory.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "faxbot-data-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const configInvalid = expect.toSatisfy((error: unknown) => isFaxError(error, "config_invalid"));

test("a secret is made once, of 256 random bits, and only this user can read it", async () => {
  const path = join(folder, "new", "data");
  const directory = await openDataDirectory(path);
  const { value, file } = await directory.secret("session-pepper");
  expect(value).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(file).toBe(join(path, "session-pepper"));
  expect((await readFile(file, "utf8")).trim()).toBe(value);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  expect(await (await openDataDirectory(path)).secret("session-pepper")).toEqual({ value, file });
  expect((await directory.secret("api-key")).value).not.toBe(value);
});

test("processes that start at once agree on one secret and leave no drafts", async () => {
  const directories = await Promise.all(Array.from({ length: 8 }, () => openDataDirectory(folder)));
  const secrets = await Promise.all(directories.map((directory) => directory.secret("session-pepper")));
  expect(new Set(secrets.map(({ value }) => value)).size).toBe(1);
  expect(await readdir(folder)).toEqual(["session-pepper"]);
});

test("an empty secret and a folder that is none are refused", async () => {
  await writeFile(join(folder, "session-pepper"), "\n");
  await expect((await openDataDirectory(folder)).secret("session-pepper")).rejects.toThrow(configInvalid);
  await expect(openDataDirectory(join(folder, "session-pepper"))).rejects.toThrow(configInvalid);
});
