/** Everything that could end a line, and with it begin another command. */
const control = /\p{Cc}|\u2028|\u2029/u;

/**
 * Writes one command of the event socket. The only place that makes bytes for the server: what holds a control character
 * is refused, because a line feed would begin a second command.
 *
 * @param line the command and its arguments
 * @param headers more lines, e.g. the id of a background job
 * @throws RangeError when a text holds a control character
 * @example
 * eslCommand("api status"); // "api status\n\n"
 */
export function eslCommand(line: string, headers: Readonly<Record<string, string>> = {}): string {
  const lines = [line, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)];
  if (lines.some((each) => each === "" || control.test(each))) {
    throw new RangeError("a command holds a control character");
  }
  return `${lines.join("\n")}\n\n`;
}
