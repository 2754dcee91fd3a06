import { randomUUID } from "node:crypto";
import { t30Sentence } from "../exchange/call-outcome.ts";
import type { CallTimelines } from "../exchange/call-timeline.ts";
import type { InboundCall } from "../exchange/exchange-call.ts";
import { type ExchangeHook, postToHook } from "../exchange/exchange-hook.ts";
import { readTiffPages, syntheticFaxTiff } from "../exchange/fax-tiff.ts";
import type { ReceivedFiles } from "../exchange/received-file.ts";
import { syntheticNumber } from "../synthetic-number.ts";
import { type AmiDialplan, type AmiReceivedResult, uriEncode } from "./ami-dialplan.ts";
import { type AmiChannel, type AmiEvent, channelEvent } from "./ami-emulator-events.ts";
import type { AmiCall } from "./ami-emulator-options.ts";

/** The calls that come in. */
export interface AmiReceiving {
  readonly received: readonly AmiCall[];
  readonly hookAnswers: readonly number[];
  live(): { call: AmiCall; channel: AmiChannel }[];
  /** @returns the name of the file without its ending */
  receive(inbound: InboundCall): string;
  readonly settled: boolean;
  forget(): void;
  reset(): void;
}

/** Makes the part of the emulator that answers. */
export function amiReceiving(parts: {
  files: ReceivedFiles;
  dialplan: AmiDialplan;
  database: Map<string, string>;
  hook: () => ExchangeHook | undefined;
  timelines: CallTimelines;
  nextChannel: () => string;
  emit: (event: AmiEvent) => void;
}): AmiReceiving {
  const { files, dialplan, timelines, emit } = parts;
  const received: AmiCall[] = [];
  const hookAnswers: number[] = [];
  const live = new Map<string, { call: AmiCall; channel: AmiChannel }>();
  let writing = 0;

  const post = async (form: Record<string, string>): Promise<void> => {
    const hook = parts.hook();
    if (!hook) return;
    // Put together as the dialplan does it.
    const body = Object.entries(form).map(([name, value]) => `${name}=${uriEncode(value)}`);
    hookAnswers.push(await postToHook(hook, "application/x-www-form-urlencoded", body.join("&")));
  };

  return {
    received,
    hookAnswers,
    live: () => [...live.values()],
    receive(inbound) {
      const name = randomUUID();
      const from = inbound.from ?? syntheticNumber(60);
      const to = inbound.to ?? syntheticNumber(61).replace("+", "");
      const station = inbound.station ?? from;
      const document = inbound.tiff ?? syntheticFaxTiff();
      const pages = readTiffPages(document)?.length ?? 0;
      const { outcome = "delivered" } = inbound;
      const code = outcome === "delivered" ? 0 : outcome === "partial" ? 49 : outcome.t30;
      const uniqueId = `${Math.floor(Date.now() / 1000)}.${received.length + 1000}`;
      const channel: AmiChannel = {
        channel: `PJSIP/trunk-${parts.nextChannel()}`,
        state: 4,
        callerNumber: from,
        callerName: inbound.callerName ?? "",
        connectedNumber: "",
        connectedName: "",
        context: "receive",
        exten: to,
        priority: 12,
        uniqueId,
      };
      const call: AmiCall = {
        id: uniqueId,
        direction: "inbound",
        channel: channel.channel,
        endpoint: "trunk",
        actionId: undefined,
        to,
        from,
        variables: { FAXBOT_INID: name },
        path: files.path(name),
        startedAt: new Date(),
        outcome: outcome === "partial" ? { t30: 49 } : outcome,
        state: "ringing",
        document,
        pages,
        confirmedPages: 0,
        result: undefined,
      };
      received.push(call);
      live.set(uniqueId, { call, channel });
      const faxStatus = (status: string): void =>
        emit(
          channelEvent("FAXStatus", channel, [
            ["Operation", "receive"],
            ["Status", status],
            ["LocalStationID", to],
            ["FileName", call.path],
          ]),
        );
      const end = async (): Promise<void> => {
        writing += 1;
        await files.write(name, document, "whole").catch(() => {});
        call.confirmedPages = pages;
        call.result = code === 0 ? "SUCCESS" : t30Sentence(code);
        const resolution = "8031x7700";
        emit(
          channelEvent("ReceiveFAX", channel, [
            ["LocalStationID", to],
            ["RemoteStationID", station],
            ["PagesTransferred", String(pages)],
            ["Resolution", resolution],
            ["TransferRate", "14400"],
            ["FileName", call.path],
          ]),
        );
        emit(channelEvent("SoftHangupRequest", { ...channel, priority: 13 }, [["Cause", "16"]]));
        const result: AmiReceivedResult = {
          id: name,
          from: digits(from),
          to: digits(to),
          status: code === 0 ? "SUCCESS" : "FAILED",
          text: t30Sentence(code),
          pages,
          rate: "14400",
          resolution,
          mode: "T38",
          station,
          callerName: inbound.callerName ?? "",
          bytes: document.length,
        };
        const entry = dialplan.receivedEntry(result);
        if (entry !== undefined) parts.database.set(`faxbot-in/${name}`, entry);
        const handler: AmiChannel = { ...channel, context: "fax-received", exten: "done", priority: 1 };
        emit(channelEvent("UserEvent", handler, dialplan.receivedEvent(result), "user"));
        // The hangup handler holds the channel until the post is answered.
        await post({
          id: name,
          from: result.from,
          to: result.to,
          status: result.status,
          pages: String(pages),
          station,
        });
        live.delete(uniqueId);
        writing -= 1;
        emit(channelEvent("HangupRequest", { ...handler, priority: 5 }, [["Cause", "16"]]));
        emit(
          channelEvent("Hangup", { ...channel, priority: 13 }, [
            ["Cause", "16"],
            ["Cause-txt", "Normal Clearing"],
          ]),
        );
      };
      timelines.start(call, [
        { state: "ringing", at: 0, run: () => emit(channelEvent("Newchannel", channel)) },
        {
          state: "answered",
          at: 0.1,
          run() {
            channel.state = 6;
            if (dialplan.cleansCaller) Object.assign(channel, { callerNumber: digits(from), callerName: "" });
            emit(channelEvent("Newstate", channel));
          },
        },
        {
          state: "transferring",
          at: 0.2,
          run() {
            faxStatus("T.38 Negotiated");
            faxStatus("Allocating Resources");
            faxStatus("FAX Transmission In Progress");
            void files.write(name, document, "half").catch(() => {});
          },
        },
        { state: "ended", at: 1, run: () => void end() },
      ]);
      return name;
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
      hookAnswers.length = 0;
    },
  };
}

/** FILTER(+0-9,…) of the dialplan. */
function digits(text: string): string {
  return text.replace(/[^+0-9]/g, "");
}
