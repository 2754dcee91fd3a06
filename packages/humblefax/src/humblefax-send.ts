import { setTimeout as sleep } from "node:timers/promises";
import {
  apiPath,
  FaxError,
  type HttpClient,
  isFaxError,
  jsonBody,
  multipartBody,
  type SendJob,
  type TransportCall,
} from "@faxbot/core/transport";
import {
  type HumbleFaxSentFax,
  humblefaxDraftReply,
  humblefaxSendReply,
  humblefaxUploadReply,
} from "./humblefax-api.ts";

/** The documentation's example names the field like the file. The document's own name may say whom it is about. */
const fileName = "fax.pdf";

/** Sends in one call, `POST /quickSendFax` (API documentation, "QuickSendFax"). */
export function quickSend(
  client: HttpClient,
  job: SendJob,
  data: Readonly<Record<string, unknown>>,
  call: TransportCall,
): Promise<HumbleFaxSentFax> {
  const body = multipartBody([
    { name: "jsonData", value: JSON.stringify(data) },
    { name: fileName, document: job.document, fileName },
  ]);
  return client.json(
    { method: "POST", path: "/quickSendFax", body, intent: "send" },
    humblefaxSendReply,
    call,
  );
}

/** Right after the upload the last step can be refused for a moment; a client of the API asks up to five times. */
const repeatAfterMs = 2_000;
const mostRepeats = 4;
const cleanUpMs = 10_000;

/**
 * Sends in three steps: draft, upload, send. Only the last one hands the fax over: what fails before it proves that
 * nothing was sent, and the draft is deleted then.
 */
export async function sendInSteps(
  client: HttpClient,
  job: SendJob,
  data: Readonly<Record<string, unknown>>,
  call: TransportCall,
): Promise<HumbleFaxSentFax> {
  const draftId = await beforeSending(() =>
    client.json({ method: "POST", path: "/tmpFax", body: jsonBody(data) }, humblefaxDraftReply, call),
  );
  try {
    await beforeSending(async () => {
      await call.limiter.acquire(call.signal);
      const body = multipartBody([{ name: fileName, document: job.document, fileName }]);
      await client.json(
        { method: "POST", path: apiPath`/attachment/${draftId}`, body },
        humblefaxUploadReply,
        call,
      );
    });
    for (let repeats = 0; ; repeats += 1) {
      await beforeSending(() => call.limiter.acquire(call.signal));
      try {
        // Without a body: the path alone makes HumbleFax act, so only a connection that never stood proves nothing left.
        return await client.json(
          { method: "POST", path: apiPath`/tmpFax/${draftId}/send`, intent: "send" },
          humblefaxSendReply,
          call,
        );
      } catch (error) {
        // A documented refusal proves that nothing was sent, and only then it is asked again.
        if (!isFaxError(error, "transport_rejected") || repeats === mostRepeats) throw error;
      }
      await beforeSending(() => sleep(repeatAfterMs, undefined, { signal: call.signal }));
    }
  } catch (error) {
    if (!isFaxError(error, "outcome_unknown")) await deleteDraft(client, draftId, call);
    throw error;
  }
}

const proofs = [
  "transport_unauthorized",
  "transport_rejected",
  "transport_rate_limited",
  "transport_unavailable",
];

/** Whatever goes wrong before the last step, the fax was not sent. */
async function beforeSending<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isFaxError(error) && proofs.includes(error.code)) throw error;
    throw new FaxError("transport_unavailable", "humblefax could not be given the fax", {
      transportId: "humblefax",
      cause: isFaxError(error) ? error : undefined,
    });
  }
}

async function deleteDraft(client: HttpClient, draftId: string, call: TransportCall): Promise<void> {
  // Also when the caller has gone: the draft holds somebody's document.
  const signal = AbortSignal.timeout(cleanUpMs);
  try {
    await call.limiter.acquire(signal);
    await client.discard({ method: "DELETE", path: apiPath`/tmpFax/${draftId}` }, { ...call, signal });
  } catch (error) {
    call.logger.warn(
      { transportId: "humblefax", errorCode: isFaxError(error) ? error.code : "aborted" },
      "a draft could not be deleted",
    );
  }
}
