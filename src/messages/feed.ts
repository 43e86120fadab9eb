import { z } from 'zod';
import * as p from './primitives.js';

/** Messages of the feed stage. Order-book updates do not travel as messages on a node: they go through the QuoteBoard. */

export const feedState = z.enum([
  'connecting',
  'syncing',
  'live',
  'stale',
  'disconnected',
  'quarantined',
  'stopped',
]);
export type FeedState = z.infer<typeof feedState>;

/** A feed changed its state; `instrument` absent = the whole connection. */
export const feedStatus = z.strictObject({
  exchange: p.exchangeId,
  instrument: p.instrumentId.optional(),
  state: feedState,
  reason: z.string().max(300),
  epoch: p.count,
  atMs: p.timeMs,
});
export type FeedStatus = z.infer<typeof feedStatus>;

/**
 * The state of an instrument at its exchange; only `trading` may trade. `warning`: the exchange warns investors or watches the
 * market; `delisting`: its end is announced, so that what is bought there may be stuck.
 */
export const instrumentState = z.enum([
  'trading',
  'warning',
  'halted',
  'cancel_only',
  'delisting',
  'maintenance',
  'unknown',
]);
export type InstrumentState = z.infer<typeof instrumentState>;

/** An exchange changed the state of a market; `reason` is its own word. */
export const instrumentStateChanged = z.strictObject({
  instrument: p.instrumentId,
  state: instrumentState,
  reason: z.string().max(300),
  atMs: p.timeMs,
});
export type InstrumentStateChanged = z.infer<typeof instrumentStateChanged>;

/** An exchange opened or closed deposits or withdrawals of an asset that is followed, over one network. */
export const walletStateChanged = z.strictObject({
  exchange: p.exchangeId,
  asset: p.assetId,
  /** The exchange's own name of it. */
  network: z.string().min(1).max(64),
  canDeposit: z.boolean(),
  canWithdraw: z.boolean(),
  atMs: p.timeMs,
});
export type WalletStateChanged = z.infer<typeof walletStateChanged>;

/** One public trade. `side` is the taker's side; `tradeId` is text because some exceed 2^53. */
export const tradePrint = z.strictObject({
  instrument: p.instrumentId,
  tradeId: z.string().min(1).max(64),
  price: p.positiveDecimalText,
  quantity: p.positiveDecimalText,
  side: p.side,
  exchangeTimeMs: p.timeMs,
  receiveTimeMs: p.timeMs,
});
export type TradePrint = z.infer<typeof tradePrint>;

/** A book as other nodes and late readers get it. Best level first. */
export const bookTop = z.strictObject({
  instrument: p.instrumentId,
  epoch: p.count,
  sequence: p.count,
  trusted: z.boolean(),
  bids: z.array(z.tuple([z.number().positive().finite(), z.number().positive().finite()])).max(50),
  asks: z.array(z.tuple([z.number().positive().finite(), z.number().positive().finite()])).max(50),
  exchangeTimeMs: p.timeMs,
  receiveTimeMs: p.timeMs,
});
export type BookTop = z.infer<typeof bookTop>;
