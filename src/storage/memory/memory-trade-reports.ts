import type { ArbitrageClosed, Fill, LegResult, SubmitLeg } from '../../messages/order.js';
import type { DecimalText } from '../../messages/primitives.js';
import type { JournalledOrder, ProfitAndLoss, ResidueRow, TradeStore } from '../../ports/stores.js';
import { Exact, exactText } from '../ledger-rules.js';
import type { MemoryDatabase, MemoryEngine } from './memory-database.js';

/** What people ask of the journal: the same answers as the views and sums of the SQL stores give. */

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const plus = (a: DecimalText, b: DecimalText): DecimalText => exactText(new Exact(a).plus(b));
const closedOf = (db: MemoryDatabase): ArbitrageClosed[] =>
  [...db.arbitrages.values()].map((body) => JSON.parse(body) as ArbitrageClosed);

function ordersOf(db: MemoryDatabase, arbitrageIds: readonly string[]): JournalledOrder[] {
  const wanted = new Set(arbitrageIds);
  return [...db.legs.values()]
    .map((body) => JSON.parse(body) as SubmitLeg)
    .filter((leg) => wanted.has(leg.arbitrageId))
    .map((leg) => {
      const body = db.results.get(leg.clientOrderId);
      return { leg, result: body === undefined ? null : (JSON.parse(body) as LegResult) };
    });
}

const NO_PARTS = { priceMove: '0', fees: '0', slippage: '0', latency: '0', legFailure: '0' };
const NO_SUMS = {
  arbitrages: 0,
  expectedNet: '0',
  realisedNet: '0',
  fees: '0',
  attributed: 0,
  parts: NO_PARTS,
};

function counted(sum: ProfitAndLoss, closed: ArbitrageClosed): ProfitAndLoss {
  const { expectedNet, realisedNet, fees, attribution } = closed;
  const parts = attribution ?? NO_PARTS;
  return {
    ...sum,
    arbitrages: sum.arbitrages + 1,
    expectedNet: plus(sum.expectedNet, expectedNet),
    realisedNet: plus(sum.realisedNet, realisedNet),
    fees: plus(sum.fees, fees),
    attributed: sum.attributed + (attribution === undefined ? 0 : 1),
    parts: {
      priceMove: plus(sum.parts.priceMove, parts.priceMove),
      fees: plus(sum.parts.fees, parts.fees),
      slippage: plus(sum.parts.slippage, parts.slippage),
      latency: plus(sum.parts.latency, parts.latency),
      legFailure: plus(sum.parts.legFailure, parts.legFailure),
    },
  };
}

function profitAndLoss(db: MemoryDatabase, fromMs: number, toMs: number): ProfitAndLoss[] {
  const sums = new Map<string, ProfitAndLoss>();
  for (const closed of closedOf(db)) {
    const { pair, outcome, closedAtMs } = closed;
    if (closedAtMs < fromMs || closedAtMs >= toMs) continue;
    const key = `${pair} ${outcome}`;
    sums.set(key, counted(sums.get(key) ?? { pair, outcome, ...NO_SUMS }, closed));
  }
  return [...sums].sort(([a], [b]) => compare(a, b)).map(([, sum]) => sum);
}

function residues(db: MemoryDatabase): ResidueRow[] {
  const rows = new Map<string, ResidueRow>();
  const assetOf = new Map<string, string>();
  for (const { arbitrageId, pair, outcome } of closedOf(db)) {
    const asset = pair.slice(0, pair.indexOf('-'));
    assetOf.set(arbitrageId, asset);
    const known = rows.get(asset) ?? { asset, amount: '0', arbitrages: 0, flagged: 0 };
    const flagged = known.flagged + (outcome === 'flagged' ? 1 : 0);
    rows.set(asset, { ...known, arbitrages: known.arbitrages + 1, flagged });
  }
  for (const { body } of db.fills) {
    const fill = JSON.parse(body) as Fill;
    const asset = assetOf.get(fill.arbitrageId);
    const row = asset === undefined ? undefined : rows.get(asset);
    if (row !== undefined) rows.set(row.asset, { ...row, amount: plus(row.amount, keptOf(fill)) });
  }
  return [...rows.values()].sort((a, b) => compare(a.asset, b.asset));
}

/** What a fill changes of its base asset. */
function keptOf({ instrument, side, quantity, fee, feeAsset }: Fill): DecimalText {
  const pair = instrument.slice(instrument.indexOf(':') + 1);
  const base = pair.slice(0, pair.indexOf('-'));
  const signed = side === 'buy' ? new Exact(quantity) : new Exact(quantity).neg();
  return exactText(feeAsset === base ? signed.minus(fee) : signed);
}

export function memoryTradeReports(
  engine: MemoryEngine,
): Pick<TradeStore, 'ordersOf' | 'profitAndLoss' | 'residues'> {
  return {
    ordersOf: (arbitrageIds) => engine.read((db) => ordersOf(db, arbitrageIds)),
    profitAndLoss: (fromMs, toMs) => engine.read((db) => profitAndLoss(db, fromMs, toMs)),
    residues: () => engine.read((db) => residues(db)),
  };
}
