import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import {
  checkFaxTiff,
  FaxError,
  type FaxTransportV1,
  faxSpool,
  type HealthReport,
  isE164,
  isFaxError,
  parseSettings,
  readFormOrJson,
  refuseUnsendable,
  settingsFromEnv,
  type TransportManifest,
  unsendable,
  verifyInternalSecret,
  type WebhookResult,
} from "@faxbot/core/transport";
import type { z } from "zod";
import type { AmiMessage } from "./ami-message.ts";
import { attemptOf, channelOf } from "./asterisk-call.ts";
import { fileOf, idOfFile, readHint, receivedEvent, receivedFamily } from "./asterisk-inbound.ts";
import { AsteriskIntake, type IntakePatience, intakePatience } from "./asterisk-intake.ts";
import { AsteriskLine, type LinePatience, linePatience } from "./asterisk-line.ts";
import { isOurDialplan, notedSince, openChannels, removeEntry } from "./asterisk-lookup.ts";
import { asteriskManifest } from "./asterisk-manifest.ts";
import { readSendOptions } from "./asterisk-options.ts";
import { originateFields } from "./asterisk-originate.ts";
import { type AsteriskSettings, asteriskSettings } from "./asterisk-settings.ts";
import { notesProveMs } from "./asterisk-sweep.ts";

/** Settings of {@link asterisk}, and a name of your own for a second exchange. */
export type AsteriskOptions = z.input<typeof asteriskSettings> & { id?: string };

/** The Asterisk transport with all that it can do. */
export type AsteriskTransport = FaxTransportV1 &
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

/** Makes Asterisk transports, see {@link asterisk}. */
export interface AsteriskFactory {
  /** @throws FaxError `config_invalid` that names the settings, never their values */
  (options: AsteriskOptions): AsteriskTransport;
  readonly manifest: TransportManifest;
  readonly settings: typeof asteriskSettings;
  /** Reads the settings from environment variables. @throws FaxError `config_invalid` that names the variables */
  fromEnv(env: Readonly<Record<string, string | undefined>>): AsteriskTransport;
}

/**
 * Makes a transport over an Asterisk of your own. Nothing is connected before the engine calls it.
 *
 * @example
 * const lines = asterisk({ username: "faxbot", password, trunk: "carrier", callerIdNumber: "+12025550100" });
 * const faxbot = createFaxbot({ transports: [lines], stores, blobs, documents });
 */
export const asterisk: AsteriskFactory = Object.assign(
  ({ id = asteriskManifest.id, ...settings }: AsteriskOptions) =>
    makeTransport(id, parseSettings(id, asteriskSettings, settings)),
  {
    manifest: asteriskManifest,
    settings: asteriskSettings,
    fromEnv: (env: Readonly<Record<string, string | undefined>>) =>
      makeTransport(asteriskManifest.id, settingsFromEnv(asteriskManifest.id, asteriskSettings, env)),
  },
);

const healthTimeoutMs = 10_000;
const mostHintBytes = 16 * 1024;
const transportId = asteriskManifest.id;

/** For tests, which have less time. */
export interface Patience {
  line: LinePatience;
  intake: IntakePatience;
}

/** The transport itself, see {@link asterisk}. */
export function makeTransport(
  id: string,
  settings: AsteriskSettings,
  patience: Patience = { line: linePatience, intake: intakePatience },
): AsteriskTransport {
  const spoolOut = faxSpool(settings.spoolOut);
  const spoolIn = faxSpool(settings.spoolIn);
  const line = new AsteriskLine(settings, spoolOut, patience.line);
  const intake = new AsteriskIntake(settings, spoolIn, patience.intake);

  return {
    specVersion: "v1",
    id,
    manifest: asteriskManifest,

    checkJob(job) {
      readSendOptions(job.options);
    },

    hasLine: () => line.calls.count() < settings.maxCalls,

    async send(job, call) {
      refuseUnsendable({ id: transportId, accepts: ["image/tiff"] }, job, readSendOptions);
      if (job.from !== undefined && !isE164(job.from)) {
        throw unsendable(transportId, "the sender is not in E.164 form", { reason: "invalid_number" });
      }
      if (attemptOf(channelOf(job.attemptId)) === undefined) {
        throw unsendable(transportId, "the attempt id is not one of the engine's", { reason: "rejected" });
      }
      const { pages } = await checkFaxTiff(job.document);
      const options = readSendOptions(job.options);
      return line.with(call, async (ami) => {
        await reading(() => line.prepare(ami, call));
        const file = await spoolOut.write(`${job.attemptId}.tif`, job.document);
        const fields = originateFields({ job, options, file, pages }, settings);
        const originateId = randomUUID();
        line.calls.begin({ attemptId: job.attemptId, originateId, pages, submittedAt: call.clock.now() });
        try {
          const answer = await ami.ask(fields, { signal: call.signal, actionId: originateId });
          if (answer.name !== "Success") throw originateError(answer);
        } catch (error) {
          if (provesUnsent(error)) {
            line.calls.forget(job.attemptId);
            await line.calls.removeDocument(job.attemptId);
          }
          throw error;
        }
        return {
          providerId: channelOf(job.attemptId),
          reference: job.attemptId,
          status: "queued",
          providerStatus: "Originate",
        };
      });
    },

    async getStatus(providerId, call) {
      const attemptId = attemptOf(providerId);
      if (attemptId === undefined) throw unknownCall();
      const known = line.reportOf(attemptId);
      if (known) return known;
      const asked = await reading(() => line.with(call, (ami) => line.ask(ami, attemptId, call)));
      if (typeof asked === "string") throw unknownCall();
      return asked;
    },

    async findByReference(reference, call, hint) {
      const attemptId = attemptOf(channelOf(reference));
      if (attemptId === undefined) return undefined;
      const known = line.reportOf(attemptId);
      if (known) return known;
      const asked = await reading(() =>
        line.with(call, async (ami) => {
          const told = await line.ask(ami, attemptId, call);
          if (told !== "absent" || !hint) return told;
          const now = call.clock.now();
          const since = await notedSince(ami, now, call.signal);
          const proves =
            since !== undefined &&
            since <= hint.submittedAt &&
            now.getTime() - hint.submittedAt.getTime() < notesProveMs;
          return proves ? undefined : told;
        }),
      );
      if (typeof asked !== "string") return asked;
      // Answered, and nobody knows the end; or absent, where absence proves nothing.
      throw new FaxError("outcome_unknown", "asterisk cannot say what became of the call", { transportId });
    },

    async cancel(providerId, call) {
      const attemptId = attemptOf(providerId);
      if (attemptId === undefined) throw unknownCall();
      const known = line.reportOf(attemptId);
      if (known && known.status !== "queued" && known.status !== "in_progress") return known;
      const asked = await reading(() =>
        line.with(call, async (ami) => {
          if (!line.calls.get(attemptId)) {
            const before = await line.ask(ami, attemptId, call);
            if (typeof before === "string") throw unknownCall();
            if (before.status !== "queued" && before.status !== "in_progress") return before;
          }
          return line.cancel(ami, attemptId, call);
        }),
      );
      if (typeof asked === "string") throw unknownCall();
      return asked;
    },

    async receiveWebhook(request): Promise<WebhookResult> {
      const secrets = [settings.inboundSecret, settings.previousInboundSecret].filter(
        (secret) => secret !== undefined,
      );
      if (secrets.length === 0) {
        throw new FaxError("webhook_unverified", "no internal secret is set", { transportId });
      }
      verifyInternalSecret(request, secrets);
      const { file, told } = readHint(await readFormOrJson(request, mostHintBytes));
      const name = await spoolIn.locate(file).catch((error: unknown) => {
        if (isFaxError(error, "not_found") && told.status !== undefined && told.status !== "SUCCESS") {
          return undefined;
        }
        if (!isFaxError(error, "not_found") && !isFaxError(error, "request_invalid")) throw error;
        throw new FaxError("webhook_malformed", "the call names no file of the spool", {
          transportId,
          cause: error,
        });
      });
      const receptionId = name === undefined ? undefined : idOfFile(name);
      const event =
        receptionId === undefined
          ? undefined
          : await receivedEvent({ id: receptionId, ...told }, spoolIn, settings);
      const body = JSON.stringify({ id: receptionId ?? null, status: event ? "received" : "ignored" });
      return {
        events: event ? [event] : [],
        response: { status: 200, headers: { "content-type": "application/json" }, body },
      };
    },

    fetchDocument: async (providerId) => spoolIn.document(fileOf(providerId)),

    async deleteDocument(providerId) {
      await spoolIn.remove(fileOf(providerId));
      intake.forget(providerId);
      await line.ifConnected((ami) => removeEntry(ami, receivedFamily, providerId));
    },

    async checkHealth(call) {
      const signal = AbortSignal.any([call.signal, AbortSignal.timeout(healthTimeoutMs)]);
      try {
        return await line.with({ signal }, async (ami) => {
          if (!(await isOurDialplan(ami, signal))) {
            return unhealthy(
              "Asterisk answers, but its dialplan is not Faxbot's: see config/extensions.conf.",
            );
          }
          await openChannels(ami, signal);
          if ((await notedSince(ami, call.clock.now(), signal)) === undefined) {
            return unhealthy("Asterisk answers, but the account may not use its database.");
          }
          return checkFolders(settings);
        });
      } catch (error) {
        if (!isFaxError(error, "transport_unauthorized")) {
          return unhealthy("Asterisk's manager interface cannot be reached or does not answer as expected.");
        }
        return unhealthy("Asterisk refuses user or password, or the account lacks a right.");
      }
    },

    run: (host) =>
      line.run(host, {
        onEvent: (event) => intake.hear(host, event),
        serve: async (ami, signal) => {
          await Promise.all([intake.watch(host, ami, signal), line.tidy(host, ami, signal)]);
        },
      }),
  };
}

async function checkFolders({ spoolOut, spoolIn }: AsteriskSettings): Promise<HealthReport> {
  const { R_OK, W_OK, X_OK } = constants;
  try {
    await access(spoolOut, R_OK | W_OK | X_OK);
  } catch {
    return unhealthy("Asterisk answers, but the outgoing folder cannot be written.");
  }
  // Who only sends has none.
  const receives = await access(spoolIn).then(
    () => true,
    () => false,
  );
  try {
    if (receives) await access(spoolIn, R_OK | W_OK | X_OK);
  } catch {
    return unhealthy("Asterisk answers, but the incoming folder cannot be read or cleared.");
  }
  return { status: "healthy", message: "Asterisk answers, and its dialplan is Faxbot's." };
}

function unhealthy(message: string): HealthReport {
  return { status: "unhealthy", message };
}

/**
 * What Asterisk says when it did not even try (`action_originate` in `manager.c`, which answers before it dials).
 * Anything else it might say proves nothing.
 */
function originateError(answer: AmiMessage): FaxError {
  const message = answer.get("Message") ?? "";
  if (message === "Permission denied") {
    return new FaxError("transport_unauthorized", "asterisk's account may not originate calls", {
      transportId,
    });
  }
  if (/^Extension does not exist\.?$/.test(message)) {
    return new FaxError("transport_rejected", "asterisk's dialplan has no such context or extension", {
      transportId,
      failure: { reason: "account", retryable: false, providerCode: "AMI/no_extension" },
    });
  }
  if (message === "Originate failed") {
    return new FaxError("transport_unavailable", "asterisk could not start the call", { transportId });
  }
  return new FaxError("outcome_unknown", "asterisk answered something unexpected", { transportId });
}

function provesUnsent(error: unknown): boolean {
  return (
    isFaxError(error, "transport_unavailable") ||
    isFaxError(error, "transport_unauthorized") ||
    isFaxError(error, "transport_rejected")
  );
}

/** A question that was not answered may be asked again. */
async function reading<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isFaxError(error, "outcome_unknown")) throw error;
    throw new FaxError("transport_unavailable", "asterisk did not answer", { transportId, cause: error });
  }
}

function unknownCall(): FaxError {
  return new FaxError("not_found", "asterisk knows no such call", { transportId });
}
