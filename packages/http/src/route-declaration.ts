import { FaxError } from "@faxbot/core";
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import type { ApiParts } from "./api-parts.ts";
import { type ApiScope, holdsScope, type Principal } from "./principal.ts";

/** What a handler of the router finds in its context. */
export interface ApiEnv {
  Bindings: {
    /** Path and query below the mount point, as they came over the wire. */
    target: string;
    /** The path of `target`. */
    path: string;
  };
  Variables: { principal: Principal };
}

/** The router. It stays inside: no type of it is in the public API. */
export type ApiRouter = OpenAPIHono<ApiEnv>;

const errorSchema = z.object({ detail: z.string(), code: z.string() }).openapi("Error");

const errorDescriptions = {
  400: "The request is not valid",
  401: "No valid API key, or a callback without proof",
  403: "The key lacks the scope, or the token is wrong or has expired",
  404: "There is no such thing",
  409: "It contradicts what is there",
  413: "Too large",
  415: "Neither PDF, TIFF nor text",
  500: "It could not be stored; call again",
  501: "Not supported",
  503: "The service cannot answer now",
} as const;

type ErrorStatus = keyof typeof errorDescriptions;
interface ErrorDeclaration {
  description: string;
  content: { "application/json": { schema: typeof errorSchema } };
}

/** Declares error answers. */
export function errors<Status extends ErrorStatus>(...statuses: Status[]): Record<Status, ErrorDeclaration> {
  const declared: Partial<Record<ErrorStatus, ErrorDeclaration>> = {};
  for (const status of statuses) declared[status] = json(errorDescriptions[status], errorSchema);
  return declared as Record<Status, ErrorDeclaration>;
}

/** Declares a JSON answer. */
export function json<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { description, content: { "application/json": { schema } } };
}

/** Declares that a route needs a caller with a scope, and checks it before anything else is read. */
export function requiring(scope: ApiScope, parts: ApiParts) {
  const middleware: MiddlewareHandler<ApiEnv> = async (context, next) => {
    const principal = await parts.authenticate(context.req.raw);
    if (!holdsScope(principal, scope)) throw new FaxError("forbidden", `this call needs the scope ${scope}`);
    context.set("principal", principal);
    await next();
  };
  return { middleware, security: [{ ApiKeyAuth: [] }, { BearerAuth: [] }], "x-scope": scope };
}

/** An object of fields that refuses every other field as not supported. */
export function strictFields<Shape extends z.core.$ZodShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? `only these fields are supported: ${Object.keys(shape).join(", ")}`
        : undefined,
  });
}

/** The error for a value that a schema refused. Names fields that the schema knows, never what the caller wrote. */
export function refusal(error: z.core.$ZodError): FaxError {
  const unknown = error.issues.find((issue) => issue.code === "unrecognized_keys");
  if (unknown) return new FaxError("unsupported", unknown.message);
  return new FaxError("request_invalid", error.issues.map(describe).join("; "));
}

function describe(issue: z.core.$ZodIssue): string {
  const field = issue.path.join(".") || "the request";
  if (issue.code === "custom") return `${field} ${issue.message}`;
  if (issue.code === "invalid_value") return `${field} must be one of ${issue.values.join(", ")}`;
  if (issue.code === "invalid_type") return `${field} is missing or not a ${issue.expected}`;
  return `${field} is not valid`;
}

/** The same object without the fields that are undefined. */
export function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
