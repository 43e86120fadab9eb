import { z } from 'zod';
import * as p from './primitives.js';

/** Messages about the account behind an order gateway. */

/** `ready` alone takes new risk. `halted` = the kill switch; `paused` = the exchange or our trust in it wants silence. */
export const gatewayPhase = z.enum(['starting', 'reconciling', 'ready', 'paused', 'halted']);
export type GatewayPhase = z.infer<typeof gatewayPhase>;

/** How an order gateway stands with its exchange. Told on every change and again and again. */
export const gatewayStatus = z.strictObject({
  exchange: p.exchangeId,
  phase: gatewayPhase,
  /** Why it is not `ready`, for people; empty when it is. */
  reasons: z.array(z.string().max(200)).max(16),
  /** Exchange minus ledger of what nobody could explain: these assets are held until a person adopts the difference. */
  unexplained: z.array(z.strictObject({ asset: p.assetId, difference: p.decimalText })).max(64),
  /** Orders by what is known of them, and what was counted since the start. */
  counts: z.strictObject({
    /** On their way, open or ended without all their fills. */
    unsettled: p.count,
    /** Of these: nobody knows whether they were placed. */
    unknown: p.count,
    placed: p.count,
    rejected: p.count,
    /** Refused at the last gate. */
    blocked: p.count,
    fills: p.count,
    cancels: p.count,
    lookups: p.count,
    /** Contradictions of the exchange, fills after an end, orders that were left open. */
    alerts: p.count,
    reconciliations: p.count,
  }),
  /** When open orders and balances last agreed with journal and ledger; null = not yet. */
  cleanAtMs: p.timeMs.nullable(),
  /** First orders that the call budgets would take now, a reserve for cancels and hedges set aside; counted up to 16. */
  orderRoom: p.count,
  /** Since when no order of ours is open there, by the exchange's own word, while the kill switch is engaged; null = not proven. */
  emptyAtMs: p.timeMs.nullable(),
  /** … and since when its balances, asked for after that, are those of the ledger; null = not proven. */
  equalAtMs: p.timeMs.nullable(),
  atMs: p.timeMs,
});
export type GatewayStatus = z.infer<typeof gatewayStatus>;

/** A balance changed without a trade of ours: a deposit, a withdrawal, or a difference that a person has adopted. */
export const externalFlow = z.strictObject({
  exchange: p.exchangeId,
  /** Unique per exchange, for ever: the same flow told twice is booked once. */
  flowId: z.string().regex(/^[\x21-\x7e]{1,150}$/, 'not a flow id'),
  kind: z.enum(['transfer', 'adopted']),
  asset: p.assetId,
  /** Signed: positive = came in. */
  amount: p.decimalText,
  reason: z.string().max(200),
  atMs: p.timeMs,
});
export type ExternalFlow = z.infer<typeof externalFlow>;
