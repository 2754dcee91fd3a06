import { z } from "zod";
import type { Failure } from "../fax-status.ts";
import { mediaRefusedCauses } from "./q850-cause.ts";

/** How one call is made. */
export const callStepSchema = z.strictObject({
  /** Offer T.38; without it the fax is sent as tones in the audio. */
  t38: z.boolean(),
  /** Error correction mode (ITU-T T.30 annex A). */
  ecm: z.boolean(),
  /** The highest speed to try, in bit/s. */
  maxRate: z.literal([2400, 4800, 7200, 9600, 12000, 14400]),
});

/** One rung of the ladder. */
export type CallStep = z.output<typeof callStepSchema>;

/** A rung as a text, as settings in the environment have it: `t38-ecm-14400`, `audio-9600`. */
const stepText = /^(t38|audio)(-ecm)?-(\d{4,5})$/;

/**
 * How the first call is made, and how each one after trouble on the line; the last rung stands for all further ones.
 * A rung may be written as a text: `t38-ecm-9600` is T.38 with error correction at 9600 bit/s at most.
 */
export const callLadderSchema = z
  .array(z.union([z.string(), callStepSchema]))
  .transform((steps) => steps.map(readStep))
  .pipe(z.array(callStepSchema).min(1).max(10));

function readStep(step: string | CallStep): unknown {
  if (typeof step !== "string") return step;
  const [, line, ecm, rate] = stepText.exec(step.trim().toLowerCase()) ?? [];
  return { t38: line === "t38", ecm: ecm !== undefined, maxRate: Number(rate) };
}

/**
 * Writes a ladder as settings in the environment have it.
 *
 * @example
 * callLadderText(defaultCallLadder); // "t38-ecm-14400,t38-ecm-9600,audio-ecm-9600,audio-4800"
 */
export function callLadderText(ladder: readonly CallStep[]): string {
  return ladder
    .map(({ t38, ecm, maxRate }) => `${t38 ? "t38" : "audio"}${ecm ? "-ecm" : ""}-${maxRate}`)
    .join(",");
}

/** Slower first, then without T.38, at last without error correction, which some old machines get wrong. */
export const defaultCallLadder: readonly CallStep[] = [
  { t38: true, ecm: true, maxRate: 14400 },
  { t38: true, ecm: true, maxRate: 9600 },
  { t38: false, ecm: true, maxRate: 9600 },
  { t38: false, ecm: false, maxRate: 4800 },
];

/**
 * Chooses how to call, by what went wrong before: each call that broke on the line goes one rung down; busy and no
 * answer do not. When the far end refused what was offered, the next rung without T.38 is used.
 *
 * @param earlier how the earlier calls for this fax failed, oldest first, see `SendJob.earlierFailures`
 * @example
 * callStep(defaultCallLadder, []); // { t38: true, ecm: true, maxRate: 14400 }
 */
export function callStep(ladder: readonly CallStep[], earlier: readonly Failure[]): CallStep {
  let rung = 0;
  const last = ladder.length - 1;
  for (const { reason, providerCode } of earlier) {
    if (mediaRefusedCauses.some((cause) => providerCode === `Q.850/${cause}`)) {
      const withoutT38 = ladder.findIndex(({ t38 }, index) => index >= rung && !t38);
      rung = withoutT38 === -1 ? last : withoutT38;
    } else if (reason === "line_error" || reason === "transmission_error") {
      rung = Math.min(rung + 1, last);
    }
  }
  return ladder[rung] as CallStep;
}
