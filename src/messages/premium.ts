import { z } from 'zod';
import * as p from './primitives.js';

/** What coins cost more in local money than in dollars, for people: shown and told, never traded on. */

const bps = z.number().finite();
const moment = z.number().finite().nullable();

/**
 * One coin on one exchange. Against the executable rate it is what a bridged trade would begin with; against a bank's rate nobody can trade, so
 * that it stands apart and decides nothing.
 */
export const premiumRow = z.object({
  exchange: p.exchangeId,
  asset: p.assetId,
  /** The local money. */
  currency: p.assetId,
  instrument: p.instrumentId,
  /** Mid prices: of the coin there, of the coin in dollars (the middle one of all exchanges), of a dollar there. */
  localPrice: z.number().finite(),
  dollarPrice: z.number().finite(),
  rate: z.number().finite(),
  /** Dollar markets that count. */
  dollarMarkets: p.count,
  vsUsdtBps: bps,
  /** Against a bank's rate; null without one. `usdtBps`: of the dollars themselves. */
  vsFxBps: bps.nullable(),
  usdtBps: bps.nullable(),
  /** At best prices with all fees, on the best of the dollar markets, both ways. */
  sellLocalBps: bps,
  buyLocalBps: bps,
});
export type PremiumRow = z.infer<typeof premiumRow>;

/** A bank's rate, local money for a dollar. */
export const fxView = z.object({
  currency: p.assetId,
  /** Null until it was read once. */
  rate: p.positiveDecimalText.nullable(),
  source: z.enum(['config', 'url']),
  /** What moment it is of, Unix ms; null = nobody says. */
  atMs: moment,
  /** Of the last question; null = it was answered. */
  error: z.string().nullable(),
});
export type FxView = z.infer<typeof fxView>;

/** Times are Unix ms. */
export const premiumReport = z.object({
  atMs: z.number().finite(),
  /** The reporting currency. */
  dollar: p.assetId,
  rows: z.array(premiumRow),
  fx: z.array(fxView),
});
export type PremiumReport = z.infer<typeof premiumReport>;

/** What an address answers for a bank's rate, where it is no decimal alone. */
export const fxAnswer = z.object({
  rate: z.union([p.positiveDecimalText, z.number().positive().finite()]),
  at: z.iso.datetime({ offset: true }).optional(),
});
