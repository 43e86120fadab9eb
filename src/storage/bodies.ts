import { z } from 'zod';
import type { LeaseClaim, LeaseKey } from '../ports/leases.js';
import type { ExchangeTerms, PortfolioSnapshot } from '../ports/stores.js';
import { submitLeg } from '../messages/order.js';
import { baselineAmount } from '../messages/performance.js';
import * as p from '../messages/primitives.js';
import type { Thinning } from '../ports/performance.js';

/** Schemas of what stores take beside the messages of the catalogue. */

export const portfolioSnapshot: z.ZodType<PortfolioSnapshot> = z.strictObject({
  atMs: p.timeMs,
  currency: p.assetId,
  equity: p.decimalText,
  realisedNet: p.decimalText,
  holdings: z
    .array(
      z.strictObject({
        exchange: p.exchangeId,
        asset: p.assetId,
        amount: p.decimalText,
        mark: p.decimalText.nullable(),
      }),
    )
    .max(4096),
  baseline: z.array(baselineAmount).max(4096).optional(),
});

export const thinning: z.ZodType<Thinning> = z.strictObject({
  table: z.enum(['arbitrage_signals', 'opportunity_events', 'portfolio_snapshots']),
  keepDays: z.number().int().min(1).max(36_500),
  nowMs: p.timeMs,
  limit: z.number().int().min(1).max(10_000),
});

/** The legs of one arbitrage, journalled together: up to 4 legs, hedges of them included. */
export const journalledLegs = z
  .array(submitLeg)
  .min(1)
  .max(16)
  .refine((legs) => legs.every((leg) => leg.arbitrageId === legs[0]?.arbitrageId), 'more than one arbitrage');

export const fence = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);
export const leaseResource = z.string().regex(/^[a-z][a-z0-9:-]{0,63}$/, 'not a resource');
const leaseNonce = z.string().regex(/^[0-9a-f]{32}$/, 'not a nonce');

export const leaseClaim: z.ZodType<LeaseClaim> = z.strictObject({
  resource: leaseResource,
  holder: z.string().min(1).max(64),
  nonce: leaseNonce,
  ttlMs: z.number().int().min(50).max(3_600_000),
  maxExpiryMs: z.number().int().min(0).max(600_000),
  succeeds: z.boolean(),
  watched: z
    .strictObject({ fence, renewals: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER) })
    .nullable()
    .optional(),
});

export const leaseKey: z.ZodType<LeaseKey> = z.strictObject({
  resource: leaseResource,
  fence,
  nonce: leaseNonce,
});

/** Beyond a tenth no exchange charges, and a decimal point is in the wrong place. */
const feeRate = p.decimalText.refine((rate) => Math.abs(Number(rate)) < 0.1, 'a rate of a tenth or more');

export const exchangeTerms: z.ZodType<readonly ExchangeTerms[]> = z
  .array(
    z.strictObject({
      exchange: p.exchangeId,
      tier: z.string().min(1).max(64),
      makerFee: feeRate,
      takerFee: feeRate,
      active: z.boolean(),
    }),
  )
  .max(256)
  .refine(
    (rows) => new Set(rows.map((row) => row.exchange)).size === rows.length,
    'an exchange is named twice',
  );

/** `kill-switch`, `pairs.enabled` … */
export const settingKey = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]*$/, 'not a setting key');

/** Settings are small facts; anything larger belongs in a table of its own. */
export const settingValue = z
  .string()
  .refine((text) => Buffer.byteLength(text, 'utf8') <= 8192, 'larger than 8192 bytes');
