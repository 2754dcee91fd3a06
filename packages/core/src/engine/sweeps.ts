import type { PeriodicTask } from "../inbox.ts";
import type { BlobInfo } from "../ports/blob-store.ts";
import type { Engine } from "./engine.ts";

const hour = 3_600_000;
const batch = 500;
/** Applied events are kept at least this long, so that a provider's late repetition is still recognised. */
const keepEventsMs = 30 * 24 * hour;
const keepIdempotencyMs = 30 * 24 * hour;
/** A blob without a row this old was left by a crash; a host's own transaction will not be open that long. */
const orphanAfterMs = 24 * hour;

/** The engine's own housekeeping. */
export function sweeps<Trx>(engine: Engine<Trx>): PeriodicTask[] {
  const { stores } = engine;
  return [
    {
      name: "core.purge",
      everyMs: hour,
      run: async ({ clock }) => {
        const now = clock.now().getTime();
        const purged = [
          await stores.events.purge(new Date(now - keepEventsMs), batch),
          await stores.idempotency.purge(new Date(now - keepIdempotencyMs), batch),
          await stores.tokens.purge(new Date(now), batch),
        ];
        return purged.some((count) => count === batch);
      },
    },
    {
      name: "core.orphan-blobs",
      everyMs: 6 * hour,
      run: async ({ clock, signal, logger }) => {
        const before = clock.now().getTime() - orphanAfterMs;
        let found = 0;
        for await (const orphans of batches(engine, before)) {
          if (signal.aborted) break;
          for (const key of orphans) await engine.blobs.delete(key);
          found += orphans.length;
        }
        if (found > 0) logger.info({ found }, "removed documents that a crash had left behind");
        return false;
      },
    },
  ];
}

/** Old blobs that no row names, a batch at a time. */
async function* batches<Trx>(engine: Engine<Trx>, before: number): AsyncIterable<string[]> {
  const { stores, blobs } = engine;
  for (const prefix of ["outbound/", "prepared/", "events/"]) {
    let old: BlobInfo[] = [];
    const flush = async (): Promise<string[]> => {
      const keys = old.map((blob) => blob.key);
      old = [];
      if (prefix === "outbound/") {
        const known = await stores.faxes.knownBlobs(keys);
        return keys.filter((key) => !known.has(key));
      }
      const orphans: string[] = [];
      for (const key of keys) {
        const [, tenantId, id] = key.split("/");
        if (!tenantId || !id) continue;
        const needed =
          prefix === "events/"
            ? (await stores.events.get(tenantId, id)) !== undefined
            : (await stores.faxes.get(tenantId, id))?.completedAt === undefined;
        if (!needed) orphans.push(key);
      }
      return orphans;
    };
    for await (const blob of blobs.list(prefix)) {
      if (blob.modifiedAt.getTime() < before) old.push(blob);
      if (old.length === batch) yield await flush();
    }
    if (old.length > 0) yield await flush();
  }
}
