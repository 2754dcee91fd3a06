import { z } from "zod";
import { emulatorControl } from "../emulator-control.ts";
import { type EmulatorRoute, type EmulatorServer, startEmulatorServer } from "../emulator-server.ts";
import { outcomeByNumber } from "../outcome-by-number.ts";
import { rateLimit } from "../rate-limit.ts";
import { syntheticNumber } from "../synthetic-number.ts";
import { syntheticPdf } from "../synthetic-pdf.ts";
import { plainNumber } from "./humblefax-emulator-fax.ts";
import { humblefaxLedger } from "./humblefax-emulator-ledger.ts";
import type {
  HumbleFaxEmulator,
  HumbleFaxEmulatorOptions,
  HumbleFaxEvent,
  HumbleFaxOperation,
  HumbleFaxQuirks,
} from "./humblefax-emulator-options.ts";
import { type HumbleFaxOutcome, humblefaxPreset } from "./humblefax-emulator-outcome.ts";
import { type HumbleFaxRefuse, type HumbleFaxReply, presentHumbleFax } from "./humblefax-emulator-present.ts";
import { humblefaxReading } from "./humblefax-emulator-reading.ts";
import { humblefaxSending } from "./humblefax-emulator-sending.ts";
import { humblefaxRetryMinutes, humblefaxWebhooks, newMessageId } from "./humblefax-emulator-webhook.ts";

const defaultQuirks: HumbleFaxQuirks = {
  quickSendKey: "fax",
  statusAsList: false,
  numbersAsIntegers: false,
  numbersWithPlus: false,
  countsAsStrings: false,
  webhookKey: "capital",
  refuseWith200: false,
  unknownFields: "refuse",
  failureReasonAt: "everywhere",
  sendTooEarly: 0,
};
const webhookBody = z.strictObject({ url: z.url({ protocol: /^https?$/ }) });

/**
 * Starts an imitation of the HumbleFax API on 127.0.0.1: real HTTP, as strict as what is known of the vendor's
 * documents, with fault knobs and counters. Nothing is dialled. Five requests in one second are the limit, as they are
 * there, and one more blocks the caller for a minute: see `requestsPerSecond` and `blockMs`.
 *
 * @throws the system's error when the port is taken
 * @example
 * const emulator = await startHumbleFaxEmulator();
 * emulator.addWebhook("http://127.0.0.1:8080/humblefax?token=…");
 * emulator.script("0177", ["busy", "delivered"]);
 * // … point a client at emulator.url with emulator.accessKey and emulator.secretKey
 * await emulator.stop();
 */
export async function startHumbleFaxEmulator(
  options: HumbleFaxEmulatorOptions = {},
): Promise<HumbleFaxEmulator> {
  const accessKey = options.accessKey ?? "emulated-access-key-0";
  const secretKey = options.secretKey ?? "emulated-secret-key-0";
  const numbers = (options.numbers ?? []).map(plainNumber);
  const defaultFrom = numbers[0] ?? plainNumber(syntheticNumber(90));
  const quirks: HumbleFaxQuirks = { ...defaultQuirks, ...options.quirks };
  const settings = { completeAfterMs: options.completeAfterMs ?? 100 };
  const ownNumbers = numbers.length > 0 ? numbers : [defaultFrom];
  let registered: { id: number; url: string }[] = [];
  let nextWebhookId = 1;

  const refuse: HumbleFaxRefuse = (status, error) => ({
    status: quirks.refuseWith200 ? 200 : status,
    body: { result: "failure", error },
  });
  const reply: HumbleFaxReply = (data) => ({
    status: 200,
    body: { result: "success", data: presentHumbleFax(data, quirks) },
  });
  const script = outcomeByNumber({ fallback: options.outcome ?? "delivered", preset: humblefaxPreset });
  const limit = rateLimit({
    perSecond: () => options.requestsPerSecond ?? 5,
    blockMs: () => options.blockMs ?? 60_000,
  });
  const sender = humblefaxWebhooks({
    quirks,
    secret: options.webhookSecret,
    retryMinutes: options.webhookRetryMinutes ?? humblefaxRetryMinutes,
    minuteMs: options.webhookRetryMinuteMs ?? 10,
    timeoutMs: options.webhookTimeoutMs ?? 5_000,
  });
  const ledger = humblefaxLedger({
    script,
    completeAfterMs: () => settings.completeAfterMs,
    attempts: options.attempts ?? 1,
    defaultFrom,
    notify(event, fax) {
      const shown = presentHumbleFax(fax, quirks);
      for (const { id, url } of registered) {
        const messageId = newMessageId();
        void sender.send({ event, faxId: String(fax.id), url, webhookId: id, messageId, fax: shown });
      }
    },
  });
  const addWebhook = (url: string): { id: number; url: string } => {
    const webhook = { id: nextWebhookId, url };
    nextWebhookId += 1;
    registered.push(webhook);
    return webhook;
  };
  const registerInitial = (): void => {
    registered = [];
    for (const url of options.webhookUrls ?? []) addWebhook(url);
  };
  registerInitial();

  const sending = humblefaxSending({ ledger, quirks, numbers, refuse, reply });
  const routes: EmulatorRoute<HumbleFaxOperation>[] = [
    ...sending.routes,
    ...humblefaxReading({ ledger, numbers: ownNumbers, refuse, reply }),
    {
      operation: "createWebhook",
      method: "POST",
      path: "/webhook",
      handle(request) {
        let json: unknown;
        try {
          json = JSON.parse(request.body.toString());
        } catch {
          return refuse(400, "invalidJson");
        }
        const body = webhookBody.safeParse(json);
        if (!body.success) return refuse(400, "url must be an http or https URL, and nothing else is known");
        return reply({ webhook: addWebhook(body.data.url) });
      },
    },
    {
      operation: "listWebhooks",
      method: "GET",
      path: "/webhooks",
      handle: () => reply({ webhooks: registered }),
    },
    {
      operation: "deleteWebhook",
      method: "DELETE",
      path: "/webhook/{id}",
      handle({ params }) {
        const rest = registered.filter(({ id }) => String(id) !== params.id);
        if (rest.length === registered.length) return refuse(404, "webhookNotFound");
        registered = rest;
        return reply({});
      },
    },
  ];

  const receiveFax: HumbleFaxEmulator["receiveFax"] = (inbound = {}) =>
    ledger.receive({
      from: inbound.from ?? syntheticNumber(91),
      to: inbound.to ?? defaultFrom,
      pdf: inbound.pdf ?? syntheticPdf({ text: "Synthetic received fax" }),
      partial: inbound.partial ?? false,
    });
  const reset = (): void => {
    server.reset();
    script.reset();
    ledger.reset();
    sender.reset();
    limit.reset();
    sending.reset();
    registerInitial();
    Object.assign(quirks, defaultQuirks, options.quirks);
  };

  const basic = `Basic ${Buffer.from(`${accessKey}:${secretKey}`).toString("base64")}`;
  const server: EmulatorServer<HumbleFaxOperation> = await startEmulatorServer<HumbleFaxOperation>({
    routes,
    control: emulatorControl<HumbleFaxOperation, HumbleFaxOutcome, HumbleFaxEvent>({
      calls: () => server.calls,
      faxes: () => ledger.faxes,
      deliveries: () => sender.deliveries,
      script: (digits, outcomes) => script.set(digits, outcomes),
      finish: (faxId, outcome) => ledger.finish(faxId, outcome),
      receiveFax,
      configure: (changes) => addWebhook(webhookBody.parse(changes).url),
      fault: (fault) => void server.fault(fault),
      webhookFault: (fault) => sender.fault(fault),
      reset,
    }),
    ...(options.port === undefined ? {} : { port: options.port }),
    // 50 MB are said to be the limit of a fax.
    maxBodyBytes: 50 * 1024 * 1024,
    guard(request) {
      const waitMs = limit.take();
      if (waitMs > 0) {
        const seconds = String(Math.ceil(waitMs / 1000));
        return { ...refuse(429, "rateLimitExceeded"), headers: { "retry-after": seconds } };
      }
      return request.headers.authorization?.replace(/^basic /i, "Basic ") === basic
        ? undefined
        : refuse(401, "loginFailure");
    },
    errorBody: (status) => ({ result: "failure", error: `error ${status}` }),
  });

  return {
    ...server,
    accessKey,
    secretKey,
    quirks,
    get completeAfterMs() {
      return settings.completeAfterMs;
    },
    set completeAfterMs(ms) {
      settings.completeAfterMs = ms;
    },
    get faxes() {
      return ledger.faxes;
    },
    get sentFaxes() {
      return ledger.sent;
    },
    get incomingFaxes() {
      return ledger.incoming;
    },
    get webhooks() {
      return registered;
    },
    addWebhook: (url) => void addWebhook(url),
    documentOf: (faxId) => (ledger.findSent(faxId) ?? ledger.findIncoming(faxId))?.document,
    deliveries: sender.deliveries,
    script: (digits, outcomes) => script.set(digits, outcomes),
    finish: (faxId, outcome) => ledger.finish(faxId, outcome),
    receiveFax,
    addSentFax: (fax, document) => ledger.addSent(fax, document),
    addIncomingFax: (fax, document) => ledger.addIncoming(fax, document),
    webhookFault: (fault) => sender.fault(fault),
    async idle() {
      while (ledger.busy() || sender.busy()) await new Promise((resolve) => setTimeout(resolve, 5));
    },
    reset,
    async stop() {
      ledger.reset();
      sender.reset();
      await server.stop();
    },
  };
}
