import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A client that writes text and keeps what it hears. */
export interface WireClient {
  readonly socket: Socket;
  /** Everything heard so far. */
  readonly text: string;
  /** Sizes of what was read at once. */
  readonly segments: readonly number[];
  readonly closed: boolean;
  say(text: string): void;
  /** Waits until what was heard fits. */
  hear(what: RegExp | string): Promise<string>;
  close(): void;
  ended: Promise<void>;
}

/** Connects; closes at the end of the test. */
export async function wireClient(server: { host: string; port: number }): Promise<WireClient> {
  const socket = connect(server.port, server.host);
  let text = "";
  const segments: number[] = [];
  let closed = false;
  let heard = (): void => {};
  socket.on("error", () => {});
  socket.on("data", (data: Buffer) => {
    text += data.toString();
    segments.push(data.length);
    heard();
  });
  const ended = new Promise<void>((resolve) => {
    socket.once("close", () => {
      closed = true;
      heard();
      resolve();
    });
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", () => resolve());
    socket.once("error", reject);
  });
  onTestFinished(() => void socket.destroy());
  return {
    socket,
    get text() {
      return text;
    },
    segments,
    get closed() {
      return closed;
    },
    say: (what) => void socket.write(what),
    async hear(what) {
      const fits = () => (typeof what === "string" ? text.includes(what) : what.test(text));
      const deadline = performance.now() + 4_000;
      while (!fits()) {
        if (closed || performance.now() > deadline)
          throw new Error(`not heard: ${String(what)}, but ${text.slice(-600)}`);
        await Promise.race([
          new Promise<void>((resolve) => {
            heard = resolve;
          }),
          new Promise((resolve) => setTimeout(resolve, 50)),
        ]);
      }
      return text;
    },
    close: () => void socket.destroy(),
    ended,
  };
}
