import type { FaultPoint } from "../fault-points.ts";
import type { DeliveryOptions, FaxbotOptions, RetryRule } from "../faxbot-options.ts";
import type { Inbox } from "../inbox.ts";
import { localWakeUp } from "../memory/local-wake-up.ts";
import type { BlobStore } from "../ports/blob-store.ts";
import type { DocumentEngine } from "../ports/document-engine.ts";
import type { Stores } from "../ports/stores.ts";
import type { WakeUp } from "../ports/wake-up.ts";
import { createTokens, type Tokens } from "../tokens.ts";
import { FaxError } from "../transport/fax-error.ts";
import { type FailureReason, failureReasons } from "../transport/fax-status.ts";
import type {
  Clock,
  FaxTransportV1,
  Logger,
  TransportCall,
  TransportLimiter,
} from "../transport/fax-transport.ts";
import { normalizeNumber } from "../transport/phone-number.ts";
import { checkTransport } from "./check-transport.ts";
import { defaultRetryRules } from "./retry-policy.ts";
import { transportLimiter } from "./transport-limiter.ts";

/** The engine's parts with all defaults filled in; every file of this folder works on one. */
export interface Engine<Trx> {
  readonly transports: ReadonlyMap<string, FaxTransportV1>;
  readonly stores: Stores<Trx>;
  readonly blobs: BlobStore;
  readonly documents: DocumentEngine | undefined;
  readonly inbox: Inbox<Trx> | undefined;
  readonly publicUrl: string | undefined;
  readonly tokens: Tokens<Trx>;
  readonly wakeUp: WakeUp;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly faultPoint: FaultPoint;
  readonly maxDocumentBytes: number;
  /** Brings a number into E.164. @throws FaxError `request_invalid` */
  readonly number: (text: string, field: string) => string;
  readonly delivery: Required<Omit<DeliveryOptions, "retry">> & {
    retry: Readonly<Record<FailureReason, RetryRule>>;
  };
  /** What a transport's method is handed. */
  call(transport: FaxTransportV1, tenantId: string, signal: AbortSignal): TransportCall;
}

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const hour = 3_600_000;

/** Fills in the defaults and refuses what cannot work; starts nothing. @throws FaxError `config_invalid` */
export function resolveEngine<Trx>(options: FaxbotOptions<Trx>): Engine<Trx> {
  const transports = new Map<string, FaxTransportV1>();
  if (options.transports.length === 0)
    throw new FaxError("config_invalid", "at least one transport is needed");
  for (const transport of options.transports) {
    checkTransport(transport, options.publicUrl !== undefined);
    if (transports.has(transport.id)) {
      throw new FaxError("config_invalid", `two transports have the id ${transport.id}`);
    }
    transports.set(transport.id, transport);
  }
  const publicUrl = options.publicUrl?.replace(/\/+$/, "");
  if (publicUrl !== undefined && !/^https?:$/.test(URL.parse(publicUrl)?.protocol ?? "")) {
    throw new FaxError("config_invalid", "publicUrl must be an http or https URL");
  }
  const clock = options.clock ?? { now: () => new Date() };
  const logger = options.logger ?? silent;
  const limiters = new Map<string, TransportLimiter>();
  const limiterOf = (transport: FaxTransportV1): TransportLimiter => {
    let limiter = limiters.get(transport.id);
    if (!limiter) {
      limiter = options.limiter?.(transport.id) ?? transportLimiter(transport.manifest.traits.rate_limits);
      limiters.set(transport.id, limiter);
    }
    return limiter;
  };
  const fetch = options.fetch ?? globalThis.fetch;
  const { stores } = options;
  return {
    transports,
    stores,
    blobs: options.blobs,
    documents: options.documents,
    inbox: options.inbox,
    publicUrl,
    tokens: createTokens({
      stores,
      clock,
      ...(options.pepper === undefined ? {} : { pepper: options.pepper }),
    }),
    wakeUp: options.wakeUp ?? localWakeUp(),
    clock,
    logger,
    faultPoint: options.faultPoint ?? (() => {}),
    maxDocumentBytes: options.maxDocumentBytes ?? 10 * 1024 * 1024,
    number: (text, field) => {
      const { defaultCountryCode } = options;
      const number =
        typeof text === "string"
          ? normalizeNumber(text, defaultCountryCode === undefined ? {} : { defaultCountryCode })
          : undefined;
      if (number) return number;
      throw new FaxError(
        "request_invalid",
        `${field} is not a fax number with its country code, such as +12025550123`,
      );
    },
    delivery: resolveDelivery(options.delivery ?? {}, publicUrl !== undefined),
    call: (transport, tenantId, signal) => ({
      signal,
      fetch,
      clock,
      logger,
      limiter: limiterOf(transport),
      state: {
        get: (key) => stores.state.get(tenantId, transport.id, key),
        set: (key, value) => stores.state.set(tenantId, transport.id, key, value),
      },
      ...(publicUrl === undefined ? {} : { publicUrl }),
    }),
  };
}

function resolveDelivery(given: DeliveryOptions, hasWebhooks: boolean): Engine<unknown>["delivery"] {
  const retry = Object.fromEntries(
    failureReasons.map((reason) => [reason, { ...defaultRetryRules[reason], ...given.retry?.[reason] }]),
  ) as Record<FailureReason, RetryRule>;
  const delivery = {
    concurrency: given.concurrency ?? 8,
    leaseMs: given.leaseMs ?? 60_000,
    pollMs: given.pollMs ?? 1_000,
    statusPollMs: given.statusPollMs ?? (hasWebhooks ? 60_000 : 5_000),
    staleAfterMs: given.staleAfterMs ?? 24 * hour,
    expiresAfterMs: given.expiresAfterMs ?? 24 * hour,
    oneCallPerDestination: given.oneCallPerDestination ?? true,
    retry,
  };
  for (const [name, value] of Object.entries(delivery)) {
    if (typeof value === "number" && !(Number.isFinite(value) && value > 0)) {
      throw new FaxError("config_invalid", `delivery.${name} must be a number above 0`);
    }
  }
  return delivery;
}
