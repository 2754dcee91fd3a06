import {
  basicAuthorization,
  FaxError,
  formBody,
  type HttpCredentials,
  httpClient,
  isFaxError,
  type TransportCall,
  untilAborted,
} from "@faxbot/core/transport";
import { sinchTokenReply } from "./sinch-api.ts";
import { sinchManifest } from "./sinch-manifest.ts";
import type { SinchSettings } from "./sinch-settings.ts";

/** A token is renewed this long before it ends, as the vendor's SDK does. */
const renewEarlyMs = 60_000;
/** "Token lives about 1 hour" (vendor docs), should the answer not say. */
const usualLifetimeSeconds = 3600;

/**
 * Makes the credentials of the API: HTTP Basic with the access key, or a bearer token from
 * `POST <authUrl>/oauth2/token` with `grant_type=client_credentials` (vendor docs, "Authentication").
 *
 * Tokens are kept in memory, shared by all calls, asked for once however many calls wait, and renewed a minute early.
 * After a 401 that says `expired` the token is dropped and the call repeated once, as the vendor's SDK does.
 */
export function sinchCredentials(
  settings: Pick<SinchSettings, "apiKey" | "apiSecret" | "authMethod" | "authUrl">,
): HttpCredentials {
  const basic = basicAuthorization({ user: settings.apiKey, pass: settings.apiSecret });
  if (settings.authMethod === "basic") return { authorization: () => basic };

  // Its own client, so that the key's secret goes to the token server's origin and the token to the API's.
  const client = httpClient({
    manifest: sinchManifest,
    baseUrl: settings.authUrl,
    credentials: { authorization: () => basic },
  });
  let current: { authorization: string; renewAt: number } | undefined;
  let refresh: Promise<string> | undefined;

  const ask = async (call: TransportCall): Promise<string> => {
    const reply = await client.json(
      { method: "POST", path: "/oauth2/token", body: formBody([["grant_type", "client_credentials"]]) },
      sinchTokenReply,
      // Others wait for the same answer, so it must not end with the first caller.
      { ...call, signal: new AbortController().signal },
    );
    const lifetimeMs = (reply.expires_in ?? usualLifetimeSeconds) * 1000;
    const authorization = `Bearer ${reply.access_token}`;
    const earlyMs = Math.min(renewEarlyMs, lifetimeMs / 2);
    current = { authorization, renewAt: call.clock.now().getTime() + lifetimeMs - earlyMs };
    return authorization;
  };

  return {
    async authorization(call) {
      if (current && call.clock.now().getTime() < current.renewAt) return current.authorization;
      refresh ??= ask(call).finally(() => {
        refresh = undefined;
      });
      return untilAborted(refresh, call.signal).catch((error: unknown) => {
        if (!call.signal.aborted) throw asTokenError(error);
        throw new FaxError("transport_unavailable", "sinch was not called", {
          transportId: sinchManifest.id,
        });
      });
    },
    renew(refused, headers) {
      if (current?.authorization === refused) current = undefined;
      return /expired/i.test(headers.get("www-authenticate") ?? "");
    },
  };
}

/** What the token server rejects in another way than 401 is a matter of credentials all the same. */
function asTokenError(error: unknown): unknown {
  if (!isFaxError(error) || error.retryable || error.code === "transport_unauthorized") return error;
  return new FaxError("transport_unauthorized", "sinch gave no token for the credentials", {
    transportId: sinchManifest.id,
    cause: error,
  });
}
