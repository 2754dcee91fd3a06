import { z } from "zod";
import type { EmulatorFault } from "../emulator-fault.ts";
import type { WebhookFault } from "../webhook-sender.ts";
import type { SinchEmulator, SinchOperation } from "./sinch-emulator-options.ts";
import type { SinchOutcome } from "./sinch-emulator-outcome.ts";
import type { SinchServiceChanges } from "./sinch-emulator-services.ts";
import type { SinchEvent } from "./sinch-emulator-webhook.ts";

const outcome = z.union([
  z.string(),
  z.object({
    errorType: z.string(),
    errorCode: z.number().int(),
    errorMessage: z.string().optional(),
    pagesSent: z.number().int().optional(),
  }),
]) as unknown as z.ZodType<SinchOutcome>;
const scriptInput = z.object({
  digits: z.string().min(1),
  outcomes: z.union([outcome, z.array(outcome).min(1)]),
});
const finishInput = z.object({ id: z.string(), outcome: outcome.optional() });
const receiveInput = z
  .object({
    from: z.string().optional(),
    to: z.string().optional(),
    pdfBase64: z.base64().optional(),
    contentType: z.enum(["multipart/form-data", "application/json"]).optional(),
  })
  .default({});
const faultInput = z.looseObject({ kind: z.string() });

/** What other processes may do with a running emulator, see `control` of the emulator server. */
type Controlled = Pick<
  SinchEmulator,
  "script" | "finish" | "receiveFax" | "updateService" | "webhookFault" | "reset"
> & {
  calls(): unknown;
  faxes(): unknown;
  deliveries(): unknown;
  fault(fault: EmulatorFault<SinchOperation>): void;
};

/** The knobs behind `POST /_emulator/<name>`: the emulator's own methods, with JSON for arguments. */
export function sinchControl(emulator: Controlled): Record<string, (input: unknown) => unknown> {
  return {
    calls: () => emulator.calls(),
    faxes: () => emulator.faxes(),
    deliveries: () => emulator.deliveries(),
    script(input) {
      const { digits, outcomes } = scriptInput.parse(input);
      emulator.script(digits, outcomes);
    },
    finish(input) {
      const { id, outcome } = finishInput.parse(input);
      emulator.finish(id, outcome);
    },
    receive(input) {
      const { pdfBase64, from, to, contentType } = receiveInput.parse(input);
      return emulator.receiveFax({
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
        ...(contentType === undefined ? {} : { contentType }),
        ...(pdfBase64 === undefined ? {} : { pdf: Buffer.from(pdfBase64, "base64") }),
      });
    },
    service: (input) => emulator.updateService(z.looseObject({}).parse(input) as SinchServiceChanges),
    fault: (input) => emulator.fault(faultInput.parse(input) as unknown as EmulatorFault<SinchOperation>),
    webhookFault: (input) =>
      emulator.webhookFault(faultInput.parse(input) as unknown as WebhookFault<SinchEvent>),
    reset: () => emulator.reset(),
  };
}
