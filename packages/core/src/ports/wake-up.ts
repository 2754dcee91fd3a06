/**
 * Port: shortens the wait between "there is work" and "somebody looks". Losing every wake-up costs latency, nothing
 * else: the engine polls as well.
 */
export interface WakeUp {
  /** Tells every replica that work is due. Must not throw. */
  notify(): void | Promise<void>;
  /** Calls `listener` after a notification. Resolves with a function that stops it. Called on `start()`. */
  subscribe(listener: () => void): Promise<() => Promise<void>>;
}
