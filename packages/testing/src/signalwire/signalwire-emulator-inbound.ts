import { readInstructions, type SignalWireInstructions } from "./signalwire-emulator-instructions.ts";
import { reportFields, type SignalWireEntry, type SignalWireLedger } from "./signalwire-emulator-ledger.ts";
import type { SignalWireNumber } from "./signalwire-emulator-numbers.ts";
import type { SignalWireConsole } from "./signalwire-emulator-options.ts";
import type { SignalWireFailure } from "./signalwire-emulator-outcome.ts";
import type { signalwireWebhooks } from "./signalwire-emulator-webhook.ts";

/** What a fax that comes in meets. */
export interface SignalWireInboundOptions {
  ledger: SignalWireLedger;
  webhooks: ReturnType<typeof signalwireWebhooks>;
  console: SignalWireConsole;
  completeAfterMs: () => number;
}

/**
 * Receives a fax: asks the number's URL what to do, then its fallback; does it, and reports to the `action` of
 * `<Receive>`. Without a URL the fax is received and only there to be listed.
 */
export async function receiveBySignalWire(
  entry: SignalWireEntry,
  inbound: { pdf: Uint8Array; failure: SignalWireFailure | undefined; number: SignalWireNumber | undefined },
  options: SignalWireInboundOptions,
): Promise<void> {
  const { ledger, webhooks, console } = options;
  const { fax } = entry;
  const { number } = inbound;
  const method = number?.voice_url ? number.voice_method : console.voiceMethod;
  const { AccountSid, ApiVersion, FaxSid, From, To } = reportFields(fax, "") as Record<string, string>;
  const params = { AccountSid, ApiVersion, FaxSid, From, To } as Record<string, string>;
  const ask = async (url: string): Promise<SignalWireInstructions> =>
    readInstructions(await webhooks.send({ event: "inbound", faxId: fax.sid, url, method, params }));

  if (number?.voice_receive_mode === "voice") {
    ledger.received(entry, inbound.pdf, { errorCode: "21601", errorMessage: "Number is not for faxes" });
    return;
  }
  const url = number?.voice_url ?? console.voiceUrl;
  if (url === undefined) {
    ledger.received(entry, inbound.pdf, inbound.failure);
    return;
  }
  const fallback = number?.voice_fallback_url ?? console.voiceFallbackUrl;
  let answeredBy = url;
  let instructions = await ask(url);
  if (instructions.verb === "none" && fallback !== undefined) {
    answeredBy = fallback;
    instructions = await ask(fallback);
  }
  if (instructions.verb === "Reject") {
    ledger.received(entry, inbound.pdf, { status: "canceled" });
    return;
  }
  if (instructions.verb === "none") {
    ledger.received(entry, inbound.pdf, { errorCode: String(instructions.code) });
    return;
  }

  const ms = options.completeAfterMs();
  await new Promise((resolve) => setTimeout(resolve, Number.isFinite(ms) ? ms / 2 : 0));
  ledger.received(entry, inbound.pdf, inbound.failure);
  if (instructions.action === undefined || ledger.find(fax.sid) !== entry) return;
  const { OriginalMediaUrl: _sentOnly, ...report } = reportFields(fax, "");
  const absolute = /^https?:\/\//i.test(instructions.action);
  await webhooks.send({
    event: "received",
    faxId: fax.sid,
    url: absolute ? instructions.action : new URL(instructions.action, answeredBy).href,
    method: instructions.method,
    params: { ...report, Timestamp: new Date().toISOString().replace(/\.\d+Z$/, "Z") },
  });
}
