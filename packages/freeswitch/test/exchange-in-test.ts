import { parseSettings, type StatusReport, type TransportHost } from "@faxbot/core/transport";
import { type CollectingHost, transportHost } from "@faxbot/testing";
import { onTestFinished, vi } from "vitest";
import { freeswitchSettings } from "../src/freeswitch-settings.ts";
import type { FreeSwitchTiming } from "../src/freeswitch-timing.ts";
import { type FreeSwitchTransport, makeTransport } from "../src/freeswitch-transport.ts";
import { exchangeFolders, exchangeSettings, quickTiming } from "./exchange-folders.ts";
import { type SmallExchange, smallExchange } from "./small-exchange.ts";

/** An exchange and a transport that knows it; `run` starts its loop. */
export interface ExchangeInTest {
  readonly exchange: SmallExchange;
  readonly transport: FreeSwitchTransport;
  readonly folders: { readonly spoolOut: string; readonly spoolIn: string };
  /** Starts the loop of this transport, or of another one on the same exchange. */
  readonly run: (overrides?: Partial<TransportHost>, transport?: FreeSwitchTransport) => RunningHost;
  /** Another transport with the same settings: what a process is that was started again. */
  readonly another: (more?: object) => FreeSwitchTransport;
}

/** A loop that runs, and what it told. */
export interface RunningHost {
  readonly host: CollectingHost;
  readonly stop: () => Promise<void>;
}

/** Starts an exchange for one test. */
export async function exchangeInTest(
  options: { timing?: Partial<FreeSwitchTiming>; settings?: object } = {},
): Promise<ExchangeInTest> {
  const exchange = await smallExchange();
  const folders = await exchangeFolders();
  const another = (more: object = {}): FreeSwitchTransport => {
    const settings = { ...exchangeSettings(folders), port: exchange.port, ...options.settings, ...more };
    return makeTransport("freeswitch", parseSettings("freeswitch", freeswitchSettings, settings), {
      ...quickTiming,
      ...options.timing,
    });
  };
  const transport = another();
  onTestFinished(() => exchange.stop());
  return {
    exchange,
    transport,
    folders,
    another,
    run(overrides = {}, which = transport) {
      const controller = new AbortController();
      const host = transportHost({ signal: controller.signal, ...overrides });
      const running = which.run(host);
      const stop = async (): Promise<void> => {
        controller.abort();
        await running;
      };
      onTestFinished(stop);
      return { host, stop };
    },
  };
}

/** The reports of a loop so far. */
export function reportsOf(host: CollectingHost): StatusReport[] {
  return host.events.flatMap((event) => (event.type === "status" ? [event.report] : []));
}

/** Waits until something holds, however busy the machine is. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 10_000, interval: 5 });
}
