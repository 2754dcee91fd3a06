import { exchangeHttp, type HttpAnswer } from "./http-exchange.ts";
import { timerSet } from "./timer-set.ts";

/** Something to deliver, as far as the sender has to know it. */
export interface EmulatorWebhook<Event extends string> {
  event: Event;
  faxId: string;
}

/**
 * Something that goes wrong with a webhook.
 *
 * - `duplicate`: a second copy right after the first.
 * - `reorder`: held back until the next webhook was delivered.
 * - `delay`: waits first. `drop`: never sent, not even later.
 * - `wrong_signature`, `no_signature`: what proves its origin (a signature, or a password) is wrong or missing.
 * - `missing_file`: without the document that it would bring.
 * - `malformed`: the end of the body is missing, Content-Length fits, the signature is that of the whole.
 * - `half_body`: the connection is cut half-way. `slow_body`: the body comes in small pieces.
 * - `rewrite`: other content, signed as it is sent.
 */
export type WebhookFault<Event extends string = string> = {
  /** Only this event; default: every one. */
  event?: Event;
  /** How many deliveries it hits; default 1. */
  times?: number;
} & (
  | {
      kind:
        | "duplicate"
        | "reorder"
        | "drop"
        | "wrong_signature"
        | "no_signature"
        | "missing_file"
        | "malformed"
        | "half_body";
    }
  | { kind: "delay"; ms: number }
  | { kind: "slow_body"; chunkBytes: number; everyMs: number }
  | { kind: "rewrite"; change: (content: Record<string, unknown>) => Readonly<Record<string, unknown>> }
);

/** One try to deliver a webhook. */
export interface WebhookDelivery<Event extends string = string> {
  event: Event;
  faxId: string;
  /** 1, 2, 3 … for the same webhook. */
  attempt: number;
  /** The status that was answered; `undefined` when there was no answer. */
  status: number | undefined;
  at: Date;
}

/** What a vendor's encoder has to heed. */
export interface WebhookTwist {
  attempt: number;
  signature: "right" | "wrong" | "none";
  /** False: the document stays away. */
  withDocument: boolean;
  /** Changes the content before it is signed; the identity unless a `rewrite` fault hits. */
  change: (content: Record<string, unknown>) => Readonly<Record<string, unknown>>;
}

/** A webhook as it goes out. */
export interface EncodedWebhook {
  method: "GET" | "POST";
  url: string;
  headers: Record<string, string>;
  body?: Uint8Array;
  /** Default: that of the sender. */
  timeoutMs?: number;
}

/** What a {@link webhookSender} is made of. */
export interface WebhookSenderOptions<Webhook> {
  encode(webhook: Webhook, twist: WebhookTwist): EncodedWebhook;
  /** Minutes before each further try; empty: only one try. */
  retryMinutes: readonly number[];
  /** Milliseconds that stand for one of these minutes. */
  minuteMs: number;
  timeoutMs: number;
}

/** Sends webhooks as one vendor does. */
export interface WebhookSender<Event extends string, Webhook extends EmulatorWebhook<Event>> {
  readonly deliveries: readonly WebhookDelivery<Event>[];
  /** Sends now and again by the schedule until a 2xx. Resolves with what the first try was answered. */
  send(webhook: Webhook): Promise<HttpAnswer | undefined>;
  fault(fault: WebhookFault<Event>): void;
  /** True while a webhook is on its way or waits for its next try; not for one that is held back. */
  busy(): boolean;
  reset(): void;
}

/** Makes a sender: the vendor's encoding and schedule, with faults on demand. */
export function webhookSender<Event extends string, Webhook extends EmulatorWebhook<Event>>(
  options: WebhookSenderOptions<Webhook>,
): WebhookSender<Event, Webhook> {
  type Fault = WebhookFault<Event>;
  const deliveries: WebhookDelivery<Event>[] = [];
  const faults: { fault: Fault; left: number }[] = [];
  const timers = timerSet();
  let held: (() => Promise<unknown>)[] = [];
  let sending = 0;
  /** Grows with reset, so that what was on its way before does not come back. */
  let generation = 0;

  const takeFault = (event: Event): Fault | undefined => {
    const index = faults.findIndex(({ fault }) => fault.event === undefined || fault.event === event);
    const entry = faults[index];
    if (!entry) return undefined;
    entry.left -= 1;
    if (entry.left <= 0) faults.splice(index, 1);
    return entry.fault;
  };

  const deliver = async (webhook: Webhook, attempt: number, fault?: Fault) => {
    const born = generation;
    const answer = await post(webhook, attempt, fault).catch(() => undefined);
    if (born !== generation) return undefined;
    const { event, faxId } = webhook;
    deliveries.push({ event, faxId, attempt, status: answer?.status, at: new Date() });
    const accepted = answer !== undefined && answer.status >= 200 && answer.status < 300;
    const minutes = options.retryMinutes[attempt - 1];
    if (!accepted && minutes !== undefined) {
      timers.later(minutes * options.minuteMs, () => void attemptDelivery(webhook, attempt + 1));
    }
    return answer;
  };

  const attemptDelivery = async (webhook: Webhook, attempt: number): Promise<HttpAnswer | undefined> => {
    const fault = takeFault(webhook.event);
    if (fault?.kind === "drop") return undefined;
    const born = generation;
    sending += 1;
    try {
      if (fault?.kind === "reorder") {
        held.push(() => deliver(webhook, attempt));
        return undefined;
      }
      if (fault?.kind === "delay") await new Promise((resolve) => setTimeout(resolve, fault.ms));
      if (born !== generation) return undefined;
      const answer = await deliver(webhook, attempt, fault);
      if (fault?.kind === "duplicate" && born === generation) await deliver(webhook, attempt);
      const waiting = held;
      held = [];
      for (const send of waiting) await send();
      return answer;
    } finally {
      sending -= 1;
    }
  };

  async function post(webhook: Webhook, attempt: number, fault: Fault | undefined): Promise<HttpAnswer> {
    const { timeoutMs, ...encoded } = options.encode(webhook, {
      attempt,
      signature:
        fault?.kind === "wrong_signature" ? "wrong" : fault?.kind === "no_signature" ? "none" : "right",
      withDocument: fault?.kind !== "missing_file",
      change: (content) => (fault?.kind === "rewrite" ? fault.change(structuredClone(content)) : content),
    });
    if (fault?.kind === "malformed" && encoded.body) {
      encoded.body = encoded.body.subarray(0, Math.max(1, encoded.body.length - 12));
    }
    return exchangeHttp({
      ...encoded,
      timeoutMs: timeoutMs ?? options.timeoutMs,
      ...(fault?.kind === "half_body" ? { pace: "half" as const } : {}),
      ...(fault?.kind === "slow_body"
        ? { pace: { chunkBytes: fault.chunkBytes, everyMs: fault.everyMs } }
        : {}),
    });
  }

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
      timers.clear();
    },
  };
}
