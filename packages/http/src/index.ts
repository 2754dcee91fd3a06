export type { AuthenticationOptions } from "./authenticator.ts";
export type { ErrorBody } from "./error-answer.ts";
export { type FaxbotApi, type FaxbotApiOptions, faxbotApi, type RequestOrigin } from "./faxbot-api.ts";
export type { InboundPdfLink } from "./inbound-pdf-link.ts";
export { type ApiScope, apiScopes, type Principal } from "./principal.ts";
export { type StoredApiKeysOptions, storedApiKeys } from "./stored-api-keys.ts";
