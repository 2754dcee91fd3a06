import { setTimeout as sleep } from "node:timers/promises";
import {
  apiPath,
  FaxError,
  type FaxTransportV1,
  isFaxError,
  onlyPdf,
  parseSettings,
  probeHealth,
  refuseUnsendable,
  type SendJob,
  settingsFromEnv,
  type TransportCall,
  type TransportEvent,
  type TransportManifest,
  unsendable,
} from "@faxbot/core/transport";
import type { z } from "zod";
import { humblefaxClient } from "./humblefax-client.ts";
import { getIncomingFax, pollIncoming, receivedEvent, stageOf } from "./humblefax-inbound.ts";
import { humblefaxManifest, manifestFor } from "./humblefax-manifest.ts";
import { isServed } from "./humblefax-number.ts";
import { faxData, readSendOptions } from "./humblefax-options.ts";
import { registerWebhook } from "./humblefax-registration.ts";
import { getSentFax, humblefaxSearch, listSentFaxes } from "./humblefax-search.ts";
import { quickSend, sendInSteps } from "./humblefax-send.ts";
import { goodTokenLength, type HumbleFaxSettings, humblefaxSettings } from "./humblefax-settings.ts";
import { statusReport } from "./humblefax-status.ts";
import { readWebhook, type WebhookHint } from "./humblefax-webhook.ts";

/** Settings of {@link humblefax}, and a name of your own for a second account. */
export type HumbleFaxOptions = z.input<typeof humblefaxSettings> & { id?: string };

/** The HumbleFax transport with all that it can do. */
export type HumbleFaxTransport = FaxTransportV1 &
  Required<
    Pick<
      FaxTransportV1,
      | "checkJob"
      | "getStatus"
      | "findByReference"
      | "receiveWebhook"
      | "fetchDocument"
      | "deleteDocument"
      | "run"
    >
  >;

/** Makes HumbleFax transports, see {@link humblefax}. */
export interface HumbleFaxFactory {
  /** @throws FaxError `config_invalid` that names the settings, never their values */
  (options: HumbleFaxOptions): HumbleFaxTransport;
  readonly manifest: TransportManifest;
  readonly settings: typeof humblefaxSettings;
  /** Reads the settings from environment variables. @throws FaxError `config_invalid` that names the variables */
  fromEnv(env: Readonly<Record<string, string | undefined>>): HumbleFaxTransport;
}

/**
 * Makes a transport for the HumbleFax API. Nothing is called before the engine calls it.
 *
 * @example
 * const transport = humblefax({ accessKey, secretKey, inbound: true });
 * const faxbot = createFaxbot({ transports: [transport], stores, blobs });
 */
export const humblefax: HumbleFaxFactory = Object.assign(
  ({ id = humblefaxManifest.id, ...settings }: HumbleFaxOptions) =>
    makeTransport(id, parseSettings(id, humblefaxSettings, settings)),
  {
    manifest: humblefaxManifest,
    settings: humblefaxSettings,
    fromEnv: (env: Readonly<Record<string, string | undefined>>) =>
      makeTransport(humblefaxManifest.id, settingsFromEnv(humblefaxManifest.id, humblefaxSettings, env)),
  },
);

/** A webhook is to be answered quickly; while the limiter is blocked it is not, and HumbleFax calls again. */
const webhookTimeoutMs = 20_000;
const registerEveryMs = 10 * 60_000;
const largestDocument = 50 * 1024 * 1024;

function makeTransport(id: string, settings: HumbleFaxSettings): HumbleFaxTransport {
  const client = humblefaxClient(settings);
  const receives = settings.inbound && !settings.imapEnabled;
  const warnings = warningsFor(settings);
  const firstUse = (call: TransportCall) => {
    for (const warning of warnings.splice(0)) call.logger.warn({ transportId: id }, warning);
  };
  const search = humblefaxSearch(client);

  /** What a webhook hints at, as HumbleFax itself tells it. */
  const reread = async ({ kind, id: faxId }: WebhookHint, call: TransportCall): Promise<TransportEvent[]> => {
    if (kind === "incoming") {
      if (!receives) return [];
      const fax = await getIncomingFax(client, faxId, call);
      return /whole|partial/.test(stageOf(fax)) ? [receivedEvent(fax)] : [];
    }
    const report = statusReport(await getSentFax(client, faxId, call));
    return [{ type: "status", key: `SentFax:${report.providerId}:${report.providerStatus}`, report }];
  };

  return {
    specVersion: "v1",
    id,
    manifest: manifestFor(settings),

    checkJob(job) {
      readSendOptions(job.options);
      if (!isServed(job.to) || (job.from !== undefined && !isServed(job.from))) {
        throw new FaxError("request_invalid", "humblefax serves numbers of the USA and Canada only", {
          transportId: humblefaxManifest.id,
        });
      }
    },

    async send(job, call) {
      firstUse(call);
      refuseUnserved(job);
      const data = faxData(job, settings);
      const fax = await (settings.sendMethod === "quick" ? quickSend : sendInSteps)(client, job, data, call);
      return { reference: job.attemptId, ...statusReport({ ...fax, status: fax.status || "in progress" }) };
    },

    async getStatus(providerId, call) {
      firstUse(call);
      return statusReport(await getSentFax(client, providerId, call));
    },

    async findByReference(reference, call, hint) {
      firstUse(call);
      const fax = await search(reference, call, hint);
      return fax && statusReport(fax);
    },

    async receiveWebhook(request, call) {
      firstUse(call);
      const hint = await readWebhook(request, settings);
      // 200 is what HumbleFax documents, also for a fax that nobody knows: another answer would only be repeated.
      const response = { status: 200 };
      if (!hint) return { events: [], response };
      const signal = AbortSignal.any([call.signal, AbortSignal.timeout(webhookTimeoutMs)]);
      try {
        await call.limiter.acquire(signal);
        return { events: await reread(hint, { ...call, signal }), response };
      } catch (error) {
        if (isFaxError(error, "not_found")) return { events: [], response };
        if (isFaxError(error)) throw error;
        throw new FaxError("transport_unavailable", "humblefax could not be asked in time", {
          transportId: humblefaxManifest.id,
        });
      }
    },

    async fetchDocument(providerId, call) {
      firstUse(call);
      const document = await client.document(
        {
          method: "GET",
          path: apiPath`/incomingFax/${providerId}/download`,
          query: [["fileFormat", "pdf"]],
          headers: { accept: "application/pdf" },
        },
        { mediaType: "application/pdf", fileName: "fax.pdf", maxBytes: largestDocument },
        call,
      );
      return onlyPdf(humblefaxManifest.id, document);
    },

    async deleteDocument(providerId, call) {
      firstUse(call);
      try {
        await client.discard({ method: "DELETE", path: apiPath`/incomingFax/${providerId}` }, call);
      } catch (error) {
        if (!isFaxError(error, "not_found")) throw error;
      }
    },

    checkHealth(call) {
      firstUse(call);
      const now = call.clock.now().getTime() / 1000;
      return probeHealth("HumbleFax", "the keys", call, (limited) =>
        listSentFaxes(client, now - 60, now, limited),
      );
    },

    async run(host) {
      firstUse(host);
      const url = webhookUrl(id, settings);
      let registered = url === undefined;
      let registerAt = 0;
      while (!host.signal.aborted) {
        if (url !== undefined && !registered && performance.now() >= registerAt) {
          registered = await registerWebhook(client, url, host);
          registerAt = performance.now() + registerEveryMs;
        }
        try {
          if (receives) await pollIncoming(client, host);
        } catch (error) {
          if (!host.signal.aborted) throw error;
        }
        const pause = receives ? settings.pollSeconds * 1000 : registerEveryMs;
        await sleep(pause, undefined, { signal: host.signal }).catch(() => {});
      }
    },
  };
}

/** The URL to register, for an account that wants that. */
function webhookUrl(id: string, settings: HumbleFaxSettings): string | undefined {
  const { webhookEnabled, callbackBase, webhookToken } = settings;
  if (!webhookEnabled || callbackBase === undefined || webhookToken === undefined) return undefined;
  const url = new URL(`${callbackBase.replace(/\/+$/, "")}/callbacks/${id}`);
  url.searchParams.set("token", webhookToken);
  return url.href;
}

function warningsFor(settings: HumbleFaxSettings): string[] {
  const warnings: string[] = [];
  if (!settings.verifySignature) {
    warnings.push("HUMBLEFAX_VERIFY_SIGNATURE is off: anybody may make us ask HumbleFax about a fax");
  } else if (settings.webhookSecret !== undefined) {
    warnings.push(
      "HUMBLEFAX_WEBHOOK_SECRET is set: only webhooks that a proxy signed count, HumbleFax signs none",
    );
  }
  const { webhookToken, previousWebhookToken } = settings;
  if ([webhookToken, previousWebhookToken].some((token) => token && token.length < goodTokenLength)) {
    warnings.push("HUMBLEFAX_WEBHOOK_TOKEN is short: make a new one of 32 random bytes");
  }
  return warnings;
}

/** What HumbleFax could never send is refused before the wire: proven not sent. */
function refuseUnserved(job: SendJob): void {
  const { id } = humblefaxManifest;
  if (!isServed(job.to))
    throw unsendable(id, "humblefax does not serve the number", { reason: "invalid_number" });
  if (job.from !== undefined && !isServed(job.from)) {
    throw unsendable(id, "humblefax cannot have the sender's number", { reason: "rejected" });
  }
  refuseUnsendable(humblefaxManifest, job, readSendOptions);
  if (job.document.size > largestDocument) {
    throw unsendable(id, "the document is larger than 50 MB", { reason: "document" });
  }
}
