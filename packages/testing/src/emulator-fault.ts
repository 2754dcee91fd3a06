/**
 * Something that goes wrong with a request to an emulator.
 *
 * - `reset_before`: the connection is reset before anything is read; nothing is taken.
 * - `reset_after`: carried out, then the connection is reset without an answer.
 * - `respond`: answers this status; nothing is taken unless `taken`.
 * - `delay`: waits before it is carried out.
 * - `hang`: carried out (unless `taken` is false) and never answered; the connection stays open.
 * - `slow_body`: carried out; the body comes in small pieces.
 * - `half_body`: carried out; the connection is cut in the middle of the body.
 * - `malformed_json`: carried out; the last bytes of the body are missing, Content-Length fits.
 * - `redirect`: not carried out; sends the client to another host, same path.
 * - `rewrite`: carried out; the JSON answer is changed.
 */
export type EmulatorFault<Operation extends string> = {
  /** Only this operation; default: every one. */
  operation?: Operation;
  /** How many requests it hits; default 1, `Infinity` for all. */
  times?: number;
} & (
  | { kind: "reset_before" | "reset_after" | "half_body" | "malformed_json" }
  | {
      kind: "respond";
      status: number;
      headers?: Record<string, string>;
      body?: string | Readonly<Record<string, unknown>>;
      taken?: boolean;
    }
  | { kind: "delay"; ms: number }
  | { kind: "hang"; taken?: boolean }
  | { kind: "slow_body"; chunkBytes: number; everyMs: number }
  | { kind: "redirect"; to: string; status?: 301 | 302 | 303 | 307 | 308 }
  | { kind: "rewrite"; change: (body: Record<string, unknown>) => Readonly<Record<string, unknown>> }
);
