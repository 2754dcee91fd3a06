export * from "./describe-blob-store.ts";
export * from "./describe-handler-binding.ts";
export * from "./describe-settings-table.ts";
export * from "./describe-stores.ts";
export * from "./describe-transport.ts";
export * from "./describe-wake-up.ts";
export * from "./recording-server.ts";
