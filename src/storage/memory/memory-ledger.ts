import type { Decimal } from 'decimal.js';
import { ArbotError } from '../../messages/errors.js';
import type { LedgerEntry } from '../../messages/ledger.js';
import type { Fill } from '../../messages/order.js';
import type { Booked, LedgerStore } from '../../ports/stores.js';
import { differentExecution, Exact, exactText, sameExecution } from '../ledger-rules.js';
import type { MemoryDatabase, MemoryEngine } from './memory-database.js';

function addEntry(db: MemoryDatabase, entry: LedgerEntry): void {
  db.entryIds.add(entry.entryId);
  db.entries.push({ entryId: entry.entryId, body: JSON.stringify(entry) });
}

function bookFill(db: MemoryDatabase, applied: Fill, entry: LedgerEntry): Booked {
  const key = `${applied.exchange} ${applied.tradeId}`;
  const earlier = db.fillKeys.get(key);
  if (earlier !== undefined) {
    if (!sameExecution(JSON.parse(db.fills[earlier]?.body ?? 'null') as Fill, applied))
      throw differentExecution(applied);
    return 'duplicate';
  }
  if (db.entryIds.has(entry.entryId))
    throw new ArbotError('ARB_STORE_CONFLICT', `entry ${entry.entryId} exists already without this fill`);
  addEntry(db, entry);
  db.fillKeys.set(key, db.fills.length);
  db.fills.push({ key, body: JSON.stringify(applied) });
  return 'booked';
}

/** Sum per account and asset, in the order of account, then asset. */
function balances(db: MemoryDatabase): { account: string; asset: string; amount: string }[] {
  const sums = new Map<string, { account: string; asset: string; sum: Decimal }>();
  for (const { body } of db.entries)
    for (const { account, asset, amount } of (JSON.parse(body) as LedgerEntry).postings) {
      const key = `${account} ${asset}`;
      const sum = (sums.get(key)?.sum ?? new Exact(0)).plus(amount);
      sums.set(key, { account, asset, sum });
    }
  return [...sums.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { account, asset, sum }]) => ({ account, asset, amount: exactText(sum) }));
}

/** The rows after a position; positions count from 1. */
function page<T>(
  rows: readonly { readonly body: string }[],
  after: number,
  limit: number,
): { position: number; value: T }[] {
  return rows
    .slice(after, after + limit)
    .map(({ body }, index) => ({ position: after + index + 1, value: JSON.parse(body) as T }));
}

export function memoryLedger(engine: MemoryEngine): LedgerStore {
  return {
    append: (entry) =>
      engine.write((db) => {
        if (db.entryIds.has(entry.entryId)) return 'duplicate';
        addEntry(db, entry);
        return 'booked';
      }),
    bookFill: (applied, entry) => engine.write((db) => bookFill(db, applied, entry)),
    holdings: () =>
      engine.read((db) =>
        balances(db)
          .filter(({ account }) => account.startsWith('exchange:'))
          .map(({ account, asset, amount }) => ({
            exchange: account.slice('exchange:'.length),
            asset,
            amount,
          })),
      ),
    balances: () => engine.read(balances),
    entries: (after, limit) =>
      engine.read((db) =>
        page<LedgerEntry>(db.entries, after, limit).map(({ position, value }) => ({
          position,
          entry: value,
        })),
      ),
    fills: (after, limit) =>
      engine.read((db) =>
        page<Fill>(db.fills, after, limit).map(({ position, value }) => ({ position, fill: value })),
      ),
    fillsOf: (arbitrageIds) =>
      engine.read((db) => {
        const wanted = new Set(arbitrageIds);
        return db.fills.map(({ body }) => JSON.parse(body) as Fill).filter((f) => wanted.has(f.arbitrageId));
      }),
  };
}
