import { z } from 'zod';
import * as p from './primitives.js';

/** Double entry: each entry's postings sum to zero for each asset. */

/** `exchange:<id>` holdings · `trading` counterpart of fills · `fees` · `opening` equity · `external` deposits and withdrawals. */
export const account = z.string().regex(/^(exchange:[a-z][a-z0-9]{1,31}|trading|fees|opening|external)$/);

export const posting = z.strictObject({ account, asset: p.assetId, amount: p.decimalText });
export type Posting = z.infer<typeof posting>;

export const ledgerEntry = z.strictObject({
  /** Deterministic, so that booking the same cause twice is refused by the store: `fill:<exchange>:<tradeId>`, `opening:<…>`. */
  entryId: z.string().min(1).max(200),
  kind: z.enum(['opening', 'fill', 'external', 'adjustment']),
  arbitrageId: p.entityId.nullable(),
  postings: z.array(posting).min(2).max(16),
  bookedAtMs: p.timeMs,
});
export type LedgerEntry = z.infer<typeof ledgerEntry>;

/** Holdings by exchange and asset after an entry, for the gate and the page. */
export const balancesChanged = z.strictObject({
  version: p.count,
  holdings: z
    .array(z.strictObject({ exchange: p.exchangeId, asset: p.assetId, amount: p.decimalText }))
    .max(4096),
  atMs: p.timeMs,
});
export type BalancesChanged = z.infer<typeof balancesChanged>;
