import type { InboundFax, ProviderEmulator, ProviderEmulatorOptions } from "../provider-emulator.ts";
import type { HumbleFaxIncomingFax, HumbleFaxSentFax } from "./humblefax-emulator-fax.ts";
import type { HumbleFaxOutcome } from "./humblefax-emulator-outcome.ts";

/** The operations of the emulated API, as its counters and faults name them. */
export type HumbleFaxOperation =
  | "quickSendFax"
  | "createTmpFax"
  | "createAttachment"
  | "sendTmpFax"
  | "listTmpFaxes"
  | "getTmpFax"
  | "deleteTmpFax"
  | "listSentFaxes"
  | "getSentFax"
  | "downloadSentFax"
  | "listIncomingFaxes"
  | "getIncomingFax"
  | "downloadIncomingFax"
  | "deleteIncomingFax"
  | "getUser"
  | "listNumbers"
  | "createWebhook"
  | "listWebhooks"
  | "deleteWebhook";

/** The only two known events. */
export type HumbleFaxEvent = "IncomingFax.SendComplete" | "SentFax.SendComplete";

/** Ways in which replies were seen to differ or that nobody could confirm; all can be changed while it runs. */
export interface HumbleFaxQuirks {
  /** Name of the fax in the answer to quickSendFax. Default `fax`. */
  quickSendKey: "fax" | "sentFax";
  /** That answer's status as a list of one. Default false. */
  statusAsList: boolean;
  /** Numbers of subscribers as integers, as in the documents' examples. Default false: texts. */
  numbersAsIntegers: boolean;
  /** Subscriber texts with a plus sign. Default false. */
  numbersWithPlus: boolean;
  /** Whole numbers (ids, counts) as text. Default false. */
  countsAsStrings: boolean;
  /** What a webhook's fax is called: `data.SentFax`, `data.sentFax`, or `data` itself. Default `capital`. */
  webhookKey: "capital" | "camel" | "bare";
  /** Refuses with 200 and `result: "failure"` instead of 4xx. Default false. */
  refuseWith200: boolean;
  /** What to do with fields that are not documented. Default `refuse`. */
  unknownFields: "refuse" | "ignore";
  /** Where `failureReason` is: everywhere, or only at the call. Default `everywhere`. */
  failureReasonAt: "everywhere" | "call";
  /** Sending a tmpFax fails so often after an upload, as one client saw. Default 0. */
  sendTooEarly: number;
}

/** How to start a {@link HumbleFaxEmulator}; everything has a default. */
export interface HumbleFaxEmulatorOptions extends ProviderEmulatorOptions<HumbleFaxOutcome> {
  accessKey?: string;
  secretKey?: string;
  /** Default 5, as the vendor. */
  requestsPerSecond?: number;
  /** How long the caller is blocked after exceeding it, in milliseconds; default 60,000, as the vendor. */
  blockMs?: number;
  /** How often the vendor dials a number that does not take the fax; default 1. */
  attempts?: number;
  /** Called from the start; further URLs by `POST /webhook`. */
  webhookUrls?: readonly string[];
  /**
   * Signs webhooks (HMAC-SHA256 of the body, hex, in `X-Humblefax-Signature`), which HumbleFax itself does not do: for
   * hosts behind a proxy of their own that signs. Default `undefined`: no signature.
   */
  webhookSecret?: string;
  quirks?: Partial<HumbleFaxQuirks>;
}

/** A running imitation of the HumbleFax API. */
export interface HumbleFaxEmulator
  extends ProviderEmulator<
    HumbleFaxOperation,
    HumbleFaxSentFax | HumbleFaxIncomingFax,
    HumbleFaxOutcome,
    HumbleFaxEvent
  > {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly quirks: HumbleFaxQuirks;
  readonly sentFaxes: readonly HumbleFaxSentFax[];
  readonly incomingFaxes: readonly HumbleFaxIncomingFax[];
  /** The registered webhooks. */
  readonly webhooks: readonly { id: number; url: string }[];
  /** Registers a webhook, as in the dashboard. */
  addWebhook(url: string): void;
  /**
   * Pretends that a fax came in, and calls every registered webhook.
   *
   * @param inbound.partial the far end broke off: `partial fax received`
   */
  receiveFax(inbound?: InboundFax & { partial?: boolean }): HumbleFaxIncomingFax;
  /** Puts a sent fax there without a call, e.g. one from last month. */
  addSentFax(fax: Partial<HumbleFaxSentFax>, document?: Uint8Array): HumbleFaxSentFax;
  /** Puts a received fax there without a webhook, e.g. one from last month. */
  addIncomingFax(fax: Partial<HumbleFaxIncomingFax>, document?: Uint8Array): HumbleFaxIncomingFax;
}
