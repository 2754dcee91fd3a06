import { startAmiEmulator } from "./ami/ami-emulator.ts";
import { startEmulatorServer } from "./emulator-server.ts";
import { startEslEmulator } from "./esl/esl-emulator.ts";
import { type ControlledExchange, exchangeControl } from "./exchange/exchange-control.ts";
import { startHumbleFaxEmulator } from "./humblefax/humblefax-emulator.ts";
import { startPhaxioEmulator } from "./phaxio/phaxio-emulator.ts";
import { startSignalWireEmulator } from "./signalwire/signalwire-emulator.ts";
import { startSinchEmulator } from "./sinch/sinch-emulator.ts";

/** What every emulator has, whatever it imitates. */
export interface RunningEmulator {
  /** `http://…`, or `tcp://…` where the protocol has no URLs. */
  readonly url: string;
  /** How often each operation was called. */
  readonly calls: Readonly<Record<string, number>>;
  readonly requests: readonly RunningRequest[];
  reset(): void;
  stop(): Promise<void>;
}

/** A request or a command that came in. */
export interface RunningRequest {
  readonly operation: string | undefined;
  readonly at: Date;
  /** Only over HTTP. */
  readonly method?: string;
  readonly status?: number | undefined;
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
  asterisk: {
    title: "Asterisk Manager Interface, with a dialplan for faxes",
    async start(options) {
      const exchange = await startAmiEmulator(options);
      const { host, port, username, secret, spoolIn } = exchange;
      const { emulator, controlUrl } = await withControl(exchange);
      return { emulator, details: { host, port: String(port), username, secret, spoolIn, controlUrl } };
    },
  },
  freeswitch: {
    title: "FreeSWITCH event socket, with mod_spandsp",
    async start(options) {
      const exchange = await startEslEmulator(options);
      const { host, port, password, spoolIn } = exchange;
      const { emulator, controlUrl } = await withControl(exchange);
      return { emulator, details: { host, port: String(port), password, spoolIn, controlUrl } };
    },
  },
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

/** A protocol without HTTP has its knobs at a port of their own. */
async function withControl<Exchange extends ControlledExchange<string> & RunningEmulator>(
  exchange: Exchange,
): Promise<{ emulator: RunningEmulator; controlUrl: string }> {
  const control = await startEmulatorServer({ routes: [], control: exchangeControl(exchange) });
  const emulator: RunningEmulator = {
    url: exchange.url,
    calls: exchange.calls,
    requests: exchange.requests,
    reset: () => exchange.reset(),
    async stop() {
      await exchange.stop();
      await control.stop();
    },
  };
  return { emulator, controlUrl: control.url };
}
