import { emulatorControl } from "../emulator-control.ts";
import type { EmulatorResponse, EmulatorRoute, EmulatorServer } from "../emulator-server.ts";
import { startEmulatorServer } from "../emulator-server.ts";
import { outcomeByNumber } from "../outcome-by-number.ts";
import { countPdfPages } from "../pdf-page-count.ts";
import { rateLimit } from "../rate-limit.ts";
import { syntheticNumber } from "../synthetic-number.ts";
import { syntheticPdf } from "../synthetic-pdf.ts";
import { phaxioAccount, phaxioDefaultNumber } from "./phaxio-emulator-account.ts";
import {
  type PhaxioCall,
  type PhaxioEndpoint,
  phaxioListReply,
  phaxioReply,
} from "./phaxio-emulator-endpoint.ts";
import { numbersAsText, type PhaxioFax } from "./phaxio-emulator-fax.ts";
import { readPhaxioForm } from "./phaxio-emulator-form.ts";
import { phaxioLedger } from "./phaxio-emulator-ledger.ts";
import { filterPhaxioFaxes } from "./phaxio-emulator-list.ts";
import type {
  PhaxioConsole,
  PhaxioEmulator,
  PhaxioEmulatorOptions,
  PhaxioEvent,
  PhaxioOperation,
  PhaxioQuirks,
} from "./phaxio-emulator-options.ts";
import { type PhaxioOutcome, phaxioPreset } from "./phaxio-emulator-outcome.ts";
import { readPhaxioSend } from "./phaxio-emulator-send.ts";
import { phaxioRetryMinutes, phaxioWebhooks } from "./phaxio-emulator-webhook.ts";

/** The vendor's public number, which simulated receipts name when they are told no other. */
export const phaxioPublicNumber = "+18773346654";

const defaultQuirks: PhaxioQuirks = {
  unknownFields: "refuse",
  refuseWith200: false,
  numbersAsStrings: false,
  totalAsText: false,
  dropFilesAbove: Number.POSITIVE_INFINITY,
  signUserInfo: true,
};
const defaultConsole: PhaxioConsole = {
  callbackToken: "emulated-callback-token-0",
  webhookVersion: "v2.1",
  sentCallbackUrl: undefined,
  receivedCallbackUrl: undefined,
  inflightEvents: false,
  receivedFile: true,
  retries: 0,
};

/** One white pixel: a real JPEG, but not the page. */
const whiteJpeg = Buffer.from(
  "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAFA3PEY8MlBGQUZaVVBfeMiCeG5uePWvuZHI////////////////////////////////////////////////////wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAABP/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8Aa//Z",
  "base64",
);

/**
 * Starts an imitation of the Phaxio API v2.1 on 127.0.0.1: real HTTP, as strict as the vendor's documents, with signed
 * webhooks, fault knobs and counters. Nothing is dialled.
 *
 * @throws the system's error when the port is taken
 * @example
 * const emulator = await startPhaxioEmulator({ console: { sentCallbackUrl: "http://127.0.0.1:8080/phaxio" } });
 * emulator.script("0177", ["busy", "delivered"]);
 * // … point a client at emulator.apiUrl with emulator.apiKey and emulator.apiSecret
 * await emulator.stop();
 */
export async function startPhaxioEmulator(options: PhaxioEmulatorOptions = {}): Promise<PhaxioEmulator> {
  const apiKey = options.apiKey ?? "emulated-live-key-0";
  const apiSecret = options.apiSecret ?? "emulated-live-secret-0";
  const testApiKey = options.testApiKey ?? "emulated-test-key-0";
  const testApiSecret = options.testApiSecret ?? "emulated-test-secret-0";
  const quirks: PhaxioQuirks = { ...defaultQuirks, ...options.quirks };
  const console: PhaxioConsole = { ...defaultConsole, ...options.console };
  const settings = { completeAfterMs: options.completeAfterMs ?? 100 };

  const refuse = (status: number, message: string): EmulatorResponse => ({
    status: quirks.refuseWith200 ? 200 : status,
    body: { success: false, message },
  });
  const script = outcomeByNumber({ fallback: options.outcome ?? "delivered", preset: phaxioPreset });
  const limit = rateLimit({
    perSecond: () => options.requestsPerSecond ?? Number.POSITIVE_INFINITY,
    blockMs: () => 0,
  });
  const webhooks = phaxioWebhooks({
    console,
    quirks,
    retryMinutes: options.webhookRetryMinutes ?? phaxioRetryMinutes,
    minuteMs: options.webhookRetryMinuteMs ?? 10,
    timeoutMs: options.webhookTimeoutMs ?? 5_000,
  });
  const ledger = phaxioLedger({
    script,
    console,
    quirks,
    completeAfterMs: () => settings.completeAfterMs,
    secondMs: options.secondMs ?? 10,
    sendWebhook: (webhook) => void webhooks.send(webhook),
  });
  const account = phaxioAccount({
    initialNumbers: options.numbers ?? [],
    faxes: () => ledger.faxes,
    refuse,
  });

  const receive = (inbound: { from: string; to: string; pdf: Uint8Array; isTest: boolean }): PhaxioFax => {
    const number = account.numbers.find(({ phone_number }) => phone_number === inbound.to);
    // The most specific URL wins.
    return ledger.receive({ ...inbound, callbackUrl: number?.callback_url ?? console.receivedCallbackUrl });
  };
  const withFax =
    (handle: (fax: PhaxioFax, call: PhaxioCall) => EmulatorResponse) =>
    (call: PhaxioCall): EmulatorResponse => {
      const fax = ledger.find(call.request.params.id ?? "");
      return fax ? handle(fax, call) : refuse(404, "Fax not found");
    };

  const endpoints: PhaxioEndpoint<PhaxioOperation>[] = [
    {
      operation: "sendFax",
      method: "POST",
      path: "/faxes",
      handle({ form, isTest }) {
        const send = readPhaxioSend(form, {
          isTest,
          numbers: account.numbers.map(({ phone_number }) => phone_number),
          unknownFields: quirks.unknownFields,
        });
        if (typeof send === "string") return refuse(422, send);
        if (send.direction === "sent") {
          return phaxioReply("Fax queued for sending", { id: ledger.take(send, isTest).id });
        }
        if (countPdfPages(send.file.bytes) === 0) return refuse(422, "file must be a PDF");
        const { from = phaxioPublicNumber, to = phaxioPublicNumber } = send;
        receive({ from, to, pdf: send.file.bytes, isTest });
        return phaxioReply(`Test fax received from ${from} to ${to}.  Calling back now...`);
      },
    },
    {
      operation: "listFaxes",
      method: "GET",
      path: "/faxes",
      handle({ request }) {
        const faxes = filterPhaxioFaxes(ledger.faxes, request.query);
        if (typeof faxes === "string") return refuse(422, faxes);
        return phaxioListReply("Retrieved faxes successfully", faxes, request, {
          refuse,
          totalAsText: quirks.totalAsText,
        });
      },
    },
    {
      operation: "getFax",
      method: "GET",
      path: "/faxes/{id}",
      handle: withFax((fax) => phaxioReply("Metadata for fax", structuredClone(fax))),
    },
    {
      operation: "cancelFax",
      method: "POST",
      path: "/faxes/{id}/cancel",
      handle: withFax((fax) =>
        ledger.cancel(String(fax.id))
          ? phaxioReply("Fax cancellation scheduled successfully.", { id: fax.id })
          : refuse(422, "Fax could not be canceled: it is already complete"),
      ),
    },
    {
      operation: "resendFax",
      method: "POST",
      path: "/faxes/{id}/resend",
      handle: withFax((fax, { form }) => {
        const callbackUrl = new Map(form.fields).get("callback_url");
        if (callbackUrl !== undefined && !URL.canParse(callbackUrl)) {
          return refuse(422, "callback_url is not valid");
        }
        const again = ledger.resend(String(fax.id), callbackUrl);
        if (!again)
          return refuse(422, "This fax can not be resent: it was received or its files were deleted");
        return phaxioReply("Fax queued for resending", { id: again.id });
      }),
    },
    {
      operation: "downloadFax",
      method: "GET",
      path: "/faxes/{id}/file",
      handle: withFax((fax, { request }) => {
        const document = ledger.documentOf(String(fax.id));
        if (!document) return refuse(404, "File not found");
        const thumbnail = request.query.get("thumbnail");
        if (thumbnail === "s" || thumbnail === "l") {
          return { status: 200, headers: { "content-type": "image/jpeg" }, body: whiteJpeg };
        }
        if (thumbnail !== null) return refuse(422, "thumbnail must be s or l");
        return {
          status: 200,
          headers: {
            "content-type": "application/pdf",
            "content-disposition": `attachment; filename="fax-${fax.id}.pdf"`,
          },
          body: document,
        };
      }),
    },
    {
      operation: "deleteFaxContent",
      method: "DELETE",
      path: "/faxes/{id}/file",
      handle: withFax((fax) => {
        if (!ledger.documentOf(String(fax.id))) return refuse(404, "File not found");
        ledger.removeDocument(String(fax.id));
        return phaxioReply("Deleted files successfully!");
      }),
    },
    {
      operation: "deleteFax",
      method: "DELETE",
      path: "/faxes/{id}",
      handle: withFax((fax) => {
        if (!fax.is_test) return refuse(422, "Only test faxes can be deleted");
        ledger.remove(String(fax.id));
        return phaxioReply("Deleted fax successfully!");
      }),
    },
    ...account.endpoints,
  ];

  const isTestAccount = (
    authorization: string | undefined,
    key?: string,
    secret?: string,
  ): boolean | undefined => {
    const basic = /^basic (\S+)$/i.exec(authorization ?? "")?.[1];
    const pair = basic === undefined ? `${key}:${secret}` : Buffer.from(basic, "base64").toString();
    if (pair === `${apiKey}:${apiSecret}`) return false;
    return pair === `${testApiKey}:${testApiSecret}` ? true : undefined;
  };
  const asRoute =
    ({ open, handle }: PhaxioEndpoint<PhaxioOperation>): EmulatorRoute<PhaxioOperation>["handle"] =>
    async (request) => {
      if (limit.take() > 0) return refuse(429, "Too many requests");
      const form = await readPhaxioForm(request);
      const isTest = isTestAccount(request.headers.authorization, form?.apiKey, form?.apiSecret);
      if (isTest === undefined && !open) return refuse(401, "Invalid API credentials");
      if (!form) return refuse(422, "The body can not be read");
      const response = handle({ request, form, isTest: isTest ?? false });
      if (quirks.numbersAsStrings && typeof response.body === "object" && !Buffer.isBuffer(response.body)) {
        response.body = numbersAsText(response.body) as Record<string, unknown>;
      }
      return response;
    };

  const receiveFax: PhaxioEmulator["receiveFax"] = (inbound = {}) =>
    receive({
      from: inbound.from ?? syntheticNumber(91),
      to: inbound.to ?? account.numbers[0]?.phone_number ?? phaxioDefaultNumber,
      pdf: inbound.pdf ?? syntheticPdf({ text: "Synthetic received fax" }),
      isTest: false,
    });
  const reset = (): void => {
    server.reset();
    script.reset();
    ledger.reset();
    webhooks.reset();
    account.reset();
    limit.reset();
    Object.assign(quirks, defaultQuirks, options.quirks);
    Object.assign(console, defaultConsole, options.console);
  };
  const server: EmulatorServer<PhaxioOperation> = await startEmulatorServer<PhaxioOperation>({
    routes: ["/v2.1", "/v2"].flatMap((version) =>
      endpoints.map((endpoint) => ({
        operation: endpoint.operation,
        method: endpoint.method,
        path: version + endpoint.path,
        handle: asRoute(endpoint),
      })),
    ),
    control: emulatorControl<PhaxioOperation, PhaxioOutcome, PhaxioEvent>({
      calls: () => server.calls,
      faxes: () => ledger.faxes,
      deliveries: () => webhooks.deliveries,
      script: (digits, outcomes) => script.set(digits, outcomes),
      finish: (faxId, outcome) => ledger.finish(faxId, outcome),
      receiveFax,
      configure: (changes) => Object.assign(console, changes),
      fault: (fault) => void server.fault(fault),
      webhookFault: (fault) => webhooks.fault(fault),
      reset,
    }),
    ...(options.port === undefined ? {} : { port: options.port }),
    errorBody: (status) => ({ success: false, message: `Error ${status}` }),
  });

  const emulator: PhaxioEmulator = {
    ...server,
    apiUrl: `${server.url}/v2.1`,
    apiKey,
    apiSecret,
    testApiKey,
    testApiSecret,
    console,
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
    documentOf: (faxId) => ledger.documentOf(faxId),
    deliveries: webhooks.deliveries,
    script: (digits, outcomes) => script.set(digits, outcomes),
    finish: (faxId, outcome) => ledger.finish(faxId, outcome),
    receiveFax,
    addFax: (fax, document) => ledger.add(fax, document),
    webhookFault: (fault) => webhooks.fault(fault),
    async idle() {
      while (ledger.busy() || webhooks.busy()) await new Promise((resolve) => setTimeout(resolve, 5));
    },
    reset,
    async stop() {
      ledger.reset();
      webhooks.reset();
      await server.stop();
    },
  };
  return emulator;
}
