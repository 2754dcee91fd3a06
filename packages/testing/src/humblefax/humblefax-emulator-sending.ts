import { randomBytes } from "node:crypto";
import type { EmulatorRequest, EmulatorResponse, EmulatorRoute } from "../emulator-server.ts";
import { type HumbleFaxLedger, isBrokenPdf } from "./humblefax-emulator-ledger.ts";
import type { HumbleFaxOperation, HumbleFaxQuirks } from "./humblefax-emulator-options.ts";
import type { HumbleFaxRefuse, HumbleFaxReply } from "./humblefax-emulator-present.ts";
import {
  type HumbleFaxFile,
  type HumbleFaxSend,
  readAttachment,
  readHumbleFaxSend,
  readQuickSend,
} from "./humblefax-emulator-send.ts";

interface TmpFax {
  send: HumbleFaxSend;
  files: HumbleFaxFile[];
  refusalsLeft: number;
}

/** Both ways to send: in one call, and in three steps by way of a tmpFax. @param options.numbers digits only */
export function humblefaxSending(options: {
  ledger: HumbleFaxLedger;
  quirks: HumbleFaxQuirks;
  numbers: readonly string[];
  refuse: HumbleFaxRefuse;
  reply: HumbleFaxReply;
}): { routes: EmulatorRoute<HumbleFaxOperation>[]; reset(): void } {
  const { ledger, quirks, numbers, refuse, reply } = options;
  const tmpFaxes = new Map<string, TmpFax>();

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
  ];
  return { routes, reset: () => tmpFaxes.clear() };
}
