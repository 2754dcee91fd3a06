import type { TransportHost } from "@faxbot/core/transport";
import { z } from "zod";
import type { SignalWireFax } from "./signalwire-api.ts";
import { eventsOf } from "./signalwire-webhook.ts";

/** Lists the faxes to a number that were made after a time, in any order; `complete` is false when there were too many. */
export type ListFaxes = (
  to: string,
  createdAfter: Date,
  host: TransportHost,
) => Promise<{ faxes: SignalWireFax[]; complete: boolean }>;

/** How far before now a first poll looks: clocks differ, and what lay there before is not ours to import. */
const firstLookMs = 15 * 60_000;
/** A fax may come into the list late; those that were seen are known by their id. */
const overlapMs = 15 * 60_000;
/** A call does not last longer; a fax that is said to is stuck and must not hold the cursor. */
const longestCallMs = 24 * 3_600_000;

const cursorSchema = z.object({
  after: z.iso.datetime().transform((text) => new Date(text)),
  /** Faxes after the cursor that were handed over. */
  done: z.array(z.string()),
});

/**
 * Looks once for faxes that a number received, hands each to the host, and moves the durable cursor. A fax that the host
 * could not store is handed over again, since the cursor moves only afterwards.
 */
export async function pollReceived(number: string, list: ListFaxes, host: TransportHost): Promise<void> {
  const key = `received:${number}`;
  const stored = await host.state.get(key);
  const now = host.clock.now().getTime();
  const cursor = readCursor(stored) ?? { after: new Date(now - firstLookMs), done: [] };
  const known = new Set(cursor.done);
  const { faxes, complete } = await list(number, cursor.after, host);
  const inbound = faxes
    .filter(({ direction }) => direction === "inbound")
    .sort((a, b) => createdAt(a, now) - createdAt(b, now));
  for (const fax of inbound) {
    if (known.has(fax.sid)) continue;
    for (const event of eventsOf(fax, true)) {
      await host.emit(event);
      known.add(fax.sid);
    }
  }
  if (!complete) host.logger.warn({ transportId: "signalwire" }, "too many received faxes to list them all");

  // The cursor stays before everything that is still coming in, and before what may still appear.
  const open = inbound.filter(
    (fax) =>
      /^(queued|processing|receiving)$/.test(fax.status ?? "") && now - createdAt(fax, now) < longestCallMs,
  );
  const newest = Math.max(...inbound.map((fax) => createdAt(fax, 0)), 0);
  const reach = Math.min(newest, ...open.map((fax) => createdAt(fax, 0))) - overlapMs;
  const after = complete ? Math.max(cursor.after.getTime(), reach) : cursor.after.getTime();
  const done = inbound
    .filter((fax) => known.has(fax.sid) && createdAt(fax, now) >= after)
    .map(({ sid }) => sid);
  const next = JSON.stringify({ after: new Date(after).toISOString(), done });
  if (next !== stored) await host.state.set(key, next);
}

function createdAt(fax: SignalWireFax, fallback: number): number {
  return fax.date_created?.getTime() ?? fallback;
}

function readCursor(text: string | undefined): z.output<typeof cursorSchema> | undefined {
  if (text === undefined) return undefined;
  try {
    return cursorSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
