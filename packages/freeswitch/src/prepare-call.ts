import {
  callStep,
  checkFaxTiff,
  defaultCallLadder,
  isE164,
  isFaxError,
  type SendJob,
  unsendable,
} from "@faxbot/core/transport";
import { freeswitchManifest } from "./freeswitch-manifest.ts";
import { readSendOptions } from "./freeswitch-options.ts";
import { channelOf, originateCommand } from "./freeswitch-originate.ts";
import type { FreeSwitchSettings } from "./freeswitch-settings.ts";
import { longestCallSeconds } from "./live-calls.ts";

/** A call that nothing speaks against. */
export interface PreparedCall {
  uuid: string;
  command: string;
  longestSeconds: number;
}

/**
 * Makes the order for a job. What can be refused before the wire is refused as proven: nothing was dialled.
 *
 * @throws FaxError `transport_rejected`
 */
export async function prepareCall(job: SendJob, settings: FreeSwitchSettings): Promise<PreparedCall> {
  const uuid = channelOf(job.attemptId);
  if (uuid === undefined) {
    throw unsendable(freeswitchManifest.id, "the attempt id is not 32 hex digits", { reason: "rejected" });
  }
  if (!isE164(job.to)) {
    throw unsendable(freeswitchManifest.id, "the number is not in E.164 form", { reason: "invalid_number" });
  }
  if (job.from !== undefined && !isE164(job.from)) {
    throw unsendable(freeswitchManifest.id, "the sender is not in E.164 form", { reason: "invalid_number" });
  }
  let options: ReturnType<typeof readSendOptions>;
  try {
    options = readSendOptions(job.options);
  } catch (error) {
    if (!isFaxError(error, "request_invalid")) throw error;
    throw unsendable(freeswitchManifest.id, error.message, {
      reason: "rejected",
      providerCode: "invalid_options",
    });
  }
  const { pages } = await checkFaxTiff(job.document);
  const longestSeconds = Math.min(longestCallSeconds, 120 + 90 * pages);
  const command = originateCommand(
    {
      uuid,
      attemptId: job.attemptId,
      to: job.to,
      ...(job.from === undefined ? {} : { from: job.from }),
      path: `${settings.spoolOut}/${job.attemptId}.tif`,
      step: callStep(settings.callLadder ?? defaultCallLadder, job.earlierFailures),
      options,
      longestSeconds,
    },
    settings,
  );
  return { uuid, command, longestSeconds };
}
