import type { TransportEvent, TransportState } from "@faxbot/core/transport";
import { manualClock, syntheticNumber, transportHost } from "@faxbot/testing";
import { recordingServer } from "@faxbot/testing/vitest";
import { describe, expect, onTestFinished, test } from "vitest";
import { type SignalWireOptions, signalwire } from "../src/index.ts";

const own = syntheticNumber(51);
const account = { projectId: "p", apiToken: "token", from: own, signingKey: "PSK" };
const start = new Date("2026-01-15T15:00:00Z");
const minute = 60_000;

interface Listed {
  sid: string;
  status: string;
  minutesAgo: number;
  direction?: string;
  num_pages?: string;
  media_url?: string;
}

/** A space with a list of faxes that can be changed, and one poll at a time of a transport whose host may fail. */
async function space(more: Partial<SignalWireOptions> = {}) {
  const faxes: Listed[] = [];
  const clock = manualClock(start);
  const pageSize = { rows: 200 };
  const numbers = more.inboundNumbers?.length ?? 1;
  let looks = 0;
  let stop = () => {};
  const { url, requests } = await recordingServer(({ target }) => {
    const query = new URL(target, "http://x").searchParams;
    const after = new Date(query.get("DateCreatedAfter") ?? 0).getTime();
    const page = Number(query.get("Page") ?? 0);
    if (page === 0) looks += 1;
    // The next turn has begun, so the one before is through.
    if (looks > numbers) stop();
    if (page > 0 && query.get("PageToken") !== `t${page}`) return { status: 422, json: { code: 10000 } };
    const fitting = faxes
      .map(({ minutesAgo, ...fax }) => ({
        direction: "inbound",
        from: syntheticNumber(52),
        to: query.get("To"),
        date_created: new Date(start.getTime() - minutesAgo * minute).toISOString(),
        ...fax,
      }))
      .filter(({ date_created }) => new Date(date_created).getTime() > after);
    const rest = fitting.slice(page * pageSize.rows);
    const next = `http://evil.example/api/laml/2010-04-01/Accounts/p/Faxes?Page=${page + 1}&PageToken=t${page + 1}`;
    return {
      json: {
        faxes: rest.slice(0, pageSize.rows),
        next_page_uri: rest.length > pageSize.rows ? next : null,
      },
    };
  });
  const values = new Map<string, string>();
  const writes: string[] = [];
  const state: TransportState = {
    get: async (key) => values.get(key),
    set: async (key, value) => {
      writes.push(value);
      values.set(key, value);
    },
  };
  /** Runs the transport's loop for one poll, and gives what it handed over. */
  const poll = async (fail: (event: TransportEvent) => boolean = () => false): Promise<string[]> => {
    const controller = new AbortController();
    stop = () => controller.abort();
    looks = 0;
    const host = transportHost({
      clock,
      signal: controller.signal,
      state,
      emit: async (event) => {
        if (fail(event)) throw new Error("the store is down");
      },
    });
    await signalwire({ ...account, spaceUrl: url, inboundPollSeconds: 0.001, ...more })
      .run(host)
      .catch(() => {});
    requests.splice(requests.length - (looks > numbers ? 1 : 0));
    return host.events.map((event) => `${event.type} ${event.type === "received" ? event.providerId : ""}`);
  };
  return { faxes, clock, requests, values, writes, pageSize, poll };
}

describe("the poll for received faxes", () => {
  test("hands each over once, across restarts, and keeps its place in the host's store", async () => {
    const { faxes, poll, clock, writes, requests } = await space();
    faxes.push({ sid: "long-ago", status: "received", minutesAgo: 600 });
    faxes.push({ sid: "a", status: "received", minutesAgo: 5 });
    faxes.push({ sid: "out", status: "delivered", direction: "outbound", minutesAgo: 5 });
    expect(await poll()).toEqual(["received a"]);
    expect(await poll()).toEqual([]);
    faxes.push({ sid: "b", status: "received", minutesAgo: -10 });
    clock.advance(20 * minute);
    expect(await poll()).toEqual(["received b"]);
    expect(await poll()).toEqual([]);
    expect(writes.length).toBeLessThanOrEqual(3);
    expect(requests[0]?.target).toBe(
      `/api/laml/2010-04-01/Accounts/p/Faxes?To=%2B${own.slice(1)}&DateCreatedAfter=2026-01-15T14%3A45%3A00.000Z&PageSize=200`,
    );
  });

  test("hands a fax over again that the host could not store", async () => {
    const { faxes, poll, values } = await space();
    faxes.push({ sid: "a", status: "received", minutesAgo: 5 });
    expect(await poll(() => true)).toEqual([]);
    expect(values.size).toBe(0);
    expect(await poll()).toEqual(["received a"]);
  });

  test("waits for a fax that is still coming in while others pass it", async () => {
    const { faxes, poll, clock } = await space();
    const slow: Listed = { sid: "slow", status: "receiving", minutesAgo: 5 };
    faxes.push(slow);
    expect(await poll()).toEqual([]);
    for (const [sid, minutesAgo] of [
      ["quick", -30],
      ["quicker", -60],
    ] as const) {
      faxes.push({ sid, status: "received", minutesAgo });
      clock.advance(35 * minute);
      expect(await poll()).toEqual([`received ${sid}`]);
    }
    slow.status = "received";
    expect(await poll()).toEqual(["received slow"]);
    expect(await poll()).toEqual([]);
  });

  test("does not wait for a fax that is stuck", async () => {
    const { faxes, poll, clock, values } = await space();
    faxes.push({ sid: "stuck", status: "receiving", minutesAgo: 5 });
    await poll();
    const before = [...values.values()];
    faxes.push({ sid: "next-day", status: "received", minutesAgo: -25 * 60 });
    clock.advance(26 * 60 * minute);
    expect(await poll()).toEqual(["received next-day"]);
    expect(JSON.parse(values.get(`received:${own}`) ?? "")).toEqual({
      after: new Date(start.getTime() + (25 * 60 - 15) * minute).toISOString(),
      done: ["next-day"],
    });
    expect(before).toHaveLength(1);
  });

  test("takes what came of a broken call, and nothing of an empty one", async () => {
    const { faxes, poll } = await space();
    faxes.push({ sid: "empty", status: "failed", minutesAgo: 5, num_pages: "0" });
    faxes.push({
      sid: "half",
      status: "failed",
      minutesAgo: 4,
      num_pages: "1",
      media_url: "https://files.signalwire.com/x",
    });
    expect(await poll()).toEqual(["received half"]);
  });

  test("reads all pages, and never calls the URL that the list names", async () => {
    const { faxes, poll, pageSize, requests } = await space();
    pageSize.rows = 2;
    for (let index = 0; index < 5; index += 1)
      faxes.push({ sid: `f${index}`, status: "received", minutesAgo: 5 - index });
    expect(await poll()).toEqual(["received f0", "received f1", "received f2", "received f3", "received f4"]);
    expect(requests.map(({ target }) => new URL(target, "http://x").searchParams.get("Page"))).toEqual([
      null,
      "1",
      "2",
    ]);
  });

  test("asks for each number, and begins anew when its place cannot be read", async () => {
    const numbers = [own, syntheticNumber(53)];
    const { poll, requests, values } = await space({ inboundNumbers: numbers });
    values.set(`received:${own}`, "{");
    values.set(`received:${numbers[1]}`, '{"after":"yesterday","done":[]}');
    await poll();
    expect(requests.map(({ target }) => new URL(target, "http://x").searchParams.get("To"))).toEqual(numbers);
  });

  test("is switched off by 0, and ends with its signal all the same", async () => {
    const { url, requests } = await recordingServer(() => ({ json: { faxes: [] } }));
    const controller = new AbortController();
    const transport = signalwire({ ...account, spaceUrl: url, inboundPollSeconds: 0 });
    let ended = false;
    const running = transport.run(transportHost({ signal: controller.signal })).then(() => {
      ended = true;
    });
    onTestFinished(() => controller.abort());
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([ended, requests.length]).toEqual([false, 0]);
    controller.abort();
    await running;
  });
});
