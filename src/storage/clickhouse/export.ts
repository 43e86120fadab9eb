import type { TickRows, TickTable, TimeRange } from '../../ports/tick-store.js';
import { microsOf } from '../tick-border.js';
import type { Engine } from './engine.js';
import { SHAPES, type TableShape } from './tick-tables.js';

const PIECE_ROWS = 5_000;
const FIRST_SLICE_MICROS = 60_000_000;
const LONGEST_SLICE_MICROS = 86_400_000_000;

interface Page<R> {
  readonly rows: readonly R[];
  /** Of the last row. */
  readonly lastMicros: number;
  /** Rows at the end that share the time of the last. */
  readonly ties: number;
}

async function pageOf<R>(
  engine: Engine,
  table: TickTable,
  shape: TableShape<R>,
  at: { readonly from: number; readonly to: number; readonly skip: number },
): Promise<Page<R>> {
  const { where, params } = shape.within(at.from, at.to);
  const found = await engine.select(
    `SELECT ${shape.timeMicros}, ${shape.selected} FROM ${table} WHERE ${where} ORDER BY ${shape.orderBy} ` +
      `LIMIT ${PIECE_ROWS} OFFSET ${at.skip}`,
    params,
  );
  const timeAt = (index: number): number => Number(found[index]?.[0]);
  let ties = 0;
  while (ties < found.length && timeAt(found.length - 1 - ties) === timeAt(found.length - 1)) ties++;
  return {
    rows: found.map((cells) => shape.decode(cells.slice(1))),
    lastMicros: timeAt(found.length - 1),
    ties,
  };
}

/** First and last time within a range, null when it holds nothing; answered from the index of the parts. */
async function spanOf<R>(
  engine: Engine,
  table: TickTable,
  shape: TableShape<R>,
  range: TimeRange,
): Promise<{ readonly from: number; readonly to: number } | null> {
  const { where, params } = shape.within(microsOf(range.fromMs), microsOf(range.toMs));
  const time = shape.timeMicros.replace(shape.timeColumn, (column) => `min(${column})`);
  const last = shape.timeMicros.replace(shape.timeColumn, (column) => `max(${column})`);
  const [row] = await engine.select(`SELECT count(), ${time}, ${last} FROM ${table} WHERE ${where}`, params);
  if (row === undefined || Number(row[0]) === 0) return null;
  return { from: Number(row[1]), to: Number(row[2]) + 1 };
}

/**
 * Rows of a table by time, one page in memory at a time: the embedded engine would hold a whole answer. A page is cut at the time
 * of its last row and the rows of that time that went out are skipped by the next. The stretch of time that is asked for follows
 * the density of the rows, so that each page sorts about what it gives.
 */
export async function* exportRows<T extends TickTable>(
  engine: Engine,
  table: T,
  range: TimeRange,
): AsyncGenerator<readonly TickRows[T][]> {
  const shape: TableShape<TickRows[T]> = SHAPES[table];
  const span = await spanOf(engine, table, shape, range);
  if (span === null) return;
  let { from } = span;
  let skip = 0;
  let slice = FIRST_SLICE_MICROS;
  while (from < span.to) {
    const to = Math.min(span.to, from + slice);
    const page = await pageOf(engine, table, shape, { from, to, skip });
    if (page.rows.length > 0) yield page.rows;
    if (page.rows.length < PIECE_ROWS) {
      from = to;
      skip = 0;
      if (page.rows.length < PIECE_ROWS / 2) slice = Math.min(slice * 2, LONGEST_SLICE_MICROS);
    } else if (page.lastMicros === from) {
      skip += page.ties;
    } else {
      slice = Math.max(1_000_000, page.lastMicros - from);
      from = page.lastMicros;
      skip = page.ties;
    }
  }
}
