import { randomBytes } from "node:crypto";
import { syntheticNumber } from "../synthetic-number.ts";
import {
  type PhaxioCall,
  type PhaxioEndpoint,
  type PhaxioRefuse,
  phaxioListReply,
  phaxioReply,
} from "./phaxio-emulator-endpoint.ts";
import { centralTime, type PhaxioFax } from "./phaxio-emulator-fax.ts";
import { phaxioCentsPerPage } from "./phaxio-emulator-ledger.ts";

/** The operations beside faxes. */
export type PhaxioAccountOperation =
  | "listNumbers"
  | "getNumber"
  | "provisionNumber"
  | "releaseNumber"
  | "accountStatus"
  | "listCountries"
  | "listAreaCodes"
  | "createPhaxCode"
  | "getPhaxCode"
  | "getPhaxCodeImage";

/** The Number object. */
export interface PhaxioNumber {
  phone_number: string;
  city: string;
  state: string;
  country: string;
  /** US cents a month. */
  cost: number;
  last_billed_at: string;
  provisioned_at: string;
  callback_url: string | null;
  ata_name: string | null;
}

/** Numbers, balance, public lists and bar codes of the emulated account. */
export interface PhaxioAccount {
  readonly endpoints: readonly PhaxioEndpoint<PhaxioAccountOperation>[];
  readonly numbers: readonly PhaxioNumber[];
  reset(): void;
}

const countries = [
  { name: "United States", alpha2: "US", country_code: 1, price_per_page: phaxioCentsPerPage },
  { name: "Canada", alpha2: "CA", country_code: 1, price_per_page: phaxioCentsPerPage },
  { name: "United Kingdom", alpha2: "GB", country_code: 44, price_per_page: 10 },
].map((country) => ({ ...country, send_support: "full", receive_support: "full" }));
const areaCodes = [
  { country_code: 1, area_code: 202, city: "Washington", state: "District of Columbia" },
  { country_code: 1, area_code: 500, city: "Nowhere", state: "Illinois" },
].map((area) => ({ ...area, country: "United States", toll_free: false }));

/** One white pixel: a real picture, but not the bar code. */
const whitePng = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAMAAAAoyzS7AAAAA1BMVEX///+nxBvIAAAACklEQVQI12NgAAAAAgAB4iG8MwAAAABJRU5ErkJggg==",
  "base64",
);

/** Makes the account. @param options.initialNumbers E.164 */
export function phaxioAccount(options: {
  initialNumbers: readonly string[];
  faxes: () => readonly PhaxioFax[];
  refuse: PhaxioRefuse;
}): PhaxioAccount {
  const { refuse } = options;
  let numbers: PhaxioNumber[] = [];
  const phaxCodes = new Map<string, string>();
  const reset = (): void => {
    numbers = options.initialNumbers.map((number) => newNumber(number, null));
    phaxCodes.clear();
  };
  reset();

  const countFaxes = (inPeriod: (fax: PhaxioFax) => boolean): { sent: number; received: number } => {
    const fitting = options.faxes().filter(inPeriod);
    const sent = fitting.filter(({ direction }) => direction === "sent").length;
    return { sent, received: fitting.length - sent };
  };
  const phaxCode = ({ request }: PhaxioCall): [id: string, metadata: string | null] | undefined => {
    const id = request.params.id;
    if (id === undefined) return ["default", null];
    const metadata = phaxCodes.get(id);
    return metadata === undefined ? undefined : [id, metadata];
  };
  const picture = { status: 200, headers: { "content-type": "image/png" }, body: whitePng };
  const getPhaxCode = (call: PhaxioCall) => {
    const found = phaxCode(call);
    if (!found) return refuse(404, "PhaxCode not found");
    if (call.request.query.get("type") === "png") return picture;
    return phaxioReply("PhaxCode retrieved", {
      identifier: found[0],
      metadata: found[1],
      created_at: centralTime(),
    });
  };

  const endpoints: PhaxioEndpoint<PhaxioAccountOperation>[] = [
    {
      operation: "listNumbers",
      method: "GET",
      path: "/phone_numbers",
      handle: ({ request }) => {
        const [country, area] = [request.query.get("country_code"), request.query.get("area_code")];
        const fitting = numbers.filter(({ phone_number }) =>
          phone_number.startsWith(`+${country ?? ""}${area ?? ""}`),
        );
        return area !== null && country === null
          ? refuse(422, "area_code needs country_code")
          : phaxioListReply("Retrieved user phone numbers successfully", fitting, request, { refuse });
      },
    },
    {
      operation: "provisionNumber",
      method: "POST",
      path: "/phone_numbers",
      handle({ form }) {
        const fields = Object.fromEntries(form.fields);
        const { country_code: country = "", area_code: area = "", callback_url: callback } = fields;
        if (!/^\d{1,3}$/.test(country)) return refuse(422, "country_code is required");
        if (!/^\d{1,4}$/.test(area)) return refuse(422, "area_code is required");
        if (callback !== undefined && !URL.canParse(callback))
          return refuse(422, "callback_url is not valid");
        const number = newNumber(`+${country}${area}55501${String(10 + numbers.length)}`, callback ?? null);
        numbers.push(number);
        return phaxioReply("Number provisioned successfully!", number);
      },
    },
    {
      operation: "getNumber",
      method: "GET",
      path: "/phone_numbers/{number}",
      handle({ request }) {
        const number = numbers.find(({ phone_number }) => phone_number === request.params.number);
        return number
          ? phaxioReply("Retrieved user phone number successfully", number)
          : refuse(404, "Phone number not found");
      },
    },
    {
      operation: "releaseNumber",
      method: "DELETE",
      path: "/phone_numbers/{number}",
      handle({ request }) {
        const rest = numbers.filter(({ phone_number }) => phone_number !== request.params.number);
        if (rest.length === numbers.length) return refuse(404, "Phone number not found");
        numbers = rest;
        return phaxioReply("Number released successfully!");
      },
    },
    {
      operation: "accountStatus",
      method: "GET",
      path: "/account/status",
      handle() {
        const today = centralTime().slice(0, 10);
        const spent = options.faxes().reduce((sum, { cost }) => sum + cost, 0);
        return phaxioReply("Account status retrieved successfully", {
          balance: 10_000 - spent,
          faxes_today: countFaxes(({ created_at }) => created_at.startsWith(today)),
          faxes_this_month: countFaxes(({ created_at }) => created_at.startsWith(today.slice(0, 7))),
        });
      },
    },
    {
      operation: "listCountries",
      method: "GET",
      path: "/public/countries",
      open: true,
      handle: ({ request }) =>
        phaxioListReply("Data contains supported countries.", countries, request, { refuse }),
    },
    {
      operation: "listAreaCodes",
      method: "GET",
      path: "/public/area_codes",
      open: true,
      handle: ({ request }) => phaxioListReply("200 area codes available.", areaCodes, request, { refuse }),
    },
    {
      operation: "createPhaxCode",
      method: "POST",
      path: "/phax_codes",
      handle({ form, request }) {
        const fields = Object.fromEntries(form.fields);
        if (fields.metadata === undefined) return refuse(422, "metadata is required");
        const id = randomBytes(12).toString("hex");
        phaxCodes.set(id, fields.metadata);
        if ((fields.type ?? request.query.get("type")) === "png") return picture;
        return phaxioReply("PhaxCode generated", { identifier: id });
      },
    },
    {
      operation: "getPhaxCodeImage",
      method: "GET",
      path: "/phax_codes/{id}.png",
      handle: (call) => (phaxCode(call) ? picture : refuse(404, "PhaxCode not found")),
    },
    { operation: "getPhaxCode", method: "GET", path: "/phax_codes/{id}", handle: getPhaxCode },
    { operation: "getPhaxCode", method: "GET", path: "/phax_code", handle: getPhaxCode },
    { operation: "getPhaxCodeImage", method: "GET", path: "/phax_code.png", handle: () => picture },
  ];
  return {
    endpoints,
    get numbers() {
      return numbers;
    },
    reset,
  };
}

function newNumber(phone_number: string, callback_url: string | null): PhaxioNumber {
  const now = centralTime();
  return {
    phone_number,
    city: "Washington",
    state: "District of Columbia",
    country: "United States",
    cost: 200,
    last_billed_at: now,
    provisioned_at: now,
    callback_url,
    ata_name: null,
  };
}

/** The number that received faxes go to when the account has none. */
export const phaxioDefaultNumber = syntheticNumber(90);
