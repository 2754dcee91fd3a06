import { FaxError, isFaxError } from "@faxbot/core/transport";
import type { AmiConnection } from "./ami-connection.ts";
import type { AmiFields, AmiMessage } from "./ami-message.ts";
import { attemptOf } from "./asterisk-call.ts";
import { type FaxResult, readNote } from "./asterisk-status.ts";

/** The family of our notes in Asterisk's database, as the dialplan writes them. */
export const noteFamily = "faxbot";
/** Since when notes are kept without a gap, in seconds of our clock, to the millisecond; no attempt's id looks so. */
const sinceKey = "since";

/**
 * What Asterisk knows of a call.
 * - `result`: its session is over
 * - `open`: its channel stands
 * - `gone`: it was answered, and ended without a result: nobody can say what arrived
 * - `absent`: no channel and no note
 */
export type CallTrace =
  | { state: "result"; result: FaxResult }
  | { state: "open"; answered: boolean }
  | { state: "gone" }
  | { state: "absent" };

/** The channels of ours that stand, each with whether it was answered. */
export type OpenChannels = ReadonlyMap<string, { answered: boolean }>;

/**
 * Lists our channels by attempt id.
 *
 * @throws FaxError as {@link AmiConnection.ask}, `transport_unauthorized` when the account may not ask
 */
export async function openChannels(ami: AmiConnection, signal?: AbortSignal): Promise<OpenChannels> {
  const { items, refusal } = await ami.list(
    [["Action", "CoreShowChannels"]],
    { item: "CoreShowChannel", end: "CoreShowChannelsComplete" },
    signal ? { signal } : {},
  );
  if (refusal) throw refused(refusal);
  const channels = new Map<string, { answered: boolean }>();
  for (const item of items) {
    const attemptId = attemptOf(item.get("Uniqueid"));
    // 6 is AST_STATE_UP.
    if (attemptId !== undefined) channels.set(attemptId, { answered: item.get("ChannelState") === "6" });
  }
  return channels;
}

/**
 * Finds out what became of a call. The channels have to be listed before: whatever ended afterwards has left its note.
 *
 * @throws FaxError as {@link AmiConnection.ask}, `transport_unauthorized` when the account may not ask
 */
export async function traceCall(
  ami: AmiConnection,
  attemptId: string,
  channels: OpenChannels,
  signal?: AbortSignal,
): Promise<CallTrace> {
  const value = await readEntry(ami, noteFamily, attemptId, signal);
  const note = value === undefined ? undefined : readNote(value);
  if (note?.result) return { state: "result", result: note.result };
  const channel = channels.get(attemptId);
  if (channel) return { state: "open", answered: channel.answered || note !== undefined };
  return { state: note ? "gone" : "absent" };
}

/**
 * Tells from when on the absence of a note proves that a call was not answered: `undefined` when another dialplan than
 * ours runs, or the account may not use the database. A database that is new (a container that was made anew) has lost its notes, so that the time is kept in it.
 *
 * @param now of the clock by which faxes are stamped
 */
export async function notedSince(
  ami: AmiConnection,
  now: Date,
  signal?: AbortSignal,
): Promise<Date | undefined> {
  if (!(await isOurDialplan(ami, signal))) return undefined;
  let told: string | undefined;
  try {
    told = await readEntry(ami, noteFamily, sinceKey, signal);
  } catch (error) {
    if (isFaxError(error, "transport_unauthorized")) return undefined;
    throw error;
  }
  if (told !== undefined) {
    return /^\d{9,11}(\.\d{3})?$/.test(told) ? new Date(Math.round(Number(told) * 1_000)) : undefined;
  }
  const put: AmiFields = [
    ["Action", "DBPut"],
    ["Family", noteFamily],
    ["Key", sinceKey],
    ["Val", (now.getTime() / 1_000).toFixed(3)],
  ];
  const answer = await ami.ask(put, signal ? { signal } : {});
  return answer.name === "Success" ? now : undefined;
}

/** Whether the dialplan is the one of `config/extensions.conf`, which keeps the notes. */
export async function isOurDialplan(ami: AmiConnection, signal?: AbortSignal): Promise<boolean> {
  const fields: AmiFields = [
    ["Action", "Getvar"],
    ["Variable", "FAXBOT_DIALPLAN"],
  ];
  const answer = await ami.ask(fields, signal ? { signal } : {});
  return answer.name === "Success" && answer.get("Value") === "1";
}

/**
 * Reads one entry of Asterisk's database.
 *
 * @returns `undefined` when there is none
 * @throws FaxError as {@link AmiConnection.ask}, `transport_unauthorized` when the account may not ask
 */
export async function readEntry(
  ami: AmiConnection,
  inFamily: string,
  key: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const { items, refusal } = await ami.list(
    [
      ["Action", "DBGet"],
      ["Family", inFamily],
      ["Key", key],
    ],
    { item: "DBGetResponse", end: "DBGetComplete" },
    signal ? { signal } : {},
  );
  if (!refusal) return items[0]?.get("Val");
  if (/not found/i.test(refusal.get("Message") ?? "")) return undefined;
  throw refused(refusal);
}

/** Removes one entry; one that is gone is fine. */
export async function removeEntry(
  ami: AmiConnection,
  inFamily: string,
  key: string,
  signal?: AbortSignal,
): Promise<void> {
  const fields: AmiFields = [
    ["Action", "DBDel"],
    ["Family", inFamily],
    ["Key", key],
  ];
  await ami.ask(fields, signal ? { signal } : {});
}

/** The names of the files that a running fax session has open, without their folders; `undefined` when it is not told. */
export async function filesInUse(
  ami: AmiConnection,
  signal?: AbortSignal,
): Promise<ReadonlySet<string> | undefined> {
  const { items, refusal } = await ami.list(
    [["Action", "FAXSessions"]],
    { item: "FAXSessionsEntry", end: "FAXSessionsComplete" },
    signal ? { signal } : {},
  );
  if (refusal) return undefined;
  const names = items.flatMap((item) => (item.get("Files") ?? "").split(","));
  return new Set(names.map((path) => path.trim().replace(/^.*\//, "")));
}

/** An answer that is an error although the question was right: rights are missing. Its text is not passed on. */
function refused(answer: AmiMessage): FaxError {
  const denied = answer.get("Message") === "Permission denied";
  return new FaxError(
    denied ? "transport_unauthorized" : "transport_unavailable",
    denied ? "asterisk's account lacks a right" : "asterisk refused a question",
    { transportId: "asterisk" },
  );
}
