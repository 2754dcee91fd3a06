import type { z } from "zod";
import { spoolDocument } from "./byte-spool.ts";
import { Deadline } from "./deadline.ts";
import { type FaxDocument, readAll } from "./fax-document.ts";
import { FaxError, type FaxErrorCode, type FaxErrorOptions, isFaxError } from "./fax-error.ts";
import type { Failure } from "./fax-status.ts";
import type { TransportCall } from "./fax-transport.ts";
import { describeNetworkFailure, provenNotSent } from "./network-failure.ts";
import type { RequestBody } from "./request-body.ts";
import { retryAfterMs } from "./retry-after.ts";
import type { TransportManifest } from "./transport-manifest.ts";
import { WatchedBody } from "./watched-body.ts";

/** Who a transport is to its provider. */
export interface HttpCredentials {
  /** The value of the `Authorization` header for the next request. A {@link FaxError} that it throws is passed on: nothing was sent. */
  authorization(call: TransportCall): string | Promise<string>;
  /**
   * Called after a 401 with the `Authorization` that was refused and the answer's headers. `true`: there may be a newer
   * one, so the request is repeated, once.
   */
  renew?(refused: string, headers: Headers): boolean;
}

/** What {@link httpClient} is made of. */
export interface HttpClientOptions {
  manifest: Pick<TransportManifest, "id" | "definiteRejections">;
  /** Every path is below this URL; only its origin is ever sent the credentials. `http` only for this machine itself. */
  baseUrl: string;
  credentials?: HttpCredentials;
  /** Reads why a request was rejected from the provider's error body (parsed JSON, else `undefined`). */
  readFailure?(status: number, body: unknown): Failure | undefined;
  /** Milliseconds that a request may take without counting its bytes; default 30,000. */
  timeoutMs?: number;
  /** The slowest transfer to put up with, in bytes per second; default 16 KiB. A request's deadline grows by its bytes over this. */
  minBytesPerSecond?: number;
  /** The largest JSON answer to read; default 8 MiB. */
  maxReplyBytes?: number;
}

/** One request to a provider. */
export interface HttpRequest {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below the base URL, starting with a slash; make it with {@link apiPath}. */
  path: string;
  /** Encoded here (`+` as `%2B`); a name may come several times. */
  query?: Iterable<readonly [name: string, value: string]>;
  headers?: Readonly<Record<string, string>>;
  body?: RequestBody;
  /**
   * `send`: this request hands over a fax. Then only a status of the manifest's `definiteRejections`, or a proof that
   * nothing left, becomes a `transport_*` error; everything else is `outcome_unknown`. All that makes the provider act
   * must be in the body. Default `read`: a request that may be repeated.
   */
  intent?: "read" | "send";
}

/** The HTTP client that all transports share, bound to one provider's origin. */
export interface HttpClient {
  /**
   * Makes a request and reads its JSON answer with a schema. The schema should be lenient: unknown fields and missing
   * optional ones are no error.
   *
   * @throws FaxError by the rules of {@link httpClient}
   */
  json<S extends z.ZodType>(request: HttpRequest, schema: S, call: TransportCall): Promise<z.output<S>>;
  /** Makes a request and ignores what a successful answer holds. */
  discard(request: HttpRequest, call: TransportCall): Promise<void>;
  /**
   * Downloads a document into a spool (memory, past 1 MiB a temporary file), so that it can be opened again; whoever is
   * done with it disposes it.
   *
   * @throws FaxError `document_too_large`, and by the rules of {@link httpClient}
   */
  document(
    request: HttpRequest,
    about: { mediaType: string; fileName: string; maxBytes: number },
    call: TransportCall,
  ): Promise<FaxDocument & { dispose(): Promise<void> }>;
}

const mostRedirects = 3;
const largestErrorBody = 64 * 1024;

/**
 * Makes the HTTP client of a transport: one request per call, no retries, a deadline that grows with the bytes,
 * credentials bound to the origin, redirects followed only for reads and only within the origin. Calls go through the
 * injected `call.fetch` (which must not retry by itself). The caller of a transport's method has taken a slot of
 * `call.limiter` for its first request; only a repetition takes one here.
 *
 * Errors are `FaxError`s without any text of the provider:
 *
 * | answer | `read` | `send` |
 * |---|---|---|
 * | nothing left (refused, DNS, TLS, body never asked for) | `transport_unavailable` | `transport_unavailable` |
 * | broken or late afterwards, or an answer that cannot be read | `transport_unavailable` | `outcome_unknown` |
 * | 401, 403 | `transport_unauthorized` | the same if definite, else `outcome_unknown` |
 * | 404, 410 | `not_found` | `transport_rejected` if definite, else `outcome_unknown` |
 * | 429 | `transport_rate_limited` with `retryAfterMs` | the same if definite, else `outcome_unknown` |
 * | 408, 5xx | `transport_unavailable` with `retryAfterMs` | the same if definite, else `outcome_unknown` |
 * | another 4xx | `transport_rejected` with `failure` | the same if definite, else `outcome_unknown` |
 * | a redirect that is not followed | `transport_rejected` (with a body: `transport_unavailable`) | `outcome_unknown` |
 *
 * @throws FaxError `config_invalid` when the base URL is no https URL (http is for this machine only)
 * @example
 * const client = httpClient({ manifest, baseUrl: "https://api.example.com/v1", credentials });
 * const fax = await client.json({ method: "GET", path: apiPath`/faxes/${id}` }, faxSchema, call);
 */
export function httpClient(options: HttpClientOptions): HttpClient {
  const base = checkedBaseUrl(options);
  const { timeoutMs = 30_000, minBytesPerSecond = 16 * 1024 } = options;
  const definite = new Set(options.manifest.definiteRejections.map((each) => each.status));
  return {
    json: (request, schema, call) =>
      exchange(request, call, async (response) => {
        const text = await readText(response, options.maxReplyBytes ?? 8 * 1024 * 1024);
        const parsed = schema.safeParse(parseJson(text));
        if (!parsed.success) throw new Error("the answer does not fit the schema");
        return parsed.data;
      }),
    discard: (request, call) =>
      exchange(request, call, async (response) => {
        await response.body?.cancel().catch(() => {});
      }),
    document: (request, about, call) =>
      exchange(request, call, (response, deadline) => {
        const source = (response.body ?? new Blob([]).stream()) as ReadableStream<Uint8Array>;
        const earned = deadline.earned(source, timeoutMs, minBytesPerSecond);
        return spoolDocument(earned, about, { maxBytes: about.maxBytes, signal: deadline.signal });
      }),
  };

  /** One logical request: at most one repetition with a renewed credential, and redirects for reads. */
  async function exchange<T>(
    request: HttpRequest,
    call: TransportCall,
    use: (response: Response, deadline: Deadline) => Promise<T>,
  ): Promise<T> {
    const deadline = new Deadline(allowance(request.body?.contentLength ?? 0), call.signal);
    const wire: Wire = { touched: false, body: undefined };
    try {
      const response = await follow(request, call, deadline, wire);
      if (!response.ok) throw await refusal(request, response, call);
      return await use(response, deadline);
    } catch (error) {
      throw classify(error, request, deadline, wire);
    } finally {
      deadline.clear();
      await wire.body?.close();
    }
  }

  async function follow(
    request: HttpRequest,
    call: TransportCall,
    deadline: Deadline,
    wire: Wire,
  ): Promise<Response> {
    let url = urlOf(request);
    let mayRenew = request.intent !== "send" || definite.has(401);
    for (let redirects = 0; ; ) {
      const authorization = await options.credentials?.authorization(call);
      const response = await once(url, request, authorization, call, deadline, wire);
      if (response.status === 401 && authorization && mayRenew) {
        mayRenew = false;
        if (options.credentials?.renew?.(authorization, response.headers)) {
          await response.body?.cancel().catch(() => {});
          // The 401 proved that nothing was taken; this is a further call, with its own place in the line.
          wire.touched = false;
          await call.limiter.acquire(deadline.signal);
          continue;
        }
      }
      const next = redirectOf(response, url);
      if (!next || request.method !== "GET") return response;
      await response.body?.cancel().catch(() => {});
      redirects += 1;
      if (next.origin !== base.origin || redirects > mostRedirects) {
        throw error("transport_rejected", "answered with a redirect that is not followed");
      }
      url = next;
    }
  }

  async function once(
    url: URL,
    request: HttpRequest,
    authorization: string | undefined,
    call: TransportCall,
    deadline: Deadline,
    wire: Wire,
  ): Promise<Response> {
    const headers = new Headers({ accept: "application/json", "user-agent": "faxbot", ...request.headers });
    if (authorization) headers.set("authorization", authorization);
    if (request.body) {
      headers.set("content-type", request.body.contentType);
      headers.set("content-length", String(request.body.contentLength));
    }
    const { default: ky } = await loadKy();
    await wire.body?.close();
    const body = request.body && new WatchedBody(await request.body.open());
    wire.body = body;
    deadline.signal.throwIfAborted();
    wire.touched = true;
    const startedAt = performance.now();
    const response = await ky(url, {
      method: request.method,
      headers,
      redirect: "manual",
      signal: deadline.signal,
      retry: 0,
      timeout: false,
      throwHttpErrors: false,
      // The parts of the request are handed on instead of ky's Request object: a host may inject the fetch of another
      // copy of undici (for a proxy), and that one does not take the platform's Request.
      fetch: (input) => {
        const { url: href, method, headers: pairs, signal } = input as Request;
        const init: RequestInit = { method, headers: [...pairs] as [string, string][], signal };
        return call.fetch(href, body ? { ...init, ...streaming(body) } : { ...init, redirect: "manual" });
      },
    });
    call.logger.debug(
      {
        transportId: options.manifest.id,
        method: request.method,
        status: response.status,
        ms: Math.round(performance.now() - startedAt),
      },
      "called the provider",
    );
    return response;
  }

  /** What the provider's refusal means. */
  async function refusal(request: HttpRequest, response: Response, call: TransportCall): Promise<FaxError> {
    const { status } = response;
    const text = await readText(response, largestErrorBody).catch(() => "");
    const wait = retryAfterMs(response.headers.get("retry-after"), call.clock.now());
    const details: FaxErrorOptions = wait === undefined ? {} : { retryAfterMs: wait };
    if (request.intent === "send" && !definite.has(status)) {
      return error(
        "outcome_unknown",
        `answered ${status}, which does not prove what became of the fax`,
        details,
      );
    }
    if (status === 401 || status === 403)
      return error("transport_unauthorized", `refused the credentials (${status})`);
    if (status === 429) return error("transport_rate_limited", "asks for fewer calls (429)", details);
    if (status === 408 || status >= 500)
      return error("transport_unavailable", `is not available (${status})`, details);
    if (request.intent !== "send" && (status === 404 || status === 410)) {
      return error("not_found", `does not know what was asked for (${status})`);
    }
    const failure = options.readFailure?.(status, parseJsonOrNothing(text)) ?? defaultFailure(status);
    return error("transport_rejected", `rejected the request (${failure.providerCode ?? status})`, {
      failure,
    });
  }

  /** Everything that is thrown on the way becomes one of our errors. */
  function classify(thrown: unknown, request: HttpRequest, deadline: Deadline, wire: Wire): FaxError {
    if (isFaxError(thrown) && thrown.transportId !== undefined) return thrown;
    if (isFaxError(thrown, "document_too_large") && request.intent !== "send") return thrown;
    // ky's own error holds the request with its credentials; none of the texts on the way is ours.
    const failure = thrown instanceof Error && thrown.name === "NetworkError" ? thrown.cause : thrown;
    const cause = new Error(describeNetworkFailure(failure));
    if (!wire.touched) return error("transport_unavailable", "was not called", { cause });
    const late = deadline.expired ? "did not answer in time" : undefined;
    if ((wire.body && !wire.body.touched) || provenNotSent(failure)) {
      return error("transport_unavailable", late ?? "could not be reached", { cause });
    }
    return request.intent === "send"
      ? error("outcome_unknown", late ?? "gave no clear answer", { cause })
      : error("transport_unavailable", late ?? "gave no answer that can be read", { cause });
  }

  function urlOf(request: HttpRequest): URL {
    const url = new URL(`${base.href.replace(/\/$/, "")}${request.path}`);
    if (!request.path.startsWith("/") || url.origin !== base.origin) {
      throw error("config_invalid", "was to be called outside its base URL");
    }
    for (const [name, value] of request.query ?? []) url.searchParams.append(name, value);
    return url;
  }

  /** Time for so many bytes, in milliseconds. */
  function allowance(bytes: number): number {
    return timeoutMs + (bytes / minBytesPerSecond) * 1000;
  }

  function error(code: FaxErrorCode, what: string, details: FaxErrorOptions = {}): FaxError {
    return new FaxError(code, `${options.manifest.id} ${what}`, {
      transportId: options.manifest.id,
      ...details,
    });
  }
}

/** Loaded with the first call: it makes Node load its fetch, which a program that only imports us need not wait for. */
const loadKy = () => import("ky");

/** What is known of one request on its way. */
interface Wire {
  /** True once `fetch` was called. */
  touched: boolean;
  body: WatchedBody | undefined;
}

/**
 * How a body is handed to `fetch`. Only with exactly this `redirect` and `window` does the fetch standard not clone the
 * request ("HTTP-network-or-cache fetch", step 3): a clone would keep the whole document in memory, and would ask for
 * its first bytes before the connection stands. A redirect of a request with a body is an error here anyway.
 */
function streaming(body: WatchedBody): RequestInit {
  return { body: body.stream, duplex: "half", redirect: "error", window: null };
}

/**
 * Makes a request path of fixed text and encoded values, so that no value can reach another path.
 *
 * @throws FaxError `request_invalid` when a value is empty, `.` or `..`
 * @example
 * apiPath`/faxes/${"a/b"}/file`; // "/faxes/a%2Fb/file"
 */
export function apiPath(texts: TemplateStringsArray, ...values: readonly string[]): string {
  return texts.reduce((path, text, index) => {
    const value = values[index - 1] as string;
    // A URL drops these segments; the request would go to another resource.
    if (/^\.{0,2}$/.test(value)) throw new FaxError("request_invalid", "an id is not valid in a path");
    return `${path}${encodeURIComponent(value)}${text}`;
  });
}

function checkedBaseUrl(options: HttpClientOptions): URL {
  const url = URL.parse(options.baseUrl);
  const local = url !== null && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (!url || !(url.protocol === "https:" || (url.protocol === "http:" && local))) {
    throw new FaxError("config_invalid", `the base URL of ${options.manifest.id} must be an https URL`);
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new FaxError(
      "config_invalid",
      `the base URL of ${options.manifest.id} must have no user, query or fragment`,
    );
  }
  return url;
}

function redirectOf(response: Response, from: URL): URL | undefined {
  const location = response.headers.get("location");
  if (response.status < 300 || response.status > 399 || !location) return undefined;
  return URL.parse(location, from.href) ?? undefined;
}

function defaultFailure(status: number): Failure {
  const reason = status === 402 ? "account" : status === 413 || status === 415 ? "document" : "rejected";
  return { reason, retryable: false, providerCode: String(status) };
}

async function readText(response: Response, maxBytes: number): Promise<string> {
  if (!response.body) return "";
  return new TextDecoder().decode(await readAll(response.body, maxBytes));
}

function parseJson(text: string): unknown {
  return JSON.parse(text);
}

function parseJsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
