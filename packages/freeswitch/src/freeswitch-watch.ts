import { setTimeout as sleep } from "node:timers/promises";
import { type FaxSpool, isFaxError, type TransportHost } from "@faxbot/core/transport";
import type { EslConnection } from "./esl-connection.ts";
import { EslFailure } from "./esl-connection.ts";
import { type Receptions, receivedId } from "./freeswitch-inbound.ts";
import { attemptOf, channelOf, isChannelId } from "./freeswitch-originate.ts";
import type { FreeSwitchTiming } from "./freeswitch-timing.ts";
import type { LiveCall, LiveCalls } from "./live-calls.ts";

/** What {@link watchCalls} works on. */
export interface WatchParts {
  readonly calls: LiveCalls;
  readonly receptions: Receptions;
  /** The outgoing folder: what lies there tells after a restart which calls may still run. */
  readonly spool: FaxSpool;
  readonly timing: FreeSwitchTiming;
  readonly now: () => number;
}

/**
 * Looks after the calls of one connection until it is gone: finds out first which of them survived the time without
 * one, then sees that none is forgotten, none stays for ever, and no received fax is overlooked.
 */
export async function watchCalls(
  connection: EslConnection,
  host: TransportHost,
  parts: WatchParts,
): Promise<void> {
  const { calls, timing, now } = parts;
  calls.recheck();
  await adoptLeftovers(connection, parts, host);
  let scannedAt = Number.NEGATIVE_INFINITY;
  while (connection.isOpen && !host.signal.aborted) {
    for (const live of calls.all()) {
      if (live.checkAt <= now()) await checkCall(connection, live, parts, host);
    }
    if (now() - scannedAt >= timing.scanMs) {
      await scan(connection, parts, host);
      scannedAt = now();
    }
    const pause = new AbortController();
    await Promise.race([
      connection.closed,
      sleep(timing.tickMs, undefined, { signal: AbortSignal.any([host.signal, pause.signal]) }).catch(
        () => {},
      ),
    ]);
    pause.abort();
  }
}

/** Asks whether a channel is there. @throws EslFailure */
export async function channelExists(connection: EslConnection, uuid: string): Promise<boolean> {
  if (!isChannelId(uuid)) return false;
  const answer = await connection.api(`uuid_exists ${uuid}`);
  if (answer === "true") return true;
  if (answer === "false") return false;
  throw new EslFailure("unreachable", "it does not say whether a channel is there");
}

async function checkCall(
  connection: EslConnection,
  live: LiveCall,
  { calls, timing, now }: WatchParts,
  host: TransportHost,
): Promise<void> {
  const { call } = live;
  const exists = await channelExists(connection, call.uuid);
  // Events may have come while the answer was on its way.
  if (calls.get(call.uuid) !== live) return;
  if (exists) {
    live.missingSince = undefined;
    // Refused, and yet there: it was the second originate of an id that is already on the line.
    if (call.refused) call.dropRefusal();
    if (now() > live.deadline) {
      host.logger.warn({ attemptId: call.attemptId }, "a call took too long and is hung up");
      await connection.runJob(`uuid_kill ${call.uuid} ALLOTTED_TIMEOUT`);
      calls.extend(live);
    }
    live.checkAt = Math.min(now() + timing.verifyMs, Math.max(live.deadline, now()) + timing.tickMs);
    return;
  }
  if (call.refused) {
    calls.settleRefusal(live);
    return;
  }
  if (live.missingSince === undefined) {
    // Its last events may still be on their way.
    live.missingSince = now();
    live.checkAt = now() + timing.lateMs;
    return;
  }
  calls.drop(call.uuid);
  host.logger.warn(
    { attemptId: call.attemptId },
    "a call ended while nobody listened; its outcome is unknown",
  );
}

/** Every call has its file, so the folder says which calls a process before this one may have left behind. */
async function adoptLeftovers(
  connection: EslConnection,
  { calls, spool, timing }: WatchParts,
  host: TransportHost,
): Promise<void> {
  const now = host.clock.now();
  try {
    for (const { name, modifiedAt } of await spool.settled(0, now)) {
      const attemptId = receivedId(name);
      const uuid = channelOf(attemptId);
      if (uuid === undefined || attemptOf(uuid) !== attemptId || calls.get(uuid)) continue;
      if (await channelExists(connection, uuid)) {
        if (!calls.get(uuid)) calls.addRunning(uuid, attemptId);
      } else if (now.getTime() - modifiedAt.getTime() > timing.leftoverMs) {
        await spool.remove(name);
      }
    }
  } catch (error) {
    tellOfFolder(error, host, "the outgoing folder cannot be looked through");
  }
}

async function scan(connection: EslConnection, parts: WatchParts, host: TransportHost): Promise<void> {
  await adoptLeftovers(connection, parts, host);
  try {
    await parts.receptions.scan(parts.timing.quietMs, host.clock.now(), (uuid) =>
      channelExists(connection, uuid),
    );
  } catch (error) {
    tellOfFolder(error, host, "the incoming folder cannot be looked through");
  }
}

function tellOfFolder(error: unknown, host: TransportHost, message: string): void {
  if (error instanceof EslFailure) throw error;
  host.logger.error(
    { transportId: "freeswitch", errorCode: isFaxError(error) ? error.code : "unknown" },
    message,
  );
}
