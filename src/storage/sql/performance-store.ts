import { dailyPerformance, dayStartMs, nextDay, utcDayOf, type UtcDay } from '../../messages/performance.js';
import type { ClosedTotals, DailyPerformance, DayFacts, EquityMark } from '../../messages/performance.js';
import type { AssetId } from '../../messages/primitives.js';
import type { PerformanceStore } from '../../ports/performance.js';
import { invariant } from '../../messages/errors.js';
import { portfolioSnapshot } from '../bodies.js';
import { restore } from '../border.js';
import { anotherDay, markOf } from '../day-rules.js';
import { jsonOf, only, textOf, timeOf } from './columns.js';
import type { Db, Row, Statement } from './db.js';

const OLDEST = `select min(at_ms)::text as at_ms from portfolio_snapshots where currency = $1::text`;

/** One mark of a currency: the first or the last of a stretch of time. */
const MARK = (where: string, order: 'asc' | 'desc'): string => `
  (select body::text from portfolio_snapshots where currency = $1::text and ${where} order by at_ms ${order} limit 1)`;

const DAY_START = `at_ms >= $2::text::numeric`;
const MARKS = `
  select ${MARK(`at_ms < $2::text::numeric`, 'desc')} as before,
         ${MARK(`${DAY_START} and at_ms < $3::text::numeric`, 'asc')} as first,
         ${MARK(`${DAY_START} and at_ms < $3::text::numeric`, 'desc')} as last`;

const at = (parameter: string): string => `to_timestamp(${parameter}::text::float8 / 1000)`;

const CLOSED = `
  select outcome, split_part(pair, '-', 2) as quote, count(*)::text as arbitrages,
         trim_scale(sum(realised_net))::text as realised_net, trim_scale(sum(fees))::text as fees
  from arbitrages where closed_at >= ${at('$1')} and closed_at < ${at('$2')}
  group by outcome, split_part(pair, '-', 2)
  order by outcome collate "C", split_part(pair, '-', 2) collate "C"`;

const FLOWS = `
  select p.asset, trim_scale(-sum(p.amount))::text as amount
  from ledger_entries e join ledger_postings p on p.position = e.position
  where e.kind <> 'fill' and e.booked_at > ${at('$1')} and e.booked_at <= ${at('$2')}
    and p.account in ('opening', 'external')
  group by p.asset having sum(p.amount) <> 0 order by p.asset collate "C"`;

const COLUMNS = `
  day, currency, carried, opening_equity, closing_equity, flows, trading_net, revaluation, realised_net, fees,
  completed, partial, unwound, failed, flagged, day_return, index, peak_index, drawdown, sharpe, sharpe_days, body`;

const SAVE = `
  with saved as (
    insert into daily_performance (${COLUMNS})
    values ($1::text::date, $2::text, $3::text::boolean, $4::text::numeric, $5::text::numeric, $6::text::numeric,
            $7::text::numeric, $8::text::numeric, $9::text::numeric, $10::text::numeric, $11::text::int, $12::text::int,
            $13::text::int, $14::text::int, $15::text::int, $16::text::numeric, $17::text::numeric, $18::text::numeric,
            $19::text::numeric, $20::text::numeric, $21::text::int, $22::text::jsonb)
    on conflict (currency, day) do nothing
    returning 1
  )
  select (select count(*) from saved)::text as booked`;

const SAME = `
  select (body = $3::text::jsonb)::text as same from daily_performance
  where currency = $1::text and day = $2::text::date`;

const DAYS = `
  select body::text from daily_performance
  where currency = $1::text and day < coalesce($2::text::date, 'infinity'::date) order by day desc limit $3::text::int`;

const markIn = (row: Row, column: string): EquityMark | null =>
  row[column] === null ? null : markOf(restore(portfolioSnapshot, textOf(row, column), 'stored snapshot'));

const closedOf = (row: Row): ClosedTotals => ({
  outcome: textOf(row, 'outcome') as ClosedTotals['outcome'],
  quote: textOf(row, 'quote'),
  arbitrages: Number(textOf(row, 'arbitrages')),
  realisedNet: textOf(row, 'realised_net'),
  fees: textOf(row, 'fees'),
});

async function factsOf(db: Db, day: UtcDay, currency: AssetId): Promise<DayFacts> {
  const [fromMs, toMs] = [timeOf(dayStartMs(day)), timeOf(dayStartMs(nextDay(day)))];
  const marks = only(await db.query(MARKS, [currency, fromMs, toMs]));
  const [before, first, last] = ['before', 'first', 'last'].map((column) => markIn(marks, column));
  invariant(before !== undefined && first !== undefined && last !== undefined, 'three marks are asked for');
  const statements: Statement[] = [{ sql: CLOSED, values: [fromMs, toMs] }];
  const [opening, closing] = [before ?? first, last ?? before];
  if (opening !== null && closing !== null)
    statements.push({ sql: FLOWS, values: [timeOf(opening.atMs), timeOf(closing.atMs)] });
  const [closed = [], flows = []] = await db.transaction(statements);
  const moved = flows.map((row) => ({ asset: textOf(row, 'asset'), amount: textOf(row, 'amount') }));
  return { day, currency, before, first, last, closed: closed.map(closedOf), flows: moved };
}

async function saveDay(db: Db, row: DailyPerformance): Promise<'booked' | 'duplicate'> {
  const { arbitrages } = row;
  const counts = [
    arbitrages.completed,
    arbitrages.partial,
    arbitrages.unwound,
    arbitrages.failed,
    arbitrages.flagged,
  ].map(String);
  const equity = [String(row.carried), row.openingEquity, row.closingEquity];
  const change = [row.flows, row.tradingNet, row.revaluation, row.realisedNet, row.fees];
  const curve = [row.dayReturn, row.index, row.peakIndex, row.drawdown, row.sharpe, String(row.sharpeDays)];
  const body = jsonOf(row);
  const values = [row.day, row.currency, ...equity, ...change, ...counts, ...curve, body];
  if (only(await db.query(SAVE, values))['booked'] === '1') return 'booked';
  const known = await db.query(SAME, [row.currency, row.day, body]);
  if (only(known)['same'] !== 'true') throw anotherDay(row);
  return 'duplicate';
}

/** Daily rows and their facts over SQL; sums are taken by the database, which is exact. */
export function sqlPerformance(db: Db): PerformanceStore {
  return {
    firstDay: async (currency) => {
      const atMs = only(await db.query(OLDEST, [currency]))['at_ms'];
      return atMs === null || atMs === undefined ? null : utcDayOf(Number(atMs));
    },
    facts: (day, currency) => factsOf(db, day, currency),
    saveDay: (row) => saveDay(db, row),
    days: async (currency, before, limit) =>
      (await db.query(DAYS, [currency, before, String(limit)])).map((row) =>
        restore(dailyPerformance, textOf(row, 'body'), 'stored day'),
      ),
  };
}
