import { lookup } from "node:dns/promises";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Duplex } from "node:stream";
import { Readable } from "node:stream";
import { connect as tlsConnect } from "node:tls";
import { spoolDocument } from "./byte-spool.ts";
import { Deadline } from "./deadline.ts";
import type { FaxDocument } from "./fax-document.ts";
import { FaxError, type FaxErrorCode, type FaxErrorOptions, isFaxError } from "./fax-error.ts";
import type { TransportCall } from "./fax-transport.ts";
import { describeNetworkFailure } from "./network-failure.ts";
import { isPublicAddress } from "./public-address.ts";
import { retryAfterMs } from "./retry-after.ts";
import { untilAborted } from "./until-aborted.ts";

/** The one place that a connection is made to: an address that was checked, and the name that its certificate has to fit. */
export interface MediaAddress {
  address: string;
  port: number;
  serverName: string;
}

/** What {@link mediaFetch} may do. */
export interface MediaFetchOptions {
  /** Manifest id of the transport, for errors. */
  transportId: string;
  /** The hosts that the provider documents: `files.example.com` is that host alone, `.example.com` every host below it. */
  hosts: readonly string[];
  /** What the document is taken for; what the server says proves nothing. */
  mediaType: string;
  /** A name of our own. */
  fileName: string;
  /** The most bytes to take. */
  maxBytes: number;
  /** Values of `Authorization`, tried in this order where the document is refused without. Never sent after a redirect. */
  authorizations?: readonly string[];
  /** Milliseconds for everything but the bytes; default 30,000. */
  timeoutMs?: number;
  /** The slowest transfer to put up with, in bytes per second; default 16 KiB. */
  minBytesPerSecond?: number;
  /** Gives all addresses of a host; default: the system's resolver. */
  resolve?: (host: string) => Promise<readonly string[]>;
  /** Opens a TLS connection; default: `tls.connect`. Handed checked addresses only. */
  connect?: (to: MediaAddress) => Duplex;
}

const mostRedirects = 3;
const mostAddresses = 4;

/**
 * Downloads a document from a URL that a provider put into an answer or a webhook. Such a URL is a stranger's word: it
 * must not make this machine call itself, its network or its cloud, nor hand anybody the provider's credentials.
 *
 * Only `https` on port 443 and only the given hosts; the host is resolved once, every one of its addresses has to be
 * public, and the connection is made to one of them, not to the name (so a second, different answer of the resolver
 * changes nothing). Redirects are held to the same rules and never carry credentials. Size and time are capped. The
 * platform's proxy settings and `call.fetch` play no role here: neither can be held to a checked address.
 *
 * The caller has taken a slot of `call.limiter`; each repetition with the next authorization takes one here.
 *
 * @param address the URL as it came
 * @returns the document in a spool; whoever is done with it disposes it
 * @throws FaxError `transport_rejected` (a URL that may not be fetched, another 4xx), `not_found` (404, 410),
 * `transport_unauthorized`, `transport_rate_limited`, `transport_unavailable`, `document_too_large`, `config_invalid`
 * @example
 * const document = await mediaFetch(
 *   fax.media_url,
 *   { transportId: "acme", hosts: ["files.acme.example"], mediaType: "application/pdf", fileName: "fax.pdf", maxBytes: 50_000_000 },
 *   call,
 * );
 */
export async function mediaFetch(
  address: string,
  options: MediaFetchOptions,
  call: Pick<TransportCall, "signal" | "limiter" | "clock">,
): Promise<FaxDocument & { dispose(): Promise<void> }> {
  const error = (code: FaxErrorCode, what: string, details: FaxErrorOptions = {}) =>
    new FaxError(code, `${options.transportId}: ${what}`, { transportId: options.transportId, ...details });
  const forbidden = (what: string) =>
    error("transport_rejected", what, {
      failure: { reason: "document", retryable: false, providerCode: "media_url" },
    });
  for (const host of options.hosts) {
    if (!/^\.?([a-z0-9-]+\.)+[a-z][a-z0-9-]*$/.test(host)) {
      throw error("config_invalid", "a media host must be a name in lower case");
    }
  }
  const deadline = new Deadline(options.timeoutMs ?? 30_000, call.signal);
  try {
    const first = checked(address);
    let response = await follow(first, undefined);
    for (const authorization of options.authorizations ?? []) {
      if (response.statusCode !== 401 && response.statusCode !== 403) break;
      response.destroy();
      await call.limiter.acquire(deadline.signal);
      response = await follow(first, authorization);
    }
    return await keep(response);
  } catch (thrown) {
    if (isFaxError(thrown) && (thrown.transportId !== undefined || thrown.code === "document_too_large")) {
      throw thrown;
    }
    // A foreign text may quote the URL, which for many is all that it takes to read the document.
    const cause = new Error(describeNetworkFailure(thrown));
    const what = deadline.expired ? "the document did not come in time" : "the document could not be fetched";
    throw error("transport_unavailable", what, { cause });
  } finally {
    deadline.clear();
  }

  /** @throws FaxError `transport_rejected` unless the URL is https on the usual port of a host in the list */
  function checked(text: string): URL {
    const url = URL.parse(text);
    // The parser forgives tabs, backslashes, full-width letters and more; whoever writes a URL that way wants it to be
    // read in two ways. So the host has to stand there as it is called, followed by the path.
    const origin = `https://${url?.hostname}`;
    const plain =
      /^[\x21-\x7e]+$/.test(text) &&
      text.slice(0, origin.length).toLowerCase() === origin &&
      /^(:443)?([/?#]|$)/.test(text.slice(origin.length));
    if (!url?.hostname || !plain || url.username || url.password) {
      throw forbidden("the document's URL is none that is fetched");
    }
    const fits = options.hosts.some((host) =>
      host.startsWith(".") ? url.hostname.endsWith(host) : url.hostname === host,
    );
    if (!fits) throw forbidden("the document's URL is not on a host of the provider");
    return url;
  }

  async function follow(first: URL, authorization: string | undefined): Promise<IncomingMessage> {
    let url = first;
    for (let redirects = 0; ; redirects += 1) {
      const response = await get(url, redirects === 0 ? authorization : undefined);
      const { statusCode = 0, headers } = response;
      if (statusCode < 300 || statusCode > 399 || headers.location === undefined) return response;
      response.destroy();
      const next = URL.parse(headers.location, url.href);
      if (!next || redirects === mostRedirects) throw forbidden("the document is redirected too far");
      url = checked(next.href);
    }
  }

  async function get(url: URL, authorization: string | undefined): Promise<IncomingMessage> {
    const addresses = await resolved(url.hostname);
    if (!addresses.every(isPublicAddress))
      throw forbidden("the document's host has an address that is not public");
    let failure: unknown;
    for (const each of addresses.slice(0, mostAddresses)) {
      deadline.signal.throwIfAborted();
      try {
        return await getFrom(each, url, authorization);
      } catch (thrown) {
        failure = thrown;
      }
    }
    throw failure ?? new Error("the host has no address");
  }

  /** A lookup cannot be taken back, but nobody has to wait for it. */
  function resolved(host: string): Promise<readonly string[]> {
    deadline.signal.throwIfAborted();
    return untilAborted((options.resolve ?? systemAddresses)(host), deadline.signal);
  }

  function getFrom(from: string, url: URL, authorization: string | undefined): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const request = httpsRequest({
        method: "GET",
        host: url.hostname,
        path: `${url.pathname}${url.search}`,
        headers: {
          host: url.host,
          accept: options.mediaType,
          "accept-encoding": "identity",
          "user-agent": "faxbot",
          ...(authorization === undefined ? {} : { authorization }),
        },
        signal: deadline.signal,
        // Without an agent: no connection that somebody else opened, and none that is left open.
        createConnection: () =>
          (options.connect ?? tlsConnection)({ address: from, port: 443, serverName: url.hostname }),
      });
      request.on("response", resolve);
      request.on("error", reject);
      request.end();
    });
  }

  async function keep(response: IncomingMessage): Promise<FaxDocument & { dispose(): Promise<void> }> {
    const { statusCode: status = 0, headers } = response;
    try {
      if (status !== 200) throw refusal(status, headers["retry-after"]);
      const length = Number(headers["content-length"] ?? Number.NaN);
      if (length > options.maxBytes) throw error("document_too_large", `more than ${options.maxBytes} bytes`);
      const source = Readable.toWeb(response) as unknown as ReadableStream<Uint8Array>;
      return await spoolDocument(
        deadline.earned(source, options.timeoutMs ?? 30_000, options.minBytesPerSecond ?? 16 * 1024),
        { mediaType: options.mediaType, fileName: options.fileName },
        { maxBytes: options.maxBytes, signal: deadline.signal },
      );
    } finally {
      response.destroy();
    }
  }

  function refusal(status: number, wait: string | undefined): FaxError {
    const after = retryAfterMs(wait ?? null, call.clock.now());
    const details: FaxErrorOptions = after === undefined ? {} : { retryAfterMs: after };
    if (status === 404 || status === 410) return error("not_found", `the document is not there (${status})`);
    if (status === 401 || status === 403) {
      return error("transport_unauthorized", `the document is refused (${status})`);
    }
    if (status === 429) return error("transport_rate_limited", "asks for fewer calls (429)", details);
    if (status === 408 || status >= 500) {
      return error("transport_unavailable", `the document is not available (${status})`, details);
    }
    return forbidden(`the document is not given (${status})`);
  }
}

async function systemAddresses(host: string): Promise<string[]> {
  return (await lookup(host, { all: true, order: "ipv4first" })).map(({ address }) => address);
}

function tlsConnection({ address, port, serverName }: MediaAddress): Duplex {
  return tlsConnect({ host: address, port, servername: serverName, ALPNProtocols: ["http/1.1"] });
}
