import { type Faxbot, FaxError, type InboundFax, type Inbox, type Logger } from "@faxbot/core";
import { OpenAPIHono } from "@hono/zod-openapi";
import type { ApiParts } from "./api-parts.ts";
import { type AuthenticationOptions, createAuthenticator } from "./authenticator.ts";
import { addCallbackRoutes } from "./callback-routes.ts";
import { errorAnswer, logError } from "./error-answer.ts";
import { addFaxRoutes } from "./fax-routes.ts";
import { addHealthRoutes } from "./health-routes.ts";
import { type InboundPdfLink, inboundPdfLink } from "./inbound-pdf-link.ts";
import { addInboundRoutes } from "./inbound-routes.ts";
import { addOfferedDocumentRoute } from "./offered-document-route.ts";
import { openApiDocument } from "./open-api-document.ts";
import { type ApiEnv, refusal } from "./route-declaration.ts";
import { transportDirectory } from "./transport-directory.ts";

/** What `faxbotApi` is made of. At least one of `apiKey`, `authenticate` and `allowUnauthenticated` is needed. */
export interface FaxbotApiOptions extends AuthenticationOptions {
  faxbot: Faxbot;
  /** Default: none; then there are no inbound routes. */
  inbox?: Inbox;
  /**
   * The base URL under which providers and people reach this API, e.g. `https://fax.example.com/fax-api`: the same one
   * as `createFaxbot` has. Links and the URLs that webhook signatures cover are made of it, never of the `Host` header.
   */
  publicUrl?: string;
  /**
   * The path in front of the API's own paths, e.g. `/fax-api`, for hosts whose router does not cut it off; default:
   * the path of `publicUrl`. A request without it is taken as cut off already.
   */
  basePath?: string;
  /** The largest document to take, in bytes; default 10 MiB. `createFaxbot` has its own limit, the smaller one counts. */
  maxUploadBytes?: number;
  /** The largest body of a provider's call, in bytes; default 100 MiB, since some carry the fax as base64. */
  maxCallbackBytes?: number;
  /** How long a link to a received PDF works, in milliseconds; default: the inbox's own, 60 minutes. */
  inboundTokenTtlMs?: number;
  /** Default: silent. Gets codes, routes and places in the code, never a query, a header or a message. */
  logger?: Logger;
}

/** How a request came in, as a binding knows it. */
export interface RequestOrigin {
  /** Path and query as they came over the wire, below the mount point. */
  target: string;
  /** True when a router in front has cut off the mount path already. */
  mounted: boolean;
}

/**
 * The REST API as one function: what fetch-style hosts call. Node, Express and Hono have bindings in
 * `@faxbot/http/node`, `/express` and `/hono`.
 */
export interface FaxbotApi {
  (request: Request): Promise<Response>;
  /** For bindings: as calling it, with what a `Request` cannot carry. Never rejects. */
  handle(request: Request, origin: RequestOrigin): Promise<Response>;
  /** For bindings: whether a request is for this API; any below the base path is, else those that a route takes. */
  owns(origin: RequestOrigin): boolean;
  /** The OpenAPI 3.1 document, as `GET /openapi.json` serves it. */
  openApi(): Record<string, unknown>;
  /**
   * Makes a link that opens a received PDF without a key until it expires; for a listener of `inbound.received`.
   *
   * @throws FaxError `unsupported` without `publicUrl` or inbox, `not_found` when there is no document
   */
  inboundPdfLink(fax: Pick<InboundFax, "id" | "tenantId">): Promise<InboundPdfLink>;
}

const mebibyte = 1024 * 1024;
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * Makes the REST API of a Faxbot. Making it starts nothing.
 *
 * @throws FaxError `config_invalid` when nobody could authenticate, or a URL or limit makes no sense
 * @example
 * const api = faxbotApi({ faxbot, inbox, apiKey: process.env.API_KEY, publicUrl: "https://fax.example.com" });
 * const response = await api(new Request("https://fax.example.com/health"));
 */
export function faxbotApi(options: FaxbotApiOptions): FaxbotApi {
  const publicUrl = checkUrl(options.publicUrl);
  const basePath = checkPath(
    options.basePath ?? (publicUrl === undefined ? "" : new URL(publicUrl).pathname),
  );
  const parts: ApiParts = {
    faxbot: options.faxbot,
    inbox: options.inbox,
    directory: transportDirectory(options.faxbot.transports),
    authenticate: createAuthenticator(options, options.faxbot.tenantId),
    publicUrl,
    maxUploadBytes: positive("maxUploadBytes", options.maxUploadBytes ?? 10 * mebibyte),
    maxCallbackBytes: positive("maxCallbackBytes", options.maxCallbackBytes ?? 100 * mebibyte),
    inboundTokenTtlMs:
      options.inboundTokenTtlMs === undefined
        ? undefined
        : positive("inboundTokenTtlMs", options.inboundTokenTtlMs),
    logger: options.logger ?? silent,
  };

  const app = new OpenAPIHono<ApiEnv>({
    // Routing goes by the path below the mount point, which is not always the URL's.
    getPath: (_request, options) => (options as { env: ApiEnv["Bindings"] }).env.path,
    defaultHook: (result) => {
      if (!result.success) throw refusal(result.error);
    },
  });
  addFaxRoutes(app, parts);
  addOfferedDocumentRoute(app, parts);
  if (parts.inbox) addInboundRoutes(app, parts, parts.inbox);
  addCallbackRoutes(app, parts);
  addHealthRoutes(app, parts, { open: options.allowUnauthenticated === true });
  app.get("/openapi.json", (context) => context.json(api.openApi()));
  app.notFound(() => errorAnswer(new FaxError("not_found", "there is no such path")));
  app.onError((error, context) => {
    logError(parts.logger, error, { method: context.req.method, route: routeOf(context.req.routePath) });
    return errorAnswer(error);
  });

  const ownPaths = app.routes.map(({ path }) => new RegExp(`^${path.replaceAll(/:[^/]+/g, "[^/]+")}$`));
  const pathOf = ({ target, mounted }: RequestOrigin): { target: string; below: boolean } => {
    const below =
      !mounted &&
      basePath !== "" &&
      target.startsWith(basePath) &&
      /^[/?]?$/.test(target.charAt(basePath.length));
    return { target: below ? target.slice(basePath.length) || "/" : target, below: below || mounted };
  };

  const handle = async (request: Request, origin: RequestOrigin): Promise<Response> => {
    try {
      const { target } = pathOf(origin);
      const response = await app.fetch(request, { target, path: withoutQuery(target) });
      if (!response.headers.has("cache-control")) response.headers.set("cache-control", "no-store");
      response.headers.set("x-content-type-options", "nosniff");
      return response;
    } catch (error) {
      logError(parts.logger, error, { method: request.method, route: "none" });
      return errorAnswer(error);
    }
  };

  let document: Record<string, unknown> | undefined;
  const api: FaxbotApi = Object.assign(
    (request: Request) => handle(request, { target: targetOf(request.url), mounted: false }),
    {
      handle,
      owns: (origin: RequestOrigin) => {
        const { target, below } = pathOf(origin);
        return below || ownPaths.some((path) => path.test(withoutQuery(target)));
      },
      openApi: () => {
        document ??= openApiDocument(app, publicUrl);
        return document;
      },
      inboundPdfLink: async (fax: Pick<InboundFax, "id" | "tenantId">) => {
        if (!parts.inbox) throw new FaxError("unsupported", "there is no inbox");
        return inboundPdfLink(parts, parts.inbox, fax);
      },
    },
  );
  return api;
}

/** Path and query of a URL, without parsing it again: parsing may rewrite what a signature covers. */
function targetOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const end = url.indexOf("#");
  return start < 0 ? "/" : url.slice(start, end < 0 ? undefined : end);
}

function withoutQuery(target: string): string {
  const end = target.indexOf("?");
  return end < 0 ? target : target.slice(0, end);
}

/** The template of a route, `/fax/:id`; a wildcard means that none was found. */
function routeOf(path: string): string {
  return path === "/*" || path === "*" ? "none" : path;
}

function checkUrl(url: string | undefined): string | undefined {
  if (url === undefined) return undefined;
  const parsed = URL.parse(url);
  if (!parsed || !/^https?:$/.test(parsed.protocol) || parsed.search || parsed.hash || parsed.username) {
    throw new FaxError(
      "config_invalid",
      "publicUrl must be an http or https URL without query and credentials",
    );
  }
  return url.replace(/\/+$/, "");
}

function checkPath(path: string): string {
  const trimmed = path.replace(/\/+$/, "");
  if (trimmed !== "" && !/^\/[^?#*]*$/.test(trimmed)) {
    throw new FaxError("config_invalid", "basePath must start with a slash");
  }
  return trimmed;
}

function positive(name: string, value: number): number {
  if (Number.isFinite(value) && value > 0) return value;
  throw new FaxError("config_invalid", `${name} must be a number above 0`);
}
