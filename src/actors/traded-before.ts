import { tradedRoutes, type TradedRoute } from '../detectors/traded-routes.js';
import { errorText } from '../messages/errors.js';
import type { TradeStore } from '../ports/stores.js';
import type { ActorContext } from '../runtime/actor.js';

/** Ends looked at when starting, and for how long a trade may be of an edge that still stands. */
const LOOK_BACK = 500;
const CARRIED_MS = 600_000;

/**
 * The lives that a detector which starts does not remember. While the store is away every direction counts as traded: an edge
 * that stands now is left alone until it has closed once. `trades` absent = nothing trades.
 */
export async function tradedBefore<M>(
  trades: TradeStore | undefined,
  { clock, log }: Pick<ActorContext<M>, 'clock' | 'log'>,
  every: () => readonly TradedRoute[],
): Promise<readonly TradedRoute[]> {
  if (trades === undefined) return [];
  try {
    const [closed, legs] = [await trades.recentArbitrages(LOOK_BACK), await trades.openLegs()];
    return tradedRoutes(closed, legs, clock.nowMs() - CARRIED_MS);
  } catch (error) {
    log.warn(
      { error: errorText(error) },
      'what was traded before is not known; edges that stand are left alone',
    );
    return every();
  }
}
