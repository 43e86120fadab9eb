import type { RetentionStore, TelemetryTable } from '../../ports/performance.js';
import { textOf, timeOf } from './columns.js';
import type { Db } from './db.js';

/** The trigger of retention_runs removes and counts; a run without anything to remove leaves no row. */
const RUN = `
  insert into retention_runs (table_name, keep_days, asked_at, batch)
  values ($1::text, $2::text::int, to_timestamp($3::text::float8 / 1000), $4::text::int)
  returning removed::text`;

const THINNED: readonly (TelemetryTable | 'verdicts')[] = [
  'arbitrage_signals',
  'verdicts',
  'opportunity_events',
  'portfolio_snapshots',
];

/** Retention over SQL. */
export function sqlRetention(db: Db): RetentionStore {
  return {
    thin: async ({ table, keepDays, nowMs, limit }) => {
      const [run] = await db.query(RUN, [table, String(keepDays), timeOf(nowMs), String(limit)]);
      return run === undefined ? 0 : Number(textOf(run, 'removed'));
    },
    compact: async () => {
      // A server vacuums by itself; the embedded engine has nobody who does.
      if (!(await db.engine()).startsWith('pglite')) return;
      for (const table of THINNED) await db.query(`vacuum ${table}`);
    },
  };
}
