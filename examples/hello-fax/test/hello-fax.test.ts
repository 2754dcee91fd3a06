import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

// The built example, with nothing configured.
const program = fileURLToPath(new URL("../dist/hello-fax.js", import.meta.url));

test("hello-fax sends its document and ends by itself", async () => {
  const cwd = await mkdtemp(join(tmpdir(), "faxbot-hello-"));
  const env = { PATH: process.env.PATH ?? "" };
  const { stdout } = await promisify(execFile)(process.execPath, [program], { cwd, env });
  expect(stdout.trim()).toBe("delivered, 3 pages arrived");
  await rm(cwd, { recursive: true, force: true });
});
