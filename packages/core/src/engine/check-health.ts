import type { HealthReport } from "../transport/fax-transport.ts";
import type { Engine } from "./engine.ts";

const timeoutMs = 15_000;

/** Checks every transport at once; a check that throws or takes too long is unhealthy. */
export async function checkHealth<Trx>(
  engine: Engine<Trx>,
  tenantId: string,
): Promise<Record<string, HealthReport & { responseTimeMs: number }>> {
  const checks = [...engine.transports.values()].map(async (transport) => {
    const startedAt = performance.now();
    const signal = AbortSignal.timeout(timeoutMs);
    // A transport that ignores its signal must not hold the answer up.
    const expired = new Promise<HealthReport>((resolve) => {
      signal.addEventListener("abort", () => resolve({ status: "unhealthy", message: "no answer in time" }), {
        once: true,
      });
    });
    const report = await Promise.race([
      transport
        .checkHealth(engine.call(transport, tenantId, signal))
        .catch((): HealthReport => ({ status: "unhealthy", message: "the check failed" })),
      expired,
    ]);
    return [transport.id, { ...report, responseTimeMs: Math.round(performance.now() - startedAt) }] as const;
  });
  return Object.fromEntries(await Promise.all(checks));
}
