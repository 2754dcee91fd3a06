import type { EmulatorRequest, EmulatorResponse, EmulatorRoute } from "../emulator-server.ts";
import { unixSeconds } from "./humblefax-emulator-fax.ts";
import type { HumbleFaxLedger } from "./humblefax-emulator-ledger.ts";
import type { HumbleFaxOperation } from "./humblefax-emulator-options.ts";
import type { HumbleFaxRefuse, HumbleFaxReply } from "./humblefax-emulator-present.ts";

const monthSeconds = 30 * 24 * 60 * 60;

/** Everything that can be read: sent and received faxes, the user and the numbers. @param options.numbers digits only */
export function humblefaxReading(options: {
  ledger: HumbleFaxLedger;
  numbers: readonly string[];
  refuse: HumbleFaxRefuse;
  reply: HumbleFaxReply;
}): EmulatorRoute<HumbleFaxOperation>[] {
  const { ledger, numbers, refuse, reply } = options;
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

  return [
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
            assignedFaxNumber: numbers[0],
            allFaxNumbersCanAccess: numbers,
          },
        }),
    },
    {
      operation: "listNumbers",
      method: "GET",
      path: "/numbers",
      handle: () =>
        reply({
          numbers: numbers.map((number) => ({
            number,
            tollFree: false,
            departmentName: "",
            callerId: "",
            userIdsWithAccess: [1],
          })),
        }),
    },
  ];
}

/** The faxes in the asked period, newest first. @returns the text of what is wrong with the query otherwise */
function inPeriod<Fax>(
  faxes: readonly Fax[],
  query: URLSearchParams,
  timeOf: (fax: Fax) => number,
  numberKey: "fromNumber" | "toNumber",
  numberOf: (fax: Fax) => string,
): Fax[] | string {
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
}
