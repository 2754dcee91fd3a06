import type { EmulatorFault } from "../emulator-fault.ts";
import type { EmulatorServer } from "../emulator-server.ts";
import type { WebhookDelivery, WebhookFault } from "../webhook-sender.ts";
import type { SinchErrorShape } from "./sinch-emulator-error.ts";
import type { SinchFax } from "./sinch-emulator-fax.ts";
import type { SinchOutcome } from "./sinch-emulator-outcome.ts";
import type { SinchService, SinchServiceChanges, SinchServiceOperation } from "./sinch-emulator-services.ts";
import type { SinchEvent } from "./sinch-emulator-webhook.ts";

/** The operations of the emulated API, as its counters and faults name them. */
export type SinchOperation =
  | "issueToken"
  | "sendFax"
  | "listFaxes"
  | "getFax"
  | "downloadFax"
  | "downloadFaxDeprecated"
  | "deleteFaxContent"
  | SinchServiceOperation;

/** Ways in which replies of the real service were seen to differ; all can be changed while the emulator runs. */
export interface SinchQuirks {
  /** Status of a fax that was just taken. Default IN_PROGRESS, as in the vendor's example. */
  firstStatus: "QUEUED" | "IN_PROGRESS";
  /** Default `prose`. */
  errorShape: SinchErrorShape;
  /** Default `array`. */
  contentUrl: "array" | "string";
  /** Default `boolean`. */
  hasFile: "boolean" | "text";
  /** Default `string`. */
  priceAmount: "string" | "number";
  /** Sends whole numbers as text. Default false. */
  numbersAsStrings: boolean;
  /** Leaves `to` and `from` out of replies. Default false. */
  omitNumbers: boolean;
  /** The list's page number is in `page` or, as the .NET SDK reads it, `pageNumber`. Default `page`. */
  pageField: "page" | "pageNumber";
  /** The list does not filter by `labels` (how to write that filter is not documented). Default false. */
  ignoreLabels: boolean;
  /** A new fax is not in the list before so many milliseconds. Default 0. */
  listLagMs: number;
  /** What to do with fields that are not documented; whether the vendor refuses them is not known. Default `refuse`. */
  unknownFields: "refuse" | "ignore";
  /** Where the document is in a completed fax's JSON webhook. Default `files`. */
  completedJson: "files" | "file";
  /** Multipart webhooks: `event` as a JSON text with quotes. Default false. */
  quotedEvent: boolean;
}

/** How to start a {@link SinchEmulator}; everything has a default. */
export interface SinchEmulatorOptions {
  /** Default 0: a free one. */
  port?: number;
  projectId?: string;
  keyId?: string;
  keySecret?: string;
  /** Numbers of the account; when given, any other `from` is refused. */
  numbers?: readonly string[];
  /** Outcome of numbers that no script names; default `delivered`. */
  outcome?: SinchOutcome;
  /** Milliseconds from taking a fax to its end; default 100. `Infinity`: only `finish` ends it. */
  completeAfterMs?: number;
  /** Seconds that a token lives; default 3600. */
  tokenLifetimeSeconds?: number;
  /** Milliseconds that stand for a minute of the vendor's webhook retry schedule; default 10. */
  webhookRetryMinuteMs?: number;
  /** Minutes before each further try of a webhook; default: the vendor's 16 tries over three days. */
  webhookRetryMinutes?: readonly number[];
  /** How long to wait for the answer to a webhook, in milliseconds; default 5000 (the vendor: 60 s). */
  webhookTimeoutMs?: number;
  /** The event word of a page's notification; the vendor's is not documented. */
  inProgressEvent?: string;
  quirks?: Partial<SinchQuirks>;
}

/** A running imitation of the Sinch Fax API v3 and of its OAuth2 server. */
export interface SinchEmulator extends Omit<EmulatorServer<SinchOperation>, "fault"> {
  readonly projectId: string;
  readonly keyId: string;
  readonly keySecret: string;
  /** The default service. */
  readonly serviceId: string;
  readonly quirks: SinchQuirks;
  /** See {@link SinchEmulatorOptions.completeAfterMs}; may be changed. */
  completeAfterMs: number;
  /** See {@link SinchEmulatorOptions.tokenLifetimeSeconds}; may be changed. */
  tokenLifetimeSeconds: number;
  /** Every fax that was taken or received, oldest first: a fax that was sent twice is here twice. */
  readonly faxes: readonly SinchFax[];
  /** The stored document. */
  documentOf(faxId: string): Uint8Array | undefined;
  /** Every try to deliver a webhook. */
  readonly deliveries: readonly WebhookDelivery<SinchEvent>[];
  /**
   * Scripts what becomes of faxes to a number. {@link testNumbers} are scripted from the start.
   *
   * @param digits the whole number or its last digits; the longest match wins
   * @param outcomes one for all, or one per fax of which the last repeats
   */
  script(digits: string, outcomes: SinchOutcome | readonly SinchOutcome[]): void;
  /** Ends a fax now. @throws RangeError when there is no such fax */
  finish(faxId: string, outcome?: SinchOutcome): void;
  /** Pretends that a fax came in, and calls the service's `incomingWebhookUrl` when it has one. */
  receiveFax(inbound?: {
    from?: string;
    to?: string;
    /** Default: a synthetic page. */
    pdf?: Uint8Array;
    /** Changes the service's `webhookContentType` first. */
    contentType?: "multipart/form-data" | "application/json";
    serviceId?: string;
  }): SinchFax;
  /** Puts a fax there without a call, e.g. one from last month. */
  addFax(fax: Partial<SinchFax>, document?: Uint8Array): SinchFax;
  /** Changes the default service, e.g. its `incomingWebhookUrl`. */
  updateService(changes: SinchServiceChanges): SinchService;
  /** Makes the next fitting request go wrong. @returns a function that takes the fault back */
  fault(fault: EmulatorFault<SinchOperation>): () => void;
  /** Makes the next fitting webhook go wrong. */
  webhookFault(fault: WebhookFault<SinchEvent>): void;
  /** Lets every issued token expire now. */
  expireTokens(): void;
  /** Resolves when no fax will end by itself any more and no webhook is on its way. */
  idle(): Promise<void>;
}
