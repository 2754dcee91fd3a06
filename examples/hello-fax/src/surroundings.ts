import { sinchEmulatorEnvironment, startSinchEmulator } from "@faxbot/testing";

/** A PDF of three pages. */
export const order = new URL("../../assets/order.pdf", import.meta.url);

/** The environment, or without Sinch credentials in it that of an imitation on this machine, which dials nobody. */
export async function sinchEnvironment(): Promise<Readonly<Record<string, string | undefined>>> {
  if (process.env.SINCH_PROJECT_ID) return process.env;
  return sinchEmulatorEnvironment(await startSinchEmulator());
}
