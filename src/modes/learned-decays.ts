import type { LearnedDecays } from '../detectors/latency-decay.js';
import { ArbotError } from '../messages/errors.js';
import { decodeLearnedDecays, LEARNED_DECAYS_KEY } from '../messages/learned.js';
import type { SettingsStore } from '../ports/stores.js';
import type { MarketName } from './mode-of.js';

/**
 * Takes what `arbot learn decay` has stored; nothing is known where it never ran.
 * @throws ArbotError ARB_MODE_MIXED for what was learned of another market, ARB_CONFIG_INVALID for a text that is not its own.
 */
export async function loadDecays(
  settings: Pick<SettingsStore, 'get'>,
  decays: LearnedDecays,
  market: MarketName,
): Promise<void> {
  const text = await settings.get(LEARNED_DECAYS_KEY);
  if (text === null) return decays.set([]);
  const learned = decodeLearnedDecays(text);
  if (learned.market !== market)
    throw new ArbotError(
      'ARB_MODE_MIXED',
      `latency decay was learned of the ${learned.market} market and is no good for ${market}`,
    );
  decays.set(learned.decays);
}
