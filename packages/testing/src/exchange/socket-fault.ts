/**
 * Something that goes wrong with a command to an emulated exchange.
 *
 * - `reset_before`: the connection is reset before the command is carried out.
 * - `reset_after`: carried out, then the connection is reset without an answer.
 * - `hang`: carried out (unless `taken` is false) and never answered; the connection stays open.
 * - `delay`: waits before it is carried out; what comes after it on the connection waits too.
 * - `refuse`: not carried out; answered with an error of this text.
 * - `garbage`: carried out; bytes without meaning come in the answer's place.
 * - `malformed_escape`: carried out; a header of the answer has a percent sign that is no escape.
 * - `huge`: carried out; the answer has a header of so many bytes.
 * - `half_answer`: carried out; the connection is reset in the middle of the answer.
 */
export type SocketFault<Operation extends string> = {
  /** Only this operation; default: every one. */
  operation?: Operation;
  /** How many commands it hits; default 1, `Infinity` for all. */
  times?: number;
} & (
  | { kind: "reset_before" | "reset_after" | "garbage" | "malformed_escape" | "half_answer" }
  | { kind: "hang"; taken?: boolean }
  | { kind: "delay"; ms: number }
  | { kind: "refuse"; message: string }
  | { kind: "huge"; bytes: number }
);

/**
 * Something that goes wrong with the events of an emulated exchange.
 *
 * - `drop`: it is never sent. - `duplicate`: it is sent twice. - `delay`: it is sent later, so that others overtake it.
 * - `reorder`: it is sent after the event that follows it.
 */
export type SocketEventFault = {
  /** Only events of this name (ESL: or of this subclass); default: every one. */
  event?: string;
  /** How many events it hits; default 1, `Infinity` for all. */
  times?: number;
} & ({ kind: "drop" | "duplicate" | "reorder" } | { kind: "delay"; ms: number });
