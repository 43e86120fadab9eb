import { z } from 'zod';

/**
 * Building blocks of every message. Money crosses actors as decimal text (`DecimalText`), never as a float; times are
 * Unix milliseconds; counters that may exceed 2^53 are text.
 */

/** A plain decimal: optional minus, no exponent, no leading zeros, at most 44 digits; zero has no sign. */
const DECIMAL = /^(?!-[0.]+$)-?(?:0|[1-9]\d{0,23})(?:\.\d{1,20})?$/;

export const decimalText = z.string().max(48).regex(DECIMAL, 'not a plain decimal');
export const positiveDecimalText = decimalText.refine(
  (s) => !s.startsWith('-') && /[1-9]/.test(s),
  'not above 0',
);
export const unsignedDecimalText = decimalText.refine((s) => !s.startsWith('-'), 'negative');
export type DecimalText = z.infer<typeof decimalText>;

/** Unix milliseconds; fractions allowed (exchanges and `performance` give micros). */
export const timeMs = z.number().finite().min(0).max(8.64e15);
export const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
/** A sequence number of an exchange: digits, any size. */
export const sequenceText = z.string().regex(/^\d{1,32}$/);

const name = (what: string, max = 64) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]*$/, `not a valid ${what}`);

/** `binance`, `okx`, `bybit` …: lower case, as the exchange is named everywhere. */
export const exchangeId = z.string().regex(/^[a-z][a-z0-9]{1,31}$/, 'not an exchange id');
/** Canonical asset of the registry: `BTC`, `USDT`, `KRW`. */
export const assetId = z.string().regex(/^[A-Z0-9][A-Z0-9._]{0,31}$/, 'not an asset id');
/** Canonical pair `BASE-QUOTE`, the same on every exchange: `BTC-USDT`. */
export const pairId = z
  .string()
  .regex(/^[A-Z0-9][A-Z0-9._]{0,31}-[A-Z0-9][A-Z0-9._]{0,31}$/, 'not a pair id');
/** One market on one exchange: `<exchange>:<pair>`, e.g. `binance:BTC-USDT`. */
export const instrumentId = z
  .string()
  .regex(/^[a-z][a-z0-9]{1,31}:[A-Z0-9][A-Z0-9._]{0,31}-[A-Z0-9][A-Z0-9._]{0,31}$/, 'not an instrument id');
export const entityId = name('id', 96);
/** Follows one cause through every stage, from the quotes to the ledger. */
export const traceId = entityId;

export type ExchangeId = z.infer<typeof exchangeId>;
export type AssetId = z.infer<typeof assetId>;
export type PairId = z.infer<typeof pairId>;
export type InstrumentId = z.infer<typeof instrumentId>;

/** What looks for opportunities. */
export const strategy = z.enum(['spatial', 'triangular', 'statistical']);
export type Strategy = z.infer<typeof strategy>;

export const side = z.enum(['buy', 'sell']);
export type Side = z.infer<typeof side>;

/** How a taker fee is taken: in quote, in the asset received, or in a third coin at a discount (reference §2). */
export const feeMode = z.enum(['quote', 'received', 'third']);
export type FeeMode = z.infer<typeof feeMode>;

/** Where data and money come from. Never mixed in one run, one data folder or one number. */
export const modeName = z.enum(['SIMULATED', 'REPLAY', 'PAPER', 'LIVE']);
export type ModeName = z.infer<typeof modeName>;

/** [price, size], decimal text. */
export const levelText = z.tuple([positiveDecimalText, unsignedDecimalText]);
export type LevelText = z.infer<typeof levelText>;
