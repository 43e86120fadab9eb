import { z } from 'zod';
import * as p from './primitives.js';

/** What people change about the risk gate, and what of it outlives a restart. */

/** Key of `limits` in `trading.config.ts`, without that word: `orderNotional`, `exchangeNotionalBy.okx`. */
const limitKey = z
  .string()
  .max(80)
  .regex(/^[a-z][A-Za-z]*(?:\.[A-Za-z0-9_-]+)*$/, 'not the key of a limit');
const limitValue = z.union([z.string().max(48), z.number().finite()]);
export type LimitValue = z.infer<typeof limitValue>;

/** What differs from the file. */
export const limitOverrides = z.record(limitKey, limitValue);
export type LimitOverrides = z.infer<typeof limitOverrides>;

/** What a person asks for: key → value, null = back to the file. */
export const limitChanges = z
  .record(limitKey, limitValue.nullable())
  .refine((changes) => Object.keys(changes).length > 0, 'names no limit')
  .refine((changes) => Object.keys(changes).length <= 64, 'names more than 64 limits');

export const limitChange = z.strictObject({
  key: limitKey,
  /** Null = the key had no value. */
  from: limitValue.nullable(),
  /** Null = back to the file. */
  to: limitValue.nullable(),
});
export type LimitChange = z.infer<typeof limitChange>;

/** A person changed limits of the risk gate. It is written before it is told, and in force at once and after a restart. */
export const limitsChanged = z.strictObject({
  /** Grows by one with each change. */
  version: p.count,
  /** All overrides after the change. */
  overrides: limitOverrides,
  changes: z.array(limitChange).min(1).max(64),
  reason: z.string().min(1).max(300),
  by: z.string().max(96),
  atMs: p.timeMs,
});
export type LimitsChanged = z.infer<typeof limitsChanged>;

/** A person tells the risk gate to stop or to go on. */
export const controlRisk = z.strictObject({
  action: z.enum(['trip-breaker', 'reset-breaker', 'reset-losses']),
  /** Whose breaker; absent = the one for everything. */
  exchange: p.exchangeId.optional(),
  reason: z.string().min(1).max(300),
  by: z.string().max(96),
  atMs: p.timeMs,
});
export type ControlRisk = z.infer<typeof controlRisk>;

const amount = z
  .string()
  .max(200)
  .regex(/^-?\d+(?:\.\d+)?$/, 'not a decimal')
  .nullable();

const breakerState = z.enum(['CLOSED', 'OPEN', 'HALF_OPEN']);

/** A circuit breaker of the risk gate changed its state. Told again after a restart of the gate for those that are not closed. */
export const breakerChanged = z.strictObject({
  /** Whose; absent = the one for everything. */
  exchange: p.exchangeId.optional(),
  state: breakerState,
  /** What opened it; null once it is closed. */
  reason: z.string().max(64).nullable(),
  /** Only a person closes it. */
  latched: z.boolean(),
  /** When it opened; told with every state that follows. */
  openedAtMs: p.timeMs,
  atMs: p.timeMs,
});
export type BreakerChanged = z.infer<typeof breakerChanged>;

const breakerRecord = z.strictObject({
  state: breakerState,
  reason: z.string().max(64).nullable(),
  latched: z.boolean(),
  openedAtMs: p.timeMs,
  cooldownMs: z.number().finite().min(0),
});

/** Losses and breakers of the risk gate, kept in the settings store. */
export const riskMonitorRecord = z.strictObject({
  /** Fingerprint of what was held on purpose when this was kept. */
  baseline: z.string().regex(/^[0-9a-f]{8}$/),
  losses: z.strictObject({
    day: z.number().int().nullable(),
    dayStart: amount,
    peak: amount,
    value: amount,
    streak: p.count,
    stoppedDay: z.number().int().nullable(),
    isDrawnDown: z.boolean(),
  }),
  breakers: z.record(z.string().max(64), breakerRecord),
});
export type RiskMonitorRecord = z.infer<typeof riskMonitorRecord>;
