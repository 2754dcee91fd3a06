import {
  type BlobStore,
  type EventRecord,
  type FaultPointName,
  type FaxDocument,
  FaxError,
  type Inbox,
  type MemoryTransaction,
  memoryBlobs,
  memoryStores,
  type NoticeType,
  type ReceivedContext,
  type ReceivedPayload,
  type Stores,
} from "@faxbot/core";
import { documents } from "@faxbot/documents";
import { type CapturingLogger, capturingLogger, type ManualClock, manualClock } from "@faxbot/testing";
import { createInbox, type InboxOptions } from "../src/index.ts";

export type ReceivedEvent = EventRecord & { payload: ReceivedPayload };

/** An inbox on memory stores, and what a test wants to know about it. */
export interface InboxUnderTest {
  inbox: Inbox<MemoryTransaction>;
  stores: Stores<MemoryTransaction>;
  blobs: BlobStore;
  clock: ManualClock;
  logger: CapturingLogger;
  /** Every notice so far. */
  notices: { type: NoticeType; subjectId: string }[];
  /** How often the document was fetched from the provider. */
  fetches: number;
  /** What the provider has; a function is called for each fetch. Default: nothing (`not_found`). */
  provider: FaxDocument | (() => Promise<FaxDocument>) | undefined;
  /** How often the provider's copy was to be removed. */
  removals: number;
  /** Called at every fault point. */
  atFaultPoint: (name: FaultPointName) => void;
  /** Makes an event; with bytes it carries its document. */
  event(payload?: Partial<ReceivedPayload>, bytes?: Uint8Array): Promise<ReceivedEvent>;
  consume(event: ReceivedEvent): Promise<void>;
  giveUp(event: ReceivedEvent): Promise<void>;
  /** Keys of all blobs. */
  blobKeys(): Promise<string[]>;
}

/** `documents: false` leaves the document engine out. */
export function inboxUnderTest(
  options: Omit<Partial<InboxOptions>, "stores" | "blobs" | "documents"> & { documents?: false } = {},
): InboxUnderTest {
  const stores = memoryStores();
  const blobs = memoryBlobs();
  const clock = manualClock();
  const logger = capturingLogger();
  let events = 0;
  const { documents: withEngine, ...rest } = options;
  const engine = withEngine === false ? {} : { documents: documents() };

  const context = (): ReceivedContext<MemoryTransaction> => ({
    signal: new AbortController().signal,
    clock,
    logger,
    async fetchDocument() {
      under.fetches += 1;
      if (!under.provider) throw new FaxError("not_found", "the provider has no document");
      return typeof under.provider === "function" ? under.provider() : under.provider;
    },
    async removeDocument() {
      under.removals += 1;
    },
    faultPoint: (name) => under.atFaultPoint(name),
    async notify(type, subjectId, trx) {
      await stores.notices.insert(
        {
          tenantId: "default",
          id: `${type}:${under.notices.length}`,
          type,
          subjectId,
          tries: 0,
          dueAt: clock.now(),
          fence: 0,
          createdAt: clock.now(),
        },
        trx,
      );
      under.notices.push({ type, subjectId });
    },
  });

  const under: InboxUnderTest = {
    inbox: createInbox({ stores, blobs, clock, ...engine, ...rest }),
    stores,
    blobs,
    clock,
    logger,
    notices: [],
    fetches: 0,
    removals: 0,
    provider: undefined,
    atFaultPoint: () => {},
    async event(payload = {}, bytes) {
      events += 1;
      const now = clock.now();
      const blobKey = `events/${events}`;
      const stored = bytes && (await blobs.put(blobKey, bytes));
      return {
        tenantId: "default",
        id: events.toString(16).padStart(32, "0"),
        transportId: "test",
        key: `received:${events}`,
        payload: {
          type: "received",
          providerId: "provider-1",
          from: "+12025550142",
          to: "+12025550101",
          ...(stored
            ? { document: { blobKey, mediaType: "application/pdf", fileName: "fax.pdf", ...stored } }
            : {}),
          ...payload,
        },
        state: "pending",
        tries: 0,
        dueAt: now,
        fence: 1,
        createdAt: now,
        updatedAt: now,
      };
    },
    consume: (event) => under.inbox.consume(event, context()),
    giveUp: (event) => under.inbox.giveUp(event, context()),
    async blobKeys() {
      const keys: string[] = [];
      for await (const { key } of blobs.list("")) keys.push(key);
      return keys.sort();
    },
  };
  return under;
}
