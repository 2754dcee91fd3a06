import { type WebhookSender, webhookSender } from "../webhook-sender.ts";
import type { SignalWireConsole, SignalWireEvent, SignalWireQuirks } from "./signalwire-emulator-options.ts";
import { signalwireBodyUrl, signalwireSignature } from "./signalwire-signature.ts";

/** What to deliver. */
export interface SignalWireWebhook {
  event: SignalWireEvent;
  /** The fax's sid. */
  faxId: string;
  /** As it was configured: user info, query and fragment included. */
  url: string;
  method: "GET" | "POST";
  params: Readonly<Record<string, string>>;
}

/** Makes the sender of webhooks: forms or JSON by POST, or fields in the query by GET, signed as the vendor does. */
export function signalwireWebhooks(options: {
  console: SignalWireConsole;
  quirks: SignalWireQuirks;
  retryMinutes: readonly number[];
  minuteMs: number;
  timeoutMs: number;
}): WebhookSender<SignalWireEvent, SignalWireWebhook> {
  const { console, quirks } = options;
  return webhookSender<SignalWireEvent, SignalWireWebhook>({
    retryMinutes: options.retryMinutes,
    minuteMs: options.minuteMs,
    timeoutMs: options.timeoutMs,
    encode(webhook, { signature, change }) {
      const [withoutFragment = "", fragment = ""] = webhook.url.split("#", 2);
      const params = change(webhook.params) as Readonly<Record<string, string>>;
      const fields = Object.entries(params);
      const form = new URLSearchParams(fields).toString();
      const json = quirks.webhookBody === "json" && webhook.method === "POST";
      const body = json ? JSON.stringify(params) : form;
      const url =
        webhook.method === "GET"
          ? `${withoutFragment}${withoutFragment.includes("?") ? "&" : "?"}${form}`
          : json
            ? signalwireBodyUrl(withoutFragment, body)
            : withoutFragment;

      const headers: Record<string, string> = {};
      if (webhook.method === "POST") {
        headers["content-type"] = json ? "application/json" : "application/x-www-form-urlencoded";
      }
      if (signature !== "none") {
        const spelt = quirks.signUserInfo ? url : url.replace(/^(https?:\/\/)[^/?#@]*@/i, "$1");
        const signed = quirks.signFragment && fragment ? `${spelt}#${fragment}` : spelt;
        const key = signature === "right" ? console.signingKey : `another ${console.signingKey}`;
        const signedFields = webhook.method === "GET" || json ? [] : fields;
        headers[quirks.signatureHeader] = signalwireSignature(key, signed, signedFields);
      }
      const timeoutMs = fragmentTimeout(fragment);
      return {
        method: webhook.method,
        url,
        headers,
        ...(webhook.method === "POST" ? { body: Buffer.from(body) } : {}),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      };
    },
  });
}

/** The limits that a URL's fragment may set: read (`rt`) and total (`tt`) time, in milliseconds. */
function fragmentTimeout(fragment: string): number | undefined {
  const limits = new URLSearchParams(fragment);
  const values = [limits.get("rt"), limits.get("tt")]
    .filter((text) => text !== null)
    .map(Number)
    .filter((ms) => ms >= 100 && ms <= 15_000);
  return values.length > 0 ? Math.min(...values) : undefined;
}
