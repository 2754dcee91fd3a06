import { createHash, randomUUID } from "node:crypto";
import {
  defineManifest,
  documentFromBytes,
  FaxError,
  type FaxErrorCode,
  type FaxTransportV1,
  type HealthReport,
  readDocument,
  type SendJob,
  type StatusReport,
  type TransportCall,
  type WebhookRequest,
  type WebhookResult,
} from "@faxbot/core/transport";
import { z } from "zod";
import { readMultipart, type SinchEmulator, type SinchFax } from "../src/index.ts";

/** What a {@link toyTransport} does wrong; the suite has to catch each of them. */
export type Defect =
  | "lists_cancel_without_method"
  | "has_cancel_unlisted"
  | "repeats_a_lost_send"
  | "lost_reply_is_unavailable"
  | "refused_connection_is_unknown"
  | "wrong_key_is_unknown"
  | "limit_is_unknown"
  | "server_error_is_rejected"
  | "ignores_signal"
  | "sends_when_aborted"
  | "malformed_reply_is_a_fax"
  | "unmapped_is_delivered"
  | "unmapped_is_failed"
  | "busy_throws"
  | "busy_is_line_error"
  | "failure_without_reason"
  | "follows_redirects_with_credentials"
  | "secret_in_error"
  | "number_in_log"
  | "authorization_in_cause"
  | "document_in_log"
  | "ignores_options"
  | "health_throws"
  | "health_is_always_fine"
  | "health_sends_a_fax"
  | "unknown_id_is_queued"
  | "sends_no_reference"
  | "finds_any_reference"
  | "throws_plain_errors"
  | "accepts_unsigned_webhooks"
  | "compares_a_prefix"
  | "compares_without_case"
  | "malformed_webhook_is_empty"
  | "reads_before_verifying"
  | "random_event_keys"
  | "webhook_names_another_fax"
  | "wrong_hash"
  | "opens_once"
  | "unsafe_file_name"
  | "range_is_exclusive"
  | "delete_twice_fails"
  | "delete_does_nothing";

const settings = z.strictObject({});

/** The manifest of the toy. */
export const toyManifest = defineManifest(
  {
    id: "toy",
    name: "Toy",
    version: "1.0.0",
    kind: "cloud",
    status: "experimental",
    description: "A small client of the Sinch emulator, to test the conformance suite with.",
    capabilities: ["send", "get_status", "find_by_reference", "webhook", "fetch_document", "delete_document"],
    accepts: ["application/pdf"],
    lookup: { authoritative: false, settleMs: 0 },
    redials: "configurable",
    definiteRejections: [
      { status: 401, source: "test" },
      { status: 422, source: "test" },
      { status: 429, source: "test" },
    ],
    webhook: { verification: "basic_auth", paths: ["/callbacks/toy"], verifyHeader: "Authorization" },
    auth: { methods: ["basic"] },
    traits: { send_fax: true, status_callback: true, inbound_supported: true },
  },
  settings,
);

/** Credentials that the toy's webhooks carry. */
export const toyHook = { user: "hook", pass: "Tr0ub4dor-3" };

/** What the toy is connected to. */
export interface ToyOptions {
  emulator: Pick<SinchEmulator, "url" | "projectId" | "keyId" | "keySecret">;
  defect?: Defect | undefined;
}

/** Makes a small transport for the Sinch emulator, right in all but one respect. */
export function toyTransport({ emulator, defect }: ToyOptions): FaxTransportV1 {
  const is = (name: Defect): boolean => defect === name;
  const authorization = `Basic ${Buffer.from(`${emulator.keyId}:${emulator.keySecret}`).toString("base64")}`;
  const base = `${emulator.url}/v3/projects/${emulator.projectId}`;

  const refuse = (code: FaxErrorCode, cause?: unknown): Error => {
    if (is("throws_plain_errors")) return new Error(code);
    const text = is("secret_in_error") ? `${code} with ${emulator.keySecret}` : code;
    const failure = code === "transport_rejected" ? { reason: "rejected", retryable: false } : undefined;
    return new FaxError(code, text, {
      ...(failure ? { failure: { reason: "rejected", retryable: false } } : {}),
      cause: is("authorization_in_cause") ? { headers: { authorization } } : cause,
    });
  };

  const request = async (
    path: string,
    call: TransportCall,
    init: RequestInit,
    sending: boolean,
  ): Promise<Response> => {
    const headers = { ...(init.headers as Record<string, string>), authorization };
    const signal = is("ignores_signal")
      ? null
      : is("sends_when_aborted") && call.signal.aborted
        ? null
        : call.signal;
    let response: Response;
    try {
      response = await call.fetch(base + path, { ...init, headers, signal, redirect: "manual" });
    } catch (error) {
      const code = ((error as Error).cause as { code?: string } | undefined)?.code;
      const refused = code === "ECONNREFUSED" && !is("refused_connection_is_unknown");
      throw refuse(
        sending && !refused && !is("lost_reply_is_unavailable") ? "outcome_unknown" : "transport_unavailable",
      );
    }
    const location = response.headers.get("location");
    if (location && is("follows_redirects_with_credentials")) {
      response = await call.fetch(location, { ...init, headers, signal });
    }
    if (response.status === 401)
      throw refuse(is("wrong_key_is_unknown") ? "outcome_unknown" : "transport_unauthorized");
    if (response.status === 429)
      throw refuse(is("limit_is_unknown") ? "outcome_unknown" : "transport_rate_limited");
    if (response.status === 422) throw refuse("transport_rejected");
    if (response.status === 404) throw refuse("not_found");
    if (!response.ok) {
      throw refuse(
        is("server_error_is_rejected")
          ? "transport_rejected"
          : sending
            ? "outcome_unknown"
            : "transport_unavailable",
      );
    }
    return response;
  };

  const readFax = async (response: Response, sending: boolean): Promise<SinchFax> => {
    try {
      return (await response.json()) as SinchFax;
    } catch {
      if (is("malformed_reply_is_a_fax")) return { id: "unknown", status: "QUEUED" } as SinchFax;
      throw refuse(sending && !is("lost_reply_is_unavailable") ? "outcome_unknown" : "transport_unavailable");
    }
  };

  const report = (fax: SinchFax): StatusReport => {
    const words: Record<string, StatusReport["status"]> = {
      QUEUED: "queued",
      IN_PROGRESS: "in_progress",
      COMPLETED: "delivered",
      FAILURE: "failed",
    };
    const fallback = is("unmapped_is_delivered")
      ? "delivered"
      : is("unmapped_is_failed")
        ? "failed"
        : "unmapped";
    const status = words[fax.status] ?? fallback;
    const busy = fax.errorCode === 17 && !is("busy_is_line_error");
    if (busy && is("busy_throws")) throw refuse("transport_rejected");
    return {
      providerId: fax.id,
      status,
      providerStatus: fax.status,
      ...(fax.labels?.attempt ? { reference: fax.labels.attempt } : {}),
      ...(status === "failed" && !is("failure_without_reason")
        ? { failure: { reason: busy ? "busy" : "line_error", retryable: true } }
        : {}),
    };
  };

  const post = async (job: SendJob, call: TransportCall): Promise<StatusReport> => {
    const bytes = await readDocument(job.document);
    if (is("number_in_log")) call.logger.info({ to: job.to }, "sending");
    if (is("document_in_log")) call.logger.info({ text: Buffer.from(bytes).toString("latin1") }, "sending");
    const body = JSON.stringify({
      to: job.to,
      files: [{ file: Buffer.from(bytes).toString("base64"), fileType: "PDF" }],
      ...(is("sends_no_reference") ? {} : { labels: { attempt: job.attemptId } }),
      ...(job.callbackUrl
        ? { callbackUrl: job.callbackUrl.replace("//", `//${toyHook.user}:${toyHook.pass}@`) }
        : {}),
    });
    const init = { method: "POST", headers: { "content-type": "application/json" }, body };
    return report(await readFax(await request("/faxes", call, init, true), true));
  };

  const transport: FaxTransportV1 = {
    specVersion: "v1",
    id: "toy",
    manifest: is("lists_cancel_without_method")
      ? { ...toyManifest, capabilities: [...toyManifest.capabilities, "cancel"] }
      : toyManifest,

    async send(job, call) {
      if (Object.keys(job.options).length > 0 && !is("ignores_options")) throw refuse("transport_rejected");
      try {
        return await post(job, call);
      } catch (error) {
        if (is("repeats_a_lost_send") && (error as FaxError).code === "outcome_unknown")
          return post(job, call);
        throw error;
      }
    },

    async checkHealth(call): Promise<HealthReport> {
      if (is("health_is_always_fine")) return { status: "healthy", message: "fine" };
      if (is("health_sends_a_fax")) {
        const body = JSON.stringify({ to: "+12025550150", contentUrl: "https://example.com/a.pdf" });
        await request(
          "/faxes",
          call,
          { method: "POST", headers: { "content-type": "application/json" }, body },
          true,
        );
      }
      try {
        await request("/faxes?pageSize=1", call, {}, false);
        return { status: "healthy", message: "reachable" };
      } catch (error) {
        if (is("health_throws")) throw error;
        return { status: "unhealthy", message: "not reachable" };
      }
    },

    async getStatus(providerId, call) {
      try {
        return report(
          await readFax(await request(`/faxes/${encodeURIComponent(providerId)}`, call, {}, false), false),
        );
      } catch (error) {
        if (!is("unknown_id_is_queued") || (error as FaxError).code !== "not_found") throw error;
        return { providerId, status: "queued", providerStatus: "?" };
      }
    },

    async findByReference(reference, call) {
      const response = await request("/faxes", call, {}, false);
      const { faxes } = (await response.json()) as { faxes: SinchFax[] };
      const fax = faxes.find(({ labels }) => is("finds_any_reference") || labels?.attempt === reference);
      return fax && report(fax);
    },

    receiveWebhook: (webhook) => receiveToyWebhook(webhook, defect, refuse, report),

    async fetchDocument(providerId, call) {
      const response = await request(`/faxes/${encodeURIComponent(providerId)}/file`, call, {}, false);
      const bytes = new Uint8Array(await response.arrayBuffer());
      const document = documentFromBytes(bytes, { mediaType: "application/pdf", fileName: "fax.pdf" });
      let opened = 0;
      return {
        ...document,
        fileName: is("unsafe_file_name") ? "../fax.pdf" : document.fileName,
        sha256: is("wrong_hash") ? createHash("sha256").update("x").digest("hex") : document.sha256,
        open: async (range) => {
          opened += 1;
          if (is("opens_once") && opened > 1) throw new Error("was read already");
          return document.open(range && is("range_is_exclusive") ? { ...range, end: range.end - 1 } : range);
        },
      };
    },

    async deleteDocument(providerId, call) {
      if (is("delete_does_nothing")) return;
      try {
        await request(`/faxes/${encodeURIComponent(providerId)}/file`, call, { method: "DELETE" }, false);
      } catch (error) {
        if (is("delete_twice_fails") || (error as FaxError).code !== "not_found") throw error;
      }
    },
  };
  if (is("has_cancel_unlisted"))
    transport.cancel = async (providerId, call) => transport.getStatus?.(providerId, call) as never;
  return transport;
}

async function receiveToyWebhook(
  webhook: WebhookRequest,
  defect: Defect | undefined,
  refuse: (code: FaxErrorCode) => Error,
  report: (fax: SinchFax) => StatusReport,
): Promise<WebhookResult> {
  if (defect === "reads_before_verifying") await webhook.body.bytes(1e8);
  const given = Buffer.from(
    (webhook.headers.get("authorization") ?? "").replace(/^Basic /i, ""),
    "base64",
  ).toString();
  const expected = `${toyHook.user}:${toyHook.pass}`;
  const same =
    defect === "accepts_unsigned_webhooks" ||
    (defect === "compares_a_prefix" && given !== "" && given.startsWith(expected.slice(0, -2))) ||
    (defect === "compares_without_case" && given.slice(1) === expected.slice(1)) ||
    given === expected;
  if (!same) throw refuse("webhook_unverified");
  const bytes = await webhook.body.bytes(1e8);
  let fax: SinchFax;
  let event: string;
  try {
    const parts = await readMultipart(bytes, webhook.headers.get("content-type") ?? "");
    const text = (name: string): string => parts.find((part) => part.name === name)?.text ?? "";
    fax = JSON.parse(text("fax")) as SinchFax;
    event = text("event");
  } catch {
    if (defect === "malformed_webhook_is_empty") return { events: [] };
    throw refuse("webhook_malformed");
  }
  const key = defect === "random_event_keys" ? randomUUID() : `${event}:${fax.id}`;
  if (event === "INCOMING_FAX") {
    const numbers = { ...(fax.from ? { from: fax.from } : {}), ...(fax.to ? { to: fax.to } : {}) };
    return { events: [{ type: "received", key, providerId: fax.id, ...numbers }] };
  }
  const told = report(fax);
  return {
    events: [
      {
        type: "status",
        key,
        report: defect === "webhook_names_another_fax" ? { ...told, providerId: "other" } : told,
      },
    ],
  };
}
