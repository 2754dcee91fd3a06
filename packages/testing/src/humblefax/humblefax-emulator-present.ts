import type { EmulatorResponse } from "../emulator-server.ts";
import type { HumbleFaxQuirks } from "./humblefax-emulator-options.ts";

/** Answers a refusal in the vendor's envelope. */
export type HumbleFaxRefuse = (status: number, error: string) => EmulatorResponse;

/** Answers in the vendor's envelope. */
export type HumbleFaxReply = (data: Record<string, unknown>) => EmulatorResponse;

const subscriberKeys = new Set(["toNumber", "fromNumber"]);

/** A fax, or any part of one, as a reply or a webhook shows it. */
export function presentHumbleFax(value: unknown, quirks: HumbleFaxQuirks): Record<string, unknown> {
  return show(value, "", quirks) as Record<string, unknown>;
}

function show(value: unknown, key: string, quirks: HumbleFaxQuirks): unknown {
  if (subscriberKeys.has(key) && typeof value === "string") {
    if (quirks.numbersAsIntegers) return Number(value);
    return quirks.numbersWithPlus ? `+${value}` : value;
  }
  if (typeof value === "number") return quirks.countsAsStrings ? String(value) : value;
  if (Array.isArray(value)) return value.map((each) => show(each, key, quirks));
  if (typeof value !== "object" || value === null) return value;
  const hidesReason = quirks.failureReasonAt === "call" && ("calls" in value || "attempts" in value);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !(hidesReason && name === "failureReason"))
      .map(([name, each]) => [name, show(each, name, quirks)]),
  );
}
