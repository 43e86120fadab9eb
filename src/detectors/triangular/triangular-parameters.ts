import { ArbotError } from '../../messages/errors.js';
import type { AssetId, ExchangeId, PairId } from '../../messages/primitives.js';
import { BOARD_DEPTH } from '../../market/quote-board.js';
import type { PairTerms, QuoteLimits } from '../spatial-parameters.js';

export interface TriangularParameters {
  /** By the asset that a cycle begins and ends with, in order of preference; a cycle without any of them is not watched. */
  readonly limits: ReadonlyMap<AssetId, QuoteLimits>;
  /** The only exchanges watched; absent = all. */
  readonly exchanges?: readonly ExchangeId[];
  /** The only pairs that legs may be of; a largest size holds for cycles that begin with its quote. Absent = every pair. */
  readonly pairs?: ReadonlyMap<PairId, Pick<PairTerms, 'maxNotional'>>;
  /** Least realised profit over what is spent, bps. */
  readonly minNetBps: number;
  /** Expected loss of edge until the orders arrive, bps of what is spent (learned, TRADING §3). */
  readonly latencyDecayBps: number;
  /** Levels per book that sizing may use, 1…BOARD_DEPTH. */
  readonly depth: number;
  /** Gross edges below this are nobody's business, bps. */
  readonly reportFloorBps: number;
  /** Oldest book that may be used, ms (TRADING §2). */
  readonly maxBookAgeMs: number;
  /** Longest time without any change of a book, ms. */
  readonly maxUnchangedMs: number;
  /** What the ages of a cycle's books may differ by, ms: an old price beside a new one is no edge. */
  readonly maxAgeGapMs: number;
  /** Exchanges whose books nothing proves complete, and which are traded all the same (`Instrument.bookProof`). Absent = none. */
  readonly acceptOpaqueBooks?: readonly ExchangeId[];
  /** Exchange clock − local clock, ms. Absent = 0. */
  readonly clockOffsetMs?: (exchange: ExchangeId) => number;
  /** How far a limit may be beyond the worst level needed, bps; of all legs together never more than the edge above the minimum. */
  readonly limitSlackBps: number;
  /** A signal is worthless after this, ms. */
  readonly signalTtlMs: number;
  /** A refused opportunity may be signalled again after this, ms … */
  readonly retryCooldownMs: number;
  /** … or when its profit has grown by this factor. */
  readonly improvementFactor: number;
  /** True: what would be offered is only told of. Absent = false. */
  readonly watchOnly?: boolean;
}

/** Sensible values for everything but the limits per start asset. */
export const DEFAULT_TRIANGULAR_PARAMETERS: Omit<TriangularParameters, 'limits'> = {
  minNetBps: 2,
  latencyDecayBps: 0.5,
  depth: BOARD_DEPTH,
  reportFloorBps: 3,
  maxBookAgeMs: 1_500,
  maxUnchangedMs: 60_000,
  maxAgeGapMs: 500,
  limitSlackBps: 0,
  signalTtlMs: 500,
  retryCooldownMs: 1_000,
  improvementFactor: 1.25,
};

const NOT_NEGATIVE = [
  'latencyDecayBps',
  'reportFloorBps',
  'limitSlackBps',
  'maxBookAgeMs',
  'maxUnchangedMs',
  'maxAgeGapMs',
  'signalTtlMs',
  'retryCooldownMs',
] as const;

/** Throws ARB_CONFIG_INVALID naming every number that makes no sense. */
export function checkTriangular(parameters: TriangularParameters): void {
  const { depth, improvementFactor } = parameters;
  const wrong: string[] = NOT_NEGATIVE.filter((name) => !(parameters[name] >= 0));
  if (!Number.isFinite(parameters.minNetBps)) wrong.push('minNetBps');
  if (!Number.isInteger(depth) || depth < 1 || depth > BOARD_DEPTH) wrong.push('depth');
  if (!(improvementFactor > 1)) wrong.push('improvementFactor');
  if (wrong.length > 0)
    throw new ArbotError('ARB_CONFIG_INVALID', `triangular detector: ${wrong.join(', ')} out of range`);
}
