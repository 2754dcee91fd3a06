import { randomUUID } from "node:crypto";
import { t30Sentence } from "../exchange/call-outcome.ts";
import type { CallStep, CallTimelines } from "../exchange/call-timeline.ts";
import type { InboundCall } from "../exchange/exchange-call.ts";
import { type ExchangeHook, postToHook } from "../exchange/exchange-hook.ts";
import { readTiffPages, syntheticFaxTiff } from "../exchange/fax-tiff.ts";
import type { ReceivedFiles } from "../exchange/received-file.ts";
import { syntheticNumber } from "../synthetic-number.ts";
import {
  type EslChannel,
  type EslEvents,
  noteFaxResult,
  noteNegotiation,
  notePage,
  setVariables,
} from "./esl-emulator-events.ts";
import type { EslCall } from "./esl-emulator-options.ts";
import { type EslEvent, eslEncode } from "./esl-message.ts";

/** The calls that come in. */
export interface EslReceiving {
  readonly received: readonly EslCall[];
  live(): { call: EslCall; channel: EslChannel }[];
  /** @returns the UUID of the call */
  receive(inbound: InboundCall): string;
  readonly settled: boolean;
  forget(): void;
  reset(): void;
}

/** A channel of a call that comes in. */
export function inboundChannel(of: { uuid: string; from: string; name: string; to: string }): EslChannel {
  const name = `sofia/fax/${of.from}@127.0.0.1`;
  return {
    uuid: of.uuid,
    direction: "inbound",
    name,
    state: "CS_INIT",
    callState: "DOWN",
    answerState: "ringing",
    callerName: of.name,
    callerNumber: of.from,
    calleeName: "",
    calleeNumber: "",
    originalName: of.name,
    originalNumber: of.from,
    destination: of.to,
    executing: false,
    hangupCause: undefined,
    createdAt: new Date(),
    answeredAt: undefined,
    progressAt: undefined,
    endedAt: undefined,
    variables: new Map(
      Object.entries({
        direction: "inbound",
        uuid: of.uuid,
        session_id: "100",
        channel_name: name,
        sofia_profile_name: "fax",
        sofia_profile_url: "sip:mod_sofia@127.0.0.1:5080",
        recovery_profile_name: "fax",
        max_forwards: "70",
      }),
    ),
  };
}

/** Makes the part of the emulator that answers. */
export function eslReceiving(parts: {
  files: ReceivedFiles;
  hook: () => ExchangeHook | undefined;
  answered: (status: number) => void;
  timelines: CallTimelines;
  events: EslEvents;
  emit: (event: EslEvent) => void;
}): EslReceiving {
  const { files, timelines, events, emit } = parts;
  const received: EslCall[] = [];
  const live = new Map<string, { call: EslCall; channel: EslChannel }>();
  let writing = 0;

  const post = async (form: Record<string, string>): Promise<void> => {
    const hook = parts.hook();
    if (!hook) return;
    const body = Object.entries(form).map(([name, value]) => `${name}=${eslEncode(value)}`);
    parts.answered(await postToHook(hook, "application/x-www-form-urlencoded", body.join("&")));
  };

  return {
    received,
    live: () => [...live.values()],
    receive(inbound) {
      const uuid = randomUUID();
      const from = inbound.from ?? syntheticNumber(60);
      const to = inbound.to ?? syntheticNumber(61).replace("+", "");
      const { outcome = "delivered" } = inbound;
      const code = outcome === "delivered" ? 0 : outcome === "partial" ? 49 : outcome.t30;
      const document = inbound.tiff ?? syntheticFaxTiff();
      const pages = readTiffPages(document)?.length ?? 0;
      const channel = inboundChannel({ uuid, from, to, name: inbound.callerName ?? "" });
      const call: EslCall = {
        id: uuid,
        direction: "inbound",
        gateway: "",
        to,
        from,
        variables: {},
        path: files.path(uuid),
        startedAt: new Date(),
        outcome: outcome === "partial" ? { t30: 49 } : outcome,
        state: "ringing",
        document,
        pages,
        confirmedPages: 0,
        result: undefined,
      };
      received.push(call);
      live.set(uuid, { call, channel });
      const stations = { localStation: to, remoteStation: inbound.station ?? from };
      const agreed = { t38: "negotiated", ecm: "on", rate: "14400", ...stations } as const;
      const resolution = "8040x7700";
      const spandsp = (subclass: string, more: readonly (readonly [string, string])[]): void =>
        emit(events.channel("CUSTOM", channel, more, `spandsp::${subclass}`));

      const end = async (): Promise<void> => {
        writing += 1;
        await files.write(uuid, document, "whole").catch(() => {});
        const text = t30Sentence(code);
        call.result = code === 0 ? "SUCCESS" : text;
        const result = {
          success: code === 0,
          code,
          text,
          transferred: pages,
          total: pages,
          resolution,
          ...agreed,
        };
        spandsp("rxfaxresult", noteFaxResult(channel, result));
        Object.assign(channel, {
          state: "CS_REPORTING",
          callState: "HANGUP",
          answerState: "hangup",
          hangupCause: "NORMAL_CLEARING",
          endedAt: new Date(),
        });
        setVariables(channel, {
          current_application_data: undefined,
          current_application: "hangup",
          hangup_cause: "NORMAL_CLEARING",
          hangup_cause_q850: "16",
          digits_dialed: "none",
          hold_accum_seconds: "0",
          hold_accum_ms: "0",
          last_app: "hangup",
          caller_id: `"${channel.callerName}" <${channel.callerNumber}>`,
          duration: "31",
          billsec: "31",
          sip_hangup_disposition: "send_bye",
        });
        live.delete(uuid);
        emit(events.channel("CHANNEL_HANGUP_COMPLETE", channel));
        const status = code === 0 ? "SUCCESS" : "FAILED";
        await post({ id: uuid, from, to, status, pages: String(pages), station: stations.remoteStation });
        writing -= 1;
      };
      const answer = (): void => {
        setVariables(channel, {
          faxbot_inbound_id: randomUUID(),
          call_uuid: uuid,
          endpoint_disposition: "ANSWER",
        });
        Object.assign(channel, {
          state: "CS_EXECUTE",
          callState: "ACTIVE",
          answerState: "answered",
          executing: true,
          answeredAt: new Date(),
        });
        emit(events.channel("CHANNEL_ANSWER", channel));
      };
      const begin = (): void => {
        setVariables(channel, {
          fax_enable_t38: "true",
          fax_enable_t38_request: "true",
          fax_ident: to,
          current_application_data: call.path,
          current_application: "rxfax",
          has_t38: "true",
          fax_v17_disabled: "0",
          fax_ecm_requested: "1",
          fax_filename: call.path,
        });
        spandsp("rxfaxnegociateresult", noteNegotiation(channel, agreed));
        void files.write(uuid, document, "half").catch(() => {});
      };
      const page = (): void => {
        call.confirmedPages += 1;
        const transferred = call.confirmedPages;
        spandsp(
          "rxfaxpageresult",
          notePage(channel, { transferred, total: pages, resolution, height: 2156 }),
        );
      };
      const steps: CallStep[] = [
        { state: "ringing", at: 0, run: () => emit(events.channel("CHANNEL_CREATE", channel)) },
        { state: "answered", at: 0.1, run: answer },
        { state: "transferring", at: 0.2, run: begin },
        ...Array.from(
          { length: pages },
          (_, index): CallStep => ({
            state: "transferring",
            at: 0.2 + (0.6 * (index + 1)) / pages,
            run: page,
          }),
        ),
        { state: "ended", at: 1, run: () => void end() },
      ];
      timelines.start(call, steps);
      return uuid;
    },
    get settled() {
      return writing === 0;
    },
    forget() {
      for (const { call } of live.values()) call.state = "ended";
      live.clear();
    },
    reset() {
      received.length = 0;
    },
  };
}
