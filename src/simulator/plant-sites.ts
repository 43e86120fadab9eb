import type { ExchangeId, PairId } from '../messages/primitives.js';
import type { SimulatedExchange } from './listings.js';

/** Where plants may be: between the markets of one pair, or of one coin in dollars and in won. */

/** The same coin in won, where dollars are sold for won too. */
export interface LocalGround {
  readonly pair: PairId;
  /** Dollars in won. */
  readonly rate: PairId;
  readonly exchanges: readonly SimulatedExchange[];
}

/** A pair and the exchanges that list it: opportunities are between these only, hence in one quote currency, unless it is bridged. */
export interface PlantGround {
  readonly pair: PairId;
  readonly exchanges: readonly SimulatedExchange[];
  /** Absent = in one quote currency only. */
  readonly local?: LocalGround;
}

/** One market of a ground. */
export interface PlantSite {
  readonly exchange: SimulatedExchange;
  readonly pair: PairId;
}

/** Of a plant between a coin in dollars and in won: where the won are. */
export interface PlantBridge {
  readonly exchange: ExchangeId;
  /** The coin in won. */
  readonly pair: PairId;
  /** Dollars in won, on the same exchange. */
  readonly rate: PairId;
}

export const sitesOf = ({ pair, exchanges, local }: PlantGround): PlantSite[] => [
  ...exchanges.map((exchange) => ({ exchange, pair })),
  ...(local?.exchanges ?? []).map((exchange) => ({ exchange, pair: local!.pair })),
];

/** What stands still together. */
export const pairsOf = ({ pair, local }: PlantGround): readonly PairId[] =>
  local === undefined ? [pair] : [pair, local.pair];

/** What a plant trades on one of its exchanges. */
export const pairAt = (
  { pair, bridge }: { readonly pair: PairId; readonly bridge?: PlantBridge },
  exchange: ExchangeId,
): PairId => (bridge?.exchange === exchange ? bridge.pair : pair);

/** What a plant between two sites says of itself. */
export function partiesOf(
  { pair, local }: PlantGround,
  buy: PlantSite,
  sell: PlantSite,
): { readonly pair: PairId; readonly bridge?: PlantBridge } {
  if (local === undefined || buy.pair === sell.pair) return { pair: buy.pair };
  const { exchange } = buy.pair === local.pair ? buy : sell;
  return { pair, bridge: { exchange, pair: local.pair, rate: local.rate } };
}

/**
 * Each pair for itself; with `bridged` a coin in dollars and in won together. The rate then has no plants of its own: they would be edges of every
 * coin at once.
 */
export function groundsOf(
  pairs: readonly PairId[],
  exchangesOf: (pair: PairId) => readonly SimulatedExchange[],
  bridged: { readonly dollar: string; readonly local: string } | null,
): PlantGround[] {
  const alone = (pair: PairId): PlantGround => ({ pair, exchanges: exchangesOf(pair) });
  const rate = bridged === null ? '' : `${bridged.dollar}-${bridged.local}`;
  if (bridged === null || !pairs.includes(rate)) return pairs.map(alone);
  const localOf = (pair: PairId): PairId => pair.replace(`-${bridged.dollar}`, `-${bridged.local}`);
  const taken = new Set([rate]);
  const found = pairs.flatMap((pair): PlantGround[] => {
    const local = localOf(pair);
    if (local === pair || !pairs.includes(local)) return [];
    taken.add(pair).add(local);
    const exchanges = exchangesOf(local).filter((exchange) => exchangesOf(rate).includes(exchange));
    return [{ ...alone(pair), local: { pair: local, rate, exchanges } }];
  });
  return [...found, ...pairs.filter((pair) => !taken.has(pair)).map(alone)];
}
