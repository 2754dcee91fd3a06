import type { RecordedRequest } from "./emulator-server.ts";
import { startHumbleFaxEmulator } from "./humblefax/humblefax-emulator.ts";
import { startPhaxioEmulator } from "./phaxio/phaxio-emulator.ts";
import { startSignalWireEmulator } from "./signalwire/signalwire-emulator.ts";
import { startSinchEmulator } from "./sinch/sinch-emulator.ts";

/** What every emulator has, whatever it imitates. */
export interface RunningEmulator {
  readonly url: string;
  /** How often each operation was called. */
  readonly calls: Readonly<Record<string, number>>;
  readonly requests: readonly RecordedRequest<string>[];
  reset(): void;
  stop(): Promise<void>;
}

/** One emulator that can be started by name. */
export interface EmulatorEntry {
  /** One line for people. */
  title: string;
  /** Starts it; `details` are the credentials and ids that a client needs. */
  start(options: { port?: number }): Promise<{ emulator: RunningEmulator; details: Record<string, string> }>;
}

/** Every emulator by name: a further one is one more entry. */
export const emulators: Readonly<Record<string, EmulatorEntry>> = {
  humblefax: {
    title: "HumbleFax API",
    async start(options) {
      const emulator = await startHumbleFaxEmulator(options);
      const { accessKey, secretKey } = emulator;
      return { emulator, details: { accessKey, secretKey } };
    },
  },
  phaxio: {
    title: "Phaxio API v2.1",
    async start(options) {
      const emulator = await startPhaxioEmulator(options);
      const { apiUrl, apiKey, apiSecret, testApiKey, testApiSecret, console } = emulator;
      const { callbackToken } = console;
      return { emulator, details: { apiUrl, apiKey, apiSecret, testApiKey, testApiSecret, callbackToken } };
    },
  },
  signalwire: {
    title: "SignalWire compatibility API, faxes",
    async start(options) {
      const emulator = await startSignalWireEmulator(options);
      const { apiUrl, projectId, apiToken, console } = emulator;
      return { emulator, details: { apiUrl, projectId, apiToken, signingKey: console.signingKey } };
    },
  },
  sinch: {
    title: "Sinch Fax API v3 and its OAuth2 server",
    async start(options) {
      const emulator = await startSinchEmulator(options);
      const { projectId, keyId, keySecret, serviceId } = emulator;
      return { emulator, details: { projectId, keyId, keySecret, serviceId } };
    },
  },
};
