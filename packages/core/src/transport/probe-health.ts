import { isFaxError } from "./fax-error.ts";
import type { HealthReport, TransportCall } from "./fax-transport.ts";

/** How long a provider may take to show that it is there, in milliseconds. */
const healthTimeoutMs = 15_000;

/**
 * Makes a health report of one request that costs nothing and sends nothing.
 *
 * @param name the provider's, as people know it
 * @param secrets what it refuses when the credentials are wrong, e.g. `the key or the secret`
 * @param request made with a time limit of 15 seconds
 * @example
 * checkHealth: (call) =>
 *   probeHealth("Acme", "the token", call, (limited) => client.discard({ method: "GET", path: "/me" }, limited)),
 */
export async function probeHealth(
  name: string,
  secrets: string,
  call: TransportCall,
  request: (call: TransportCall) => Promise<unknown>,
): Promise<HealthReport> {
  try {
    await request({ ...call, signal: AbortSignal.any([call.signal, AbortSignal.timeout(healthTimeoutMs)]) });
    return { status: "healthy", message: `${name} answers and takes the credentials.` };
  } catch (error) {
    if (isFaxError(error, "transport_unauthorized")) {
      return { status: "unhealthy", message: `${name} refuses ${secrets}.` };
    }
    if (isFaxError(error, "transport_rate_limited")) {
      return { status: "unknown", message: `${name} asks for fewer calls; try again later.` };
    }
    return { status: "unhealthy", message: `${name} cannot be reached or does not answer as expected.` };
  }
}
