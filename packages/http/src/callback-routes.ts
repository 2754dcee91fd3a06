import { FaxError, isFaxError, webhookBody } from "@faxbot/core";
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { ApiParts } from "./api-parts.ts";
import { errorAnswer, logError } from "./error-answer.ts";
import { requestBody } from "./request-body.ts";
import { type ApiEnv, type ApiRouter, errors } from "./route-declaration.ts";

/**
 * Where providers call: `/callbacks/<transport id>` and every path that a manifest lists. No API key and no rate
 * limit: each call proves itself to its transport, which gets the body untouched and unread.
 */
export function addCallbackRoutes(app: ApiRouter, parts: ApiParts): void {
  const receive = (context: Context<ApiEnv>) => receiveCallback(context, parts);
  const callback = createRoute({
    method: "post",
    path: "/callbacks/{transport}",
    operationId: "receiveCallback",
    tags: ["Webhooks"],
    summary: "A provider reports a status or a received fax",
    description:
      "Answered when what it says is verified and durable. Every provider has its own body and proof.",
    request: { params: z.object({ transport: z.string() }) },
    responses: {
      200: { description: "Taken, for providers that document 200" },
      202: { description: "Taken" },
      ...errors(400, 401, 404, 413, 500, 501),
    },
  });
  // Described, not validated: the transport is looked up by the whole path, and this route is the one that is called most.
  app.openAPIRegistry.registerPath(callback);
  app.post("/callbacks/:transport", receive);
  for (const path of parts.directory.callbackPaths) {
    if (!/^\/callbacks\/[^/]+$/.test(path)) app.post(path, receive);
  }
}

async function receiveCallback(context: Context<ApiEnv>, parts: ApiParts): Promise<Response> {
  const { path, target } = context.env;
  const info = parts.directory.calledAt(path);
  if (!info) throw new FaxError("not_found", "no transport takes calls here");
  const { raw: request } = context.req;
  const { maxCallbackBytes: maxBytes } = parts;
  const body = webhookBody(requestBody(request, maxBytes), { maxBytes, signal: request.signal });
  try {
    const answer = await parts.faxbot.receiveWebhook(info.id, {
      method: request.method,
      // The URL that the provider was told, as signatures cover it. Host and forwarded headers are the caller's to choose.
      url: `${parts.publicUrl ?? "http://localhost"}${target}`,
      headers: request.headers,
      body,
    });
    return new Response(answer.body === "" ? null : answer.body, {
      status: answer.status,
      headers: answer.headers,
    });
  } catch (error) {
    logError(parts.logger, error, { method: request.method, route: path });
    // Providers call again after a 500; not all of them do after another 5xx.
    const unavailable = isFaxError(error) && error.retryable;
    const response = errorAnswer(error, unavailable ? 500 : undefined);
    if (
      isFaxError(error, "webhook_unverified") &&
      info.transport.manifest.webhook?.verification === "basic_auth"
    ) {
      // Some senders give the user and password of the URL only when they are asked.
      response.headers.set("www-authenticate", 'Basic realm="faxbot"');
    }
    return response;
  } finally {
    await body.dispose();
  }
}
