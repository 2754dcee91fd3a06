import { randomBytes } from "node:crypto";
import { z } from "zod";
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
import { plainNumber, unixSeconds } from "./humblefax-emulator-fax.ts";
import { humblefaxLedger, isBrokenPdf } from "./humblefax-emulator-ledger.ts";
import type {
  HumbleFaxEmulator,
  HumbleFaxEmulatorOptions,
  HumbleFaxEvent,
  HumbleFaxOperation,
  HumbleFaxQuirks,
} from "./humblefax-emulator-options.ts";
import { type HumbleFaxOutcome, humblefaxPreset } from "./humblefax-emulator-outcome.ts";
import { presentHumbleFax } from "./humblefax-emulator-present.ts";
import {
  type HumbleFaxFile,
  type HumbleFaxSend,
  readAttachment,
  readHumbleFaxSend,
  readQuickSend,
} from "./humblefax-emulator-send.ts";
import { humblefaxWebhooks, newMessageId } from "./humblefax-emulator-webhook.ts";

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
const monthSeconds = 30 * 24 * 60 * 60;
const webhookBody = z.strictObject({ url: z.url({ protocol: /^https?$/ }) });

interface TmpFax {
  send: HumbleFaxSend;
  files: HumbleFaxFile[];
  refusalsLeft: number;
}

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
  const tmpFaxes = new Map<string, TmpFax>();
  let registered: { id: number; url: string }[] = [];
  let nextWebhookId = 1;

  const refuse = (status: number, error: string): EmulatorResponse => ({
    status: quirks.refuseWith200 ? 200 : status,
    body: { result: "failure", error },
  });
  const reply = (data: Record<string, unknown>): EmulatorResponse => ({
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

  const readSend = (json: string): HumbleFaxSend | string =>
    readHumbleFaxSend(json, { numbers, unknownFields: quirks.unknownFields });
  const lacksContent = (send: HumbleFaxSend, files: readonly HumbleFaxFile[]): boolean =>
    !send.includeCoversheet && files.length === 0;
  const withTmpFax =
    (
      handle: (
        tmpFax: TmpFax,
        id: string,
        request: EmulatorRequest,
      ) => EmulatorResponse | Promise<EmulatorResponse>,
    ) =>
    (request: EmulatorRequest): EmulatorResponse | Promise<EmulatorResponse> => {
      const id = request.params.id ?? "";
      const tmpFax = tmpFaxes.get(id);
      return tmpFax ? handle(tmpFax, id, request) : refuse(404, "tmpFaxNotFound");
    };
  const shownTmpFax = (id: string, { send, files }: TmpFax): Record<string, unknown> => ({
    id,
    ...send,
    attachments: files.map(({ fileName }) => fileName),
  });
  const download = (document: Buffer | undefined, { query, params }: EmulatorRequest): EmulatorResponse => {
    if (!document) return refuse(404, "faxNotFound");
    if ((query.get("fileFormat") ?? "pdf") !== "pdf") return refuse(400, "fileFormat must be pdf");
    return {
      status: 200,
      headers: {
        "content-type": "application/pdf",
        "content-disposition": `attachment; filename="${params.id}.pdf"`,
      },
      body: document,
    };
  };
  /** The faxes in the asked period, newest first. @returns the text of what is wrong with the query otherwise */
  const inPeriod = <Fax extends { id: number }>(
    faxes: readonly Fax[],
    query: URLSearchParams,
    timeOf: (fax: Fax) => number,
    numberKey: "fromNumber" | "toNumber",
    numberOf: (fax: Fax) => string,
  ): Fax[] | string => {
    for (const key of query.keys()) {
      if (!["timeFrom", "timeTo", numberKey].includes(key)) return `unknown parameter ${key}`;
      if (!/^\d{1,11}$/.test(query.get(key) ?? "")) return `${key} must be an integer`;
    }
    const from = Number(query.get("timeFrom") ?? unixSeconds() - monthSeconds);
    const to = Number(query.get("timeTo") ?? Number.POSITIVE_INFINITY);
    const number = query.get(numberKey);
    return faxes
      .filter((fax) => timeOf(fax) >= from && timeOf(fax) <= to)
      .filter((fax) => number === null || numberOf(fax) === number)
      .reverse();
  };

  const routes: EmulatorRoute<HumbleFaxOperation>[] = [
    {
      operation: "quickSendFax",
      method: "POST",
      path: "/quickSendFax",
      async handle(request) {
        const body = await readQuickSend(request);
        if (typeof body === "string") return refuse(400, body);
        const send = readSend(body.jsonData);
        if (typeof send === "string") return refuse(400, send);
        if (lacksContent(send, body.files)) return refuse(400, "a file is required without a coversheet");
        const fax = ledger.take(send, body.files);
        const { id, status, senderEmail, numPages, recipients } = fax;
        return reply({
          result: "Fax sent to queue",
          [quirks.quickSendKey]: {
            id,
            status: quirks.statusAsList ? [status] : status,
            senderEmail,
            numPages: Number(numPages),
            recipients: recipients.map((each) => ({ status: each.status, toNumber: each.toNumber })),
          },
        });
      },
    },
    {
      operation: "createTmpFax",
      method: "POST",
      path: "/tmpFax",
      handle(request) {
        if (!request.headers["content-type"]?.startsWith("application/json")) {
          return refuse(400, "the body must be JSON");
        }
        const send = readSend(request.body.toString());
        if (typeof send === "string") return refuse(400, send);
        const id = `${randomBytes(7).toString("hex")}.${Math.floor(Math.random() * 1e8)}`;
        const tmpFax: TmpFax = { send, files: [], refusalsLeft: quirks.sendTooEarly };
        tmpFaxes.set(id, tmpFax);
        return reply({ tmpFax: shownTmpFax(id, tmpFax) });
      },
    },
    {
      operation: "createAttachment",
      method: "POST",
      path: "/attachment/{id}",
      handle: withTmpFax(async (tmpFax, id, request) => {
        const file = await readAttachment(request);
        if (typeof file === "string") return refuse(400, file);
        // The call lasts until the file was validated.
        if (isBrokenPdf(file)) return refuse(400, "the file is invalid");
        tmpFax.files.push(file);
        return reply({ attachment: { tmpFaxId: id, fileName: file.fileName } });
      }),
    },
    {
      operation: "sendTmpFax",
      method: "POST",
      path: "/tmpFax/{id}/send",
      handle: withTmpFax((tmpFax, id, request) => {
        if (!["", "{}"].includes(request.body.toString().trim()))
          return refuse(400, "the body must be empty");
        if (tmpFax.refusalsLeft > 0) {
          tmpFax.refusalsLeft -= 1;
          return refuse(400, "attachments are still being processed");
        }
        if (lacksContent(tmpFax.send, tmpFax.files)) {
          return refuse(400, "a file is required without a coversheet");
        }
        tmpFaxes.delete(id);
        return reply({ sentFax: { ...ledger.take(tmpFax.send, tmpFax.files) } });
      }),
    },
    {
      operation: "listTmpFaxes",
      method: "GET",
      path: "/tmpFaxes",
      handle: () => reply({ tmpFaxIds: [...tmpFaxes.keys()] }),
    },
    {
      operation: "getTmpFax",
      method: "GET",
      path: "/tmpFax/{id}",
      handle: withTmpFax((tmpFax, id) => reply({ tmpFax: shownTmpFax(id, tmpFax) })),
    },
    {
      operation: "deleteTmpFax",
      method: "DELETE",
      path: "/tmpFax/{id}",
      handle: withTmpFax((_tmpFax, id) => {
        tmpFaxes.delete(id);
        return reply({});
      }),
    },
    {
      operation: "listSentFaxes",
      method: "GET",
      path: "/sentFaxes",
      handle({ query }) {
        const faxes = inPeriod(
          ledger.sent,
          query,
          ({ timestamp }) => timestamp,
          "fromNumber",
          ({ fromNumber }) => fromNumber,
        );
        return typeof faxes === "string"
          ? refuse(400, faxes)
          : reply({ sentFaxIds: faxes.map(({ id }) => id) });
      },
    },
    {
      operation: "getSentFax",
      method: "GET",
      path: "/sentFax/{id}",
      handle({ params }) {
        const entry = ledger.findSent(params.id ?? "");
        return entry ? reply({ sentFax: entry.fax }) : refuse(404, "faxNotFound");
      },
    },
    {
      operation: "downloadSentFax",
      method: "GET",
      path: "/sentFax/{id}/download",
      handle: (request) => download(ledger.findSent(request.params.id ?? "")?.document, request),
    },
    {
      operation: "listIncomingFaxes",
      method: "GET",
      path: "/incomingFaxes",
      handle({ query }) {
        const faxes = inPeriod(
          ledger.incoming,
          query,
          ({ time }) => Number(time),
          "toNumber",
          ({ toNumber }) => toNumber,
        );
        if (typeof faxes === "string") return refuse(400, faxes);
        const incomingFaxIds = faxes.map(({ id }) => id);
        return reply({ numResults: faxes.length, incomingFaxIds, incomingFaxes: faxes });
      },
    },
    {
      operation: "getIncomingFax",
      method: "GET",
      path: "/incomingFax/{id}",
      handle({ params }) {
        const entry = ledger.findIncoming(params.id ?? "");
        return entry ? reply({ incomingFax: entry.fax }) : refuse(404, "faxNotFound");
      },
    },
    {
      operation: "downloadIncomingFax",
      method: "GET",
      path: "/incomingFax/{id}/download",
      handle: (request) => download(ledger.findIncoming(request.params.id ?? "")?.document, request),
    },
    {
      operation: "deleteIncomingFax",
      method: "DELETE",
      path: "/incomingFax/{id}",
      handle({ params }) {
        if (!ledger.findIncoming(params.id ?? "")) return refuse(404, "faxNotFound");
        ledger.removeIncoming(params.id ?? "");
        return reply({});
      },
    },
    {
      operation: "getUser",
      method: "GET",
      path: "/user",
      handle: () =>
        reply({
          user: {
            id: 1,
            name: "Synthetic User",
            inboundAccess: true,
            assignedFaxNumber: defaultFrom,
            allFaxNumbersCanAccess: numbers.length > 0 ? numbers : [defaultFrom],
          },
        }),
    },
    {
      operation: "listNumbers",
      method: "GET",
      path: "/numbers",
      handle: () =>
        reply({
          numbers: (numbers.length > 0 ? numbers : [defaultFrom]).map((number) => ({
            number,
            tollFree: false,
            departmentName: "",
            callerId: "",
            userIdsWithAccess: [1],
          })),
        }),
    },
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
    tmpFaxes.clear();
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
