import { randomBytes } from "node:crypto";
import type { SinchEmulator } from "./sinch-emulator-options.ts";

/**
 * Introduces a host and a Sinch emulator to each other. The host gets the environment variables that make its Sinch
 * transport talk to the emulator. With a public URL it is called back as well: it accepts the emulator's webhooks, and
 * received faxes are reported to it; without one it has to ask.
 *
 * @param host.publicUrl where the emulator reaches the host's API, e.g. `http://127.0.0.1:8080`
 * @returns the variables, with webhook credentials made for the occasion
 * @example
 * const emulator = await startSinchEmulator();
 * const transport = sinch.fromEnv(sinchEmulatorEnvironment(emulator, { publicUrl: "http://127.0.0.1:8080" }));
 */
export function sinchEmulatorEnvironment(
  emulator: SinchEmulator,
  host?: { publicUrl: string },
): Record<string, string> {
  const environment = {
    FAX_BACKEND: "sinch",
    SINCH_PROJECT_ID: emulator.projectId,
    SINCH_API_KEY: emulator.keyId,
    SINCH_API_SECRET: emulator.keySecret,
    SINCH_BASE_URL: emulator.url,
  };
  if (!host) return environment;
  const user = "sinch";
  const password = randomBytes(16).toString("hex");
  const incoming = new URL(`${host.publicUrl.replace(/\/+$/, "")}/callbacks/sinch`);
  incoming.username = user;
  incoming.password = password;
  emulator.updateService({ incomingWebhookUrl: incoming.href });
  return {
    ...environment,
    PUBLIC_API_URL: host.publicUrl,
    SINCH_INBOUND_BASIC_USER: user,
    SINCH_INBOUND_BASIC_PASS: password,
  };
}
