import type { Environment } from "./host-settings.ts";

/** What a command may touch of the outside; injected so that tests can look. */
export interface CommandContext {
  env: Environment;
  /** Results: what another program may read. One line each, without the line break. */
  print(line: string): void;
  /** Everything else that a person should read. */
  say(line: string): void;
  /** Aborts when the command is asked to stop (Ctrl-C, SIGTERM). */
  signal: AbortSignal;
}
