import {
  FaxError,
  type FaxTransportV1,
  faxSpool,
  isFaxError,
  parseSettings,
  probeHealth,
  type StatusReport,
  settingsFromEnv,
  type TransportCall,
  type TransportHost,
  type TransportManifest,
  untilAborted,
  verifyInternalSecret,
} from "@faxbot/core/transport";
import type { z } from "zod";
import { type EslConnection, EslFailure } from "./esl-connection.ts";
import { EventOutbox } from "./event-outbox.ts";
import { cancelCause } from "./freeswitch-call.ts";
import { askError, linesTaken, outcomeUnknown, sendError, unavailable } from "./freeswitch-errors.ts";
import { isReceivedId, Receptions } from "./freeswitch-inbound.ts";
import { FreeSwitchLink } from "./freeswitch-link.ts";
import { freeswitchManifest } from "./freeswitch-manifest.ts";
import { readSendOptions } from "./freeswitch-options.ts";
import { attemptOf, channelOf, isChannelId } from "./freeswitch-originate.ts";
import { type FreeSwitchSettings, freeswitchSettings } from "./freeswitch-settings.ts";
import { type FreeSwitchTiming, freeswitchTiming } from "./freeswitch-timing.ts";
import { channelExists, watchCalls } from "./freeswitch-watch.ts";
import { readHint, statusEvent } from "./freeswitch-webhook.ts";
import { LiveCalls } from "./live-calls.ts";
import { prepareCall } from "./prepare-call.ts";

/** Settings of {@link freeswitch}, and a name of your own for a second exchange or gateway. */
export type FreeSwitchOptions = z.input<typeof freeswitchSettings> & { id?: string };

/** The FreeSWITCH transport with all that it can do. */
export type FreeSwitchTransport = FaxTransportV1 &
  Required<
    Pick<
      FaxTransportV1,
      | "checkJob"
      | "hasLine"
      | "getStatus"
      | "findByReference"
      | "cancel"
      | "receiveWebhook"
      | "fetchDocument"
      | "deleteDocument"
      | "run"
    >
  >;

/** Makes FreeSWITCH transports, see {@link freeswitch}. */
export interface FreeSwitchFactory {
  /** @throws FaxError `config_invalid` that names the settings, never their values */
  (options: FreeSwitchOptions): FreeSwitchTransport;
  readonly manifest: TransportManifest;
  readonly settings: typeof freeswitchSettings;
  /** Reads the settings from environment variables. @throws FaxError `config_invalid` that names the variables */
  fromEnv(env: Readonly<Record<string, string | undefined>>): FreeSwitchTransport;
}

/**
 * Makes a transport for a FreeSWITCH of your own. Nothing is connected before the engine runs it or a method is called.
 *
 * @example
 * const lines = freeswitch({ password, gateway: "trunk", callerIdNumber: "+12025550100" });
 * const faxbot = createFaxbot({ transports: [lines], stores, blobs, documents, inbox });
 */
export const freeswitch: FreeSwitchFactory = Object.assign(
  ({ id = freeswitchManifest.id, ...settings }: FreeSwitchOptions) =>
    makeTransport(id, parseSettings(id, freeswitchSettings, settings)),
  {
    manifest: freeswitchManifest,
    settings: freeswitchSettings,
    fromEnv: (env: Readonly<Record<string, string | undefined>>) =>
      makeTransport(freeswitchManifest.id, settingsFromEnv(freeswitchManifest.id, freeswitchSettings, env)),
  },
);

const transportId = freeswitchManifest.id;

/** @internal also for tests, which cannot wait for the real time spans */
export function makeTransport(
  id: string,
  settings: FreeSwitchSettings,
  timing: FreeSwitchTiming = freeswitchTiming,
): FreeSwitchTransport {
  const now = (): number => performance.now();
  const outgoing = faxSpool(settings.spoolOut);
  const incoming = faxSpool(settings.spoolIn);
  const outbox = new EventOutbox();
  const calls = new LiveCalls({
    gateway: settings.gateway,
    ringSeconds: settings.ringSeconds,
    timing,
    now,
    onNews: (call) =>
      outbox.add(statusEvent(call.report()), {
        keep: call.ended,
        // FreeSWITCH is done with the file, and the result is durable.
        ...(call.ended ? { settled: () => outgoing.remove(`${call.attemptId}.tif`) } : {}),
      }),
  });
  const receptions = new Receptions(incoming, settings, (event) => outbox.add(event, { keep: true }));
  let host: TransportHost | undefined;
  const link = new FreeSwitchLink({
    settings,
    timing,
    isAwaited: (channel) => calls.isAwaited(channel),
    onEvent: (event) => {
      if (event.subclass.startsWith("spandsp::rxfax")) void receptions.take(event, host?.logger);
      else calls.take(event);
    },
  });
  const secrets = [settings.inboundSecret, settings.previousInboundSecret].filter(
    (secret) => secret !== undefined,
  );

  /** Lends a connection for a question, which may be asked again. */
  const ask = async <T>(call: TransportCall, work: (connection: EslConnection) => Promise<T>): Promise<T> => {
    try {
      return await untilAborted(link.use(call.signal, work), call.signal);
    } catch (error) {
      throw askError(error);
    }
  };

  /** What is known of a channel, or `undefined` when nothing is. */
  const lookUp = async (uuid: string, call: TransportCall): Promise<StatusReport | undefined> => {
    const ended = calls.ended(uuid);
    if (ended) return ended;
    const exists = await ask(call, (connection) => channelExists(connection, uuid));
    const live = calls.get(uuid);
    if (exists) {
      if (live) return live.call.report();
      const reference = attemptOf(uuid);
      // It is there, and how far it is will be told by its next event.
      return {
        providerId: uuid,
        status: "queued",
        providerStatus: "EXISTS",
        ...(reference ? { reference } : {}),
      };
    }
    // Its last event may still be on its way, or the call itself only just beginning.
    if (live) await calls.until(() => live.call.ended, timing.lateMs, call.signal);
    const late = calls.ended(uuid);
    if (late) return late;
    if (live && !live.call.seen && live.checkAt > now()) return live.ordered ? live.call.report() : undefined;
    calls.drop(uuid);
    return undefined;
  };

  return {
    specVersion: "v1",
    id,
    manifest: freeswitchManifest,

    checkJob(job) {
      readSendOptions(job.options);
    },

    hasLine: () => calls.size < settings.maxCalls,

    async send(job, call) {
      const { uuid, command, longestSeconds } = await prepareCall(job, settings);
      const known = calls.ended(uuid) ?? calls.get(uuid)?.call.report();
      // One attempt is dialled once, whoever asks twice.
      if (known) return known;
      if (calls.size >= settings.maxCalls) throw linesTaken();
      if (call.signal.aborted) throw unavailable("the call was stopped before it was made");
      const live = calls.add(uuid, job.attemptId, longestSeconds);
      let written = false;
      try {
        await outgoing.write(`${job.attemptId}.tif`, job.document);
        return await link.use(call.signal, async (connection) => {
          if (call.signal.aborted || !connection.isOpen) throw new EslFailure("closed", "it broke before");
          written = true;
          const reply = await untilAborted(connection.startJob(command, uuid), call.signal);
          if (/^-ERR permission denied/i.test(reply)) {
            throw new FaxError("transport_unauthorized", "FreeSWITCH does not let us make calls", {
              transportId,
            });
          }
          if (!reply.startsWith("+OK")) throw outcomeUnknown();
          live.ordered = true;
          await calls.until(
            () => live.call.seen || live.call.ended || live.call.refused || !connection.isOpen,
            timing.earlyMs,
            call.signal,
          );
          return answerOf(live.call.report());
        });
      } catch (error) {
        const failure = sendError(error, written);
        // What was never begun has nothing to wait for.
        if (!isFaxError(failure, "outcome_unknown")) {
          calls.drop(uuid);
          await outgoing.remove(`${job.attemptId}.tif`).catch(() => {});
        }
        throw failure;
      }
    },

    async getStatus(providerId, call) {
      const report = isChannelId(providerId) ? await lookUp(providerId, call) : undefined;
      if (report) return report;
      throw new FaxError("not_found", "FreeSWITCH has no such call", { transportId });
    },

    async findByReference(reference, call) {
      const uuid = channelOf(reference);
      return uuid === undefined ? undefined : lookUp(uuid, call);
    },

    async cancel(providerId, call) {
      const attemptId = attemptOf(providerId);
      if (attemptId === undefined) throw new FaxError("not_found", "there is no such call", { transportId });
      const ended = calls.ended(providerId);
      if (ended) return ended;
      return ask(call, async (connection) => {
        const known = calls.get(providerId);
        // Whoever asks for the end listens for it, also when the call was made by a process before this one.
        const live = known ?? calls.addRunning(providerId, attemptId);
        live.call.cancel();
        const answer = await connection.runJob(`uuid_kill ${providerId} ${cancelCause}`);
        await calls.until(() => live.call.ended, timing.lateMs, call.signal);
        if (live.call.ended || answer.startsWith("+OK")) return live.call.report();
        if (!known) calls.drop(providerId);
        throw new FaxError("not_found", "FreeSWITCH has no such call any more", { transportId });
      });
    },

    async receiveWebhook(request) {
      // The secret is a header's, so a stranger's body is not read.
      if (secrets.length === 0) {
        throw new FaxError("webhook_unverified", "no internal secret is set, so hints are refused", {
          transportId,
        });
      }
      verifyInternalSecret(request, secrets);
      return readHint(request, incoming, receptions);
    },

    async fetchDocument(providerId) {
      if (isReceivedId(providerId)) return incoming.document(`${providerId}.tif`);
      throw new FaxError("not_found", "there is no such received fax", { transportId });
    },

    async deleteDocument(providerId) {
      if (isReceivedId(providerId)) await incoming.remove(`${providerId}.tif`);
    },

    async checkHealth(call) {
      let gateway = "";
      const health = await probeHealth("FreeSWITCH", "the password or our address", call, (limited) =>
        ask(limited, async (connection) => {
          await connection.api("status");
          gateway = await connection.api(`sofia status gateway ${settings.gateway}`);
        }),
      );
      if (/^Invalid Gateway/i.test(gateway)) {
        return { status: "unhealthy", message: "FreeSWITCH answers, but has no gateway of this name." };
      }
      if (/^Status\s+DOWN/im.test(gateway)) {
        return { status: "unhealthy", message: "FreeSWITCH answers, but its gateway is down." };
      }
      return health;
    },

    async run(runHost) {
      host = runHost;
      const delivery = new AbortController();
      const delivering = outbox.deliver(runHost, AbortSignal.any([runHost.signal, delivery.signal]));
      try {
        await link.hold(runHost.signal, runHost.logger, (connection) =>
          watchCalls(connection, runHost, { calls, receptions, spool: outgoing, timing, now }),
        );
      } finally {
        delivery.abort();
        await delivering;
        outbox.dropPassing();
        if (host === runHost) host = undefined;
      }
    },
  };
}

/** A fault of the set-up that shows at once is thrown, as `send` can still say that nothing was dialled. */
function answerOf(report: StatusReport): StatusReport {
  if (report.status !== "failed" || report.failure?.reason !== "account") return report;
  throw new FaxError("transport_rejected", "FreeSWITCH cannot make this call with its set-up", {
    transportId,
    failure: report.failure,
  });
}
