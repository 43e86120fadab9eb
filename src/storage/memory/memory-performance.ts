import type { LedgerEntry } from '../../messages/ledger.js';
import type { ArbitrageClosed } from '../../messages/order.js';
import {
  dayStartMs,
  nextDay,
  utcDayOf,
  type ClosedTotals,
  type DailyPerformance,
  type DayFacts,
  type UtcDay,
} from '../../messages/performance.js';
import type { AssetId } from '../../messages/primitives.js';
import type { Verdict } from '../../messages/risk.js';
import type { OpportunityEvent } from '../../messages/signal.js';
import type { PerformanceStore, RetentionStore, Thinning } from '../../ports/performance.js';
import type { PortfolioSnapshot } from '../../ports/stores.js';
import { anotherDay, markOf } from '../day-rules.js';
import { Exact, exactText } from '../ledger-rules.js';
import type { MemoryDatabase, MemoryEngine } from './memory-database.js';

const DAY_MS = 86_400_000;

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Snapshots of one currency in order of time. */
function snapshotsOf(db: MemoryDatabase, currency: AssetId): PortfolioSnapshot[] {
  return [...db.snapshots.values()]
    .map((body) => JSON.parse(body) as PortfolioSnapshot)
    .filter((snapshot) => snapshot.currency === currency)
    .sort((a, b) => a.atMs - b.atMs);
}

function closedIn(db: MemoryDatabase, fromMs: number, toMs: number): ClosedTotals[] {
  const totals = new Map<string, ClosedTotals>();
  for (const body of db.arbitrages.values()) {
    const { outcome, pair, realisedNet, fees, closedAtMs } = JSON.parse(body) as ArbitrageClosed;
    if (closedAtMs < fromMs || closedAtMs >= toMs) continue;
    const quote = pair.slice(pair.indexOf('-') + 1);
    const key = `${outcome} ${quote}`;
    const known = totals.get(key) ?? { outcome, quote, arbitrages: 0, realisedNet: '0', fees: '0' };
    totals.set(key, {
      ...known,
      arbitrages: known.arbitrages + 1,
      realisedNet: exactText(new Exact(known.realisedNet).plus(realisedNet)),
      fees: exactText(new Exact(known.fees).plus(fees)),
    });
  }
  return [...totals].sort(([a], [b]) => compare(a, b)).map(([, one]) => one);
}

function flowsIn(db: MemoryDatabase, afterMs: number, toMs: number): DayFacts['flows'] {
  const sums = new Map<AssetId, InstanceType<typeof Exact>>();
  for (const { body } of db.entries) {
    const { kind, postings, bookedAtMs } = JSON.parse(body) as LedgerEntry;
    if (kind === 'fill' || bookedAtMs <= afterMs || bookedAtMs > toMs) continue;
    for (const { account, asset, amount } of postings)
      if (account === 'opening' || account === 'external')
        sums.set(asset, (sums.get(asset) ?? new Exact(0)).minus(amount));
  }
  return [...sums]
    .filter(([, sum]) => !sum.isZero())
    .sort(([a], [b]) => compare(a, b))
    .map(([asset, sum]) => ({ asset, amount: exactText(sum) }));
}

function factsOf(db: MemoryDatabase, day: UtcDay, currency: AssetId): DayFacts {
  const [fromMs, toMs] = [dayStartMs(day), dayStartMs(nextDay(day))];
  const marks = snapshotsOf(db, currency).map(markOf);
  const within = marks.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
  const before = marks.filter(({ atMs }) => atMs < fromMs).at(-1) ?? null;
  const [first, last] = [within[0] ?? null, within.at(-1) ?? null];
  const [opening, closing] = [before ?? first, last ?? before];
  const flows = opening === null || closing === null ? [] : flowsIn(db, opening.atMs, closing.atMs);
  return { day, currency, before, first, last, closed: closedIn(db, fromMs, toMs), flows };
}

export function memoryPerformance(engine: MemoryEngine): PerformanceStore {
  return {
    firstDay: (currency) =>
      engine.read((db) => {
        const [oldest] = snapshotsOf(db, currency);
        return oldest === undefined ? null : utcDayOf(oldest.atMs);
      }),
    facts: (day, currency) => engine.read((db) => factsOf(db, day, currency)),
    saveDay: (row) =>
      engine.write((db) => {
        const key = `${row.currency} ${row.day}`;
        const body = JSON.stringify(row);
        const known = db.days.get(key);
        if (known !== undefined && known !== body) throw anotherDay(row);
        db.days.set(key, body);
        return known === undefined ? 'booked' : 'duplicate';
      }),
    days: (currency, before, limit) =>
      engine.read((db) =>
        [...db.days.values()]
          .map((body) => JSON.parse(body) as DailyPerformance)
          .filter((row) => row.currency === currency && (before === null || row.day < before))
          .sort((a, b) => compare(b.day, a.day))
          .slice(0, limit),
      ),
  };
}

interface Aged {
  readonly atMs: number;
  readonly remove: () => void;
}

/** Refused signals only: what was approved explains money. */
function refusedSignals(db: MemoryDatabase): Aged[] {
  return [...db.signals].flatMap(([id, row]) => {
    const { decision, decidedAtMs, verdictId } = JSON.parse(row.verdict) as Verdict;
    const remove = () => {
      db.signals.delete(id);
      db.verdictIds.delete(verdictId);
    };
    return decision === 'refused' ? [{ atMs: decidedAtMs, remove }] : [];
  });
}

const events = (db: MemoryDatabase): Aged[] =>
  [...db.opportunities].map((body) => ({
    atMs: (JSON.parse(body) as OpportunityEvent).atMs,
    remove: () => void db.opportunities.delete(body),
  }));

/** All snapshots but those that the daily rows need: the first ever and the last of each day. */
function snapshots(db: MemoryDatabase): Aged[] {
  const all = [...db.snapshots].map(([key, body]) => ({ key, ...(JSON.parse(body) as PortfolioSnapshot) }));
  const needed = new Map<string, (typeof all)[number]>();
  const keep = (name: string, one: (typeof all)[number], isBetter: (atMs: number) => boolean): void => {
    const known = needed.get(name);
    if (known === undefined || isBetter(known.atMs)) needed.set(name, one);
  };
  for (const one of all) {
    keep(one.currency, one, (atMs) => one.atMs < atMs);
    keep(`${one.currency} ${Math.floor(one.atMs / DAY_MS)}`, one, (atMs) => one.atMs > atMs);
  }
  const kept = new Set([...needed.values()].map(({ key }) => key));
  return all
    .filter(({ key }) => !kept.has(key))
    .map(({ key, atMs }) => ({ atMs, remove: () => void db.snapshots.delete(key) }));
}

/** Times of the rows that the age is told from, whether they may go or not. */
function newestMs(db: MemoryDatabase, table: Thinning['table'], rows: readonly Aged[]): number {
  const times =
    table === 'portfolio_snapshots'
      ? [...db.snapshots.values()].map((body) => (JSON.parse(body) as PortfolioSnapshot).atMs)
      : rows.map(({ atMs }) => atMs);
  return times.reduce((newest, atMs) => Math.max(newest, atMs), 0);
}

function thin(db: MemoryDatabase, { table, keepDays, nowMs, limit }: Thinning): number {
  const rows = {
    arbitrage_signals: refusedSignals,
    opportunity_events: events,
    portfolio_snapshots: snapshots,
  }[table](db);
  const cutMs = Math.min(nowMs, newestMs(db, table, rows)) - keepDays * DAY_MS;
  const old = rows
    .filter(({ atMs }) => atMs < cutMs)
    .sort((a, b) => a.atMs - b.atMs)
    .slice(0, limit);
  for (const { remove } of old) remove();
  return old.length;
}

export function memoryRetention(engine: MemoryEngine): RetentionStore {
  return {
    thin: (request) => engine.write((db) => thin(db, request)),
    compact: () => engine.read(() => undefined),
  };
}
