export * from "./ami/ami-dialplan.ts";
export * from "./ami/ami-emulator.ts";
export { type AmiAccount, type AmiEventFilter, amiEventFilters } from "./ami/ami-emulator-account.ts";
export type * from "./ami/ami-emulator-options.ts";
export * from "./capturing-logger.ts";
export * from "./emulator-fault.ts";
export * from "./emulator-server.ts";
export * from "./esl/esl-emulator.ts";
export type * from "./esl/esl-emulator-options.ts";
export type { CallOutcome } from "./exchange/call-outcome.ts";
export type { CallState } from "./exchange/call-timeline.ts";
export type { ExchangeCall, InboundCall } from "./exchange/exchange-call.ts";
export type { ExchangeHook } from "./exchange/exchange-hook.ts";
export * from "./exchange/fax-tiff.ts";
export type * from "./exchange/socket-fault.ts";
export type { RecordedCommand, SocketServer } from "./exchange/socket-server.ts";
export * from "./humblefax/humblefax-emulator.ts";
export {
  type HumbleFaxAttempt,
  type HumbleFaxCall,
  type HumbleFaxIncomingFax,
  type HumbleFaxRecipient,
  type HumbleFaxSentFax,
  humblefaxSentStatuses,
} from "./humblefax/humblefax-emulator-fax.ts";
export type * from "./humblefax/humblefax-emulator-options.ts";
export type { HumbleFaxFailure, HumbleFaxOutcome } from "./humblefax/humblefax-emulator-outcome.ts";
export { humblefaxRetryMinutes } from "./humblefax/humblefax-emulator-webhook.ts";
export * from "./manual-clock.ts";
export * from "./multipart-form.ts";
export * from "./pdf-page-count.ts";
export * from "./phaxio/phaxio-emulator.ts";
export type { PhaxioNumber } from "./phaxio/phaxio-emulator-account.ts";
export type { PhaxioFax, PhaxioRecipient } from "./phaxio/phaxio-emulator-fax.ts";
export type * from "./phaxio/phaxio-emulator-options.ts";
export {
  type PhaxioErrorType,
  type PhaxioFailure,
  type PhaxioOutcome,
  phaxioErrors,
  phaxioErrorTypes,
} from "./phaxio/phaxio-emulator-outcome.ts";
export { phaxioRetryMinutes } from "./phaxio/phaxio-emulator-webhook.ts";
export * from "./phaxio/phaxio-signature.ts";
export type * from "./provider-emulator.ts";
export * from "./replay/recording.ts";
export * from "./replay/replay-recording.ts";
export * from "./signalwire/signalwire-emulator.ts";
export type { SignalWireErrorShape } from "./signalwire/signalwire-emulator-error.ts";
export { type SignalWireFax, signalwireStatuses } from "./signalwire/signalwire-emulator-fax.ts";
export type { SignalWireNumber } from "./signalwire/signalwire-emulator-numbers.ts";
export type * from "./signalwire/signalwire-emulator-options.ts";
export {
  type SignalWireFailure,
  type SignalWireOutcome,
  signalwireErrorMessages,
} from "./signalwire/signalwire-emulator-outcome.ts";
export * from "./signalwire/signalwire-signature.ts";
export * from "./sinch/sinch-emulator.ts";
export * from "./sinch/sinch-emulator-environment.ts";
export type { SinchErrorShape } from "./sinch/sinch-emulator-error.ts";
export type { SinchFax } from "./sinch/sinch-emulator-fax.ts";
export type * from "./sinch/sinch-emulator-options.ts";
export {
  type SinchFailure,
  type SinchOutcome,
  sinchErrorCodes,
  sinchTestNumber,
} from "./sinch/sinch-emulator-outcome.ts";
export type { SinchService, SinchServiceChanges } from "./sinch/sinch-emulator-services.ts";
export { type SinchEvent, sinchRetryMinutes } from "./sinch/sinch-emulator-webhook.ts";
export * from "./synthetic-number.ts";
export * from "./synthetic-pdf.ts";
export type { TestFax } from "./test-fax.ts";
export * from "./test-manifest.ts";
export * from "./test-outcome.ts";
export * from "./test-settings.ts";
export * from "./test-transport.ts";
export type * from "./test-transport-options.ts";
export * from "./transport-call.ts";
export * from "./transport-suite/transport-checks.ts";
export type {
  Arrange,
  Impossible,
  TransportPeer,
  TransportScenarios,
  TransportSuite,
} from "./transport-suite/transport-suite.ts";
export { receiveOnlyScenarios } from "./transport-suite/transport-suite.ts";
export * from "./transport-suite/webhook-catcher.ts";
export type { WebhookDelivery, WebhookFault } from "./webhook-sender.ts";
