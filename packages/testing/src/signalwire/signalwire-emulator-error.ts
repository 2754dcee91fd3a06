import type { EmulatorResponse } from "../emulator-server.ts";

/** Which of the three forms of an error body to send; all were seen. */
export type SignalWireErrorShape = "object" | "list" | "strings";

/** Answers a refusal. */
export type SignalWireRefuse = (status: number, code: number, message: string) => EmulatorResponse;

/** Makes the vendor's answer for a refused request. */
export function signalwireError(
  shape: SignalWireErrorShape,
  status: number,
  code: number,
  message: string,
): EmulatorResponse {
  const more_info = `https://developer.signalwire.com/rest/error-codes/#${code}`;
  if (shape === "strings") return { status, body: { errors: [message] } };
  if (shape === "list") return { status, body: { errors: [{ code: String(code), message, more_info }] } };
  return { status, body: { code, message, more_info, status } };
}

/** The code for a status that a fault names. */
export function signalwireCodeOf(status: number): number {
  const codes: Readonly<Record<number, number>> = { 401: 20003, 404: 20404, 409: 20009, 429: 20429 };
  return codes[status] ?? (status >= 500 ? 20504 : 10000);
}
