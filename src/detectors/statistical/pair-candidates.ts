import type { Instrument } from '../../market/instrument.js';
import type { QuoteBoard } from '../../market/quote-board.js';
import { spatialMarket, type SpatialMarket } from '../spatial-route.js';
import type { Candidate } from './pair-discovery.js';
import type { StatisticalParameters } from './statistical-parameters.js';

/** The markets whose prices are followed, and which two of them may be a pair. */
export interface PairUniverse {
  readonly markets: readonly SpatialMarket[];
  /** By quote asset, in the order of the markets: those of one exchange first. */
  readonly candidates: ReadonlyMap<string, readonly Candidate[]>;
  /** Candidates that were left out since there are too many. */
  readonly leftOut: number;
}

/**
 * Two markets of one quote and two bases, on one exchange, or where it is allowed on two. Where there are more than are wanted, those of one exchange stay.
 * @throws ArbotError ARB_DECIMAL_INVALID naming instrument and field.
 */
export function pairUniverse(
  instruments: readonly Instrument[],
  board: QuoteBoard,
  parameters: Pick<StatisticalParameters, 'limits' | 'pairs' | 'acrossExchanges' | 'maxCandidates'>,
): PairUniverse {
  const { limits, pairs, acrossExchanges, maxCandidates } = parameters;
  const markets = instruments
    .filter(
      ({ identityKnown, quote, pair }) => identityKnown && limits.has(quote) && pairs?.has(pair) !== false,
    )
    // States change more often than rules and are asked for when something is to be traded.
    .map((one) => spatialMarket({ ...one, state: 'trading' }, board.slotOf(one.id)));
  const all = markets.flatMap((a, i) =>
    markets
      .slice(i + 1)
      .flatMap((b, offset): Candidate[] => (isPair(a, b, acrossExchanges) ? [[i, i + 1 + offset]] : [])),
  );
  const isOfOne = ([a, b]: Candidate) => markets[a]!.instrument.exchange === markets[b]!.instrument.exchange;
  const ordered = [...all.filter(isOfOne), ...all.filter((one) => !isOfOne(one))];
  const candidates = new Map<string, Candidate[]>();
  for (const one of ordered.slice(0, maxCandidates)) {
    const { quote } = markets[one[0]]!.instrument;
    candidates.set(quote, [...(candidates.get(quote) ?? []), one]);
  }
  return { markets, candidates, leftOut: Math.max(0, ordered.length - maxCandidates) };
}

function isPair(
  { instrument: a }: SpatialMarket,
  { instrument: b }: SpatialMarket,
  isAcross: boolean,
): boolean {
  return a.quote === b.quote && a.base !== b.base && (isAcross || a.exchange === b.exchange);
}
