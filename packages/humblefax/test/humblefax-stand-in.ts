import { randomBytes } from "node:crypto";
import {
  type EmulatorFault,
  type EmulatorRequest,
  type EmulatorResponse,
  readMultipart,
  startEmulatorServer,
  syntheticNumber,
  syntheticPdf,
} from "@faxbot/testing";

/** The operations of the API as they are known, by the section titles of the vendor's page. */
type Operation =
  | "quickSend"
  | "createDraft"
  | "attach"
  | "sendDraft"
  | "deleteDraft"
  | "getSentFaxes"
  | "getSentFax"
  | "getIncomingFaxes"
  | "getIncomingFax"
  | "downloadIncomingFax"
  | "deleteIncomingFax"
  | "getWebhooks"
  | "createWebhook";

interface SentFax {
  id: number;
  uuid: string | false;
  status: string;
  timestamp: number;
  toNumber: number;
  failureReason?: string;
}

interface IncomingFax {
  id: number;
  status: string;
  time: string;
  toNumber: string;
  fromNumber: string;
  numPages: string;
}

/** A server that answers as HumbleFax is known to. */
export interface HumbleFaxStandIn {
  readonly url: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sent: readonly SentFax[];
  readonly drafts: ReadonlyMap<string, { files: Buffer[] }>;
  readonly webhooks: string[];
  readonly calls: Readonly<Record<Operation, number>>;
  /** What the next fax comes to; default success. */
  script(outcome: { status: string; failureReason?: string }): void;
  receiveFax(more?: Partial<IncomingFax>): IncomingFax;
  /** Tells every registered webhook of a fax. */
  report(kind: "SentFax" | "IncomingFax", id: number, url: string): Promise<void>;
  fault(fault: EmulatorFault<Operation>): () => void;
  refuseConnections(): Promise<void>;
  stop(): Promise<void>;
}

const wanted = new Set(["recipients", "includeCoversheet"]);
const taken = new Set([
  ...wanted,
  "resolution",
  "pageSize",
  "fromNumber",
  "toName",
  "fromName",
  "subject",
  "message",
  "companyInfo",
  "uuid",
]);

export async function startHumbleFaxStandIn(): Promise<HumbleFaxStandIn> {
  const accessKey = "access-key-of-a-test";
  const secretKey = randomBytes(16).toString("hex");
  const sent: SentFax[] = [];
  const incoming: IncomingFax[] = [];
  const drafts = new Map<string, { data: Record<string, unknown>; files: Buffer[] }>();
  const webhooks: string[] = [];
  let outcome: { status: string; failureReason?: string } = { status: "success" };
  let nextId = 100_554_730;

  const ok = (data: Record<string, unknown>): EmulatorResponse => ({
    status: 200,
    body: { result: "success", data },
  });
  const no = (status: number, error: string): EmulatorResponse => ({
    status,
    body: { result: "failure", error },
  });

  /** The problem with what a fax is to be, if there is one. */
  const problemOf = (data: Record<string, unknown>): string | undefined => {
    const names = Object.keys(data);
    if (names.some((name) => !taken.has(name)) || [...wanted].some((name) => !(name in data)))
      return "fields";
    const recipients = data.recipients as unknown[];
    const integers = [...recipients, ...("fromNumber" in data ? [data.fromNumber] : [])];
    if (recipients.length < 1 || recipients.length > 3) return "recipients";
    if (!integers.every((each) => Number.isInteger(each) && /^1\d{10}$/.test(String(each)))) return "numbers";
    return typeof data.uuid === "string" && data.uuid.length > 100 ? "uuid" : undefined;
  };
  const take = (data: Record<string, unknown>): SentFax => {
    const fax: SentFax = {
      id: nextId++,
      uuid: (data.uuid as string | undefined) ?? false,
      timestamp: Math.floor(Date.now() / 1000),
      toNumber: (data.recipients as number[])[0] as number,
      ...outcome,
    };
    sent.push(fax);
    return fax;
  };
  const show = (fax: SentFax): Record<string, unknown> => ({
    ...fax,
    numPages: "2",
    recipients: [
      {
        toNumber: String(fax.toNumber),
        status: fax.status,
        numAttempts: 1,
        attempts: [
          {
            status: fax.status,
            numPagesSent: fax.status === "success" ? 2 : 0,
            ...(fax.failureReason ? { failureReason: fax.failureReason } : {}),
            calls: [{ timeStop: String(fax.timestamp + 60) }],
          },
        ],
      },
    ],
  });
  const isPdf = (file: Buffer | undefined) => file?.subarray(0, 5).toString("latin1") === "%PDF-";
  const formOf = async ({ body, headers }: EmulatorRequest) => {
    const parts = await readMultipart(body, headers["content-type"] ?? "");
    return {
      json: parts.find(({ name }) => name === "jsonData")?.text,
      files: parts.filter(({ fileName }) => fileName !== undefined).map(({ bytes }) => bytes),
    };
  };
  const inWindow = (query: URLSearchParams, time: number) =>
    time >= Number(query.get("timeFrom")) && time <= Number(query.get("timeTo"));
  const found = <T extends { id: number }>(list: T[], id: string | undefined) =>
    list.find((each) => String(each.id) === id);

  const server = await startEmulatorServer<Operation>({
    errorBody: (status) => ({ result: "failure", error: `status ${status}` }),
    guard: ({ headers }) => {
      const expected = `Basic ${Buffer.from(`${accessKey}:${secretKey}`).toString("base64")}`;
      return headers.authorization === expected ? undefined : no(401, "loginFailure");
    },
    routes: [
      {
        operation: "quickSend",
        method: "POST",
        path: "/quickSendFax",
        handle: async (request) => {
          const { json, files } = await formOf(request);
          const data = JSON.parse(json ?? "{}") as Record<string, unknown>;
          const problem = problemOf(data);
          if (problem) return no(400, problem);
          if (!isPdf(files[0])) return no(400, "file");
          const fax = take(data);
          const recipients = [{ status: "in progress", toNumber: fax.toNumber }];
          return ok({
            result: "Fax sent to queue",
            fax: { id: fax.id, status: ["in progress"], numPages: 2, recipients },
          });
        },
      },
      {
        operation: "createDraft",
        method: "POST",
        path: "/tmpFax",
        handle: ({ body }) => {
          const data = JSON.parse(body.toString("utf8")) as Record<string, unknown>;
          const problem = problemOf(data);
          if (problem) return no(400, problem);
          const id = `${randomBytes(4).toString("hex")}.${Date.now()}`;
          drafts.set(id, { data, files: [] });
          return ok({ tmpFax: { id } });
        },
      },
      {
        operation: "attach",
        method: "POST",
        path: "/attachment/{id}",
        handle: async (request) => {
          const draft = drafts.get(request.params.id ?? "");
          if (!draft) return no(404, "tmpFax");
          const [file] = (await formOf(request)).files;
          if (!file || !isPdf(file)) return no(400, "file");
          draft.files.push(file);
          return ok({ attachment: {} });
        },
      },
      {
        operation: "sendDraft",
        method: "POST",
        path: "/tmpFax/{id}/send",
        handle: ({ params }) => {
          const draft = drafts.get(params.id ?? "");
          if (!draft) return no(404, "tmpFax");
          if (draft.files.length === 0) return no(400, "file");
          drafts.delete(params.id ?? "");
          return ok({ sentFax: { id: take(draft.data).id } });
        },
      },
      {
        operation: "deleteDraft",
        method: "DELETE",
        path: "/tmpFax/{id}",
        handle: ({ params }) => (drafts.delete(params.id ?? "") ? ok({}) : no(404, "tmpFax")),
      },
      {
        operation: "getSentFaxes",
        method: "GET",
        path: "/sentFaxes",
        handle: ({ query }) =>
          ok({
            sentFaxIds: sent
              .filter(({ timestamp }) => inWindow(query, timestamp))
              .map(({ id }) => String(id)),
          }),
      },
      {
        operation: "getSentFax",
        method: "GET",
        path: "/sentFax/{id}",
        handle: ({ params }) => {
          const fax = found(sent, params.id);
          return fax ? ok({ sentFax: show(fax) }) : no(404, "sentFax");
        },
      },
      {
        operation: "getIncomingFaxes",
        method: "GET",
        path: "/incomingFaxes",
        handle: ({ query }) => {
          const faxes = incoming.filter(({ time }) => inWindow(query, Number(time)));
          return ok({ numResults: String(faxes.length), incomingFaxIds: faxes.map(({ id }) => id) });
        },
      },
      {
        operation: "getIncomingFax",
        method: "GET",
        path: "/incomingFax/{id}",
        handle: ({ params }) => {
          const fax = found(incoming, params.id);
          return fax ? ok({ incomingFax: { ...fax } }) : no(404, "incomingFax");
        },
      },
      {
        operation: "downloadIncomingFax",
        method: "GET",
        path: "/incomingFax/{id}/download",
        handle: ({ params, query }) =>
          found(incoming, params.id) && query.get("fileFormat") === "pdf"
            ? { status: 200, headers: { "content-type": "application/pdf" }, body: syntheticPdf() }
            : no(404, "incomingFax"),
      },
      {
        operation: "deleteIncomingFax",
        method: "DELETE",
        path: "/incomingFax/{id}",
        handle: ({ params }) => {
          const index = incoming.findIndex(({ id }) => String(id) === params.id);
          if (index < 0) return no(404, "incomingFax");
          incoming.splice(index, 1);
          return ok({});
        },
      },
      {
        operation: "getWebhooks",
        method: "GET",
        path: "/webhooks",
        handle: () => ok({ webhooks: webhooks.map((url, id) => ({ id, url })) }),
      },
      {
        operation: "createWebhook",
        method: "POST",
        path: "/webhook",
        handle: ({ body }) => {
          webhooks.push((JSON.parse(body.toString("utf8")) as { url: string }).url);
          return ok({});
        },
      },
    ],
  });

  return {
    ...server,
    accessKey,
    secretKey,
    sent,
    drafts,
    webhooks,
    script(next) {
      outcome = next;
    },
    receiveFax(more = {}) {
      const fax: IncomingFax = {
        id: nextId++,
        status: "success",
        time: String(Math.floor(Date.now() / 1000)),
        toNumber: syntheticNumber(52).slice(1),
        fromNumber: syntheticNumber(51),
        numPages: "1",
        ...more,
      };
      incoming.push(fax);
      return fax;
    },
    async report(kind, id, url) {
      const fax = kind === "SentFax" ? found(sent, String(id)) : found(incoming, String(id));
      const body = JSON.stringify({
        type: `${kind}.SendComplete`,
        data: { [kind]: fax },
        time: Math.floor(Date.now() / 1000),
        numAttempts: 1,
        webhookId: 12,
        webhookMsgId: randomBytes(8).toString("hex"),
      });
      await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
    },
  };
}
