import {
  type EmulatorRequest,
  type EmulatorResponse,
  type EmulatorRoute,
  type EmulatorServer,
  startEmulatorServer,
} from "../emulator-server.ts";
import { outcomeByNumber } from "../outcome-by-number.ts";
import { syntheticNumber } from "../synthetic-number.ts";
import { syntheticPdf } from "../synthetic-pdf.ts";
import { sinchControl } from "./sinch-emulator-control.ts";
import { type FieldViolation, sinchError } from "./sinch-emulator-error.ts";
import { newUlid, type SinchFax } from "./sinch-emulator-fax.ts";
import { sinchLedger } from "./sinch-emulator-ledger.ts";
import { faxesAsCsv, filterFaxes } from "./sinch-emulator-list.ts";
import type {
  SinchEmulator,
  SinchEmulatorOptions,
  SinchOperation,
  SinchQuirks,
} from "./sinch-emulator-options.ts";
import { sinchPreset } from "./sinch-emulator-outcome.ts";
import { pageOf } from "./sinch-emulator-page.ts";
import { type SinchService, sinchServices } from "./sinch-emulator-services.ts";
import { sinchTokens } from "./sinch-emulator-token.ts";
import { readSendRequest, type SendRequest } from "./sinch-emulator-validation.ts";
import { sinchRetryMinutes, sinchWebhooks } from "./sinch-emulator-webhook.ts";

const defaultQuirks: SinchQuirks = {
  firstStatus: "IN_PROGRESS",
  errorShape: "prose",
  contentUrl: "array",
  hasFile: "boolean",
  priceAmount: "string",
  numbersAsStrings: false,
  omitNumbers: false,
  pageField: "page",
  ignoreLabels: false,
  listLagMs: 0,
  unknownFields: "refuse",
  completedJson: "files",
  quotedEvent: false,
};

/**
 * Starts an imitation of the Sinch Fax API v3 on 127.0.0.1: real HTTP, as strict as the vendor's documents, with fault
 * knobs and counters. The OAuth2 server (`POST /oauth2/token`) is on the same port. Nothing is dialled.
 *
 * @throws the system's error when the port is taken
 * @example
 * const emulator = await startSinchEmulator();
 * emulator.script("0177", ["busy", "delivered"]);
 * emulator.fault({ operation: "sendFax", kind: "reset_after" });
 * // … point a client at emulator.url with emulator.projectId, emulator.keyId and emulator.keySecret
 * await emulator.stop();
 */
export async function startSinchEmulator(options: SinchEmulatorOptions = {}): Promise<SinchEmulator> {
  const projectId = options.projectId ?? "11111111-aaaa-4bbb-8ccc-000000000001";
  const keyId = options.keyId ?? "22222222-aaaa-4bbb-8ccc-000000000002";
  const keySecret = options.keySecret ?? "emulated~key.secret_0";
  const serviceId = newUlid();
  const numbers = options.numbers ?? [];
  const quirks: SinchQuirks = { ...defaultQuirks, ...options.quirks };
  const settings = {
    completeAfterMs: options.completeAfterMs ?? 100,
    tokenLifetimeSeconds: options.tokenLifetimeSeconds ?? 3600,
  };

  const refuse = (status: number, message?: string, violations?: FieldViolation[]): EmulatorResponse =>
    sinchError(quirks.errorShape, status, message, violations);
  const script = outcomeByNumber({ fallback: options.outcome ?? "delivered", preset: sinchPreset });
  const tokens = sinchTokens({ keyId, keySecret, lifetimeSeconds: () => settings.tokenLifetimeSeconds });
  const webhooks = sinchWebhooks({
    quirks,
    retryMinutes: options.webhookRetryMinutes ?? sinchRetryMinutes,
    minuteMs: options.webhookRetryMinuteMs ?? 10,
    timeoutMs: options.webhookTimeoutMs ?? 5_000,
  });
  const services = sinchServices({
    projectId,
    serviceId,
    numbers,
    defaultFrom: numbers[0] ?? syntheticNumber(90),
    refuse,
  });
  const ledger = sinchLedger({
    projectId,
    script,
    completeAfterMs: () => settings.completeAfterMs,
    firstStatus: () => quirks.firstStatus,
    inProgressEvent: options.inProgressEvent ?? "FAX_IN_PROGRESS",
    // In the field $0.07 a page was seen (2025); the vendor publishes no price in its API.
    pricePerPage: "0.07",
    sendWebhook: (webhook) => {
      const fax = present(structuredClone(webhook.fax), quirks);
      void webhooks.send({ ...webhook, faxId: webhook.fax.id, fax });
    },
  });

  const withFax =
    (handle: (fax: SinchFax) => EmulatorResponse) =>
    (request: EmulatorRequest): EmulatorResponse => {
      const fax = ledger.find(request.params.id ?? "");
      return fax ? handle(fax) : refuse(404, "No such fax");
    };
  const download = withFax((fax) => {
    const document = ledger.documentOf(fax.id);
    if (!document) return refuse(404, "No content is stored for this fax");
    return {
      status: 200,
      headers: {
        "content-type": "application/pdf",
        "content-disposition": `attachment; filename="${fax.id}.pdf"`,
      },
      body: document,
    };
  });
  const base = "/v3/projects/{projectId}/faxes";

  const routes: EmulatorRoute<SinchOperation>[] = [
    {
      operation: "issueToken",
      method: "POST",
      path: "/oauth2/token",
      handle: (request) => tokens.issue(request),
    },
    {
      operation: "sendFax",
      method: "POST",
      path: base,
      async handle(request) {
        const read = await readSendRequest(request, quirks.unknownFields);
        if (!("request" in read)) return refuse(read.status, read.message, read.violations);
        const service = services.find(read.request.serviceId);
        const violations = checkAgainstAccount(read.request, service);
        if (!service || violations.length > 0) {
          return refuse(422, "One or more parameters are invalid", violations);
        }
        const faxes = ledger.take(read.request, service).map((fax) => present(fax, quirks));
        const [first] = faxes;
        // One recipient gives the fax itself, also when it came in a list (official SDK code).
        return { status: 200, body: faxes.length === 1 && first ? first : { faxes } };
      },
    },
    {
      operation: "listFaxes",
      method: "GET",
      path: base,
      handle(request) {
        const visible = ledger.faxes.filter(
          (fax) => Date.now() - Date.parse(fax.createTime) >= quirks.listLagMs,
        );
        const filtered = filterFaxes(visible, request.query, quirks.ignoreLabels);
        if ("violations" in filtered)
          return refuse(422, "One or more parameters are invalid", filtered.violations);
        if (request.query.get("format") === "csv") {
          return { status: 200, headers: { "content-type": "text/csv" }, body: faxesAsCsv(filtered.faxes) };
        }
        const faxes = filtered.faxes.map((fax) => present(fax, quirks));
        const page = pageOf(request, "faxes", faxes, 100, refuse);
        if (quirks.pageField === "pageNumber" && page.status === 200) {
          const { page: pageNumber, ...rest } = page.body as Record<string, unknown>;
          page.body = { ...rest, pageNumber };
        }
        return page;
      },
    },
    {
      operation: "getFax",
      method: "GET",
      path: `${base}/{id}`,
      handle: withFax((fax) => ({ status: 200, body: present(fax, quirks) })),
    },
    { operation: "downloadFax", method: "GET", path: `${base}/{id}/file`, handle: download },
    { operation: "downloadFaxDeprecated", method: "GET", path: `${base}/{id}/file.pdf`, handle: download },
    {
      operation: "deleteFaxContent",
      method: "DELETE",
      path: `${base}/{id}/file`,
      handle: withFax((fax) =>
        ledger.removeDocument(fax.id) ? { status: 204 } : refuse(404, "No content is stored for this fax"),
      ),
    },
    ...services.routes,
  ];

  function checkAgainstAccount(request: SendRequest, service: SinchService | undefined): FieldViolation[] {
    const violations: FieldViolation[] = [];
    if (!service) violations.push({ field: "serviceId", description: "is not a service of this project" });
    if (request.from !== undefined && numbers.length > 0 && !numbers.includes(request.from)) {
      violations.push({ field: "from", description: `${request.from} is not one of your numbers` });
    }
    if (service && request.coverPageId && !services.hasCoverPage(service.id, request.coverPageId)) {
      violations.push({ field: "coverPageId", description: "is not a cover page of this service" });
    }
    return violations;
  }

  const receiveFax: SinchEmulator["receiveFax"] = (inbound = {}) => {
    const service = services.find(inbound.serviceId);
    if (!service) throw new RangeError("no such service");
    if (inbound.contentType) services.update(service.id, { webhookContentType: inbound.contentType });
    return ledger.receive({
      from: inbound.from ?? syntheticNumber(91),
      to: inbound.to ?? service.defaultFrom ?? syntheticNumber(90),
      pdf: inbound.pdf ?? syntheticPdf({ text: "Synthetic received fax" }),
      service,
    });
  };
  const reset = (): void => {
    server.reset();
    script.reset();
    ledger.reset();
    webhooks.reset();
    services.reset();
    Object.assign(quirks, defaultQuirks, options.quirks);
  };

  const server: EmulatorServer<SinchOperation> = await startEmulatorServer<SinchOperation>({
    routes,
    control: sinchControl({
      calls: () => server.calls,
      faxes: () => ledger.faxes,
      deliveries: () => webhooks.deliveries,
      script: (digits, outcomes) => script.set(digits, outcomes),
      finish: (faxId, outcome) => ledger.finish(faxId, outcome),
      receiveFax,
      updateService: (changes) => services.update(serviceId, changes),
      fault: (fault) => void server.fault(fault),
      webhookFault: (fault) => webhooks.fault(fault),
      reset,
    }),
    ...(options.port === undefined ? {} : { port: options.port }),
    guard(request, operation) {
      if (operation === "issueToken") return undefined;
      // A wrong project is answered like a wrong key.
      if (request.params.projectId !== projectId) return { status: 401 };
      return tokens.check(request.headers.authorization);
    },
    errorBody: (status) => refuse(status).body,
  });

  return {
    ...server,
    projectId,
    keyId,
    keySecret,
    serviceId,
    quirks,
    get completeAfterMs() {
      return settings.completeAfterMs;
    },
    set completeAfterMs(ms) {
      settings.completeAfterMs = ms;
    },
    get tokenLifetimeSeconds() {
      return settings.tokenLifetimeSeconds;
    },
    set tokenLifetimeSeconds(seconds) {
      settings.tokenLifetimeSeconds = seconds;
    },
    get faxes() {
      return ledger.faxes;
    },
    documentOf: (faxId) => ledger.documentOf(faxId),
    deliveries: webhooks.deliveries,
    script: (digits, outcomes) => script.set(digits, outcomes),
    finish: (faxId, outcome) => ledger.finish(faxId, outcome),
    receiveFax,
    addFax: (fax, document) => ledger.add({ serviceId, ...fax }, document),
    updateService: (changes) => services.update(serviceId, changes),
    webhookFault: (fault) => webhooks.fault(fault),
    expireTokens: () => tokens.expireAll(),
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
}

const wholeNumbers = [
  "numberOfPages",
  "pagesSentSuccessfully",
  "retryDelaySeconds",
  "maxRetries",
  "retryCount",
  "errorCode",
] as const satisfies (keyof SinchFax)[];

/** A fax as a reply shows it. */
function present(fax: SinchFax, quirks: SinchQuirks): Record<string, unknown> {
  const shown: Record<string, unknown> = { ...fax };
  if (quirks.contentUrl === "string" && Array.isArray(fax.contentUrl))
    shown.contentUrl = fax.contentUrl.join(",");
  if (quirks.hasFile === "text" && fax.hasFile !== undefined) shown.hasFile = String(fax.hasFile);
  if (quirks.priceAmount === "number" && fax.price)
    shown.price = { ...fax.price, amount: Number(fax.price.amount) };
  if (quirks.numbersAsStrings) {
    for (const name of wholeNumbers) if (fax[name] !== undefined) shown[name] = String(fax[name]);
  }
  if (quirks.omitNumbers) {
    delete shown.to;
    delete shown.from;
  }
  return shown;
}
