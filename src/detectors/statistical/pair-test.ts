import {
  discoverAmong,
  type Candidate,
  type DiscoveryTerms,
  type PairVerdict,
  type PricedSeries,
} from './pair-discovery.js';

/** A test of all candidates of one quote on the newest window: computed elsewhere, since it takes many milliseconds. Structured-cloneable. */
export interface PairTest {
  readonly quote: string;
  /** The newest bar that it looks at. */
  readonly bar: number;
  readonly series: readonly PricedSeries[];
  readonly candidates: readonly Candidate[];
  readonly terms: DiscoveryTerms;
}

export interface PairTestResult {
  readonly quote: string;
  readonly bar: number;
  readonly verdicts: readonly PairVerdict[];
}

export function runPairTest({ quote, bar, series, candidates, terms }: PairTest): PairTestResult {
  return { quote, bar, verdicts: discoverAmong(series, candidates, terms) };
}
