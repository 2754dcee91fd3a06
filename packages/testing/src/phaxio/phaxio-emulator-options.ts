import type { InboundFax, ProviderEmulator, ProviderEmulatorOptions } from "../provider-emulator.ts";
import type { PhaxioAccountOperation } from "./phaxio-emulator-account.ts";
import type { PhaxioFax } from "./phaxio-emulator-fax.ts";
import type { PhaxioOutcome } from "./phaxio-emulator-outcome.ts";

/** The operations of the emulated API, as its counters and faults name them. */
export type PhaxioOperation =
  | "sendFax"
  | "listFaxes"
  | "getFax"
  | "cancelFax"
  | "resendFax"
  | "downloadFax"
  | "deleteFaxContent"
  | "deleteFax"
  | PhaxioAccountOperation;

/** The events of v2.1; v1 and v2.0 name none, and know only the first. */
export type PhaxioEvent = "fax_completed" | "transmitting_page" | "retry_scheduled";

/** What the vendor keeps in its console; all can be changed while the emulator runs. */
export interface PhaxioConsole {
  /** Signs webhooks; empty: none was made, and webhooks have no signature. */
  callbackToken: string;
  /** The form of webhooks, whatever version of the API is called. Default `v2.1`. */
  webhookVersion: "v1" | "v2.0" | "v2.1";
  /** For sent faxes without a `callback_url`. */
  sentCallbackUrl: string | undefined;
  /** For received faxes to numbers without one of their own. */
  receivedCallbackUrl: string | undefined;
  /** Whether the two events before the end are sent. Default false. */
  inflightEvents: boolean;
  /** Whether webhooks of received faxes bring the file. Default true. */
  receivedFile: boolean;
  /** How often the vendor dials again by itself after a lineError or faxError. Default 0. */
  retries: number;
}

/** Ways in which the real service may differ, none of them confirmed; all can be changed while the emulator runs. */
export interface PhaxioQuirks {
  /** What to do with parameters that are not documented. Default `refuse`. */
  unknownFields: "refuse" | "ignore";
  /** Refuses with 200 and `success: false` instead of 4xx (clients must check both). Default false. */
  refuseWith200: boolean;
  /** Whole numbers as text, in replies and webhooks. Default false. */
  numbersAsStrings: boolean;
  /** The list's total is the text ">10000", as for very large lists. Default false. */
  totalAsText: boolean;
  /** Files above so many are dropped without a word (reported for 10, about 2014). Default Infinity. */
  dropFilesAbove: number;
  /** A callback URL's user info is part of what is signed. Default true: "exactly as given". */
  signUserInfo: boolean;
}

/** How to start a {@link PhaxioEmulator}; everything has a default. */
export interface PhaxioEmulatorOptions extends ProviderEmulatorOptions<PhaxioOutcome> {
  apiKey?: string;
  apiSecret?: string;
  /** The second pair: its faxes are tests. */
  testApiKey?: string;
  testApiSecret?: string;
  /** Default Infinity: the vendor limits requests, and does not say to how many. */
  requestsPerSecond?: number;
  /** Milliseconds that stand for a second in `batch_delay` and `cancel_timeout`; default 10. */
  secondMs?: number;
  console?: Partial<PhaxioConsole>;
  quirks?: Partial<PhaxioQuirks>;
}

/** A running imitation of the Phaxio API v2.1 (also under `/v2`). */
export interface PhaxioEmulator
  extends ProviderEmulator<PhaxioOperation, PhaxioFax, PhaxioOutcome, PhaxioEvent> {
  /** Base URL with the version, as clients take it. */
  readonly apiUrl: string;
  readonly apiKey: string;
  readonly apiSecret: string;
  readonly testApiKey: string;
  readonly testApiSecret: string;
  readonly console: PhaxioConsole;
  readonly quirks: PhaxioQuirks;
  /** Pretends that a fax came in, and calls the number's or the account's callback URL when there is one. */
  receiveFax(inbound?: InboundFax): PhaxioFax;
  /** Puts a fax there without a call, e.g. one from last month. */
  addFax(fax: Partial<PhaxioFax>, document?: Uint8Array): PhaxioFax;
}
