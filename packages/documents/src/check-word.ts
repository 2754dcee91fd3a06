import { FaxError } from "@faxbot/core/transport";

/**
 * Refuses a setting that is none of the words it may be: callers without types, and settings from files, have any.
 *
 * @throws FaxError `config_invalid`
 */
export function checkWord(setting: string, given: string | undefined, allowed: readonly string[]): void {
  if (given === undefined || allowed.includes(given)) return;
  throw new FaxError("config_invalid", `${setting} is one of ${allowed.join(", ")}`);
}
