import { assetsOf } from '../../market/leg-assets.js';
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
    const { pair, outcome, closedAtMs, strategy = 'spatial', quote = assetsOf(`:${pair}`).quote } = closed;
    if (closedAtMs < fromMs || closedAtMs >= toMs) continue;
    const key = `${pair} ${strategy} ${quote} ${outcome}`;
    sums.set(key, counted(sums.get(key) ?? { pair, strategy, quote, outcome, ...NO_SUMS }, closed));
  }
  return [...sums].sort(([a], [b]) => compare(a, b)).map(([, sum]) => sum);
}

function residues(db: MemoryDatabase): ResidueRow[] {
  const rows = new Map<string, ResidueRow>();
  const fills = fillsByArbitrage(db);
  for (const closed of closedOf(db))
    for (const [asset, amount] of leftOverOf(closed, fills.get(closed.arbitrageId) ?? [])) {
      const known = rows.get(asset) ?? { asset, amount: '0', arbitrages: 0, flagged: 0 };
      rows.set(asset, {
        asset,
        amount: plus(known.amount, amount),
        arbitrages: known.arbitrages + 1,
        flagged: known.flagged + (closed.outcome === 'flagged' ? 1 : 0),
      });
    }
  return [...rows.values()].sort((a, b) => compare(a.asset, b.asset));
}

function fillsByArbitrage(db: MemoryDatabase): Map<string, Fill[]> {
  const byArbitrage = new Map<string, Fill[]>();
  for (const { body } of db.fills) {
    const fill = JSON.parse(body) as Fill;
    const known = byArbitrage.get(fill.arbitrageId);
    if (known === undefined) byArbitrage.set(fill.arbitrageId, [fill]);
    else known.push(fill);
  }
  return byArbitrage;
}

/** As the view `residues` has it (migration 013). */
function leftOverOf({ pair, shape, quote, residues = [] }: ArbitrageClosed, fills: readonly Fill[]) {
  if (shape === 'pair') return residues.map(({ asset, quantity }) => [asset, quantity] as const);
  const base = assetsOf(`:${pair}`).base;
  const sums = new Map<string, DecimalText>(shape === undefined ? [[base, '0']] : []);
  for (const fill of fills)
    for (const [asset, amount] of changesOf(fill))
      if (shape === undefined ? asset === base : asset !== quote)
        sums.set(asset, plus(sums.get(asset) ?? '0', amount));
  return [...sums];
}

/** What a fill changes of its base and of its quote. */
function changesOf({ instrument, side, quantity, price, fee, feeAsset }: Fill): [string, DecimalText][] {
  const { base, quote } = assetsOf(instrument);
  const worth = new Exact(quantity).times(price);
  const charged = (asset: string, amount: InstanceType<typeof Exact>): [string, DecimalText] => [
    asset,
    exactText(feeAsset === asset ? amount.minus(fee) : amount),
  ];
  return [
    charged(base, side === 'buy' ? new Exact(quantity) : new Exact(quantity).neg()),
    charged(quote, side === 'buy' ? worth.neg() : worth),
  ];
}

const MAX_POSITIONS = 1_000;

/** The newest end of each position that still holds something. */
function openPositions(db: MemoryDatabase): ArbitrageClosed[] {
  const newest = new Map<string, ArbitrageClosed>();
  for (const closed of closedOf(db))
    if (closed.position !== undefined) {
      const { positionId } = closed.position;
      newest.delete(positionId);
      newest.set(positionId, closed);
    }
  const open = [...newest.values()].filter(({ position }) => position!.carried.length > 0);
  return open.reverse().slice(0, MAX_POSITIONS);
}

export function memoryTradeReports(
  engine: MemoryEngine,
): Pick<TradeStore, 'ordersOf' | 'profitAndLoss' | 'residues' | 'openPositions'> {
  return {
    ordersOf: (arbitrageIds) => engine.read((db) => ordersOf(db, arbitrageIds)),
    profitAndLoss: (fromMs, toMs) => engine.read((db) => profitAndLoss(db, fromMs, toMs)),
    residues: () => engine.read((db) => residues(db)),
    openPositions: () => engine.read((db) => openPositions(db)),
  };
}
