import type { InboundFax, ProviderEmulator, ProviderEmulatorOptions } from "../provider-emulator.ts";
import type { SignalWireErrorShape } from "./signalwire-emulator-error.ts";
import type { SignalWireFax } from "./signalwire-emulator-fax.ts";
import type { SignalWireNumberOperation } from "./signalwire-emulator-numbers.ts";
import type { SignalWireFailure, SignalWireOutcome } from "./signalwire-emulator-outcome.ts";

/** The operations of the emulated API, as its counters and faults name them. */
export type SignalWireOperation =
  | "sendFax"
  | "listFaxes"
  | "getFax"
  | "cancelFax"
  | "deleteFax"
  | "listMedia"
  | "getMedia"
  | "deleteMedia"
  | "downloadMedia"
  | "listLogs"
  | "getLog"
  | SignalWireNumberOperation;

/** Callbacks of sent faxes; the request to a number's URL; the report after it said `<Receive>`. */
export type SignalWireEvent = "status" | "inbound" | "received";

/** What the vendor keeps in its dashboard; all can be changed while the emulator runs. */
export interface SignalWireConsole {
  /** Signs webhooks; not the API token. */
  signingKey: string;
  /**
   * Whether documents need credentials. `basic` as documented; `bearer` as one integrator found for the file host.
   * Default false.
   */
  protectMedia: false | "basic" | "bearer";
  /** In trial mode only these can be sent to. Default `undefined`: not in trial. */
  verifiedNumbers: readonly string[] | undefined;
  /** Asked what to do with faxes to numbers that have no URL of their own. */
  voiceUrl: string | undefined;
  voiceMethod: "GET" | "POST";
  /** Asked when `voiceUrl` fails. */
  voiceFallbackUrl: string | undefined;
}

/** Ways in which the real service may differ; all can be changed while the emulator runs. */
export interface SignalWireQuirks {
  /** Default `object`. */
  errorShape: SignalWireErrorShape;
  /** `swapped`: pages as a number, seconds as text. Default `documented`. */
  numberShape: "documented" | "swapped";
  /** Form of `url` and `links`: older or newer documents. Default `laml`. */
  linkShape: "laml" | "fax";
  /** What to do with parameters that are not documented. Default `refuse`: the schema forbids them. */
  unknownFields: "refuse" | "ignore";
  /** How a media URL is fetched. Default HEAD, GET, GET. */
  mediaFetches: readonly ("HEAD" | "GET")[];
  /** Default `form`; `json` puts `bodySHA256` in the URL. */
  webhookBody: "form" | "json";
  /** Default `x-signalwire-signature`. */
  signatureHeader: "x-signalwire-signature" | "x-twilio-signature";
  /** A webhook URL's user info is part of what is signed. Default true. */
  signUserInfo: boolean;
  /** A webhook URL's fragment is part of what is signed. Default false. */
  signFragment: boolean;
}

/** How to start a {@link SignalWireEmulator}; everything has a default. */
export interface SignalWireEmulatorOptions extends ProviderEmulatorOptions<SignalWireOutcome> {
  projectId?: string;
  apiToken?: string;
  /** Milliseconds between the beginnings of two calls; default 10 (the vendor: 1000). */
  callEveryMs?: number;
  /** Faxes that may wait for their call; default 10,000, as the vendor. */
  maxQueued?: number;
  /** POST requests; default 1380, as the vendor. */
  requestsPerSecond?: number;
  console?: Partial<SignalWireConsole>;
  quirks?: Partial<SignalWireQuirks>;
}

/** A running imitation of the SignalWire compatibility API, as far as it is about faxes. */
export interface SignalWireEmulator
  extends ProviderEmulator<SignalWireOperation, SignalWireFax, SignalWireOutcome, SignalWireEvent> {
  /** Base URL with the version, as documented. */
  readonly apiUrl: string;
  readonly projectId: string;
  readonly apiToken: string;
  readonly console: SignalWireConsole;
  readonly quirks: SignalWireQuirks;
  /**
   * Pretends that a fax comes in: asks the number's URL, and reports as it says. Without a URL the fax is just there.
   * It is still `receiving` when this returns; `idle` waits for its end.
   *
   * @param inbound.failure how the reception breaks
   */
  receiveFax(inbound?: InboundFax & { failure?: SignalWireFailure }): SignalWireFax;
  /** Puts a fax there without a call, e.g. one from last month. */
  addFax(fax: Partial<SignalWireFax>, document?: Uint8Array): SignalWireFax;
}
