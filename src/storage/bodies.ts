import { z } from 'zod';
import type { PortfolioSnapshot } from '../ports/stores.js';
import { submitLeg } from '../messages/order.js';
import * as p from '../messages/primitives.js';

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
});

/** The legs of one arbitrage, journalled together: up to 4 legs, hedges of them included. */
export const journalledLegs = z
  .array(submitLeg)
  .min(1)
  .max(16)
  .refine((legs) => legs.every((leg) => leg.arbitrageId === legs[0]?.arbitrageId), 'more than one arbitrage');

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
