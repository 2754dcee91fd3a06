import { createHmac, randomUUID } from "node:crypto";
import { type WebhookSender, webhookSender } from "../webhook-sender.ts";
import { unixSeconds } from "./humblefax-emulator-fax.ts";
import type { HumbleFaxEvent, HumbleFaxQuirks } from "./humblefax-emulator-options.ts";

/** What to deliver. */
export interface HumbleFaxWebhook {
  event: HumbleFaxEvent;
  faxId: string;
  /** As it was registered, token and all. */
  url: string;
  webhookId: number;
  /** Stays the same over all tries. */
  messageId: string;
  fax: Readonly<Record<string, unknown>>;
}

/** Minutes before each further try. That deliveries are repeated is known, the schedule is not: this one is ours. */
export const humblefaxRetryMinutes: readonly number[] = [1, 5, 15, 60, 240];

/** Makes the sender of webhooks: JSON hints without a file, unsigned as the vendor's, unless there is a secret. */
export function humblefaxWebhooks(options: {
  quirks: HumbleFaxQuirks;
  secret: string | undefined;
  retryMinutes: readonly number[];
  minuteMs: number;
  timeoutMs: number;
}): WebhookSender<HumbleFaxEvent, HumbleFaxWebhook> {
  return webhookSender<HumbleFaxEvent, HumbleFaxWebhook>({
    retryMinutes: options.retryMinutes,
    minuteMs: options.minuteMs,
    timeoutMs: options.timeoutMs,
    encode(webhook, { attempt, signature, change }) {
      const [name = ""] = webhook.event.split(".");
      const key =
        options.quirks.webhookKey === "capital" ? name : `${name.slice(0, 1).toLowerCase()}${name.slice(1)}`;
      const content = {
        type: webhook.event,
        data: options.quirks.webhookKey === "bare" ? webhook.fax : { [key]: webhook.fax },
        time: unixSeconds(),
        numAttempts: attempt,
        webhookId: webhook.webhookId,
        webhookMsgId: webhook.messageId,
      };
      const body = Buffer.from(JSON.stringify(change(content)));
      const headers: Record<string, string> = { "content-type": "application/json" };
      if (options.secret && signature !== "none") {
        const secret = signature === "right" ? options.secret : `another ${options.secret}`;
        headers["x-humblefax-signature"] = createHmac("sha256", secret).update(body).digest("hex");
      }
      // Without signatures only the URL's own token can be wrong or missing.
      const url =
        options.secret || signature === "right" ? webhook.url : withoutToken(webhook.url, signature);
      return { method: "POST", url, headers, body };
    },
  });
}

/** A new id of a webhook message. */
export function newMessageId(): string {
  return randomUUID();
}

/** The token is in the query, or it is the password, or the last part of the path. */
function withoutToken(url: string, how: "wrong" | "none"): string {
  const changed = new URL(url);
  const change = (value: string): string => (how === "none" ? "" : `another${value.slice(0, -1)}`);
  const query = [...changed.searchParams];
  if (query.length > 0) {
    for (const [name, value] of query) {
      if (how === "none") changed.searchParams.delete(name);
      else changed.searchParams.set(name, change(value));
    }
  } else if (changed.password) {
    changed.password = change(changed.password);
  } else {
    changed.pathname = changed.pathname.replace(/[^/]*$/, change);
  }
  return changed.href;
}
