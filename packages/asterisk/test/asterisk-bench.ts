import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  documentFromBytes,
  type FaxDocument,
  parseSettings,
  type SendJob,
  type TransportCall,
  type TransportEvent,
  type TransportHost,
} from "@faxbot/core/transport";
import {
  type CapturingLogger,
  capturingLogger,
  sendJob,
  syntheticFaxTiff,
  syntheticNumber,
  transportCall,
  transportHost,
} from "@faxbot/testing";
import { intakePatience } from "../src/asterisk-intake.ts";
import { linePatience } from "../src/asterisk-line.ts";
import { asteriskSettings } from "../src/asterisk-settings.ts";
import {
  type AsteriskOptions,
  type AsteriskTransport,
  makeTransport,
  type Patience,
} from "../src/asterisk-transport.ts";

/** What takes seconds or minutes in production, in a test's time. */
export const quick: Patience = {
  line: {
    ...linePatience,
    connectMs: 2_000,
    answerMs: 2_000,
    tickMs: 10,
    graceMs: 100,
    settleMs: 300,
    refusedMs: 200,
    lookAgainMs: 50,
    cancelMs: 1_000,
  },
  intake: { ...intakePatience, scanMs: 50, quietMs: 100, surelyQuietMs: 1_000 },
};

/** A transport with folders of its own and, once started, a host that keeps its events. */
export interface Bench {
  readonly transport: AsteriskTransport;
  readonly folder: string;
  readonly logger: CapturingLogger;
  readonly events: readonly TransportEvent[];
  call(overrides?: Partial<TransportCall>): TransportCall;
  job(overrides?: Partial<SendJob>): SendJob;
  /** Starts `run`. */
  start(host?: Partial<TransportHost>): void;
  /** Ends `run`, as a host does that stops. */
  halt(): Promise<void>;
  /** Another process on the same folders: it knows nothing of this one's calls. */
  restarted(): AsteriskTransport;
  /** Waits until something holds. @throws Error when it does not within 10 s */
  until(what: string, holds: () => boolean | Promise<boolean>): Promise<void>;
  /** The last event of this kind. */
  last(type: "status" | "received"): TransportEvent | undefined;
  close(): Promise<void>;
}

/** A page that Asterisk can send. */
function faxDocument(pages = 1): FaxDocument {
  return documentFromBytes(syntheticFaxTiff({ pages }), { mediaType: "image/tiff", fileName: "fax.tif" });
}

/** Makes a bench for the server at these settings. */
export async function openBench(
  server: { port: number } & Partial<AsteriskOptions>,
  patience: Patience = quick,
): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), "faxbot-asterisk-"));
  await mkdir(join(folder, "out"));
  await mkdir(join(folder, "in"));
  const { id = "asterisk", ...given } = server;
  const settings = parseSettings(id, asteriskSettings, {
    host: "127.0.0.1",
    username: "faxbot",
    password: "emulated-ami-secret-0",
    trunk: "trunk",
    spoolOut: join(folder, "out"),
    spoolIn: join(folder, "in"),
    inboundSecret: "internal-secret-of-16",
    ...given,
  });
  const make = () => makeTransport(id, settings, patience);
  const transport = make();
  const logger = capturingLogger();
  const events: TransportEvent[] = [];
  let running: { controller: AbortController; ended: Promise<void> } | undefined;
  const halt = async (): Promise<void> => {
    running?.controller.abort();
    await running?.ended;
    running = undefined;
  };
  return {
    transport,
    folder,
    logger,
    events,
    call: (overrides = {}) => transportCall({ logger, ...overrides }),
    job: (overrides = {}) => sendJob({ to: syntheticNumber(50), document: faxDocument(), ...overrides }),
    start(overrides = {}) {
      const controller = new AbortController();
      const host = transportHost({
        logger,
        signal: controller.signal,
        ...overrides,
        emit: async (event) => {
          await overrides.emit?.(event);
          events.push(event);
        },
      });
      running = { controller, ended: transport.run(host) };
    },
    halt,
    restarted: make,
    async until(what, holds) {
      const deadline = performance.now() + 10_000;
      while (!(await holds())) {
        if (performance.now() > deadline) throw new Error(`did not happen: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    last: (type) => events.findLast((event) => event.type === type),
    async close() {
      await halt();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
