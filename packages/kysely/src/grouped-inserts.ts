/** Most rows of one statement; far below what both databases take in parameters. */
const mostRows = 64;

interface Waiting<Row> {
  row: Row;
  resolve: (inserted: boolean) => void;
  reject: (error: unknown) => void;
}

/**
 * Group commit: inserts that come together, or while an earlier group is being written, share one statement and so one
 * flush to the disk. Each is answered when its group is durable. When a group fails, its rows are tried one by one, so
 * that a row fails for itself alone.
 *
 * @param insert inserts all rows in one statement, in the given order; returns the rows that were new
 * @param order one order for all writers: two groups that meet the same keys in different orders would wait for each other
 */
export function groupedInserts<Row>(
  insert: (rows: readonly Row[]) => Promise<ReadonlySet<Row>>,
  order: (a: Row, b: Row) => number,
): (row: Row) => Promise<boolean> {
  let waiting: Waiting<Row>[] = [];
  let running = false;

  const write = async (group: readonly Waiting<Row>[]): Promise<void> => {
    try {
      const inserted = await insert(group.map(({ row }) => row).sort(order));
      for (const { row, resolve } of group) resolve(inserted.has(row));
    } catch (error) {
      if (group.length === 1) for (const { reject } of group) reject(error);
      else for (const each of group) await write([each]);
    }
  };

  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      const group = waiting.slice(0, mostRows);
      waiting = waiting.slice(mostRows);
      await write(group);
    }
    running = false;
  };

  return (row) =>
    new Promise((resolve, reject) => {
      waiting.push({ row, resolve, reject });
      if (running) return;
      running = true;
      // After what else arrived in this turn of the event loop.
      setImmediate(() => void run());
    });
}
