import {
  apiPath,
  basicAuthorization,
  FaxError,
  type FaxTransportV1,
  formBody,
  type HttpRequest,
  httpClient,
  isFaxError,
  multipartBody,
  onlyPdf,
  parseSettings,
  probeHealth,
  refuseUnsendable,
  type StatusReport,
  settingsFromEnv,
  type TransportCall,
  type TransportManifest,
} from "@faxbot/core/transport";
import { z } from "zod";
import { type PhaxioFax, phaxioFax, phaxioFaxList, phaxioFaxRef, phaxioReply } from "./phaxio-api.ts";
import { largestDocument, readForm, readFormDocument } from "./phaxio-form.ts";
import { manifestFor, phaxioManifest } from "./phaxio-manifest.ts";
import { readSendOptions, sendParts } from "./phaxio-options.ts";
import { apiUrl, type PhaxioSettings, phaxioSettings } from "./phaxio-settings.ts";
import { readSignature, verifySignature, webhookSecrets } from "./phaxio-signature.ts";
import { attemptTag, statusReport } from "./phaxio-status.ts";
import { eventsOf, lacksReason, type PhaxioWebhook, readWebhook, webhookOfState } from "./phaxio-webhook.ts";

/** Settings of {@link phaxio}, and a name of your own for a second account. */
export type PhaxioOptions = z.input<typeof phaxioSettings> & { id?: string };

/** The Phaxio transport with all that it can do. */
export type PhaxioTransport = FaxTransportV1 &
  Required<
    Pick<
      FaxTransportV1,
      | "checkJob"
      | "getStatus"
      | "findByReference"
      | "cancel"
      | "receiveWebhook"
      | "fetchDocument"
      | "deleteDocument"
    >
  > & {
    /**
     * Lets Phaxio send a fax again of which it still has the content, to the same number. The engine never calls this
     * and keeps no record of it: for what went through Faxbot, send anew. A report of the new fax that carries the tag
     * of the old one changes nothing in Faxbot.
     *
     * @param providerId Phaxio's id of the fax
     * @param options `callbackUrl`: where Phaxio is to report instead of the account's URL
     * @returns a report with the new fax's id
     * @throws FaxError by the rules of `send`
     * @example
     * const { providerId } = await transport.resend("323034811", call);
     */
    resend(
      providerId: string,
      call: TransportCall,
      options?: { callbackUrl?: string },
    ): Promise<StatusReport>;
  };

/** Makes Phaxio transports, see {@link phaxio}. */
export interface PhaxioFactory {
  /** @throws FaxError `config_invalid` that names the settings, never their values */
  (options: PhaxioOptions): PhaxioTransport;
  readonly manifest: TransportManifest;
  readonly settings: typeof phaxioSettings;
  /** Reads the settings from environment variables. @throws FaxError `config_invalid` that names the variables */
  fromEnv(env: Readonly<Record<string, string | undefined>>): PhaxioTransport;
}

/**
 * Makes a transport for the Phaxio API v2.1. Nothing is called before the engine calls it.
 *
 * @example
 * const transport = phaxio({ apiKey, apiSecret, callbackToken });
 * const faxbot = createFaxbot({ transports: [transport], stores, blobs, publicUrl: "https://fax.example.com/fax-api" });
 */
export const phaxio: PhaxioFactory = Object.assign(
  ({ id = phaxioManifest.id, ...settings }: PhaxioOptions) =>
    makeTransport(id, parseSettings(id, phaxioSettings, settings)),
  {
    manifest: phaxioManifest,
    settings: phaxioSettings,
    fromEnv: (env: Readonly<Record<string, string | undefined>>) =>
      makeTransport(phaxioManifest.id, settingsFromEnv(phaxioManifest.id, phaxioSettings, env)),
  },
);

/** `data` that is not there or not needed. */
const ignored = z.unknown().optional();
/** Clocks differ, and Phaxio's `created_at` is its own. */
const searchBeforeMs = 15 * 60_000;
/** At most 1000 (API reference). The search is by tag, so that one fax is expected. */
const searchPageSize = 100;
const mostSearchPages = 10;

function makeTransport(id: string, settings: PhaxioSettings): PhaxioTransport {
  const authorization = basicAuthorization({ user: settings.apiKey, pass: settings.apiSecret });
  const client = httpClient({
    manifest: phaxioManifest,
    baseUrl: apiUrl(settings),
    credentials: { authorization: () => authorization },
  });
  const warnings = warningsOf(settings);
  const firstUse = (call: TransportCall) => {
    for (const warning of warnings.splice(0)) call.logger.warn({ transportId: id }, warning);
  };

  /** A request that may be repeated. */
  const ask = async <S extends z.ZodType>(request: HttpRequest, data: S, call: TransportCall) => {
    const reply = await client.json(request, phaxioReply(data), call);
    if (!reply.refused) return reply;
    throw new FaxError("transport_rejected", "phaxio refused the request (200, success: false)", {
      transportId: phaxioManifest.id,
      failure: { reason: "rejected", retryable: false, providerCode: "200" },
    });
  };
  /** A request that makes Phaxio dial. @returns the new fax's id */
  const order = async (request: HttpRequest, call: TransportCall): Promise<string> => {
    const reply = await client.json({ ...request, intent: "send" }, phaxioReply(phaxioFaxRef), call);
    if (!reply.refused) return reply.data.id;
    throw new FaxError("outcome_unknown", "phaxio answered 200 with success: false, which proves nothing", {
      transportId: phaxioManifest.id,
    });
  };
  const getFax = async (faxId: string, call: TransportCall): Promise<PhaxioFax> =>
    (await ask({ method: "GET", path: apiPath`/faxes/${faxId}` }, phaxioFax, call)).data;

  const verifies = (direction: PhaxioWebhook["direction"]) =>
    direction === "received" ? settings.inboundVerifySignature : settings.verifySignature;
  const verifiesAll = verifies("sent") && verifies("received");

  return {
    specVersion: "v1",
    id,
    manifest: manifestFor(settings),

    checkJob(job) {
      readSendOptions(job.options);
    },

    async send(job, call) {
      firstUse(call);
      refuseUnsendable(phaxioManifest, job, readSendOptions);
      const body = multipartBody(sendParts(job, settings, callbackUrlOf(job.callbackUrl, settings)));
      const providerId = await order({ method: "POST", path: "/faxes", body }, call);
      return { providerId, status: "queued", providerStatus: "queued", reference: job.attemptId };
    },

    async resend(providerId, call, options = {}) {
      firstUse(call);
      const callbackUrl = callbackUrlOf(options.callbackUrl, settings);
      const body = formBody(callbackUrl === undefined ? [] : [["callback_url", callbackUrl]]);
      const request = { method: "POST", path: apiPath`/faxes/${providerId}/resend`, body } as const;
      return { providerId: await order(request, call), status: "queued", providerStatus: "queued" };
    },

    async getStatus(providerId, call) {
      firstUse(call);
      return statusReport(await getFax(providerId, call));
    },

    async findByReference(reference, call, hint) {
      firstUse(call);
      const query: [string, string][] = [
        ["direction", "sent"],
        [`tag[${attemptTag}]`, reference],
      ];
      // Without it Phaxio looks one week back.
      if (hint) query.push(["created_after", rfc3339(hint.submittedAt.getTime() - searchBeforeMs)]);
      for (let page = 1; page <= mostSearchPages; page += 1) {
        if (page > 1) await call.limiter.acquire(call.signal);
        const paging: [string, string][] = [
          ["per_page", String(searchPageSize)],
          ["page", String(page)],
        ];
        const { data, paging: told } = await ask(
          { method: "GET", path: "/faxes", query: [...query, ...paging] },
          phaxioFaxList,
          call,
        );
        const found = data.filter((fax) => fax?.tags?.[attemptTag] === reference);
        // A fax that was sent again by hand may carry the tag of the first.
        const first = found.toSorted((a, b) => Number(a?.id) - Number(b?.id))[0];
        if (first) return statusReport(first);
        // `total` is the text ">10000" for large lists, so only a short page is the last one.
        if (data.length === 0 || data.length < Math.min(told?.per_page ?? searchPageSize, searchPageSize)) {
          return undefined;
        }
      }
      return undefined;
    },

    async cancel(providerId, call) {
      firstUse(call);
      await ask({ method: "POST", path: apiPath`/faxes/${providerId}/cancel` }, ignored, call);
      // "Scheduled" is all that the answer says.
      await call.limiter.acquire(call.signal);
      return statusReport(await getFax(providerId, call));
    },

    async receiveWebhook(request, call) {
      firstUse(call);
      // A stranger's body is not read.
      if (verifiesAll) readSignature(request.headers, settings);
      const form = await readForm(request);
      if (verifiesAll || verifies(readWebhook(form).direction)) {
        await verifySignature(request, form, settings);
        const webhook = readWebhook(form);
        if (lacksReason(webhook)) {
          return { events: eventsOf({ ...webhook, fax: await getFax(webhook.fax.id, call) }) };
        }
        const brings = webhook.direction === "received" && form.files.length > 0;
        return { events: eventsOf(webhook, brings ? await readFormDocument(request) : undefined) };
      }
      // Anybody may have called: what happened is asked of Phaxio, by the one thing that is taken from the call.
      const fax = await getFax(readWebhook(form).fax.id, call).catch((error: unknown) => {
        if (isFaxError(error, "not_found")) return undefined;
        throw error;
      });
      const webhook = fax && webhookOfState(fax);
      if (webhook && verifies(webhook.direction)) {
        throw new FaxError("webhook_unverified", "the webhook is about another kind of fax than it says", {
          transportId: phaxioManifest.id,
        });
      }
      return { events: webhook ? eventsOf(webhook) : [] };
    },

    async fetchDocument(providerId, call) {
      firstUse(call);
      const document = await client.document(
        { method: "GET", path: apiPath`/faxes/${providerId}/file`, headers: { accept: "application/pdf" } },
        { mediaType: "application/pdf", fileName: "fax.pdf", maxBytes: largestDocument },
        call,
      );
      return onlyPdf(phaxioManifest.id, document);
    },

    async deleteDocument(providerId, call) {
      firstUse(call);
      try {
        await ask({ method: "DELETE", path: apiPath`/faxes/${providerId}/file` }, ignored, call);
      } catch (error) {
        if (!isFaxError(error, "not_found")) throw error;
      }
    },

    checkHealth(call) {
      firstUse(call);
      return probeHealth("Phaxio", "the key or the secret", call, (limited) =>
        ask({ method: "GET", path: "/account/status" }, z.looseObject({}), limited),
      );
    },
  };
}

function warningsOf(settings: PhaxioSettings): string[] {
  const warnings: string[] = [];
  if (!settings.verifySignature) {
    warnings.push("PHAXIO_VERIFY_SIGNATURE is off: reports of sent faxes are only hints to ask Phaxio by id");
  }
  if (!settings.inboundVerifySignature) {
    warnings.push("PHAXIO_INBOUND_VERIFY_SIGNATURE is off: reports of received faxes are only hints");
  }
  if (
    webhookSecrets(settings).length === 0 &&
    (settings.verifySignature || settings.inboundVerifySignature)
  ) {
    warnings.push("no callback token is set: webhooks are refused and faxes are polled");
  }
  if (settings.signatureMode === "hmac-sha256-body") {
    warnings.push("webhooks are verified by their raw body: Phaxio itself does not sign so, a proxy has to");
  }
  return warnings;
}

/**
 * Where Phaxio is to report. Settings replace the address and keep the query, by which core finds fax and tenant; all of
 * it as text, because the signature covers the URL to the letter. A callback that we would refuse is not asked for.
 */
function callbackUrlOf(given: string | undefined, settings: PhaxioSettings): string | undefined {
  if (settings.verifySignature && webhookSecrets(settings).length === 0) return undefined;
  const { callbackUrl } = settings;
  if (callbackUrl === undefined) return given;
  const query = given?.split("?").slice(1).join("?");
  return query ? `${callbackUrl}${callbackUrl.includes("?") ? "&" : "?"}${query}` : callbackUrl;
}

/** To the second, as in the vendor's examples. */
function rfc3339(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+Z$/, "Z");
}
