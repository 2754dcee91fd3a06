import { type FaxError, isFaxError } from "@faxbot/core/transport";
import { syntheticNumber, transportCall } from "@faxbot/testing";
import { recordingServer } from "@faxbot/testing/vitest";
import { describe, expect, test, vi } from "vitest";
import { humblefax } from "../src/index.ts";

async function failure(promise: Promise<unknown>): Promise<FaxError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isFaxError(error)) throw new Error("expected a FaxError", { cause: error });
  return error;
}

describe("findByReference", () => {
  const submittedAt = new Date(1_700_000_000_000);
  const hint = { to: syntheticNumber(1), submittedAt };
  const clock = { now: () => new Date(1_700_000_600_000) };

  /** HumbleFax with these faxes: id, time in seconds after the fax was handed over, reference. */
  async function account(faxes: readonly (readonly [id: number, time: number, uuid: string | false])[]) {
    const broken = new Set<number>();
    const { url, requests } = await recordingServer(({ target }) => {
      const { pathname, searchParams } = new URL(target, "http://localhost");
      if (pathname === "/sentFaxes") {
        const [from, to] = ["timeFrom", "timeTo"].map(
          (name) => Number(searchParams.get(name)) - 1_700_000_000,
        );
        const there = faxes.filter(([, time]) => time >= (from ?? 0) && time <= (to ?? 0));
        return { json: { data: { sentFaxIds: [null, ...there.map(([id]) => String(id))] } } };
      }
      const id = Number(pathname.split("/").at(-1));
      if (broken.has(id)) return { json: { data: { sentFax: [] } } };
      const uuid = faxes.find(([each]) => each === id)?.[2];
      return uuid === "" ? { status: 404 } : { json: { data: { sentFax: { id, uuid, status: "success" } } } };
    });
    const targets = () => requests.splice(0).map(({ target }) => target);
    return { transport: humblefax({ accessKey: "key", secretKey: "secret", baseUrl: url }), targets, broken };
  }

  test("asks for the faxes of that minute, then of that hour, newest first, with a slot for each call", async () => {
    const { transport, targets } = await account([
      [7, -600, "long before"],
      [8, 0, "other"],
      [9, 10, "wanted"],
      [10, 11, ""],
      [11, 1400, "late"],
    ]);
    const acquire = vi.fn(async () => {});
    const call = transportCall({ limiter: { acquire, block: () => {} }, clock });
    expect(await transport.findByReference("wanted", call, hint)).toMatchObject({ providerId: "9" });
    expect(targets()).toEqual([
      "/sentFaxes?timeFrom=1699999940&timeTo=1700000120",
      "/sentFax/10",
      "/sentFax/9",
    ]);
    expect(acquire).toHaveBeenCalledTimes(2);
    // What was read is known; only the one that could not be seen is asked for again.
    expect(await transport.findByReference("late", transportCall({ clock }), hint)).toMatchObject({
      providerId: "11",
    });
    expect(targets()).toEqual([
      "/sentFaxes?timeFrom=1699999940&timeTo=1700000120",
      "/sentFax/10",
      "/sentFax/8",
      "/sentFaxes?timeFrom=1699999100&timeTo=1700001500",
      "/sentFax/11",
    ]);
    expect(await transport.findByReference("nobody's", transportCall({ clock }), hint)).toBeUndefined();
    expect(await transport.findByReference("long before", transportCall({ clock }), hint)).toMatchObject({
      providerId: "7",
    });
  });

  test("goes through however many there are, some at a time, each once", async () => {
    const faxes = Array.from({ length: 700 }, (_, index) => [index + 1, 0, `fax ${index + 1}`] as const);
    const { transport, targets } = await account(faxes);
    const look = (reference: string) => transport.findByReference(reference, transportCall({ clock }), hint);
    // All at the same time.
    const looks = await Promise.all(["fax 1", "nobody's", "fax 699", "fax 1"].map(look));
    expect(looks.map((found) => found?.providerId)).toEqual([undefined, undefined, "699", "1"]);
    const read = targets().filter((target) => target.startsWith("/sentFax/"));
    expect(new Set(read).size).toBe(700);
    // That one was found in what was read before, and then asked for as it is now.
    expect(read.filter((target) => target !== "/sentFax/699")).toHaveLength(699);
    expect(await look("fax 500")).toMatchObject({ providerId: "500" });
    expect(targets()).toEqual(["/sentFaxes?timeFrom=1699999940&timeTo=1700000120", "/sentFax/500"]);
  });

  test("a fax that cannot be read hides no other, several in a row end the look", async () => {
    const faxes = Array.from({ length: 6 }, (_, index) => [index + 1, 0, `fax ${index + 1}`] as const);
    const { transport, broken } = await account(faxes);
    for (const id of [6, 5, 3, 2]) broken.add(id);
    expect(await transport.findByReference("fax 1", transportCall({ clock }), hint)).toMatchObject({
      providerId: "1",
    });
    broken.add(4).add(1);
    const again = await account(faxes);
    for (const id of broken) again.broken.add(id);
    const error = await failure(again.transport.findByReference("fax 1", transportCall({ clock }), hint));
    expect(error.code).toBe("transport_unavailable");
    expect(again.targets()).toHaveLength(4);
  });

  test("without a time it asks for the last day", async () => {
    const { transport, targets } = await account([[1, 0, false]]);
    expect(await transport.findByReference("wanted", transportCall({ clock }))).toBeUndefined();
    expect(targets()).toEqual(["/sentFaxes?timeFrom=1699914200&timeTo=1700000600", "/sentFax/1"]);
  });
});
