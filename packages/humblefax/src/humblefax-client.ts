import {
  basicAuthorization,
  FaxError,
  type HttpClient,
  httpClient,
  isFaxError,
  type TransportCall,
} from "@faxbot/core/transport";
import { humblefaxManifest } from "./humblefax-manifest.ts";
import type { HumbleFaxSettings } from "./humblefax-settings.ts";
import { requestFailure } from "./humblefax-status.ts";

/** More than 5 requests a second block the caller's address for this long (API documentation, rate limit). */
const blockMs = 60_000;
/** An upload is answered only once the file is validated. */
const timeoutMs = 60_000;

/**
 * The HTTP client of one account. After a 429 it holds back every call that shares the limiter, for the address itself
 * is blocked, and whoever goes on calling stays so.
 */
export function humblefaxClient(
  settings: Pick<HumbleFaxSettings, "accessKey" | "secretKey" | "baseUrl">,
): HttpClient {
  const authorization = basicAuthorization({ user: settings.accessKey, pass: settings.secretKey });
  const client = httpClient({
    manifest: humblefaxManifest,
    baseUrl: settings.baseUrl,
    credentials: { authorization: () => authorization },
    readFailure: requestFailure,
    timeoutMs,
  });
  const held = async <T>(call: TransportCall, answer: Promise<T>): Promise<T> => {
    try {
      return await answer;
    } catch (error) {
      if (!isFaxError(error, "transport_rate_limited")) throw error;
      const retryAfterMs = Math.max(blockMs, error.retryAfterMs ?? 0);
      call.limiter.block(retryAfterMs);
      throw new FaxError(error.code, error.message, { transportId: humblefaxManifest.id, retryAfterMs });
    }
  };
  return {
    json: (request, schema, call) => held(call, client.json(request, schema, call)),
    discard: (request, call) => held(call, client.discard(request, call)),
    document: (request, about, call) => held(call, client.document(request, about, call)),
  };
}
