import { emulatorControl } from "../emulator-control.ts";
import {
  type EmulatorRequest,
  type EmulatorResponse,
  type EmulatorRoute,
  type EmulatorServer,
  startEmulatorServer,
} from "../emulator-server.ts";
import { outcomeByNumber } from "../outcome-by-number.ts";
import { rateLimit } from "../rate-limit.ts";
import { syntheticNumber } from "../synthetic-number.ts";
import { syntheticPdf } from "../synthetic-pdf.ts";
import { signalwireCodeOf, signalwireError } from "./signalwire-emulator-error.ts";
import { isActive, type SignalWireFax } from "./signalwire-emulator-fax.ts";
import { receiveBySignalWire } from "./signalwire-emulator-inbound.ts";
import { type SignalWireEntry, signalwireLedger } from "./signalwire-emulator-ledger.ts";
import { filterSignalWireFaxes, signalwirePage } from "./signalwire-emulator-list.ts";
import { faxLog, faxLogs } from "./signalwire-emulator-logs.ts";
import { signalwireNumbers } from "./signalwire-emulator-numbers.ts";
import type {
  SignalWireConsole,
  SignalWireEmulator,
  SignalWireEmulatorOptions,
  SignalWireEvent,
  SignalWireOperation,
  SignalWireQuirks,
} from "./signalwire-emulator-options.ts";
import { type SignalWireOutcome, signalwirePreset } from "./signalwire-emulator-outcome.ts";
import { readSignalWireForm, readSignalWireSend } from "./signalwire-emulator-send.ts";
import { signalwireWebhooks } from "./signalwire-emulator-webhook.ts";

const defaultQuirks: SignalWireQuirks = {
  errorShape: "object",
  numberShape: "documented",
  linkShape: "laml",
  unknownFields: "refuse",
  mediaFetches: ["HEAD", "GET", "GET"],
  webhookBody: "form",
  signatureHeader: "x-signalwire-signature",
  signUserInfo: true,
  signFragment: false,
};
const defaultConsole: SignalWireConsole = {
  signingKey: "PSKemulated0signing0key",
  protectMedia: false,
  verifiedNumbers: undefined,
  voiceUrl: undefined,
  voiceMethod: "POST",
  voiceFallbackUrl: undefined,
};

/**
 * Starts an imitation of SignalWire's compatibility API for faxes on 127.0.0.1: real HTTP, as strict as the vendor's
 * documents, with signed webhooks, fault knobs and counters. Nothing is dialled; media URLs are fetched only on this
 * machine.
 *
 * @throws the system's error when the port is taken
 * @example
 * const emulator = await startSignalWireEmulator({ console: { voiceUrl: "http://127.0.0.1:8080/fax" } });
 * emulator.script("0177", ["busy", "delivered"]);
 * // … point a client at emulator.apiUrl with emulator.projectId and emulator.apiToken
 * await emulator.stop();
 */
export async function startSignalWireEmulator(
  options: SignalWireEmulatorOptions = {},
): Promise<SignalWireEmulator> {
  const projectId = options.projectId ?? "33333333-aaaa-4bbb-8ccc-000000000003";
  const apiToken = options.apiToken ?? "PTemulated0api0token";
  const numbers = options.numbers ?? [];
  const quirks: SignalWireQuirks = { ...defaultQuirks, ...options.quirks };
  const console: SignalWireConsole = { ...defaultConsole, ...options.console };
  const settings = { completeAfterMs: options.completeAfterMs ?? 100 };

  const refuse = (status: number, code: number, message: string): EmulatorResponse =>
    signalwireError(quirks.errorShape, status, code, message);
  const script = outcomeByNumber({ fallback: options.outcome ?? "delivered", preset: signalwirePreset });
  const limit = rateLimit({ perSecond: () => options.requestsPerSecond ?? 1380, blockMs: () => 0 });
  const webhooks = signalwireWebhooks({
    console,
    quirks,
    // Callbacks are documented as best effort, without a second try.
    retryMinutes: options.webhookRetryMinutes ?? [],
    minuteMs: options.webhookRetryMinuteMs ?? 10,
    timeoutMs: options.webhookTimeoutMs ?? 5_000,
  });
  const ledger = signalwireLedger({
    projectId,
    script,
    quirks,
    completeAfterMs: () => settings.completeAfterMs,
    callEveryMs: options.callEveryMs ?? 10,
    mediaUrl: (mediaSid) => `${server.url}/media/${projectId}/${mediaSid}.pdf`,
    sendWebhook: (webhook) => void webhooks.send(webhook),
  });
  let receivingNow = 0;

  const present = (fax: SignalWireFax): Record<string, unknown> => {
    if (quirks.numberShape === "documented") return { ...fax };
    const pages = fax.num_pages === null ? null : Number(fax.num_pages);
    return { ...fax, num_pages: pages, duration: fax.duration === null ? null : String(fax.duration) };
  };
  const withFax =
    (handle: (entry: SignalWireEntry, request: EmulatorRequest) => EmulatorResponse) =>
    (request: EmulatorRequest): EmulatorResponse => {
      const entry = ledger.find(request.params.sid ?? "");
      return entry ? handle(entry, request) : refuse(404, 20404, "No such fax");
    };
  const withMedia = (handle: (entry: SignalWireEntry) => EmulatorResponse) =>
    withFax((entry, { params }) =>
      entry.document && entry.fax.media_sid === params.media
        ? handle(entry)
        : refuse(404, 20404, "No such media"),
    );
  const media = ({ fax }: SignalWireEntry): Record<string, unknown> => {
    const uri = `/api/laml/2010-04-01/Accounts/${projectId}/Faxes/${fax.sid}/Media/${fax.media_sid}`;
    return {
      account_sid: projectId,
      content_type: "application/pdf",
      date_created: fax.date_created,
      date_updated: fax.date_updated,
      fax_sid: fax.sid,
      sid: fax.media_sid,
      uri,
      url: fax.media_url,
    };
  };

  const account = "/api/laml/2010-04-01/Accounts/{account}";
  const faxes = `${account}/Faxes`;
  const numberBook = signalwireNumbers({ projectId, base: account, initialNumbers: numbers, refuse });
  const routes: EmulatorRoute<SignalWireOperation>[] = [
    {
      operation: "sendFax",
      method: "POST",
      path: faxes,
      handle(request) {
        const form = readSignalWireForm(request);
        if (!form) return refuse(422, 10000, "The body must be application/x-www-form-urlencoded");
        const send = readSignalWireSend(form, {
          numbers,
          verifiedNumbers: console.verifiedNumbers,
          unknownFields: quirks.unknownFields,
        });
        if ("code" in send) return refuse(422, send.code, send.message);
        if (ledger.queued() >= (options.maxQueued ?? 10_000)) {
          return refuse(422, 21611, "This From number has exceeded the maximum number of queued faxes");
        }
        return { status: 200, body: present(ledger.take(send)) };
      },
    },
    {
      operation: "listFaxes",
      method: "GET",
      path: faxes,
      handle(request) {
        const found = filterSignalWireFaxes(ledger.faxes, request.query);
        if (typeof found === "string") return refuse(422, 10000, found);
        return signalwirePage(request, ["faxes"], found.map(present), refuse);
      },
    },
    {
      operation: "getFax",
      method: "GET",
      path: `${faxes}/{sid}`,
      handle: withFax(({ fax }) => ({ status: 200, body: present(fax) })),
    },
    {
      operation: "cancelFax",
      method: "POST",
      path: `${faxes}/{sid}`,
      handle: withFax(({ fax }, request) => {
        const form = [...(readSignalWireForm(request) ?? [])];
        const [field] = form;
        if (form.length !== 1 || field?.[0] !== "Status" || field[1] !== "canceled") {
          return refuse(422, 10000, "Status must be canceled");
        }
        if (fax.status !== "queued") return refuse(422, 10000, "Only a queued fax can be canceled");
        ledger.finish(fax.sid, "canceled");
        return { status: 200, body: present(fax) };
      }),
    },
    {
      operation: "deleteFax",
      method: "DELETE",
      path: `${faxes}/{sid}`,
      handle: withFax(({ fax }) => {
        if (isActive(fax)) return refuse(409, 20009, "The fax is in progress");
        ledger.remove(fax.sid);
        return { status: 204 };
      }),
    },
    {
      operation: "listMedia",
      method: "GET",
      path: `${faxes}/{sid}/Media`,
      handle: withFax((entry, request) =>
        signalwirePage(request, ["media", "fax_media"], entry.document ? [media(entry)] : [], refuse),
      ),
    },
    {
      operation: "getMedia",
      method: "GET",
      path: `${faxes}/{sid}/Media/{media}`,
      handle: withMedia((entry) => ({ status: 200, body: media(entry) })),
    },
    {
      operation: "deleteMedia",
      method: "DELETE",
      path: `${faxes}/{sid}/Media/{media}`,
      handle: withMedia((entry) => {
        if (isActive(entry.fax)) return refuse(409, 20009, "The fax is in progress");
        ledger.removeDocument(entry);
        return { status: 204 };
      }),
    },
    {
      operation: "downloadMedia",
      method: "GET",
      path: "/media/{account}/{media}.pdf",
      handle({ params }) {
        const document = ledger.findByMedia(params.media ?? "")?.document;
        return document
          ? { status: 200, headers: { "content-type": "application/pdf" }, body: document }
          : { status: 404 };
      },
    },
    {
      operation: "listLogs",
      method: "GET",
      path: "/api/fax/logs",
      handle: (request) => faxLogs(ledger.faxes, request),
    },
    {
      operation: "getLog",
      method: "GET",
      path: "/api/fax/logs/{sid}",
      handle: withFax(({ fax }) => ({ status: 200, body: faxLog(fax) })),
    },
    ...numberBook.routes,
  ];

  const receiveFax: SignalWireEmulator["receiveFax"] = (inbound = {}) => {
    const to = inbound.to ?? numbers[0] ?? syntheticNumber(90);
    const entry = ledger.receiving(inbound.from ?? syntheticNumber(91), to);
    receivingNow += 1;
    void receiveBySignalWire(
      entry,
      {
        pdf: inbound.pdf ?? syntheticPdf({ text: "Synthetic received fax" }),
        failure: inbound.failure,
        number: numberBook.find(to),
      },
      { ledger, webhooks, console, completeAfterMs: () => settings.completeAfterMs },
    ).finally(() => {
      receivingNow -= 1;
    });
    return entry.fax;
  };
  const reset = (): void => {
    server.reset();
    script.reset();
    ledger.reset();
    webhooks.reset();
    numberBook.reset();
    limit.reset();
    Object.assign(quirks, defaultQuirks, options.quirks);
    Object.assign(console, defaultConsole, options.console);
  };

  const basic = `Basic ${Buffer.from(`${projectId}:${apiToken}`).toString("base64")}`;
  const server: EmulatorServer<SignalWireOperation> = await startEmulatorServer<SignalWireOperation>({
    // The vendor's own SDK leaves out the first part of the documented path.
    routes: routes.flatMap((route) =>
      route.path.startsWith("/api/laml") ? [route, { ...route, path: route.path.slice(9) }] : [route],
    ),
    control: emulatorControl<SignalWireOperation, SignalWireOutcome, SignalWireEvent>({
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
    guard(request, operation) {
      const authorization = request.headers.authorization?.replace(/^basic /i, "Basic ");
      if (operation === "downloadMedia") {
        const expected = console.protectMedia === "bearer" ? `Bearer ${apiToken}` : basic;
        return console.protectMedia === false || authorization === expected ? undefined : { status: 401 };
      }
      if (authorization !== basic) return refuse(401, 20003, "Authentication failed");
      if ((request.params.account ?? projectId) !== projectId) return refuse(404, 20404, "No such project");
      if (request.method === "POST" && limit.take() > 0) return refuse(429, 20429, "Too many requests");
      return undefined;
    },
    errorBody: (status) => refuse(status, signalwireCodeOf(status), `Error ${status}`).body,
  });

  return {
    ...server,
    apiUrl: `${server.url}/api/laml/2010-04-01`,
    projectId,
    apiToken,
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
    documentOf: (faxId) => ledger.find(faxId)?.document,
    deliveries: webhooks.deliveries,
    script: (digits, outcomes) => script.set(digits, outcomes),
    finish: (faxId, outcome) => ledger.finish(faxId, outcome),
    receiveFax,
    addFax: (fax, document) => ledger.add(fax, document),
    webhookFault: (fault) => webhooks.fault(fault),
    async idle() {
      while (receivingNow > 0 || ledger.busy() || webhooks.busy()) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    reset,
    async stop() {
      ledger.reset();
      webhooks.reset();
      await server.stop();
    },
  };
}
