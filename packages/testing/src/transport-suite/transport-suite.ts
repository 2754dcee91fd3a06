import type { FaxDocument, FaxTransportV1, StatusReport, TransportManifest } from "@faxbot/core/transport";

/** A transport connected to the provider's stand-in: an emulator, a fake exchange, a sandbox. */
export interface TransportPeer {
  readonly transport: FaxTransportV1;
  /** How many faxes the provider has taken so far: each would be dialled. */
  faxesTaken(): number | Promise<number>;
  /** Keys, passwords and tokens that must never be seen in a log or an error. */
  readonly secrets: readonly string[];
  stop(): Promise<void>;
}

/** Says why a scenario cannot happen with a transport, e.g. `{ impossible: "AMI has no rate limit" }`. */
export interface Impossible {
  readonly impossible: string;
}

/**
 * Sets the stage before the transport is called. May return another transport for the same provider, e.g. one with a
 * wrong key.
 */
export type Arrange<Peer, More extends unknown[] = []> = (
  peer: Peer,
  ...more: More
) => undefined | FaxTransportV1 | Promise<undefined | FaxTransportV1> | void | Promise<void>;

/** What the provider's stand-in is to do, scenario by scenario; each with a peer of its own. */
export interface TransportScenarios<Peer> {
  /** The next fax is taken and delivered soon. With a transport that only receives: nothing is wrong. */
  accepted: Arrange<Peer>;
  /** The next fax is taken, and the far end is busy. */
  busy: Arrange<Peer> | Impossible;
  /** The credentials are refused. */
  unauthorized: Arrange<Peer> | Impossible;
  /** The provider wants fewer calls and takes nothing. */
  rateLimited: Arrange<Peer> | Impossible;
  /** Nobody listens where the provider should be. */
  unavailable: Arrange<Peer> | Impossible;
  /** The provider takes the next fax and answers nothing; nor does it answer anything else. */
  hangs: Arrange<Peer> | Impossible;
  /** The provider takes the next fax and answers what cannot be read. */
  malformedReply: Arrange<Peer> | Impossible;
  /** The provider takes the next fax and says a status word that no table knows. */
  unmappedStatus: Arrange<Peer> | Impossible;
  /** The provider takes the next fax, and its answer is lost. */
  responseLost: Arrange<Peer> | Impossible;
  /** The provider takes the next fax and answers an error that proves nothing, such as HTTP 500. */
  serverError: Arrange<Peer> | Impossible;
  /** The provider answers the next call with a redirect to another origin; nothing is taken. */
  redirect: Arrange<Peer, [origin: string]> | Impossible;
  /** The fax was handed over with a callback URL and is delivered; report it, where that does not happen by itself. */
  statusWebhook: Arrange<Peer, [webhook: { url: string; sent: StatusReport }]> | Impossible;
  /** Lets a fax come in and the provider report it to this URL. */
  receivedWebhook: Arrange<Peer, [url: string]> | Impossible;
  /** Lets a fax come in that `run` is to report. */
  receivedByRun: Arrange<Peer> | Impossible;
  /** The next fax is taken and delivered soon, and `run` is told of it: over a connection, or by polling. */
  statusByRun?: Arrange<Peer> | Impossible;
  /** The next fax is taken and does not come to an end before it is canceled. */
  unfinished?: Arrange<Peer> | Impossible;
}

const sendsNothing = { impossible: "it only receives" } as const satisfies Impossible;

/**
 * The scenarios of a transport whose manifest does not list `send`, such as a mailbox; the rest is its own.
 *
 * @example
 * scenarios: { ...receiveOnlyScenarios, unauthorized: …, unavailable: …, hangs: …, receivedByRun: … }
 */
export const receiveOnlyScenarios = {
  accepted: () => {},
  busy: sendsNothing,
  rateLimited: sendsNothing,
  malformedReply: sendsNothing,
  unmappedStatus: sendsNothing,
  responseLost: sendsNothing,
  serverError: sendsNothing,
  redirect: sendsNothing,
  statusWebhook: sendsNothing,
  receivedWebhook: { impossible: "it takes no webhooks" },
} as const satisfies Partial<TransportScenarios<TransportPeer>>;

/** What `describeTransport` and {@link checkTransport} need. */
export interface TransportSuite<Peer extends TransportPeer = TransportPeer> {
  manifest: TransportManifest;
  /** Makes a fresh provider and a transport that is connected to it. */
  create(): Peer | Promise<Peer>;
  scenarios: TransportScenarios<Peer>;
  /** A destination that the stand-in knows nothing special of; default a synthetic number. */
  to?: string;
  /** Makes a document of a type that the manifest accepts; default: a synthetic PDF with this text. */
  document?(text: string): FaxDocument | Promise<FaxDocument>;
  /** How long to wait for what should happen, in milliseconds; default 5000. */
  patienceMs?: number;
}

/** Whether a scenario was declared impossible. */
export function isImpossible(scenario: unknown): scenario is Impossible {
  return typeof scenario === "object" && scenario !== null && "impossible" in scenario;
}
