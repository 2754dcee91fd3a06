import { request as httpRequest } from "node:http";
import { type FormPart, writeMultipart } from "../multipart-form.ts";
import type { SinchFax } from "./sinch-emulator-fax.ts";

/** The two documented events; the word of a page's notification is not documented, so the emulator's may be chosen. */
export type SinchEvent = "FAX_COMPLETED" | "INCOMING_FAX" | (string & {});

/**
 * Something that goes wrong with a webhook.
 *
 * - `duplicate`: a second copy right after the first.
 * - `reorder`: held back until the next webhook was delivered.
 * - `delay`: waits first.
 * - `drop`: never sent, not even later.
 * - `wrong_credentials`: the last character of the password is another. `no_credentials`: no Authorization at all.
 * - `missing_file`: without the document.
 * - `malformed`: the end of the body is missing, Content-Length fits. `half_body`: the connection is cut half-way.
 * - `rewrite`: the fax object is changed.
 */
export type SinchWebhookFault = {
  /** Only this event; default: every one. */
  event?: SinchEvent;
  /** How many deliveries it hits; default 1. */
  times?: number;
} & (
  | {
      kind:
        | "duplicate"
        | "reorder"
        | "drop"
        | "wrong_credentials"
        | "no_credentials"
        | "missing_file"
        | "malformed"
        | "half_body";
    }
  | { kind: "delay"; ms: number }
  | { kind: "rewrite"; change: (fax: SinchFax) => object }
);

/** One try to deliver a webhook. */
export interface SinchDelivery {
  event: SinchEvent;
  faxId: string;
  /** 1, 2, 3 … for the same webhook. */
  attempt: number;
  /** The status that was answered; `undefined` when there was no answer. */
  status: number | undefined;
  at: Date;
}

/** What to deliver. */
export interface SinchWebhook {
  event: SinchEvent;
  /** With credentials in it, as it was configured. */
  url: string;
  contentType: "multipart/form-data" | "application/json";
  fax: SinchFax;
  document: Buffer | undefined;
}

/** How webhooks look and how patient the emulator is. */
export interface SinchWebhookOptions {
  /** Milliseconds that stand for one minute of the vendor's retry schedule. */
  retryMinuteMs: () => number;
  /** The schedule: minutes before each further try. */
  retryMinutes: () => readonly number[];
  /** How long to wait for an answer, in milliseconds (the vendor: 60 s). */
  timeoutMs: () => number;
  /** Where the document is in a completed fax's JSON: `files[]` (OpenAPI, .NET) or `file` (newer Node SDK). */
  completedJson: () => "files" | "file";
  /** Multipart: send `event` as JSON, with quotes, as the OpenAPI's encoding table has it. */
  quotedEvent: () => boolean;
}

/** Sends webhooks. */
export interface SinchWebhooks {
  readonly deliveries: readonly SinchDelivery[];
  /** Sends now and again by the schedule until a 2xx. Resolves after the first try. */
  send(webhook: SinchWebhook): Promise<void>;
  fault(fault: SinchWebhookFault): void;
  /** True while a webhook is on its way or waits for its next try; not for one that is held back. */
  busy(): boolean;
  reset(): void;
}

/** Minutes before each of the vendor's 16 retries: 5, 10, 20, 30, then every six hours (vendor docs, "Callbacks"). */
export const sinchRetryMinutes: readonly number[] = [5, 10, 20, 30, ...Array<number>(12).fill(360)];

/** Makes the sender of webhooks: HTTP Basic from the URL's user info, the vendor's retry schedule on a faster clock. */
export function sinchWebhooks(options: SinchWebhookOptions): SinchWebhooks {
  const deliveries: SinchDelivery[] = [];
  const faults: { fault: SinchWebhookFault; left: number }[] = [];
  const timers = new Set<NodeJS.Timeout>();
  let held: (() => Promise<void>)[] = [];
  let sending = 0;
  /** Grows with reset, so that what was on its way before does not come back. */
  let generation = 0;

  const takeFault = (event: SinchEvent): SinchWebhookFault | undefined => {
    const index = faults.findIndex(({ fault }) => fault.event === undefined || fault.event === event);
    const entry = faults[index];
    if (!entry) return undefined;
    entry.left -= 1;
    if (entry.left <= 0) faults.splice(index, 1);
    return entry.fault;
  };

  const later = (ms: number, work: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      work();
    }, ms);
    timers.add(timer);
  };

  const deliver = async (
    webhook: SinchWebhook,
    attempt: number,
    fault?: SinchWebhookFault,
  ): Promise<void> => {
    const born = generation;
    const status = await post(webhook, fault, options).catch(() => undefined);
    if (born !== generation) return;
    deliveries.push({ event: webhook.event, faxId: webhook.fax.id, attempt, status, at: new Date() });
    const accepted = status !== undefined && status >= 200 && status < 300;
    const minutes = options.retryMinutes()[attempt - 1];
    if (!accepted && minutes !== undefined) {
      later(minutes * options.retryMinuteMs(), () => void attemptDelivery(webhook, attempt + 1));
    }
  };

  const attemptDelivery = async (webhook: SinchWebhook, attempt: number): Promise<void> => {
    const fault = takeFault(webhook.event);
    if (fault?.kind === "drop") return;
    const born = generation;
    sending += 1;
    try {
      if (fault?.kind === "reorder") {
        held.push(() => deliver(webhook, attempt));
        return;
      }
      if (fault?.kind === "delay") await new Promise((resolve) => setTimeout(resolve, fault.ms));
      if (born !== generation) return;
      await deliver(webhook, attempt, fault);
      if (fault?.kind === "duplicate" && born === generation) await deliver(webhook, attempt);
      const waiting = held;
      held = [];
      for (const send of waiting) await send();
    } finally {
      sending -= 1;
    }
  };

  return {
    deliveries,
    send: (webhook) => attemptDelivery(webhook, 1),
    fault: (fault) => void faults.push({ fault, left: fault.times ?? 1 }),
    busy: () => sending > 0 || timers.size > 0,
    reset() {
      generation += 1;
      deliveries.length = 0;
      faults.length = 0;
      held = [];
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}

async function post(
  webhook: SinchWebhook,
  fault: SinchWebhookFault | undefined,
  options: SinchWebhookOptions,
): Promise<number | undefined> {
  const url = new URL(webhook.url);
  const headers: Record<string, string> = { "user-agent": "emulator" };
  const authorization = basicFromUrl(url, fault?.kind === "wrong_credentials");
  if (authorization && fault?.kind !== "no_credentials") headers.authorization = authorization;
  url.username = "";
  url.password = "";

  const encoded = encode(webhook, fault, options);
  headers["content-type"] = encoded.contentType;
  const body =
    fault?.kind === "malformed" ? encoded.body.subarray(0, encoded.body.length - 12) : encoded.body;
  if (fault?.kind === "half_body") {
    await cutHalfWay(url, headers, body);
    return undefined;
  }
  const response = await fetch(url, {
    method: "POST",
    headers,
    body: new Uint8Array(body),
    redirect: "manual",
    signal: AbortSignal.timeout(options.timeoutMs()),
  });
  await response.arrayBuffer();
  return response.status;
}

/** Whether the vendor decodes percent signs in the user info is not known; this does, as most clients do. */
function basicFromUrl(url: URL, wrong: boolean): string | undefined {
  if (!url.username && !url.password) return undefined;
  let password = decodeURIComponent(url.password);
  if (wrong) password = `${password.slice(0, -1)}${password.endsWith("x") ? "y" : "x"}`;
  return `Basic ${Buffer.from(`${decodeURIComponent(url.username)}:${password}`).toString("base64")}`;
}

function encode(
  webhook: SinchWebhook,
  fault: SinchWebhookFault | undefined,
  options: SinchWebhookOptions,
): { contentType: string; body: Buffer } {
  const { event } = webhook;
  const eventTime = new Date().toISOString();
  const fax = fault?.kind === "rewrite" ? fault.change(structuredClone(webhook.fax)) : webhook.fax;
  const document = fault?.kind === "missing_file" ? undefined : webhook.document;
  if (webhook.contentType === "application/json") {
    const file = document && { file: document.toString("base64"), fileType: "PDF" };
    const content =
      file && event === "FAX_COMPLETED" && options.completedJson() === "files" ? { files: [file] } : file;
    return {
      contentType: "application/json",
      body: Buffer.from(JSON.stringify({ event, eventTime, fax, ...content })),
    };
  }
  const parts: FormPart[] = [
    options.quotedEvent()
      ? { name: "event", contentType: "application/json", content: JSON.stringify(event) }
      : { name: "event", content: event },
    { name: "eventTime", content: eventTime },
    { name: "fax", contentType: "application/json", content: JSON.stringify(fax) },
  ];
  if (document) {
    const fileName = `${webhook.fax.id}.pdf`;
    parts.push({ name: "file", fileName, contentType: "application/pdf", content: document });
  }
  return writeMultipart(parts);
}

/** Promises the whole body, sends half of it and cuts the connection; fetch cannot do that. */
function cutHalfWay(url: URL, headers: Record<string, string>, body: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const request = httpRequest(url, {
      method: "POST",
      headers: { ...headers, "content-length": String(body.length) },
    });
    request.on("error", () => resolve());
    request.on("close", () => resolve());
    request.write(body.subarray(0, body.length >> 1), () => request.destroy());
  });
}
