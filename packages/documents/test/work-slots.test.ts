import { describe, expect, it } from "vitest";
import { WorkSlots } from "../src/work-slots.ts";

/** Work that ends when it is told to. */
function held() {
  let end = () => {};
  const done = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { end, done };
}

describe("WorkSlots", () => {
  it("does so much at a time, the rest in order, and goes on after a failure", async () => {
    const slots = new WorkSlots(2);
    const works = [held(), held(), held(), held()];
    const started: number[] = [];
    const runs = works.map(({ done }, index) =>
      slots.run(async () => {
        started.push(index);
        await done;
        if (index === 1) throw new Error("no");
        return index;
      }),
    );
    expect(started).toEqual([0, 1]);
    works[1]?.end();
    await expect(runs[1]).rejects.toThrow("no");
    expect(started).toEqual([0, 1, 2]);
    for (const { end } of works) end();
    expect(await Promise.all([runs[0], runs[2], runs[3]])).toEqual([0, 2, 3]);
  });

  it("hands a slot on to who waits, not to who comes", async () => {
    const slots = new WorkSlots(1);
    const first = held();
    const order: string[] = [];
    const running = slots.run(() => first.done);
    const waiting = slots.run(async () => void order.push("waiting"));
    first.end();
    await running;
    await Promise.all([slots.run(async () => void order.push("coming")), waiting]);
    expect(order).toEqual(["waiting", "coming"]);
  });

  it("lets a signal end the waiting, and loses no slot by it", async () => {
    const slots = new WorkSlots(1);
    const first = held();
    const running = slots.run(() => first.done);
    const reason = new Error("enough");
    const controller = new AbortController();
    const waiting = slots.run(async () => "never", controller.signal);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    first.end();
    await running;
    expect(await slots.run(async () => "next")).toBe("next");
    await expect(slots.run(async () => "never", AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
