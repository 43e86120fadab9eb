import { z } from 'zod';
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

export const MOST_POSITIONS = 100;

export const pairPositions = z.strictObject({
  /** The incarnation that wrote it: another one has taken over since when it is not one's own. */
  owner: p.entityId,
  positions: z.array(pairPosition).max(MOST_POSITIONS),
});
export type PairPositions = z.infer<typeof pairPositions>;
