import { z } from "zod";
import type { EmulatorFault } from "./emulator-fault.ts";
import type { InboundFax } from "./provider-emulator.ts";
import type { WebhookFault } from "./webhook-sender.ts";

const outcome = z.union([z.string(), z.number(), z.looseObject({})]);
const scriptInput = z.object({
  digits: z.string().min(1),
  outcomes: z.union([outcome, z.array(outcome).min(1)]),
});
const finishInput = z.object({ id: z.coerce.string(), outcome: outcome.optional() });
const receiveInput = z
  .object({ from: z.string(), to: z.string(), pdfBase64: z.base64() })
  .partial()
  .default({});
const faultInput = z.looseObject({ kind: z.string() });

/** What other processes may do with a running emulator, see `control` of the emulator server. */
export interface ControlledEmulator<Operation extends string, Outcome, Event extends string> {
  calls(): unknown;
  faxes(): unknown;
  deliveries(): unknown;
  script(digits: string, outcomes: Outcome | readonly Outcome[]): void;
  finish(faxId: string, outcome?: Outcome): void;
  receiveFax(inbound: InboundFax): unknown;
  /** Changes what the vendor has in its dashboard. */
  configure(changes: Record<string, unknown>): unknown;
  fault(fault: EmulatorFault<Operation>): void;
  webhookFault(fault: WebhookFault<Event>): void;
  reset(): void;
}

/** The knobs behind `POST /_emulator/<name>`: the emulator's own methods, with JSON for arguments. */
export function emulatorControl<Operation extends string, Outcome, Event extends string>(
  emulator: ControlledEmulator<Operation, Outcome, Event>,
): Record<string, (input: unknown) => unknown> {
  return {
    calls: () => emulator.calls(),
    faxes: () => emulator.faxes(),
    deliveries: () => emulator.deliveries(),
    script(input) {
      const { digits, outcomes } = scriptInput.parse(input);
      emulator.script(digits, outcomes as Outcome | readonly Outcome[]);
    },
    finish(input) {
      const { id, outcome: how } = finishInput.parse(input);
      emulator.finish(id, how as Outcome | undefined);
    },
    receive(input) {
      const { pdfBase64, from, to } = receiveInput.parse(input);
      return emulator.receiveFax({
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
        ...(pdfBase64 === undefined ? {} : { pdf: Buffer.from(pdfBase64, "base64") }),
      });
    },
    configure: (input) => emulator.configure(z.looseObject({}).parse(input)),
    fault: (input) => emulator.fault(faultInput.parse(input) as unknown as EmulatorFault<Operation>),
    webhookFault: (input) => emulator.webhookFault(faultInput.parse(input) as unknown as WebhookFault<Event>),
    reset: () => emulator.reset(),
  };
}
