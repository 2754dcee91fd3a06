import { apiPath, type HttpClient, isFaxError, type TransportCall } from "@faxbot/core/transport";
import { type HumbleFaxSentFax, humblefaxSentFaxIds, humblefaxSentFaxReply } from "./humblefax-api.ts";
import { mostFailures } from "./humblefax-inbound.ts";

/** Asks HumbleFax about one sent fax. @throws FaxError `not_found` */
export function getSentFax(client: HttpClient, id: string, call: TransportCall): Promise<HumbleFaxSentFax> {
  return client.json({ method: "GET", path: apiPath`/sentFax/${id}` }, humblefaxSentFaxReply, call);
}

/**
 * Lists the ids of all faxes that were sent in a time: the API gives them whole, without pages or a promised order.
 *
 * @param from seconds since 1970
 * @param to seconds since 1970
 */
export function listSentFaxes(
  client: HttpClient,
  from: number,
  to: number,
  call: TransportCall,
): Promise<string[]> {
  const query: [string, string][] = [
    ["timeFrom", String(Math.floor(from))],
    ["timeTo", String(Math.ceil(to))],
  ];
  return client.json({ method: "GET", path: "/sentFaxes", query }, humblefaxSentFaxIds, call);
}

/** Finds a sent fax by our reference; see {@link humblefaxSearch}. */
export type HumbleFaxSearch = (
  reference: string,
  call: TransportCall,
  hint: { submittedAt: Date } | undefined,
) => Promise<HumbleFaxSentFax | undefined>;

/**
 * Seconds around the time at which a fax was handed over. Mostly it is within the first. The second allows for clocks
 * that differ, and for an upload over a slow line, which ends long after it was begun.
 */
const windows = [
  { before: 60, after: 120 },
  { before: 15 * 60, after: 60 * 60 },
] as const;
const windowWithoutHint = 24 * 60 * 60;
/** Each fax costs one call, at 5 a second. What is left is read by the next look. */
const mostReadAtOnce = 300;
const mostKnown = 20_000;

/**
 * Makes the search for sent faxes. The list of them has ids alone and no filter by our reference, so they are read one
 * by one, the newest first. It is kept which reference a fax had, for that never changes, and there is one look at a
 * time: so each fax is read once, however many are looked for, and a look that had to end early is continued by the next.
 */
export function humblefaxSearch(client: HttpClient): HumbleFaxSearch {
  const known = new Map<string, string | undefined>();
  const remember = (id: string, reference: string | undefined): void => {
    known.set(id, reference);
    const [oldest] = known.keys();
    if (known.size > mostKnown && oldest !== undefined) known.delete(oldest);
  };

  const look: HumbleFaxSearch = async (reference, call, hint) => {
    const now = call.clock.now().getTime() / 1000;
    const at = hint && hint.submittedAt.getTime() / 1000;
    const [, widest] = windows;
    const times =
      at === undefined
        ? [[now - windowWithoutHint, now] as const]
        : windows.map(
            ({ before, after }) => [at - before, Math.min(at + after, now + widest.before)] as const,
          );
    const read = new Set<string>();
    let failures = 0;
    for (const [index, [from, to]] of times.entries()) {
      if (index > 0) await call.limiter.acquire(call.signal);
      // Ids grow.
      const ids = (await listSentFaxes(client, from, to, call)).sort((a, b) => Number(b) - Number(a));
      const asked = ids.find((id) => known.get(id) === reference);
      for (const id of asked === undefined ? ids : [asked]) {
        if (read.has(id) || (known.has(id) && id !== asked)) continue;
        if (read.size === mostReadAtOnce) return undefined;
        read.add(id);
        await call.limiter.acquire(call.signal);
        try {
          const fax = await getSentFax(client, id, call);
          failures = 0;
          remember(id, fax.uuid);
          if (fax.uuid === reference) return fax;
        } catch (error) {
          if (isFaxError(error, "not_found")) continue;
          failures += 1;
          if (!isFaxError(error, "transport_unavailable") || failures === mostFailures) throw error;
        }
      }
    }
    return undefined;
  };
  let last: Promise<unknown> = Promise.resolve();
  return (reference, call, hint) => {
    const found = last.then(() => look(reference, call, hint));
    last = found.catch(() => {});
    return found;
  };
}
