import type { FaxbotEvent, FaxbotListener } from "../faxbot.ts";
import type { Fax } from "../records/fax.ts";
import type { InboundFax } from "../records/inbound-fax.ts";
import type { Notice, NoticeType } from "../records/notice.ts";
import type { Engine } from "./engine.ts";

const mostTries = 20;
const longestGapMs = 3_600_000;

/** The host's listeners, by tenant and type. */
export interface Listeners {
  /** @returns a function that stops listening */
  add<Type extends NoticeType>(tenantId: string, type: Type, listener: FaxbotListener<Type>): () => void;
  of(tenantId: string, type: NoticeType): readonly FaxbotListener<NoticeType>[];
}

/** Makes an empty set of {@link Listeners}. */
export function createListeners(): Listeners {
  const byKey = new Map<string, Set<FaxbotListener<NoticeType>>>();
  return {
    add(tenantId, type, listener) {
      const key = `${tenantId} ${type}`;
      const set = byKey.get(key) ?? new Set();
      byKey.set(key, set);
      // A listener is only ever called with events of the type it was added for.
      const stored = listener as FaxbotListener<NoticeType>;
      set.add(stored);
      return () => set.delete(stored);
    },
    of: (tenantId, type) => [...(byKey.get(`${tenantId} ${type}`) ?? [])],
  };
}

/**
 * Hands one claimed fact to the host's listeners and takes it out of the ledger when all of them took it. A fact that
 * nobody listens to is done.
 */
export async function workNotice<Trx>(
  engine: Engine<Trx>,
  listeners: Listeners,
  notice: Notice,
  signal: AbortSignal,
): Promise<void> {
  const { stores, clock, logger } = engine;
  await engine.faultPoint("notice.claimed");
  const claim = { tenantId: notice.tenantId, id: notice.id, fence: notice.fence };
  const takers = listeners.of(notice.tenantId, notice.type);
  if (takers.length > 0) {
    const subject = await loadSubject(engine, notice);
    if (subject && !signal.aborted) {
      const event: FaxbotEvent<NoticeType> = {
        id: notice.id,
        type: notice.type,
        tenantId: notice.tenantId,
        createdAt: notice.createdAt,
        subject,
      };
      await engine.faultPoint("notice.before-listener");
      try {
        for (const listener of takers) await listener(event);
      } catch (error) {
        const fields = {
          noticeId: notice.id,
          type: notice.type,
          tries: notice.tries + 1,
          errorName: error instanceof Error ? error.name : typeof error,
        };
        if (notice.tries + 1 < mostTries) {
          logger.warn(fields, "a listener failed; it will be called again");
          const gap = Math.min(1_000 * 2 ** notice.tries, longestGapMs);
          await stores.notices.postpone(claim, new Date(clock.now().getTime() + gap));
          return;
        }
        logger.error(fields, "a listener failed too often; the fact is dropped");
      }
      await engine.faultPoint("notice.after-listener");
    }
  }
  await stores.notices.remove(claim);
  await engine.faultPoint("notice.after-removal");
}

async function loadSubject<Trx>(engine: Engine<Trx>, notice: Notice): Promise<Fax | InboundFax | undefined> {
  const { faxes, inbound } = engine.stores;
  return notice.type.startsWith("inbound.")
    ? inbound.get(notice.tenantId, notice.subjectId)
    : faxes.get(notice.tenantId, notice.subjectId);
}
