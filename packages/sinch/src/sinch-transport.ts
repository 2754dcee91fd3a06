import {
  apiPath,
  FaxError,
  type FaxTransportV1,
  httpClient,
  isFaxError,
  multipartBody,
  onlyPdf,
  parseSettings,
  probeHealth,
  refuseUnsendable,
  type SendJob,
  type TransportCall,
  type TransportManifest,
} from "@faxbot/core/transport";
import type { z } from "zod";
import { type SinchFax, sinchFax, sinchFaxList, sinchSendReply } from "./sinch-api.ts";
import { sinchManifest } from "./sinch-manifest.ts";
import { readSendOptions, sendParts } from "./sinch-options.ts";
import { type SinchSettings, sinchHosts, sinchSettings, sinchSettingsFromEnv } from "./sinch-settings.ts";
import { attemptLabel, requestFailure, statusReport } from "./sinch-status.ts";
import { sinchCredentials } from "./sinch-token.ts";
import {
  eventsOf,
  largestDocument,
  readWebhook,
  verifyWebhook,
  webhookCredentials,
} from "./sinch-webhook.ts";

/** Settings of {@link sinch}, and a name of your own for a second account. */
export type SinchOptions = z.input<typeof sinchSettings> & { id?: string };

/** The Sinch transport with all that it can do. */
export type SinchTransport = FaxTransportV1 &
  Required<
    Pick<
      FaxTransportV1,
      "checkJob" | "getStatus" | "findByReference" | "receiveWebhook" | "fetchDocument" | "deleteDocument"
    >
  >;

/** Makes Sinch transports, see {@link sinch}. */
export interface SinchFactory {
  /** @throws FaxError `config_invalid` that names the settings, never their values */
  (options: SinchOptions): SinchTransport;
  readonly manifest: TransportManifest;
  readonly settings: typeof sinchSettings;
  /** Reads the settings from environment variables. @throws FaxError `config_invalid` that names the variables */
  fromEnv(env: Readonly<Record<string, string | undefined>>): SinchTransport;
}

/**
 * Makes a transport for the Sinch Fax API v3. Nothing is called before the engine calls it.
 *
 * @example
 * const transport = sinch({ projectId, apiKey, apiSecret, authMethod: "oauth2", webhookUser, webhookPass });
 * const faxbot = createFaxbot({ transports: [transport], stores, blobs, publicUrl: "https://fax.example.com/fax-api" });
 */
export const sinch: SinchFactory = Object.assign(
  ({ id = sinchManifest.id, ...settings }: SinchOptions) =>
    makeTransport(id, parseSettings(id, sinchSettings, settings), []),
  {
    manifest: sinchManifest,
    settings: sinchSettings,
    fromEnv: (env: Readonly<Record<string, string | undefined>>) => {
      const { settings, borrowed } = sinchSettingsFromEnv(env);
      const warnings = borrowed
        ? ["SINCH_API_KEY and SINCH_API_SECRET are not set: PHAXIO_API_KEY and PHAXIO_API_SECRET are used"]
        : [];
      return makeTransport(sinchManifest.id, settings, warnings);
    },
  },
);

/** Clocks differ, and Sinch's `createTime` is its own. */
const searchBeforeMs = 15 * 60_000;
/** A large upload over a slow line ends long after it was begun. */
const searchAfterMs = 4 * 3_600_000;
const searchPageSize = 200;
const mostSearchPages = 10;

function makeTransport(id: string, settings: SinchSettings, warnings: string[]): SinchTransport {
  const client = httpClient({
    manifest: sinchManifest,
    baseUrl: apiUrl(settings),
    credentials: sinchCredentials(settings),
    readFailure: requestFailure,
  });
  const accepted = webhookCredentials(settings);
  const firstUse = (call: TransportCall) => {
    for (const warning of warnings.splice(0)) call.logger.warn({ transportId: id }, warning);
  };
  if (!settings.verifySignature) {
    warnings.push("SINCH_INBOUND_VERIFY_SIGNATURE is off: webhooks are only hints to ask Sinch by id");
  } else if (accepted.length === 0) {
    warnings.push("no webhook user and password are set: webhooks are refused and faxes are polled");
  }

  /** A callback that we would refuse is not asked for. */
  const callbackUrlOf = (job: SendJob): string | undefined => {
    if (job.callbackUrl === undefined) return undefined;
    const { webhookUser, webhookPass } = settings;
    if (!webhookUser || !webhookPass) return settings.verifySignature ? undefined : job.callbackUrl;
    const url = new URL(job.callbackUrl);
    url.username = encodeURIComponent(webhookUser);
    url.password = encodeURIComponent(webhookPass);
    return url.href;
  };

  const getFax = (faxId: string, call: TransportCall): Promise<SinchFax> =>
    client.json({ method: "GET", path: apiPath`/faxes/${faxId}` }, sinchFax, call);

  return {
    specVersion: "v1",
    id,
    manifest: settings.verifySignature ? sinchManifest : manifestWithoutVerification,

    checkJob(job) {
      readSendOptions(job.options);
    },

    async send(job, call) {
      firstUse(call);
      refuseUnsendable(sinchManifest, job, readSendOptions);
      const body = multipartBody(sendParts(job, settings, callbackUrlOf(job)));
      const faxes = await client.json(
        { method: "POST", path: "/faxes", body, intent: "send" },
        sinchSendReply,
        call,
      );
      // One recipient gives one fax; should there be several, ours is the one with our label.
      const fax = faxes.find((each) => each.labels?.[attemptLabel] === job.attemptId) ?? faxes[0];
      if (!fax)
        throw new FaxError("outcome_unknown", "sinch named no fax", { transportId: sinchManifest.id });
      return { reference: job.attemptId, ...statusReport({ ...fax, status: fax.status ?? "QUEUED" }) };
    },

    async getStatus(providerId, call) {
      firstUse(call);
      return statusReport(await getFax(providerId, call));
    },

    async findByReference(reference, call, hint) {
      firstUse(call);
      // How the filter by label is written is not documented, so the list is narrowed by what is, and searched here.
      const query: [string, string][] = [["direction", "OUTBOUND"]];
      if (hint) {
        const at = hint.submittedAt.getTime();
        query.push(
          ["to", hint.to],
          // On the wire these keys are `createTime>` and `createTime<` (vendor OpenAPI and SDK).
          ["createTime>", rfc3339(at - searchBeforeMs)],
          ["createTime<", rfc3339(at + searchAfterMs)],
        );
      }
      for (let page = 1; page <= mostSearchPages; page += 1) {
        if (page > 1) await call.limiter.acquire(call.signal);
        const paging: [string, string][] = [
          ["pageSize", String(searchPageSize)],
          ["page", String(page)],
        ];
        const list = await client.json(
          { method: "GET", path: "/faxes", query: [...query, ...paging] },
          sinchFaxList,
          call,
        );
        const fax = list.faxes.find((each) => each?.labels?.[attemptLabel] === reference);
        if (fax) return statusReport(fax);
        if (list.faxes.length === 0 || page >= (list.totalPages ?? 1)) return undefined;
      }
      return undefined;
    },

    async receiveWebhook(request, call) {
      firstUse(call);
      if (settings.verifySignature) {
        verifyWebhook(request.headers, accepted);
        // An outbound fax's document is ours already.
        const webhook = await readWebhook(
          request,
          (event) => event === undefined || event === "INCOMING_FAX",
        );
        return { events: eventsOf(webhook) };
      }
      // Anybody may have called: what happened is asked of Sinch, by the one thing that is taken from the call.
      const hint = await readWebhook(request, () => false);
      const fax = await getFax(hint.fax.id, call).catch((error: unknown) => {
        if (isFaxError(error, "not_found")) return undefined;
        throw error;
      });
      return { events: fax ? eventsOf({ event: eventOfState(fax), fax }) : [] };
    },

    async fetchDocument(providerId, call) {
      firstUse(call);
      const document = await client.document(
        { method: "GET", path: apiPath`/faxes/${providerId}/file`, headers: { accept: "application/pdf" } },
        { mediaType: "application/pdf", fileName: "fax.pdf", maxBytes: largestDocument },
        call,
      );
      return onlyPdf(sinchManifest.id, document);
    },

    async deleteDocument(providerId, call) {
      firstUse(call);
      try {
        await client.discard({ method: "DELETE", path: apiPath`/faxes/${providerId}/file` }, call);
      } catch (error) {
        if (!isFaxError(error, "not_found")) throw error;
      }
    },

    checkHealth(call) {
      firstUse(call);
      const query: [string, string][] = [["pageSize", "1"]];
      return probeHealth("Sinch", "the key, the secret or the project", call, (limited) =>
        client.json({ method: "GET", path: "/faxes", query }, sinchFaxList, limited),
      );
    },
  };
}

/** Without verification the webhook is a hint, and the engine has to know. */
const manifestWithoutVerification: TransportManifest = {
  ...sinchManifest,
  webhook: { paths: sinchManifest.webhook?.paths ?? [], verification: "none" },
};

/** What Sinch would have called about a fax that is as it is; nothing while it is on its way. */
function eventOfState(fax: SinchFax): string {
  if (fax.status !== "COMPLETED" && fax.status !== "FAILURE") return "";
  return fax.direction === "INBOUND" ? "INCOMING_FAX" : "FAX_COMPLETED";
}

/** To the second, as in the vendor's examples. */
function rfc3339(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+Z$/, "Z");
}

function apiUrl(settings: SinchSettings): string {
  const host = (settings.baseUrl ?? sinchHosts[settings.region]).replace(/\/+$/, "").replace(/\/v3$/, "");
  return `${host}/v3/projects/${encodeURIComponent(settings.projectId)}`;
}
