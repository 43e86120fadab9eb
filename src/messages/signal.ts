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

/** Net = gross − the named parts; all in the quote asset, for the whole quantity (TRADING §3). */
export const edgeBreakdown = z.strictObject({
  gross: p.decimalText,
  feeBuy: p.unsignedDecimalText,
  feeSell: p.unsignedDecimalText,
  latencyDecay: p.unsignedDecimalText,
  transfer: p.unsignedDecimalText,
  /** Signed: positive = the trade restores targets and earns a credit. */
  inventory: p.decimalText,
  net: p.decimalText,
});
export type EdgeBreakdown = z.infer<typeof edgeBreakdown>;

export const signal = z.strictObject({
  signalId: p.entityId,
  /** One life of an opportunity: from the edge opening to its closing. */
  opportunityId: p.entityId,
  strategy: p.strategy,
  pair: p.pairId,
  base: p.assetId,
  quote: p.assetId,
  legs: z.array(plannedLeg).min(2).max(4),
  /** Base quantity bought and kept = sold. */
  quantity: p.positiveDecimalText,
  /** Quote spent on the buy leg, fees included. */
  notional: p.positiveDecimalText,
  edge: edgeBreakdown,
  grossBps: z.number().finite(),
  netBps: z.number().finite(),
  detectedAtMs: p.timeMs,
  /** From the older book's exchange time to detection. */
  exchangeToSignalMs: z.number().finite(),
  expiresAtMs: p.timeMs,
});
export type Signal = z.infer<typeof signal>;

/** The life of an opportunity, for people: the page, the store, `arbot scan`. */
export const opportunityEvent = z.strictObject({
  opportunityId: p.entityId,
  phase: z.enum(['opened', 'improved', 'refused', 'executed', 'missed', 'closed']),
  strategy: p.strategy,
  pair: p.pairId,
  buyExchange: p.exchangeId,
  sellExchange: p.exchangeId,
  grossBps: z.number().finite(),
  netBps: z.number().finite(),
  quantity: p.unsignedDecimalText,
  /** Expected net profit in quote. */
  netProfit: p.decimalText,
  /** Machine-readable reason for refused, missed and closed: `NET_EDGE`, `BOOK_AGE`, `EDGE_CLOSED` … */
  reason: z.string().max(64),
  /** The same for people, with limit and actual value. */
  detail: z.string().max(300),
  openedAtMs: p.timeMs,
  atMs: p.timeMs,
});
export type OpportunityEvent = z.infer<typeof opportunityEvent>;
