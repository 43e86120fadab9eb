import { z } from 'zod';
import { arbitrageClosed, attribution, fill, legResult, submitLeg } from './order.js';
import * as p from './primitives.js';
import { verdict } from './risk.js';
import { signal } from './signal.js';

/** What a node answers to people who ask how its trading went. */

/** Sums over many rows may be longer than one amount. */
const sum = z.string().regex(/^-?\d{1,80}(?:\.\d{1,40})?$/, 'not a sum');

export const profitAndLossRow = z.strictObject({
  pair: p.pairId,
  strategy: p.strategy,
  /** What the money is counted in. */
  quote: p.assetId,
  outcome: arbitrageClosed.shape.outcome,
  arbitrages: p.count,
  expectedNet: sum,
  realisedNet: sum,
  fees: sum,
  /** Of these, those whose difference is told by its parts; the parts are the sums over them. */
  attributed: p.count,
  parts: z.strictObject({
    priceMove: sum,
    fees: sum,
    slippage: sum,
    latency: sum,
    legFailure: sum,
  } satisfies Record<keyof z.infer<typeof attribution>, z.ZodType>),
});

export const residueRow = z.strictObject({
  asset: p.assetId,
  amount: sum,
  arbitrages: p.count,
  flagged: p.count,
});

/** What arbitrages that ended in a period made, and what is left over of all that ever ended. */
export const profitAndLossReport = z.strictObject({
  fromMs: p.timeMs,
  toMs: p.timeMs,
  rows: z.array(profitAndLossRow).max(10_000),
  residues: z.array(residueRow).max(10_000),
});
export type ProfitAndLossReport = z.infer<typeof profitAndLossReport>;

/** One arbitrage with everything that is stored of it: books and edge, rules, orders, fills, money. */
export const explanation = z.strictObject({
  arbitrageId: p.entityId,
  /** Null while it is under way. */
  closed: arbitrageClosed.nullable(),
  /** With the levels of both books that it was computed from; null when it was not kept. */
  signal: signal.nullable(),
  verdict: verdict.nullable(),
  orders: z.array(z.strictObject({ leg: submitLeg, result: legResult.nullable() })).max(1_000),
  fills: z.array(fill).max(10_000),
  /** What the fills changed, by exchange and asset, fees included. */
  money: z
    .array(z.strictObject({ exchange: p.exchangeId, asset: p.assetId, amount: p.decimalText }))
    .max(1_000),
  /** By all fills there are now: a fill may have come after the end. */
  residualBase: p.decimalText,
});
export type Explanation = z.infer<typeof explanation>;
