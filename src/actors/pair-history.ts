import type { StatisticalDetector } from '../detectors/statistical/statistical.js';
import { errorText } from '../messages/errors.js';
import type { Logger } from '../ports/log.js';
import type { MidBucket, TickStore } from '../ports/tick-store.js';
import type { Clock } from '../ports/time.js';

/** History that takes longer is done without, ms. */
const MOST_MS = 30_000;

export interface PairHistoryParts {
  /** Null = nothing was recorded. */
  readonly ticks: Pick<TickStore, 'mids'> | null;
  readonly clock: Clock;
  readonly log: Logger;
  readonly barMs: number;
}

/**
 * Teaches a detector what the tick store has recorded of its window, market after market, oldest first. What is not there is waited for: a store that
 * is away or slow costs time and nothing else. Returns how many bars came.
 */
export async function learnHistory(
  detector: Pick<StatisticalDetector, 'followed' | 'windowFromMs' | 'learn'>,
  { ticks, clock, log, barMs }: PairHistoryParts,
): Promise<number> {
  if (ticks === null) return 0;
  const startedMs = clock.monotonicMs();
  let bars = 0;
  for (const instrument of detector.followed) {
    if (clock.monotonicMs() - startedMs > MOST_MS) break;
    const range = { fromMs: Math.max(0, detector.windowFromMs), toMs: clock.nowMs() };
    try {
      const mids = await ticks.mids(instrument, range, barMs);
      detector.learn(instrument, mids.map(pastOf));
      bars += mids.length;
    } catch (error) {
      log.warn({ instrument, error: errorText(error) }, 'no recorded mids of this market');
      // A store that is away is away for the others too.
      return bars;
    }
  }
  return bars;
}

const pastOf = ({ fromMs, mid }: MidBucket) => ({ atMs: fromMs, mid });
