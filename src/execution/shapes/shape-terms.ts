import type { Instrument } from '../../market/instrument.js';
import { assetsOf, legAssets } from '../../market/leg-assets.js';
import { Decimal, ONE } from '../../market/decimal.js';
import type { AssetId, InstrumentId, Side } from '../../messages/primitives.js';
import { shapeOf, type PairAction, type Signal } from '../../messages/signal.js';

/** How the legs of an arbitrage belong together, as the saga needs it. */
export type ShapeTerms = PlainTerms | ChainTerms | PairTerms;

/** One pair in one quote, bought and sold. */
export interface PlainTerms {
  readonly kind: 'plain';
}

/**
 * Legs in a row, each giving what the one before brought: a cycle, or what is bought for one quote and sold for another. The first
 * and the last asset are home; whatever stays in between is brought to one of them.
 */
export interface ChainTerms {
  readonly kind: 'chain';
  /** One more than there are legs. */
  readonly route: readonly AssetId[];
  /** Places of the legs in that order. */
  readonly order: readonly number[];
  /** Worth of one unit of the first and of the last asset, in quote; null = not known. */
  readonly startWorth: Decimal | null;
  readonly endWorth: Decimal | null;
  /** Legs that are sent only for what the one before has filled. */
  readonly follows: readonly number[];
  /** What the plan leaves over, asset by asset, without its sign. */
  readonly planned: ReadonlyMap<AssetId, Decimal>;
}

/** Two assets, one bought and one sold for the same quote: a position that is opened or closed. */
export interface PairTerms {
  readonly kind: 'pair';
  /** Null after a restart that did not find the signal. */
  readonly position: PairAction | null;
  /** What the position held before, and what it has made since it was opened. */
  readonly before: CarriedPosition;
}

/** A position of a pair between its trades. */
export interface CarriedPosition {
  readonly carried: readonly {
    readonly asset: AssetId;
    readonly quantity: Decimal;
    readonly worth: Decimal;
  }[];
  readonly net: Decimal;
}

export const NO_POSITION: CarriedPosition = { carried: [], net: new Decimal(0) };

export interface ShapedLeg {
  readonly instrument: InstrumentId;
  readonly side: Side;
}

export const PLAIN: PlainTerms = { kind: 'plain' };

/** By the signal; after a restart that did not find it, by the legs alone. */
export function shapeTermsOf(
  legs: readonly ShapedLeg[],
  signal: Signal | null,
  facts: { readonly follows: readonly number[]; readonly before: CarriedPosition },
): ShapeTerms {
  const shape = signal === null ? guessed(legs) : shapeOf(signal);
  if (shape === 'pair') return { kind: 'pair', position: signal?.position ?? null, before: facts.before };
  if (shape === 'cycle') return cycleTerms(legs, signal, facts.follows);
  const quotes = new Set(legs.map((leg) => assetsOf(leg.instrument).quote));
  return quotes.size === 2 ? bridgedTerms(legs, signal) : PLAIN;
}

function guessed(legs: readonly ShapedLeg[]): 'two-sided' | 'cycle' | 'pair' {
  if (legs.length > 2) return 'cycle';
  return new Set(legs.map((leg) => assetsOf(leg.instrument).base)).size === 1 ? 'two-sided' : 'pair';
}

function cycleTerms(
  legs: readonly ShapedLeg[],
  signal: Signal | null,
  follows: readonly number[],
): ChainTerms {
  return {
    kind: 'chain',
    route: routeOf(legs),
    order: legs.map((_, index) => index),
    startWorth: ONE,
    endWorth: ONE,
    follows,
    planned: plannedOf(signal),
  };
}

const routeOf = (legs: readonly ShapedLeg[]): AssetId[] => [
  legAssets(legs[0]!).from,
  ...legs.map((leg) => legAssets(leg).to),
];

const plannedOf = (signal: Signal | null): Map<AssetId, Decimal> =>
  new Map((signal?.residues ?? []).map(({ asset, quantity }) => [asset, new Decimal(quantity).abs()]));

/** Bought for one quote and sold for the other; the one that the money is not counted in is worth what the plan took it for. */
function bridgedTerms(legs: readonly ShapedLeg[], signal: Signal | null): ChainTerms {
  const buyIndex = legs.findIndex(({ side }) => side === 'buy');
  const order = buyIndex === 0 ? [0, 1] : [1, 0];
  const route = routeOf(order.map((index) => legs[index]!));
  const quote = signal?.quote ?? route[0]!;
  const worth = (asset: AssetId): Decimal | null =>
    asset === quote ? ONE : signal === null ? null : rateOf(signal);
  return {
    kind: 'chain',
    route,
    order,
    startWorth: worth(route[0]!),
    endWorth: worth(route[2]!),
    follows: [],
    planned: new Map(),
  };
}

/** Quote per unit of the other quote, by which the edge was worked out: gross = quantity × (price sold at − price bought at), in quote. */
export function rateOf({ legs, edge, quantity, quote }: Signal): Decimal | null {
  const [own, other] = [legs.find(isIn), legs.find((leg) => !isIn(leg))];
  if (own === undefined || other === undefined) return null;
  const gross = new Decimal(edge.gross).div(quantity);
  const worth =
    own.side === 'buy' ? gross.plus(own.expectedVwap) : new Decimal(own.expectedVwap).minus(gross);
  return worth.gt(0) ? worth.div(other.expectedVwap) : null;

  function isIn(leg: Signal['legs'][number]): boolean {
    return assetsOf(leg.instrument).quote === quote;
  }
}

/** What an order on this market gives and brings. */
export const sidesOf = ({ base, quote }: Pick<Instrument, 'base' | 'quote'>, side: Side) =>
  side === 'buy' ? { from: quote, to: base } : { from: base, to: quote };
