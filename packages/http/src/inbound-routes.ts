import {
  type FaxDocument,
  FaxError,
  type InboundFax,
  type Inbox,
  inboundStatuses,
  type ListInbound,
  normalizeNumber,
} from "@faxbot/core";
import { createRoute, z } from "@hono/zod-openapi";
import { type ApiParts, ofTenant } from "./api-parts.ts";
import { documentAnswer } from "./document-answer.ts";
import { logError } from "./error-answer.ts";
import { inboundEntry, inboundEntrySchema } from "./inbound-entry.ts";
import { inboundPdfLink } from "./inbound-pdf-link.ts";
import { holdsScope, mailboxesOf, type Principal } from "./principal.ts";
import { type ApiRouter, defined, errors, json, requiring, strictFields } from "./route-declaration.ts";
import { utcTimeSchema } from "./utc-time.ts";

const tags = ["Fax Operations"];
const inboundId = z.object({ id: z.string() });
const page = z.object({ items: z.array(inboundEntrySchema), next_cursor: z.string().nullable() });

/** The inbox: list, one fax, its PDF, and tokens for the PDF. */
export function addInboundRoutes(app: ApiRouter, parts: ApiParts, rootInbox: Inbox): void {
  const { directory } = parts;
  const canList = requiring("inbound:list", parts);
  const canRead = requiring("inbound:read", parts);

  const list = createRoute({
    ...canList,
    method: "get",
    path: "/inbound",
    operationId: "listInbound",
    tags,
    summary: "List received faxes, newest first",
    description: "Without `limit` and `cursor` the answer is a bare array of the newest 100.",
    request: {
      query: strictFields({
        to_number: z
          .string()
          .transform((text, context) => {
            // An unescaped plus arrives as a space.
            const number = normalizeNumber(text.replace(/^ /, "+"));
            if (number === undefined) {
              context.addIssue({ code: "custom", message: "must be a number in E.164 form" });
              return z.NEVER;
            }
            return number;
          })
          .optional()
          .openapi({ type: "string", example: "+12025550123" }),
        status: z.enum(inboundStatuses).optional(),
        since: utcTimeSchema.optional(),
        mailbox: z.string().min(1).optional(),
        limit: z.coerce.number().int().min(1).max(1000).optional(),
        cursor: z.string().min(1).optional(),
      }),
    },
    responses: {
      200: json("A bare array, or one page", z.union([z.array(inboundEntrySchema), page])),
      ...errors(400, 401, 403, 501, 503),
    },
  });
  app.openapi(list, async (context) => {
    const { principal } = context.var;
    const { to_number: to, mailbox, ...rest } = context.req.valid("query");
    const mailboxes = readableMailboxes(principal, mailbox);
    const query: ListInbound = defined({ ...rest, to, mailboxes });
    const { items, nextCursor } = await ofTenant(rootInbox, principal.tenantId).list(query);
    const entries = items.map((fax) => inboundEntry(fax, directory));
    if (rest.limit === undefined && rest.cursor === undefined) return context.json(entries, 200);
    return context.json({ items: entries, next_cursor: nextCursor ?? null }, 200);
  });

  const get = createRoute({
    ...canRead,
    method: "get",
    path: "/inbound/{id}",
    operationId: "getInbound",
    tags,
    summary: "One received fax",
    request: { params: inboundId },
    responses: { 200: json("The fax", inboundEntrySchema), ...errors(401, 403, 404, 503) },
  });
  app.openapi(get, async (context) => {
    const fax = await readable(rootInbox, context.var.principal, context.req.valid("param").id);
    return context.json(inboundEntry(fax, directory), 200);
  });

  const token = createRoute({
    ...canRead,
    method: "post",
    path: "/inbound/{id}/token",
    operationId: "createInboundLink",
    tags,
    summary: "Make a link that opens the PDF without a key, for a while",
    request: { params: inboundId },
    responses: {
      200: json("The link", z.object({ url: z.url(), expires_at: z.iso.datetime() })),
      ...errors(401, 403, 404, 501, 503),
    },
  });
  app.openapi(token, async (context) => {
    const { principal } = context.var;
    const { id } = await readable(rootInbox, principal, context.req.valid("param").id);
    const link = await inboundPdfLink(parts, rootInbox, { id, tenantId: principal.tenantId });
    return context.json({ url: link.url, expires_at: link.expiresAt.toISOString() }, 200);
  });

  const pdf = createRoute({
    method: "get",
    path: "/inbound/{id}/pdf",
    operationId: "getInboundPdf",
    tags,
    summary: "The PDF, for a token or a key",
    security: [{ ApiKeyAuth: [] }, { BearerAuth: [] }, {}],
    request: {
      params: inboundId,
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
        description: "The PDF",
        content: { "application/pdf": { schema: { type: "string", format: "binary" } } },
      },
      ...errors(400, 401, 403, 404, 503),
    },
  });
  app.openapi(pdf, async (context) => {
    const { id } = context.req.valid("param");
    const query = context.req.valid("query");
    let document: FaxDocument;
    if (query.token !== undefined) {
      // The tenant is only where to look: the token itself is bound to tenant, fax and purpose.
      const inbox = ofTenant(rootInbox, query.tenant ?? rootInbox.tenantId);
      document = await inbox.openWithToken(id, query.token);
    } else {
      const principal = await parts.authenticate(context.req.raw);
      await readable(rootInbox, principal, id);
      document = await ofTenant(rootInbox, principal.tenantId).document(id);
    }
    return documentAnswer(document, {
      fileName: `fax-${id}.pdf`,
      head: context.req.method === "HEAD",
      onError: (error) => logError(parts.logger, error, { method: "GET", route: "/inbound/:id/pdf" }),
    });
  });
}

/** The mailboxes to list; `undefined` for all. @throws FaxError `forbidden` for a mailbox that is not the caller's */
function readableMailboxes(principal: Principal, asked: string | undefined): string[] | undefined {
  const own = mailboxesOf(principal, "inbound:list");
  if (asked === undefined) return own;
  if (own && !own.includes(asked)) throw new FaxError("forbidden", "this mailbox needs another scope");
  return [asked];
}

/**
 * A received fax that the caller may read. One in a mailbox of others is not there for him.
 *
 * @throws FaxError `forbidden`, `not_found`
 */
async function readable(rootInbox: Inbox, principal: Principal, id: string): Promise<InboundFax> {
  if (!holdsScope(principal, "inbound:read")) {
    throw new FaxError("forbidden", "this call needs the scope inbound:read");
  }
  const fax = await ofTenant(rootInbox, principal.tenantId).get(id);
  const own = mailboxesOf(principal, "inbound:read");
  if (own && !(fax.mailbox !== undefined && own.includes(fax.mailbox))) {
    throw new FaxError("not_found", "no such received fax");
  }
  return fax;
}
