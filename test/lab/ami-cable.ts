import type { AddressInfo } from "node:net";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** The way between a library and Asterisk's manager interface, which a test can cut and slow down. */
export interface AmiCable {
  /** For the library to connect to. */
  port: number;
  /** Breaks all connections, and takes no more until mended. */
  cut(): void;
  mend(): void;
  /** How long what Asterisk says is on its way, in ms; in order. */
  delay(ms: number): void;
  close(): Promise<void>;
}

/** Lays a cable to a port of this machine. */
export async function layAmiCable(port: number): Promise<AmiCable> {
  const ends = new Set<Socket>();
  let whole = true;
  let lateMs = 0;
  const server = createServer((near) => {
    if (!whole) {
      near.destroy();
      return;
    }
    const far = connect(port, "127.0.0.1");
    let inOrder = Promise.resolve();
    near.on("data", (chunk) => far.write(chunk));
    far.on("data", (chunk) => {
      const arrival = performance.now() + lateMs;
      inOrder = inOrder.then(async () => {
        const wait = arrival - performance.now();
        if (wait > 0) await sleep(wait);
        near.write(chunk);
      });
    });
    for (const [end, other] of [
      [near, far],
      [far, near],
    ] as const) {
      ends.add(end);
      end.on("error", () => {});
      end.on("close", () => {
        ends.delete(end);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const breakAll = () => {
    for (const end of ends) end.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      whole = false;
      breakAll();
    },
    mend() {
      whole = true;
    },
    delay(ms) {
      lateMs = ms;
    },
    async close() {
      breakAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
