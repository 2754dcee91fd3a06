import { z } from "zod";
import type { CallOutcome } from "./call-outcome.ts";
import type { ExchangeCall, InboundCall } from "./exchange-call.ts";
import type { SocketEventFault, SocketFault } from "./socket-fault.ts";

const outcome = z.union([z.string(), z.looseObject({})]);
const scriptInput = z.object({
  digits: z.string().min(1),
  outcomes: z.union([outcome, z.array(outcome).min(1)]),
});
const finishInput = z.object({ id: z.string(), outcome: outcome.optional() });
const receiveInput = z
  .object({ from: z.string(), to: z.string(), station: z.string(), tiffBase64: z.base64() })
  .partial()
  .default({});
const faultInput = z.looseObject({ kind: z.string() });

/** What other processes may do with a running exchange. */
export interface ControlledExchange<Operation extends string> {
  readonly calls: Readonly<Record<Operation, number>>;
  readonly faxes: readonly ExchangeCall[];
  silent: boolean;
  script(digits: string, outcomes: CallOutcome | readonly CallOutcome[]): void;
  finish(id: string, outcome?: CallOutcome): void;
  receiveFax(inbound: InboundCall): string;
  fault(fault: SocketFault<Operation>): unknown;
  eventFault(fault: SocketEventFault): void;
  dropConnections(): void;
  restart(): void;
  reset(): void;
}

/** The knobs behind `POST /_emulator/<name>`: the emulator's own methods, with JSON for arguments. */
export function exchangeControl<Operation extends string>(
  emulator: ControlledExchange<Operation>,
): Record<string, (input: unknown) => unknown> {
  return {
    calls: () => emulator.calls,
    faxes: () => emulator.faxes.map(({ document, ...call }) => ({ ...call, bytes: document?.length ?? 0 })),
    script(input) {
      const { digits, outcomes } = scriptInput.parse(input);
      emulator.script(digits, outcomes as CallOutcome | readonly CallOutcome[]);
    },
    finish(input) {
      const { id, outcome: how } = finishInput.parse(input);
      emulator.finish(id, how as CallOutcome | undefined);
    },
    receive(input) {
      const { tiffBase64, from, to, station } = receiveInput.parse(input);
      return emulator.receiveFax({
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
        ...(station === undefined ? {} : { station }),
        ...(tiffBase64 === undefined ? {} : { tiff: Buffer.from(tiffBase64, "base64") }),
      });
    },
    fault: (input) => void emulator.fault(faultInput.parse(input) as unknown as SocketFault<Operation>),
    eventFault: (input) => emulator.eventFault(faultInput.parse(input) as unknown as SocketEventFault),
    silent(input) {
      emulator.silent = z.object({ silent: z.boolean() }).parse(input).silent;
    },
    drop: () => emulator.dropConnections(),
    restart: () => emulator.restart(),
    reset: () => emulator.reset(),
  };
}
