import { z } from 'zod';
import { ArbotError } from './errors.js';
import * as p from './primitives.js';
import { pairAction } from './signal.js';

/** What a statistical detector holds, as its journal keeps it over restarts. */

const action = pairAction.shape.action;

export const pairPosition = z.strictObject({
  /** `<first instrument>~<second instrument>`. */
  positionId: pairAction.shape.positionId,
  first: p.instrumentId,
  second: p.instrumentId,
  /** Long has bought the first and sold the second. */
  direction: pairAction.shape.direction,
  opportunityId: p.entityId,
  enteredAtMs: p.timeMs,
  /** Length of a bar when it was entered: half-lives are in bars. */
  barMs: z.number().finite().positive(),
  /** log first − alpha − beta · log second is the spread that is held. */
  alpha: z.number().finite(),
  beta: z.number().finite().positive(),
  /** As the pair was found. */
  found: z.strictObject({
    intercept: z.number().finite(),
    beta: z.number().finite().positive(),
    spreadDeviation: z.number().finite().positive(),
    halfLife: z.number().finite().positive(),
    pValue: z.number().min(0).max(1),
  }),
  /** By the fills of all its arbitrages that have ended, signed: base of both markets beyond what was held before, and quote. */
  held: z.strictObject({ first: p.decimalText, second: p.decimalText, quote: p.decimalText }),
  /** Why it is to be left; null = it is to be held. */
  wanted: action.exclude(['enter']).nullable(),
  /** The signal whose end is not known yet. */
  pending: z
    .strictObject({ signalId: p.entityId, opportunityId: p.entityId, action, sentAtMs: p.timeMs })
    .nullable(),
});
export type PairPosition = z.infer<typeof pairPosition>;
export type PendingSignal = NonNullable<PairPosition['pending']>;

/** Each position has a setting of its own. */
export const POSITION_SLOTS = 20;
export const positionKey = (slot: number): string => `pair-position.${slot}`;
/** Which incarnation of the detector writes them: another one has taken over when it is not one's own. */
export const POSITIONS_OWNER_KEY = 'pair-positions.owner';

export const encodePosition = (position: PairPosition | null): string => JSON.stringify(position);

/** Null = the slot is free. @throws ArbotError ARB_CONFIG_INVALID when it cannot be read: a position is never taken for none. */
export function decodePosition(slot: number, text: string | null): PairPosition | null {
  const parsed = pairPosition.nullable().safeParse(text === null ? null : jsonOrUndefined(text));
  if (!parsed.success)
    throw new ArbotError('ARB_CONFIG_INVALID', `the setting ${positionKey(slot)} cannot be read`);
  return parsed.data;
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
