import { createFaxbot, type Faxbot, type Inbox, memoryBlobs, memoryStores } from "@faxbot/core";
import { createInbox } from "@faxbot/inbound";
import { syntheticPdf, type TestTransport, testTransport } from "@faxbot/testing";
import { type FaxbotApi, type FaxbotApiOptions, faxbotApi } from "../src/index.ts";

/** A running engine with inbox and API in memory. */
export interface RunningApi {
  api: FaxbotApi;
  faxbot: Faxbot;
  inbox: Inbox;
  transport: TestTransport;
  /** Calls the API with the key. */
  call(path: string, init?: RequestInit): Promise<Response>;
  /** Pretends that a fax comes in, and waits until it is in the inbox. @returns its id */
  receive(to: string): Promise<string>;
  stop(): Promise<void>;
}

export const apiKey = "a-key-for-tests-only-0123456789";
export const publicUrl = "https://fax.example.com";
export const webhookSecret = "a-webhook-secret-0123456789";

/** Starts a {@link RunningApi}. */
export async function runApi(options: Partial<FaxbotApiOptions> = {}): Promise<RunningApi> {
  const transport = testTransport({ webhookSecret });
  // Only `finish` ends a fax.
  transport.delayMs = Number.POSITIVE_INFINITY;
  const [stores, blobs] = [memoryStores(), memoryBlobs()];
  const inbox = createInbox({ stores, blobs });
  const faxbot = createFaxbot({
    transports: [transport],
    stores,
    blobs,
    inbox,
    publicUrl,
    delivery: { pollMs: 20 },
  });
  const api = faxbotApi({ faxbot, inbox, apiKey, publicUrl, ...options });
  await faxbot.start();
  const arrived = new Map<string, (id: string) => void>();
  faxbot.on("inbound.received", ({ subject }) => arrived.get(subject.to ?? "")?.(subject.id));
  return {
    api,
    faxbot,
    inbox,
    transport,
    call: (path, init = {}) => api(new Request(`http://localhost${path}`, withKey(init))),
    receive: async (to) => {
      const id = new Promise<string>((resolve) => arrived.set(to, resolve));
      await transport.receive({ to });
      return id;
    },
    stop: () => faxbot.stop(),
  };
}

function withKey(init: RequestInit): RequestInit {
  const headers = new Headers(init.headers);
  if (!headers.has("x-api-key") && !headers.has("authorization")) headers.set("x-api-key", apiKey);
  return { ...init, headers };
}

/** The form of a fax. */
export function faxForm(fields: Record<string, string>, file: Uint8Array = syntheticPdf()): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set("file", new Blob([file as Uint8Array<ArrayBuffer>], { type: "application/pdf" }), "order.pdf");
  return form;
}
