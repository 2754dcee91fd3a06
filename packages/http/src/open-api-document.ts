import type { ApiRouter } from "./route-declaration.ts";

/** Makes the OpenAPI 3.1 document of the declared routes. */
export function openApiDocument(app: ApiRouter, publicUrl: string | undefined): Record<string, unknown> {
  app.openAPIRegistry.registerComponent("securitySchemes", "ApiKeyAuth", {
    type: "apiKey",
    in: "header",
    name: "X-API-Key",
  });
  app.openAPIRegistry.registerComponent("securitySchemes", "BearerAuth", { type: "http", scheme: "bearer" });
  return {
    ...app.getOpenAPI31Document({
      openapi: "3.1.0",
      info: {
        title: "Faxbot API v4",
        version: "4.0.0",
        description: "Send and receive faxes. Every error is `{detail, code}` with a stable code.",
      },
      servers: [{ url: publicUrl ?? "/" }],
      tags: [
        { name: "Fax Operations", description: "Sent and received faxes." },
        { name: "Webhooks", description: "Where providers call." },
        { name: "Administration", description: "Health and settings." },
      ],
    }),
  };
}
