import { createRoute, z } from "@hono/zod-openapi";
import { type ApiParts, ofTenant } from "./api-parts.ts";
import { documentAnswer } from "./document-answer.ts";
import { logError } from "./error-answer.ts";
import { type ApiRouter, errors, strictFields } from "./route-declaration.ts";

/**
 * Where a provider that pulls fetches the document of a fax: the URL that the engine hands to the transport as
 * `documentUrl`. The token is the only key, and works until it expires: providers ask with HEAD first and fetch more
 * than once.
 */
export function addOfferedDocumentRoute(app: ApiRouter, parts: ApiParts): void {
  const pdf = createRoute({
    method: "get",
    path: "/fax/{id}/pdf",
    operationId: "getOfferedDocument",
    tags: ["Webhooks"],
    summary: "A provider fetches the document of a fax, for a token",
    security: [{}],
    request: {
      params: z.object({ id: z.string() }),
      query: strictFields({
        token: z.string().optional(),
        tenant: z
          .string()
          .regex(/^[A-Za-z0-9_-]{1,64}$/)
          .optional(),
      }),
    },
    responses: {
      200: {
        description: "The document as it is to be sent",
        content: { "application/pdf": { schema: { type: "string", format: "binary" } } },
      },
      ...errors(400, 403, 404, 503),
    },
  });
  app.openapi(pdf, async (context) => {
    const { id } = context.req.valid("param");
    const { token = "", tenant } = context.req.valid("query");
    // The tenant is only where to look: the token itself is bound to tenant, fax and purpose.
    const faxbot = ofTenant(parts.faxbot, tenant ?? parts.faxbot.tenantId);
    const document = await faxbot.openWithToken(id, token);
    return documentAnswer(document, {
      fileName: document.fileName,
      head: context.req.method === "HEAD",
      onError: (error) => logError(parts.logger, error, { method: "GET", route: "/fax/:id/pdf" }),
    });
  });
}
