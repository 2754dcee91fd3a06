import type { FaxbotApi } from "./faxbot-api.ts";

/** What is used of Hono's context; Hono's own types are not needed. */
export interface HonoContext {
  req: {
    raw: Request;
    /** The pattern that the handler was registered with. */
    routePath?: string;
  };
  /** On Node, `@hono/node-server` puts the incoming message here. */
  env?: unknown;
}

/**
 * Serves the API from a Hono app, below any path that ends with a wildcard.
 *
 * @example
 * app.all("/fax-api/*", toHono(api));
 */
export function toHono(api: FaxbotApi): (context: HonoContext) => Promise<Response> {
  return ({ req, env }) => {
    const { raw } = req;
    const url = new URL(raw.url);
    const prefix = /^(.*)\/\*$/.exec(req.routePath ?? "")?.[1] ?? "";
    const depth = prefix.split("/").length - 1;
    const path =
      depth === 0
        ? url.pathname
        : `/${url.pathname
            .split("/")
            .slice(depth + 1)
            .join("/")}`;
    return api.handle(raw, { target: path + (wireQuery(env) ?? url.search), mounted: depth > 0 });
  };
}

/** The query byte for byte, which `URL` may rewrite and signatures cover. */
function wireQuery(env: unknown): string | undefined {
  const target = (env as { incoming?: { url?: unknown } } | undefined)?.incoming?.url;
  if (typeof target !== "string") return undefined;
  const start = target.indexOf("?");
  return start < 0 ? "" : target.slice(start);
}
