import type { StatusReport } from "@faxbot/core/transport";
import type { EslEvent } from "./esl-event.ts";
import { FreeSwitchCall } from "./freeswitch-call.ts";
import { attemptOf } from "./freeswitch-originate.ts";
import type { FreeSwitchTiming } from "./freeswitch-timing.ts";

/** A call and when somebody has to look after it. */
export interface LiveCall {
  readonly call: FreeSwitchCall;
  /** True once FreeSWITCH answered that it took the order to call. */
  ordered: boolean;
  /** Seconds that it may take from the answer on. */
  readonly longestSeconds: number;
  /** After this moment it is overdue, in milliseconds of the registry's clock. */
  deadline: number;
  /** When to ask next whether it is there. */
  checkAt: number;
  /** Since when it is known not to be there. */
  missingSince: number | undefined;
}

/** How long the results of calls that ended are kept in memory, for those who ask. */
const mostEnded = 2_000;
/** The most that a call is ever given after its answer. */
export const longestCallSeconds = 3_600;

/**
 * The calls that this process knows of: those it made, and those of its gateway that it finds running. Bounded: by what
 * the exchange runs, and by {@link mostEnded}.
 */
export class LiveCalls {
  readonly #live = new Map<string, LiveCall>();
  readonly #ended = new Map<string, StatusReport>();
  readonly #waiting = new Set<() => void>();
  readonly #gateway: string;
  readonly #ringSeconds: number;
  readonly #timing: Pick<FreeSwitchTiming, "settleMs" | "lateMs" | "callGraceMs">;
  readonly #now: () => number;
  readonly #onNews: (call: FreeSwitchCall) => void;

  /**
   * @param options.onNews called when a call has something new to report
   * @param options.now milliseconds that only grow
   */
  constructor(options: {
    gateway: string;
    ringSeconds: number;
    timing: Pick<FreeSwitchTiming, "settleMs" | "lateMs" | "callGraceMs">;
    now: () => number;
    onNews: (call: FreeSwitchCall) => void;
  }) {
    this.#gateway = options.gateway;
    this.#ringSeconds = options.ringSeconds;
    this.#timing = options.timing;
    this.#now = options.now;
    this.#onNews = options.onNews;
  }

  get size(): number {
    return this.#live.size;
  }

  all(): LiveCall[] {
    return [...this.#live.values()];
  }

  get(uuid: string): LiveCall | undefined {
    return this.#live.get(uuid);
  }

  /** The report of a call that ended, while it is remembered. */
  ended(uuid: string): StatusReport | undefined {
    return this.#ended.get(uuid);
  }

  /** Whether an event of this channel, or the answer of the background job of the same id, concerns us. */
  isAwaited(id: string): boolean {
    return this.#live.has(id);
  }

  /** Begins to follow a call. */
  add(uuid: string, attemptId: string, longestSeconds: number = longestCallSeconds): LiveCall {
    const live: LiveCall = {
      call: new FreeSwitchCall(uuid, attemptId),
      ordered: false,
      longestSeconds,
      deadline: this.#now() + this.#ringSeconds * 1000 + this.#timing.callGraceMs,
      checkAt: this.#now() + this.#timing.settleMs,
      missingSince: undefined,
    };
    this.#live.set(uuid, live);
    return live;
  }

  /** Begins to follow a call that is found running, however far it is: between two pages minutes may pass. */
  addRunning(uuid: string, attemptId: string): LiveCall {
    const live = this.add(uuid, attemptId);
    live.ordered = true;
    live.deadline = this.#now() + longestCallSeconds * 1000 + this.#timing.callGraceMs;
    return live;
  }

  /** Forgets a call of which nothing more will come. */
  drop(uuid: string): void {
    if (this.#live.delete(uuid)) this.#wake();
  }

  /** After a time without a connection: every call that was there has to be asked for. */
  recheck(): void {
    for (const live of this.#live.values()) if (live.call.seen) live.checkAt = this.#now();
  }

  /** Gives a call more time to be gone. */
  extend(live: LiveCall): void {
    live.deadline = this.#now() + Math.max(this.#timing.callGraceMs, this.#timing.lateMs);
  }

  /** Takes one event from the exchange; one that is not about a fax of ours changes nothing. */
  take(event: EslEvent): void {
    const live = this.#find(event);
    if (!live) return;
    const { call } = live;
    const before = call.phase;
    const { refused } = call;
    const news = call.take(event);
    live.missingSince = undefined;
    if (before !== "answered" && call.phase === "answered") {
      live.deadline = this.#now() + live.longestSeconds * 1000 + this.#timing.callGraceMs;
    }
    if (call.refused && !refused) live.checkAt = this.#now() + this.#timing.lateMs;
    if (news) this.#tell(call);
    this.#wake();
  }

  /** Ends a call whose originate failed. */
  settleRefusal({ call }: LiveCall): void {
    if (!call.settleRefusal()) return;
    this.#tell(call);
    this.#wake();
  }

  /**
   * Waits until something holds that an event can bring about.
   *
   * @returns whether it came to hold in time
   */
  async until(holds: () => boolean, ms: number, signal: AbortSignal): Promise<boolean> {
    if (holds()) return true;
    if (signal.aborted) return false;
    return new Promise((resolve) => {
      const finish = (result: boolean): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", stop);
        this.#waiting.delete(check);
        resolve(result);
      };
      const check = (): void => void (holds() && finish(true));
      const stop = (): void => finish(false);
      const timer = setTimeout(stop, ms);
      signal.addEventListener("abort", stop, { once: true });
      this.#waiting.add(check);
    });
  }

  #find(event: EslEvent): LiveCall | undefined {
    const id = event.field(event.name === "BACKGROUND_JOB" ? "Job-UUID" : "Unique-ID") ?? "";
    return this.#live.get(id) ?? this.#adopt(id, event);
  }

  /**
   * A call that somebody else began to follow: this process before it was started again, or another one that shares the
   * gateway. The marks are ours, and nobody on the telephone network can set them.
   */
  #adopt(uuid: string, event: EslEvent): LiveCall | undefined {
    const attemptId = attemptOf(uuid);
    if (
      attemptId === undefined ||
      this.#ended.has(uuid) ||
      event.field("variable_faxbot") !== "1" ||
      event.field("variable_faxbot_attempt") !== attemptId ||
      event.field("Call-Direction") !== "outbound" ||
      event.field("variable_sip_gateway_name") !== this.#gateway
    ) {
      return undefined;
    }
    return this.add(uuid, attemptId);
  }

  #tell(call: FreeSwitchCall): void {
    if (call.ended) {
      this.#live.delete(call.uuid);
      this.#ended.set(call.uuid, call.report());
      for (const oldest of this.#ended.keys()) {
        if (this.#ended.size <= mostEnded) break;
        this.#ended.delete(oldest);
      }
    }
    this.#onNews(call);
  }

  #wake(): void {
    for (const check of [...this.#waiting]) check();
  }
}
