import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const program = fileURLToPath(new URL("../scripts/demo.mjs", import.meta.url));

test("the demo sends by signed webhook, receives, and ends well", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [program]);
  for (const line of [
    /by the signed webhook \(answered 20[02]\): handed over once, polled never/,
    /SHA-256 is the same everywhere: [0-9a-f]{64}/,
    /The server stopped in order/,
  ]) {
    expect(stdout).toMatch(line);
  }
});
