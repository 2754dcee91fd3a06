import { z } from "zod";
import { testOutcomes } from "./test-outcome.ts";

/** The settings of the test transport. */
export const testSettings = z.strictObject({
  outcome: z.enum(testOutcomes).default("delivered").meta({
    env: "FAX_TEST_OUTCOME",
    secret: false,
    title: "Outcome",
    description: "What becomes of a fax whose number is not scripted.",
  }),
  delayMs: z.number().nonnegative().default(0).meta({
    env: "FAX_TEST_DELAY_MS",
    secret: false,
    title: "Delay",
    description: "Milliseconds from taking a fax to its final status.",
  }),
  webhookSecret: z.string().min(16).optional().meta({
    env: "FAX_TEST_WEBHOOK_SECRET",
    secret: true,
    title: "Webhook secret",
    description:
      "Expected in X-Internal-Secret; at least 16 characters. Without it every webhook is refused.",
  }),
});

/** Settings of the test transport, as parsed. */
export type TestSettings = z.output<typeof testSettings>;
