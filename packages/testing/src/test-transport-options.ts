import type {
  Capability,
  FaxDocument,
  FaxTransportV1,
  HealthReport,
  TransportManifest,
} from "@faxbot/core/transport";
import type { TestFax } from "./test-fax.ts";
import type { TestOutcome } from "./test-outcome.ts";
import type { TestSettings } from "./test-settings.ts";

/** How the test transport behaves. The first three are its settings, the others are for tests. */
export interface TestTransportOptions extends Partial<TestSettings> {
  /** Default: `test`. Another name makes a second account. */
  id?: string;
  /**
   * Outcomes by destination: a whole number or its last digits; the longest match wins. A list gives one outcome per
   * send, the last one repeats. Default: {@link testNumbers}.
   */
  outcomes?: Readonly<Record<string, TestOutcome | readonly TestOutcome[]>>;
  /** False: `run` reports no status, so that the engine has to ask. Default true. */
  reportStatus?: boolean;
  /** Methods to leave out, here and in the manifest. */
  without?: readonly Exclude<Capability, "send">[];
  /** Changes what the manifest says about lookups, redials and accepted types. */
  traits?: Partial<Pick<TransportManifest, "lookup" | "redials" | "accepts" | "singleton">>;
}

/** One call that the transport was asked to make, in order. A fax that was sent twice shows as two `send` calls. */
export interface TestCall {
  operation:
    | "send"
    | "check_health"
    | "get_status"
    | "find_by_reference"
    | "cancel"
    | "webhook"
    | "fetch_document"
    | "delete_document";
  at: Date;
  attemptId?: string;
  faxId?: string;
  to?: string;
  providerId?: string;
  /** What the script chose, for `send`. */
  outcome?: TestOutcome;
}

/** A fax to pretend to have received. */
export interface SyntheticInbound {
  /** E.164; default: a synthetic number. */
  from?: string;
  /** E.164; default: a synthetic number. */
  to?: string;
  /** Default: a synthetic PDF of one page. */
  document?: FaxDocument;
  /** True: the far end hung up before the last page. */
  partial?: boolean;
  /** False: the event comes without the document, which is then fetched by id. Default true. */
  attach?: boolean;
}

/** The test transport with its handles for tests. */
export interface TestTransport extends FaxTransportV1 {
  /** Every call so far. */
  readonly calls: readonly TestCall[];
  /** Every fax that was taken, also those whose answer was lost. */
  readonly faxes: readonly TestFax[];
  /** Milliseconds from taking a fax to its final status, by the caller's clock. `Infinity`: only `finish` ends it. */
  delayMs: number;
  /** What `checkHealth` reports. */
  health: HealthReport;
  /** Decides the next sends, before any other script. */
  next(...outcomes: TestOutcome[]): void;
  /** Ends a fax now, whatever its delay. @throws FaxError `not_found` */
  finish(providerId: string, outcome?: TestOutcome): void;
  /**
   * Pretends that a fax came in. `run` hands it to the host; it waits when `run` is not running yet.
   *
   * @returns the provider's id, once the host has made the event durable
   */
  receive(inbound?: SyntheticInbound): Promise<string>;
  /** Forgets calls, faxes, scripts and waiting events. */
  reset(): void;
}

/** Makes test transports; see {@link testTransport}. */
export interface TestTransportFactory {
  (options?: TestTransportOptions): TestTransport;
  readonly manifest: TransportManifest;
  /** Reads `FAX_TEST_OUTCOME`, `FAX_TEST_DELAY_MS` and `FAX_TEST_WEBHOOK_SECRET`. @throws FaxError `config_invalid` */
  fromEnv(env: Readonly<Record<string, string | undefined>>): TestTransport;
}
