import type { EmulatorFault } from "./emulator-fault.ts";
import type { EmulatorServer } from "./emulator-server.ts";
import type { WebhookDelivery, WebhookFault } from "./webhook-sender.ts";

/** A fax that comes in, for `receiveFax`. */
export interface InboundFax {
  /** E.164; default: a synthetic number. */
  from?: string;
  /** E.164; default: the account's first number. */
  to?: string;
  /** Default: a synthetic page. */
  pdf?: Uint8Array;
}

/** How to start an emulator of a provider; everything has a default. */
export interface ProviderEmulatorOptions<Outcome> {
  /** Default 0: a free one. */
  port?: number;
  /** Numbers of the account (E.164); when given, faxes from any other number are refused. */
  numbers?: readonly string[];
  /** Outcome of numbers that no script names; default `delivered`. */
  outcome?: Outcome;
  /** Milliseconds from taking a fax to its end; default 100. `Infinity`: only `finish` ends it. */
  completeAfterMs?: number;
  /** Milliseconds that stand for a minute of the webhooks' retry schedule; default 10. */
  webhookRetryMinuteMs?: number;
  /** Minutes before each further try of a webhook; default: the vendor's schedule. */
  webhookRetryMinutes?: readonly number[];
  /** How long to wait for the answer to a webhook, in milliseconds; default 5000. */
  webhookTimeoutMs?: number;
}

/** What every emulator of a provider can do, beside its counters (`calls`, `requests`) and its port. */
export interface ProviderEmulator<Operation extends string, Fax, Outcome, Event extends string>
  extends Omit<EmulatorServer<Operation>, "fault"> {
  /** See {@link ProviderEmulatorOptions.completeAfterMs}; may be changed. */
  completeAfterMs: number;
  /** Every fax that was taken or received, oldest first: a fax that was sent twice is here twice. */
  readonly faxes: readonly Fax[];
  /** The stored document. @param faxId as text */
  documentOf(faxId: string): Uint8Array | undefined;
  /** Every try to deliver a webhook. */
  readonly deliveries: readonly WebhookDelivery<Event>[];
  /**
   * Scripts what becomes of faxes to a number. {@link testNumbers} are scripted from the start.
   *
   * @param digits the whole number or its last digits; the longest match wins
   * @param outcomes one for all, or one per fax of which the last repeats
   */
  script(digits: string, outcomes: Outcome | readonly Outcome[]): void;
  /** Ends a fax now. @param faxId as text @throws RangeError when there is no such fax */
  finish(faxId: string, outcome?: Outcome): void;
  /** Makes the next fitting request go wrong. @returns a function that takes the fault back */
  fault(fault: EmulatorFault<Operation>): () => void;
  /** Makes the next fitting webhook go wrong. */
  webhookFault(fault: WebhookFault<Event>): void;
  /** Resolves when no fax will end by itself any more and no webhook is on its way. */
  idle(): Promise<void>;
}
