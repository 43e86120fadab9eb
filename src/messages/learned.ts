import { z } from 'zod';
import { ArbotError } from './errors.js';
import * as p from './primitives.js';

/** What was learned of the loss of edges until orders arrive, as the settings keep it. */
export const learnedDecays = z.strictObject({
  version: z.literal(1),
  /** Whose books or fills: what was learned of simulated markets is good for those alone. */
  market: z.enum(['simulated', 'replay', 'live']),
  /** There is no word for fills of paper. */
  provenance: z.enum(['recorded-books', 'live-fills']),
  learnedAtMs: p.timeMs,
  fromMs: p.timeMs,
  toMs: p.timeMs,
  decays: z
    .array(
      z.strictObject({
        pair: p.pairId,
        buyOn: p.exchangeId,
        sellOn: p.exchangeId,
        bps: z.number().finite().min(0).max(10_000),
        meanBps: z.number().finite(),
        samples: p.count,
        latencyMs: z.number().finite().min(0),
      }),
    )
    .max(65_536),
});
export type LearnedDecaysText = z.infer<typeof learnedDecays>;

/** Where the settings keep it. */
export const LEARNED_DECAYS_KEY = 'latency-decay';

/** @throws ArbotError ARB_CONFIG_INVALID for a text that was not written by `arbot learn decay`. */
export function decodeLearnedDecays(text: string): LearnedDecaysText {
  const parsed = learnedDecays.safeParse(json(text));
  if (parsed.success) return parsed.data;
  const at = parsed.error.issues[0];
  throw new ArbotError(
    'ARB_CONFIG_INVALID',
    `what was learned of latency decay cannot be read: ${at?.path.join('.') ?? ''} ${at?.message ?? ''}`,
  );
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
