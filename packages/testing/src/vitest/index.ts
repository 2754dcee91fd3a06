export * from "./describe-handler-binding.ts";
