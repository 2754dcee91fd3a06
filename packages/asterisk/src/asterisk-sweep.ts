import type { FaxSpool } from "@faxbot/core/transport";
import type { AmiConnection } from "./ami-connection.ts";
import { receivedFamily } from "./asterisk-inbound.ts";
import { noteFamily, removeEntry } from "./asterisk-lookup.ts";

const day = 24 * 3_600_000;

/**
 * How far back the absence of a note proves anything. Notes are kept longer, so that none is swept that is still asked for.
 */
export const notesProveMs: number = 20 * day;
const notesKeptMs = 30 * day;
/** No call takes so long: a document that lies in the folder is one that nobody could remove. */
const documentsKeptMs = 2 * 3_600_000;
/** Notes removed in one go; the rest waits for the next. */
const mostNotes = 5_000;

/**
 * Removes what is left over: notes in Asterisk's database that are a month old, and documents of calls that are long over.
 *
 * @param isLive whether an attempt's document is still needed
 * @throws FaxError as `AmiConnection.ask`, `transport_unavailable` when the disk refuses
 */
export async function sweep(
  ami: AmiConnection,
  parts: { spoolOut: FaxSpool; isLive: (attemptId: string) => boolean; now: Date; signal: AbortSignal },
): Promise<void> {
  const { spoolOut, isLive, now, signal } = parts;
  for (const { name } of await spoolOut.settled(documentsKeptMs, now)) {
    if (!isLive(name.replace(/\.tif$/, ""))) await spoolOut.remove(name);
  }
  const before = now.getTime() - notesKeptMs;
  for (const family of [noteFamily, receivedFamily]) {
    const keys: string[] = [];
    // Old releases do not know the action; their notes stay.
    await ami.list(
      [
        ["Action", "DBGetTree"],
        ["Family", family],
      ],
      { item: "DBGetTreeResponse", end: "DBGetTreeComplete" },
      {
        signal,
        onItem: (item) => {
          const key = item.get("Key")?.replace(`/${family}/`, "") ?? "";
          const time = timeOfNote(item.get("Val") ?? "");
          if (time !== undefined && time < before && keys.length < mostNotes) keys.push(key);
        },
      },
    );
    for (const key of keys) {
      if (/^[0-9a-f-]{8,64}$/.test(key)) await removeEntry(ami, family, key, signal);
    }
  }
}

/** When a note was written: its second field after `ANSWERED`, else its fifth. */
function timeOfNote(value: string): number | undefined {
  const fields = value.split("|");
  const seconds = fields[0] === "ANSWERED" ? fields[1] : fields[4];
  return seconds !== undefined && /^\d{9,11}$/.test(seconds) ? Number(seconds) * 1_000 : undefined;
}
