import { z } from 'zod';
import * as p from './primitives.js';
import { signal } from './signal.js';

/** Messages of the risk gate. */

/** Why a signal may not trade: always rule, limit and actual value (DESIGN §6). */
export const refusal = z.strictObject({
  rule: z.string().regex(/^[A-Z][A-Z_]{1,47}$/),
  limit: z.string().max(80),
  actual: z.string().max(80),
  unit: z.string().max(24),
  /** What it was measured on: an exchange, an asset, an instrument. */
  subject: z.string().max(96),
});
export type Refusal = z.infer<typeof refusal>;

const verdictBase = {
  verdictId: p.entityId,
  signalId: p.entityId,
  opportunityId: p.entityId,
  decidedAtMs: p.timeMs,
};

/** The gate's answer. An approval is single-use and expires; the order gateway takes nothing else. */
export const verdict = z.discriminatedUnion('decision', [
  z.strictObject({
    ...verdictBase,
    decision: z.literal('approved'),
    /** The signal as approved: legs may be smaller than asked, never larger. */
    signal,
    expiresAtMs: p.timeMs,
    nonce: z.string().regex(/^[0-9a-f]{32}$/),
    /** Other markets of the pair that a residue may be hedged on, with room for all of it when this was approved. Absent = none. */
    hedges: z.array(p.instrumentId).max(8).optional(),
    /** Legs of a cycle that are sent only for what the leg before has filled, since nothing else is there to give. Absent = all at once. */
    follows: z.array(z.number().int().min(1).max(3)).max(3).optional(),
    /** The gate's own mark over all of this (HMAC-SHA256). Absent in what was stored before there were seals; no order gateway takes that. */
    seal: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
  }),
  z.strictObject({
    ...verdictBase,
    decision: z.literal('refused'),
    refusals: z.array(refusal).min(1).max(32),
  }),
]);
export type Verdict = z.infer<typeof verdict>;
export type ApprovedVerdict = Extract<Verdict, { decision: 'approved' }>;
export type RefusedVerdict = Extract<Verdict, { decision: 'refused' }>;

/**
 * What happens to legs that are half done while the switch is engaged: `freeze` sends nothing more, `flatten` lets sagas under way
 * bring back the baseline by risk-reducing orders, as long as the lease is held. Inventory is never sold.
 */
export const haltPolicy = z.enum(['freeze', 'flatten']);
export type HaltPolicy = z.infer<typeof haltPolicy>;

/** The kill switch changed. While engaged no risk-increasing order leaves; only a person clears it. */
export const haltChanged = z.strictObject({
  engaged: z.boolean(),
  /** Absent = `freeze`. */
  policy: haltPolicy.optional(),
  reason: z.string().max(300),
  by: z.string().max(96),
  atMs: p.timeMs,
});
export type HaltChanged = z.infer<typeof haltChanged>;

/** A part that money depends on cannot do its work (a store is away): no risk is added until the same source lifts it. */
export const riskHold = z.strictObject({
  source: p.entityId,
  held: z.boolean(),
  /** Only what touches this exchange … Absent = everything. */
  exchange: p.exchangeId.optional(),
  /** … or this asset (of this exchange, where both are named). */
  asset: p.assetId.optional(),
  reason: z.string().max(300),
  atMs: p.timeMs,
});
export type RiskHold = z.infer<typeof riskHold>;
