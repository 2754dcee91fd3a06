export * from "./fax-document.ts";
export * from "./fax-error.ts";
export * from "./fax-status.ts";
export * from "./fax-transport.ts";
export * from "./transport-manifest.ts";
export * from "./transport-settings.ts";
export * from "./webhook.ts";
