import { exchangeHttp, type HttpAnswer } from "./http-exchange.ts";

const loopback = new Set(["127.0.0.1", "localhost", "[::1]"]);

/**
 * Fetches a document by URL as a provider does that is told where it lies. Only on this machine: other hosts are
 * never called.
 *
 * @param methods what is sent, in order; a failing HEAD does no harm, every GET must succeed and the last one counts
 * @returns the answer, or `undefined` for another host
 * @throws Error when it cannot be fetched
 */
export async function pullDocument(
  address: string,
  methods: readonly ("HEAD" | "GET")[] = ["GET"],
): Promise<HttpAnswer | undefined> {
  if (!loopback.has(new URL(address).hostname)) return undefined;
  let last: HttpAnswer | undefined;
  for (const method of methods) {
    const fetched = exchangeHttp({ method, url: address, timeoutMs: 5_000 });
    if (method === "HEAD") {
      await fetched.catch(() => undefined);
      continue;
    }
    last = await fetched;
    if (last.status !== 200) throw new Error(`status ${last.status}`);
  }
  return last;
}
