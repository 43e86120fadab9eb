import { z } from 'zod';
import * as p from './primitives.js';

/** Messages of the detection stage. A signal carries everything needed to explain it later. */

/** One planned order of an arbitrage, with the book it was computed from. */
export const plannedLeg = z.strictObject({
  instrument: p.instrumentId,
  exchange: p.exchangeId,
  side: p.side,
  /** Base quantity of the order, on the instrument's lot. In `received` fee mode the buy order is larger than what is kept. */
  quantity: p.positiveDecimalText,
  /** Worst price accepted, on the instrument's tick. The order is limit IOC at this price. */
  limitPrice: p.positiveDecimalText,
  expectedVwap: p.positiveDecimalText,
  feeRate: p.unsignedDecimalText,
  feeMode: p.feeMode,
  bookEpoch: p.count,
  bookSequence: p.count,
  exchangeTimeMs: p.timeMs,
  receiveTimeMs: p.timeMs,
  /** The levels the size was computed from, best first. */
  levels: z.array(p.levelText).max(50),
});
export type PlannedLeg = z.infer<typeof plannedLeg>;

/**
 * Net = gross − the named parts + what is marked; all in the quote asset, for the whole quantity (TRADING §3). Of a cycle or a
 * pair `feeBuy` is the sum over the legs that buy and `feeSell` over those that sell.
 */
export const edgeBreakdown = z.strictObject({
  gross: p.decimalText,
  feeBuy: p.unsignedDecimalText,
  feeSell: p.unsignedDecimalText,
  latencyDecay: p.unsignedDecimalText,
  transfer: p.unsignedDecimalText,
  /** Signed: positive = the trade restores targets and earns a credit. */
  inventory: p.decimalText,
  /** Signed worth of what rounding leaves over, at the prices it would be sold at; absent = nothing is left. */
  marked: p.decimalText.optional(),
  net: p.decimalText,
});
export type EdgeBreakdown = z.infer<typeof edgeBreakdown>;

/**
 * How the legs belong together. `two-sided`: the same base is bought and sold. `cycle`: in order, what a leg yields is what the
 * next one spends, from the quote asset back to it. `pair`: two different bases, bought and sold for the same quote.
 */
export const signalShape = z.enum(['two-sided', 'cycle', 'pair']);
export type SignalShape = z.infer<typeof signalShape>;

/** An asset that rounding leaves over: signed quantity, and its worth in the quote asset of the signal. */
export const residueText = z.strictObject({
  asset: p.assetId,
  quantity: p.decimalText,
  worth: p.decimalText,
});
export type ResidueText = z.infer<typeof residueText>;

/** What a signal of a statistical pair does to the position of that pair, and the figures that say so. */
export const pairAction = z.strictObject({
  /** `<first instrument>~<second instrument>`: the position it opens or closes. */
  positionId: z.string().min(3).max(160),
  action: z.enum(['enter', 'exit', 'stop', 'time-stop', 'regime-break']),
  /** Long buys the first and sells the second. */
  direction: z.enum(['long', 'short']),
  hedgeRatio: z.number().finite(),
  zScore: z.number().finite(),
  halfLifeMs: z.number().finite().min(0).nullable(),
  /** Of the test that found the pair. */
  pValue: z.number().min(0).max(1).nullable(),
});
export type PairAction = z.infer<typeof pairAction>;

export const signal = z.strictObject({
  signalId: p.entityId,
  /** One life of an opportunity: from the edge opening to its closing. */
  opportunityId: p.entityId,
  strategy: p.strategy,
  /** Absent = `two-sided`. */
  shape: signalShape.optional(),
  /** Of the first leg, where the legs are of several pairs. */
  pair: p.pairId,
  base: p.assetId,
  /** What the edge, the notional and the profit are counted in. A cycle begins and ends with it. */
  quote: p.assetId,
  legs: z.array(plannedLeg).min(2).max(4),
  /** Base quantity bought and kept = sold. */
  quantity: p.positiveDecimalText,
  /** Quote spent on the buy leg, fees included. */
  notional: p.positiveDecimalText,
  edge: edgeBreakdown,
  /** What rounding leaves over by plan, asset by asset; absent = nothing. */
  residues: z.array(residueText).max(4).optional(),
  /** Only with the shape `pair`. */
  position: pairAction.optional(),
  grossBps: z.number().finite(),
  netBps: z.number().finite(),
  detectedAtMs: p.timeMs,
  /** From the older book's exchange time to detection. */
  exchangeToSignalMs: z.number().finite(),
  expiresAtMs: p.timeMs,
});
export type Signal = z.infer<typeof signal>;

/** How the legs of a signal belong together. */
export const shapeOf = ({ shape }: Pick<Signal, 'shape'>): SignalShape => shape ?? 'two-sided';

/** The life of an opportunity, for people: the page, the store, `arbot scan`. */
export const opportunityEvent = z.strictObject({
  opportunityId: p.entityId,
  phase: z.enum(['opened', 'improved', 'refused', 'executed', 'missed', 'closed']),
  strategy: p.strategy,
  pair: p.pairId,
  buyExchange: p.exchangeId,
  sellExchange: p.exchangeId,
  /** The markets in order of the legs, where they are of several pairs: `binance:BTC-USDT > binance:ETH-BTC > …`. Absent = the two exchanges say it. */
  route: z.string().max(240).optional(),
  grossBps: z.number().finite(),
  netBps: z.number().finite(),
  quantity: p.unsignedDecimalText,
  /** Expected net profit in quote; of a position that is entered, what its return to the mean is worth. */
  netProfit: p.decimalText,
  /** Machine-readable reason for refused, missed and closed: `NET_EDGE`, `BOOK_AGE`, `EDGE_CLOSED` … */
  reason: z.string().max(64),
  /** The same for people, with limit and actual value. */
  detail: z.string().max(300),
  openedAtMs: p.timeMs,
  atMs: p.timeMs,
});
export type OpportunityEvent = z.infer<typeof opportunityEvent>;
