export { signalwireManifest } from "./signalwire-manifest.ts";
export type { SignalWireSendOptions } from "./signalwire-options.ts";
export { type SignalWireSettings, signalwireSettings } from "./signalwire-settings.ts";
export {
  type SignalWireFactory,
  type SignalWireOptions,
  type SignalWireTransport,
  signalwire,
} from "./signalwire-transport.ts";
