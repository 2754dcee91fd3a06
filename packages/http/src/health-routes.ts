import { createRoute, z } from "@hono/zod-openapi";
import type { ApiParts } from "./api-parts.ts";
import { logError } from "./error-answer.ts";
import { type ApiRouter, json } from "./route-declaration.ts";

const tags = ["Administration"];
const readiness = z
  .object({
    status: z.enum(["ready", "not_ready"]),
    backend: z.string().openapi({ description: "The transport that is preferred." }),
    checks: z.record(z.string(), z.enum(["ok", "failed"])),
    warnings: z.array(z.string()),
  })
  .openapi("Readiness");

/** For probes; without a key, so they tell nothing private. */
export function addHealthRoutes(app: ApiRouter, parts: ApiParts, options: { open: boolean }): void {
  const health = createRoute({
    method: "get",
    path: "/health",
    operationId: "getHealth",
    tags,
    summary: "The process answers",
    responses: { 200: json("It does", z.object({ status: z.literal("ok") })) },
  });
  app.openapi(health, (context) => context.json({ status: "ok" as const }, 200));

  const ready = createRoute({
    method: "get",
    path: "/health/ready",
    operationId: "getReadiness",
    tags,
    summary: "Faxes can be accepted now",
    responses: {
      200: json("They can", readiness),
      503: json("They cannot", readiness),
    },
  });
  const warnings: string[] = [];
  if (parts.publicUrl === undefined)
    warnings.push("no public URL: providers cannot call, every fax is polled");
  if (options.open) warnings.push("calls without a key are allowed");
  app.openapi(ready, async (context) => {
    const [preferred] = parts.faxbot.transports;
    const backend = preferred ? parts.directory.backendOf(preferred.id) : "none";
    try {
      await parts.faxbot.list({ limit: 1 });
      return context.json(
        { status: "ready" as const, backend, checks: { store: "ok" as const }, warnings },
        200,
      );
    } catch (error) {
      logError(parts.logger, error, { method: "GET", route: "/health/ready" });
      const checks = { store: "failed" as const };
      return context.json({ status: "not_ready" as const, backend, checks, warnings }, 503);
    }
  });
}
