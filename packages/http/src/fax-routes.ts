import { faxStatuses, type ListFaxes } from "@faxbot/core";
import { createRoute, z } from "@hono/zod-openapi";
import { type ApiParts, ofTenant } from "./api-parts.ts";
import { faxJob, faxJobSchema } from "./fax-job.ts";
import { faxUploadBody, readFaxUpload } from "./fax-upload.ts";
import type { Principal } from "./principal.ts";
import { type ApiRouter, defined, errors, json, requiring, strictFields } from "./route-declaration.ts";
import { utcTimeSchema } from "./utc-time.ts";

const tags = ["Fax Operations"];
const faxId = z.object({ id: z.string() });

/** Sending, status, list and cancel. */
export function addFaxRoutes(app: ApiRouter, parts: ApiParts): void {
  const { directory } = parts;
  const canRead = requiring("fax:read", parts);

  const sending = {
    ...requiring("fax:send", parts),
    method: "post",
    tags,
    summary: "Send a fax",
    description: "Answers when document and job are durable. The fax itself goes out later.",
    request: {
      query: strictFields({}),
      headers: z.object({
        "Idempotency-Key": z.string().min(1).max(255).optional().openapi({
          description:
            "The same key with the same request gives the same job; with another request it is refused (409).",
        }),
      }),
      body: faxUploadBody,
    },
  } as const;
  const refusals = errors(400, 401, 403, 409, 413, 415, 501, 503);
  const accepted = json("The fax is accepted", faxJobSchema);
  const send = async (request: Request, principal: Principal, idempotencyKey: string | undefined) => {
    const upload = await readFaxUpload(request, parts);
    try {
      const input = idempotencyKey === undefined ? upload.input : { ...upload.input, idempotencyKey };
      return faxJob(await ofTenant(parts.faxbot, principal.tenantId).send(input), directory);
    } finally {
      await upload.dispose();
    }
  };
  // Two published paths with two published statuses, and one behaviour.
  const classic = createRoute({
    ...sending,
    operationId: "sendFax",
    path: "/fax",
    responses: { 202: accepted, ...refusals },
  });
  app.openapi(classic, async ({ req, var: { principal }, json }) =>
    json(await send(req.raw, principal, req.valid("header")["Idempotency-Key"]), 202),
  );
  const v4 = createRoute({
    ...sending,
    operationId: "sendFaxV4",
    path: "/fax/send",
    responses: { 200: accepted, ...refusals },
  });
  app.openapi(v4, async ({ req, var: { principal }, json }) =>
    json(await send(req.raw, principal, req.valid("header")["Idempotency-Key"]), 200),
  );

  for (const [path, operationId] of [
    ["/fax/{id}", "getFax"],
    ["/fax/status/{id}", "getFaxStatus"],
  ] as const) {
    const route = createRoute({
      ...canRead,
      operationId,
      method: "get",
      path,
      tags,
      summary: "Where a fax is",
      request: { params: faxId },
      responses: { 200: json("The fax", faxJobSchema), ...errors(401, 403, 404, 503) },
    });
    app.openapi(route, async (context) => {
      const faxbot = ofTenant(parts.faxbot, context.var.principal.tenantId);
      return context.json(faxJob(await faxbot.get(context.req.valid("param").id), directory), 200);
    });
  }

  const list = createRoute({
    ...canRead,
    operationId: "listFaxes",
    method: "get",
    path: "/fax",
    tags,
    summary: "List faxes, newest first",
    request: {
      query: strictFields({
        status: z.enum(faxStatuses).optional(),
        provider: z.string().optional(),
        since: utcTimeSchema.optional(),
        limit: z.coerce.number().int().min(1).max(1000).optional(),
        cursor: z.string().min(1).optional(),
      }),
    },
    responses: {
      200: json("One page", z.object({ items: z.array(faxJobSchema), next_cursor: z.string().nullable() })),
      ...errors(400, 401, 403, 501, 503),
    },
  });
  app.openapi(list, async (context) => {
    const { provider: transportId, ...rest } = context.req.valid("query");
    const query: ListFaxes = defined({ ...rest, transportId });
    const page = await ofTenant(parts.faxbot, context.var.principal.tenantId).list(query);
    return context.json(
      { items: page.items.map((fax) => faxJob(fax, directory)), next_cursor: page.nextCursor ?? null },
      200,
    );
  });

  const cancel = createRoute({
    ...requiring("fax:send", parts),
    method: "post",
    path: "/fax/{id}/cancel",
    operationId: "cancelFax",
    tags,
    summary: "Ask to cancel a fax",
    description: "The job is `canceled` only once it is certain that nothing was sent.",
    request: { params: faxId },
    responses: { 200: json("The fax as it is now", faxJobSchema), ...errors(401, 403, 404, 409, 501, 503) },
  });
  app.openapi(cancel, async (context) => {
    const faxbot = ofTenant(parts.faxbot, context.var.principal.tenantId);
    return context.json(faxJob(await faxbot.cancel(context.req.valid("param").id), directory), 200);
  });
}
