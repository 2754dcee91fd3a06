import type { MemoryTransaction } from "./memory-transaction.ts";

/** Joins the parts of a key so that no two different keys meet. */
export function memoryKey(...parts: string[]): string {
  return JSON.stringify(parts);
}

/** Tells a row's key in an index; `undefined` keeps the row out of it (a partial index). */
export type MemoryIndex<Row> = (row: Row) => string | undefined;

/** The first so many rows of an order; only these are copied. */
export interface MemoryFirst<Row> {
  /** Default: in the order in which they were written. */
  order?: (a: Row, b: Row) => number;
  limit: number;
}

/** Rows in memory with a primary key and indexes. Rows go in and come out as copies. */
export class MemoryTable<Row extends object, Index extends string = never> {
  readonly #primary: (row: Row) => string;
  readonly #rows = new Map<string, Row>();
  readonly #indexes: { key: MemoryIndex<Row>; unique: boolean; entries: Map<string, Set<string>> }[] = [];
  readonly #indexByName = new Map<Index, number>();

  /**
   * @param primary a row's primary key
   * @param unique indexes that hold at most one row per key
   * @param indexes further indexes, to find rows without looking at all of them
   */
  constructor(
    primary: (row: Row) => string,
    unique: Partial<Record<Index, MemoryIndex<Row>>> = {},
    indexes: Partial<Record<Index, MemoryIndex<Row>>> = {},
  ) {
    this.#primary = primary;
    for (const [group, isUnique] of [[unique, true] as const, [indexes, false] as const]) {
      for (const [name, key] of Object.entries(group) as [Index, MemoryIndex<Row>][]) {
        this.#indexByName.set(name, this.#indexes.length);
        this.#indexes.push({ key, unique: isUnique, entries: new Map() });
      }
    }
  }

  /** False when the primary key or a unique index already holds such a row. */
  insert(row: Row, trx: MemoryTransaction): boolean {
    const primary = this.#primary(row);
    if (this.#rows.has(primary) || this.#isTaken(row, primary)) return false;
    this.#put(primary, row);
    trx.changed(() => this.#remove(primary));
    return true;
  }

  /** Replaces the row with the same primary key; false when there is none or a unique index holds another such row. */
  replace(row: Row, trx: MemoryTransaction): boolean {
    const primary = this.#primary(row);
    const old = this.#rows.get(primary);
    if (old === undefined || this.#isTaken(row, primary)) return false;
    this.#remove(primary);
    this.#put(primary, row);
    trx.changed(() => {
      this.#remove(primary);
      this.#put(primary, old);
    });
    return true;
  }

  /** False when there was none. */
  delete(primary: string, trx: MemoryTransaction): boolean {
    const old = this.#rows.get(primary);
    if (old === undefined) return false;
    this.#remove(primary);
    trx.changed(() => this.#put(primary, old));
    return true;
  }

  /** A copy of one row. */
  get(primary: string): Row | undefined {
    const row = this.#rows.get(primary);
    return row && structuredClone(row);
  }

  /** Copies of the rows that pass, of the whole table. */
  filter(passes: (row: Row) => boolean, first?: MemoryFirst<Row>): Row[] {
    return copies([...this.#rows.values()].filter(passes), first);
  }

  /** Copies of the rows that an index holds under a key and that pass. */
  find(
    index: Index,
    key: string,
    passes: (row: Row) => boolean = () => true,
    first?: MemoryFirst<Row>,
  ): Row[] {
    const entries = this.#indexes[this.#indexByName.get(index) as number]?.entries.get(key) ?? [];
    return copies([...entries].map((primary) => this.#rows.get(primary) as Row).filter(passes), first);
  }

  #isTaken(row: Row, primary: string): boolean {
    return this.#indexes.some(({ key, unique, entries }) => {
      const value = unique ? key(row) : undefined;
      const holders = value === undefined ? undefined : entries.get(value);
      return holders !== undefined && !(holders.size === 1 && holders.has(primary));
    });
  }

  #put(primary: string, row: Row): void {
    const copy = structuredClone(row);
    this.#rows.set(primary, copy);
    for (const { key, entries } of this.#indexes) {
      const value = key(copy);
      if (value === undefined) continue;
      const holders = entries.get(value);
      if (holders) holders.add(primary);
      else entries.set(value, new Set([primary]));
    }
  }

  #remove(primary: string): void {
    const row = this.#rows.get(primary);
    if (row === undefined) return;
    this.#rows.delete(primary);
    for (const { key, entries } of this.#indexes) {
      const value = key(row);
      const holders = value === undefined ? undefined : entries.get(value);
      holders?.delete(primary);
      if (value !== undefined && holders?.size === 0) entries.delete(value);
    }
  }
}

function copies<Row>(rows: Row[], first: MemoryFirst<Row> | undefined): Row[] {
  if (first?.order) rows.sort(first.order);
  const chosen = first ? rows.slice(0, Math.max(0, first.limit)) : rows;
  return chosen.map((row) => structuredClone(row));
}
