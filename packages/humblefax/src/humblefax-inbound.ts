import {
  apiPath,
  type HttpClient,
  isFaxError,
  type TransportCall,
  type TransportEvent,
  type TransportHost,
} from "@faxbot/core/transport";
import { z } from "zod";
import {
  type HumbleFaxIncomingFax,
  humblefaxIncomingFaxes,
  humblefaxIncomingFaxReply,
} from "./humblefax-api.ts";
import { readNumber } from "./humblefax-number.ts";

const day = 86_400;
/** How far back the first look goes, in seconds: what the API itself does without times. */
const firstLook = 30 * day;
/** Every look overlaps the newest known fax by this, in seconds: a fax may be listed late. */
const overlap = day;

/** One fax that cannot be read must not hold up the others; several in a row are a provider that is not there. */
export const mostFailures = 3;

/** What is kept between two looks. */
const cursorShape = z.object({
  /** The newest known fax, in seconds since 1970. */
  newest: z.number(),
  /** The known faxes of the last look's time. Only spares calls: the same event again changes nothing. */
  known: z.array(z.string()),
});

/** Asks HumbleFax about one received fax. @throws FaxError `not_found` */
export function getIncomingFax(
  client: HttpClient,
  id: string,
  call: TransportCall,
): Promise<HumbleFaxIncomingFax> {
  return client.json({ method: "GET", path: apiPath`/incomingFax/${id}` }, humblefaxIncomingFaxReply, call);
}

/**
 * Looks once for received faxes and hands those that are new to the host. What the host could not store is handed over
 * again by the next look.
 *
 * @throws what the API client or the host throws; what was handed over until then stays known
 */
export async function pollIncoming(client: HttpClient, host: TransportHost): Promise<void> {
  const stored = readCursor(await host.state.get("incoming"));
  const now = Math.floor(host.clock.now().getTime() / 1000);
  let newest = stored?.newest;
  const query: [string, string][] = [
    ["timeFrom", String(Math.floor(newest === undefined ? now - firstLook : newest - overlap))],
    ["timeTo", String(now)],
  ];
  await host.limiter.acquire(host.signal);
  const list = await client.json(
    { method: "GET", path: "/incomingFaxes", query },
    humblefaxIncomingFaxes,
    host,
  );
  const told = new Map(list.incomingFaxes.flatMap((fax) => (fax ? [[fax.id, fax]] : [])));
  // Ids grow, so this is the order in which they came.
  const listed = new Set([...list.incomingFaxIds, ...told.keys()].sort((a, b) => Number(a) - Number(b)));
  const known = new Set(stored?.known.filter((id) => listed.has(id)));
  let failures = 0;
  let unread = false;
  try {
    for (const id of listed) {
      if (known.has(id)) continue;
      let fax = told.get(id);
      try {
        fax ??= await ask(client, id, host);
        failures = 0;
      } catch (error) {
        failures += 1;
        unread = true;
        if (!isFaxError(error, "transport_unavailable") || failures === mostFailures) throw error;
        host.logger.warn(
          { transportId: "humblefax" },
          "a received fax could not be read and is asked for again",
        );
        continue;
      }
      const stage = fax ? stageOf(fax) : "lost";
      if (stage === "coming") continue;
      if (fax && stage !== "lost") await host.emit(receivedEvent(fax));
      known.add(id);
      const time = fax?.time && fax.time.getTime() / 1000;
      // A time in the future must not carry the next look past everything.
      if (time !== undefined && time <= now + day) newest = Math.max(newest ?? 0, time);
    }
  } finally {
    // The next look has to reach back to what could not be read, though not for ever.
    if (unread) newest = Math.max(stored?.newest ?? 0, now - firstLook + overlap);
    if (newest !== undefined) await host.state.set("incoming", JSON.stringify({ newest, known: [...known] }));
  }
}

async function ask(
  client: HttpClient,
  id: string,
  host: TransportHost,
): Promise<HumbleFaxIncomingFax | undefined> {
  await host.limiter.acquire(host.signal);
  return getIncomingFax(client, id, host).catch((error: unknown) => {
    if (isFaxError(error, "not_found")) return undefined;
    throw error;
  });
}

function readCursor(text: string | undefined): z.output<typeof cursorShape> | undefined {
  if (text === undefined) return undefined;
  try {
    return cursorShape.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/**
 * Where a received fax is. `success` and `partial fax received` are the words that clients know. A word that nobody
 * knows with pages behind it is handed on as partial rather than lost.
 */
export function stageOf(fax: HumbleFaxIncomingFax): "whole" | "partial" | "coming" | "lost" {
  const word = fax.status?.trim().toLowerCase() ?? "success";
  if (word === "success") return "whole";
  if (word === "in progress") return "coming";
  return word.startsWith("partial") || (fax.numPages ?? 0) > 0 ? "partial" : "lost";
}

/** What is told of a received fax; its document is fetched by its id. */
export function receivedEvent(fax: HumbleFaxIncomingFax): Extract<TransportEvent, { type: "received" }> {
  const from = readNumber(fax.fromNumber);
  const to = readNumber(fax.toNumber);
  return {
    type: "received",
    // The same from webhook and poll, so that both together are one fax.
    key: `IncomingFax:${fax.id}`,
    providerId: fax.id,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(fax.numPages === undefined ? {} : { pages: fax.numPages }),
    ...(stageOf(fax) === "partial" ? { partial: true } : {}),
    ...(fax.time ? { occurredAt: fax.time } : {}),
  };
}
