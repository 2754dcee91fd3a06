import { randomBytes } from "node:crypto";
import type { SinchEmulator } from "./sinch-emulator-options.ts";

/**
 * Introduces a host and a Sinch emulator to each other: received faxes will be reported to the host, and the host gets
 * the environment variables that make its Sinch transport talk to the emulator and accept its webhooks.
 *
 * @param host.publicUrl where the emulator reaches the host's API, e.g. `http://127.0.0.1:8080`
 * @returns the variables, with webhook credentials made for the occasion
 * @example
 * const emulator = await startSinchEmulator();
 * const transport = sinch.fromEnv(sinchEmulatorEnvironment(emulator, { publicUrl: "http://127.0.0.1:8080" }));
 */
export function sinchEmulatorEnvironment(
  emulator: SinchEmulator,
  host: { publicUrl: string },
): Record<string, string> {
  const user = "sinch";
  const password = randomBytes(16).toString("hex");
  const incoming = new URL(`${host.publicUrl.replace(/\/+$/, "")}/callbacks/sinch`);
  incoming.username = user;
  incoming.password = password;
  emulator.updateService({ incomingWebhookUrl: incoming.href });
  return {
    FAX_BACKEND: "sinch",
    PUBLIC_API_URL: host.publicUrl,
    SINCH_PROJECT_ID: emulator.projectId,
    SINCH_API_KEY: emulator.keyId,
    SINCH_API_SECRET: emulator.keySecret,
    SINCH_BASE_URL: emulator.url,
    SINCH_INBOUND_BASIC_USER: user,
    SINCH_INBOUND_BASIC_PASS: password,
  };
}
