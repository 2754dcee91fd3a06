import { type MemoryTransaction, memoryStores, type Stores } from "@faxbot/core";

type MemoryStores = Stores<MemoryTransaction>;
type Groups = Omit<MemoryStores, "transaction" | "checkReady">;

/** Stores with one thing wrong, and the test that has to notice. */
export interface StoreDefect {
  name: string;
  caughtBy: string;
  readonly create: () => MemoryStores;
}

/** Makes sound stores wrong in one group. */
function breaking<Group extends keyof Groups>(
  group: Group,
  change: (sound: Groups[Group]) => Partial<Groups[Group]>,
): () => MemoryStores {
  return () => {
    const stores = memoryStores();
    return { ...stores, [group]: { ...stores[group], ...change(stores[group]) } };
  };
}

/** What can go wrong in stores, one thing each. */
export const storeDefects: readonly StoreDefect[] = [
  {
    name: "an insert that never says no",
    caughtBy: "refuses a second fax with the id",
    create: breaking("faxes", (sound) => ({
      insert: async (fax, trx) => {
        await sound.insert(fax, trx);
        return true;
      },
    })),
  },
  {
    name: "updates that forget the version",
    caughtBy: "updates the version before, and nothing else",
    create: breaking("faxes", (sound) => ({
      update: async (fax, trx) => {
        const current = await sound.get(fax.tenantId, fax.id, trx);
        return current !== undefined && sound.update({ ...fax, version: current.version + 1 }, trx);
      },
    })),
  },
  {
    name: "times without milliseconds",
    caughtBy: "gives back what was put in",
    create: breaking("faxes", (sound) => ({
      get: async (tenantId, id, trx) => {
        const fax = await sound.get(tenantId, id, trx);
        fax?.createdAt.setMilliseconds(0);
        return fax;
      },
    })),
  },
  {
    name: "optional fields that come back undefined",
    caughtBy: "gives back what was put in",
    create: breaking("faxes", (sound) => ({
      get: async (tenantId, id, trx) => {
        const fax = await sound.get(tenantId, id, trx);
        if (fax && !("from" in fax)) Reflect.set(fax, "from", undefined);
        return fax;
      },
    })),
  },
  {
    name: "records that are not copies",
    caughtBy: "hands out copies and keeps copies",
    create: breaking("faxes", (sound) => {
      const handedOut = new Map<string, Awaited<ReturnType<typeof sound.get>>>();
      return {
        get: async (tenantId, id, trx) => {
          if (!handedOut.has(id)) handedOut.set(id, await sound.get(tenantId, id, trx));
          return handedOut.get(id);
        },
      };
    }),
  },
  {
    name: "a list that begins at its start again",
    caughtBy: "lists the newest first, page by page",
    create: breaking("faxes", (sound) => ({
      list: async (query, trx) => {
        const fromTheStart = { ...query };
        delete fromTheStart.cursor;
        return sound.list(fromTheStart, trx);
      },
    })),
  },
  {
    name: "a list that is oldest first",
    caughtBy: "lists the newest first, page by page",
    create: breaking("faxes", (sound) => ({
      list: async (query, trx) => {
        const page = await sound.list(query, trx);
        return { ...page, items: page.items.reverse() };
      },
    })),
  },
  {
    name: "a cursor behind the last page",
    caughtBy: "has no cursor on a last page that is just full",
    create: breaking("faxes", (sound) => ({
      list: async (query, trx) => ({ nextCursor: "bGFzdA", ...(await sound.list(query, trx)) }),
    })),
  },
  {
    name: "blobs that are all known",
    caughtBy: "knows the blobs of all tenants",
    create: breaking("faxes", () => ({ knownBlobs: async (keys) => new Set(keys) })),
  },
  {
    name: "writes without a look at the fence",
    caughtBy: "refuses a write under the fence of a lost claim",
    create: breaking("attempts", (sound) => ({
      update: (attempt, _options, trx) => sound.update(attempt, {}, trx),
    })),
  },
  {
    name: "a line that is taken and an error for it",
    caughtBy: "go on after every kind of refused insert and update",
    create: breaking("attempts", (sound) => ({
      update: async (attempt, options, trx) => {
        const updated = await sound.update(attempt, options, trx);
        if (!updated && attempt.state === "submitting") throw new Error("duplicate key");
        return updated;
      },
    })),
  },
  {
    name: "claims of what is claimed",
    caughtBy: "claims what is due, the oldest first",
    create: breaking("attempts", (sound) => ({
      claimDue: ({ now, ...request }, trx) =>
        sound.claimDue({ ...request, now: new Date(now.getTime() + request.leaseMs) }, trx),
    })),
  },
  {
    name: "claims without a limit",
    caughtBy: "claims no more than asked for",
    create: breaking("events", (sound) => ({
      claimDue: (request, trx) => sound.claimDue({ ...request, limit: request.limit + 1 }, trx),
    })),
  },
  {
    name: "a late claimer who is believed",
    caughtBy: "refuses the claimer who was paused for too long",
    create: breaking("events", (sound) => ({
      settle: async (claim, verdict, trx) => {
        await sound.settle(claim, verdict, trx);
        return true;
      },
    })),
  },
  {
    name: "notices that anybody may remove",
    caughtBy: "stays when another worker has claimed it since",
    create: breaking("notices", (sound) => ({
      remove: async (claim, trx) => {
        await sound.remove(claim, trx);
        return true;
      },
    })),
  },
  {
    name: "a purge without a limit",
    caughtBy: "purges done events that are old enough, a few at a time",
    create: breaking("events", (sound) => ({
      purge: (before, _limit, trx) => sound.purge(before, 1_000, trx),
    })),
  },
  {
    name: "an inbox that shows what is not there yet",
    caughtBy: "lists what a reader may see",
    create: breaking("inbound", (sound) => ({
      list: async (query, trx) => {
        const page = await sound.list(query, trx);
        if (query.status !== undefined) return page;
        const early = await sound.list({ ...query, status: "receiving" }, trx);
        return { ...page, items: [...page.items, ...early.items] };
      },
    })),
  },
  {
    name: "a key for everybody",
    caughtBy: "belong to the first fax, in each tenant",
    create: breaking("idempotency", (sound) => ({
      claim: async (entry, trx) => {
        await sound.claim(entry, trx);
        return { claimed: true };
      },
    })),
  },
  {
    name: "tokens for every purpose",
    caughtBy: "are found by tenant, hash and purpose",
    create: breaking("tokens", (sound) => ({
      find: async (tenantId, hash, purpose, trx) =>
        (await sound.find(tenantId, hash, purpose, trx)) ??
        sound.find(tenantId, hash, "inbound_document", trx),
    })),
  },
  {
    name: "mailboxes in the order of a dictionary",
    caughtBy: "are listed by label, in the order of the bytes",
    create: breaking("mailboxes", (sound) => ({
      list: async (tenantId, trx) =>
        (await sound.list(tenantId, trx)).sort((a, b) => a.label.localeCompare(b.label)),
    })),
  },
  {
    name: "transactions that keep what failed",
    caughtBy: "take everything back when their function throws",
    create: () => {
      const stores = memoryStores();
      return {
        ...stores,
        transaction: async (fn) => {
          let thrown: { error: unknown } | undefined;
          const result = await stores.transaction((trx) =>
            fn(trx).catch((error: unknown) => {
              thrown = { error };
              return undefined;
            }),
          );
          if (thrown) throw thrown.error;
          return result as Awaited<ReturnType<typeof fn>>;
        },
      };
    },
  },
  {
    name: "a read that forgets its transaction",
    caughtBy: "attempts.get uses the transaction it is given",
    create: breaking("attempts", (sound) => ({ get: (tenantId, id) => sound.get(tenantId, id) })),
  },
];
