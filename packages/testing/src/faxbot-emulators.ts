#!/usr/bin/env node
import { parseArgs } from "node:util";
import { emulators } from "./emulator-registry.ts";

const usage = `Usage: faxbot-emulators <name> [--port <port>]

Starts an imitation of a fax provider or a telephone exchange on 127.0.0.1 and serves until it is interrupted.
Prints one line of JSON with its URL and credentials, then one line per request or command (no contents).

Names:
${Object.entries(emulators)
  .map(([name, { title }]) => `  ${name.padEnd(10)} ${title}`)
  .join("\n")}
`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { port: { type: "string" }, help: { type: "boolean", short: "h" } },
  });
  const [name = ""] = positionals;
  const entry = Object.hasOwn(emulators, name) ? emulators[name] : undefined;
  const port = values.port === undefined ? 0 : Number(values.port);
  if (values.help) {
    process.stdout.write(usage);
    return;
  }
  if (!entry || positionals.length > 1 || !Number.isInteger(port) || port < 0 || port > 65_535) {
    process.stderr.write(usage);
    process.exitCode = 2;
    return;
  }

  const { emulator, details } = await entry.start({ port });
  process.stdout.write(`${JSON.stringify({ name, url: emulator.url, ...details })}\n`);

  let printed = 0;
  const printer = setInterval(() => {
    for (const request of emulator.requests.slice(printed)) {
      const { operation = "unknown", method, status } = request;
      process.stdout.write(`${JSON.stringify({ at: request.at, method, operation, status })}\n`);
    }
    printed = emulator.requests.length;
  }, 100);
  const stop = (): void => {
    clearInterval(printer);
    void emulator.stop();
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
