/** One pair on several exchanges at one moment, against the median of them (reference §5, `cross_venue`). */
export interface DeviationLimits {
  /** Share of the median from which a price is suspect. */
  readonly theta: number;
  /** Older prices are left out. */
  readonly maxAgeMs: number;
}

export interface ExchangePrice {
  /** Whose price it is. */
  readonly id: string;
  readonly price: number;
  readonly ageMs: number;
}

export interface DeviationReading {
  readonly fresh: readonly string[];
  readonly stale: readonly string[];
  /** Price over the median − 1; null where there are too few to tell. */
  readonly deviation: ReadonlyMap<string, number | null>;
  /** The one that is alone with its price. */
  readonly isolated: readonly string[];
  readonly suspect: readonly string[];
  /** Several are away: it is the market, or nobody knows which are right. */
  readonly marketWide: boolean;
}

/** Of two nobody can say which is wrong. */
const LEAST_EXCHANGES = 3;

export function deviationsOf(prices: readonly ExchangePrice[], limits: DeviationLimits): DeviationReading {
  const fresh = prices.filter(({ ageMs }) => ageMs <= limits.maxAgeMs);
  const stale = prices.filter(({ ageMs }) => ageMs > limits.maxAgeMs).map(({ id }) => id);
  const median = fresh.length < LEAST_EXCHANGES ? null : medianOf(fresh.map(({ price }) => price));
  const deviation = new Map(fresh.map(({ id, price }) => [id, median === null ? null : price / median - 1]));
  const suspect = [...deviation].flatMap(([id, share]) =>
    share !== null && Math.abs(share) >= limits.theta ? [id] : [],
  );
  return {
    fresh: fresh.map(({ id }) => id),
    stale,
    deviation,
    isolated: suspect.length === 1 ? suspect : [],
    suspect,
    marketWide: suspect.length > 1,
  };
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
