import { BPS, Decimal, toText, ZERO } from '../../market/decimal.js';
import { orderRulesOf, violationsOf } from '../../market/order-rules.js';
import type { AssetId, InstrumentId } from '../../messages/primitives.js';
import type { LegQuote, RecoveryLimits, RecoveryPlan } from '../recovery.js';
import type { SagaLeg } from '../saga-state.js';
import { chainTolerance, type Chain } from './chain-money.js';
import { conversionOn, limitOf, type Conversion, type ConversionMarket } from './conversion.js';

/**
 * How what is left between the ends of a chain comes home. The route is cut at one link: what stands before the cut goes back to the
 * beginning, against the legs, and what stands behind it goes on to the end, along them. Each cut names one order for each asset, from
 * the cut outwards; the cut that comes out best is taken, and its first order is sent. So a missing leg is completed, a lonely one
 * taken back, and whatever is in between is half of each.
 */
export interface ChainQuestion {
  readonly chain: Chain;
  readonly residues: readonly Decimal[];
  /** What each of them was bought or sold for, in quote. */
  readonly worths: readonly Decimal[];
  /** What all recovery orders may still lose, in quote. */
  readonly room: Decimal;
  readonly quotes: readonly LegQuote[];
  readonly limits: RecoveryLimits;
  readonly most: (link: SagaLeg, side: 'buy' | 'sell') => Decimal;
  /** Markets that no order goes to now: one may still trade there, or they are in trouble. */
  readonly closed: ReadonlySet<InstrumentId>;
}

interface Hop {
  readonly link: SagaLeg;
  readonly market: ConversionMarket;
  readonly from: number;
  readonly to: number;
  readonly way: 'give' | 'get';
  readonly conversion: Conversion;
  /** What the market's own leg was traded at, or was to be. */
  readonly own: Decimal;
}

interface Path {
  readonly hops: readonly Hop[];
  /** What the residues are worth more or less at the ends than they had cost. */
  readonly gain: Decimal;
}

/** The first order of the best way home within the loss cap; a text says why there is none now. */
export function planChain(question: ChainQuestion): RecoveryPlan | string {
  const reasons: string[] = [];
  const paths: Path[] = [];
  for (let cut = 1; cut <= question.chain.links.length; cut++) {
    const path = pathOf(question, cut);
    if (typeof path === 'string') reasons.push(path);
    else if (path.hops.length > 0) paths.push(path);
  }
  paths.sort((a, b) => b.gain.cmp(a.gain));
  for (const path of paths) {
    const plan = orderOf(question, path);
    if (typeof plan !== 'string') return plan;
    reasons.push(plan);
  }
  return [...new Set(reasons)].join(' ') || 'NO_RESIDUE';
}

/** The best that the residues may come to, against what they cost; null where no way leads home. */
export function bestGain(question: ChainQuestion): Decimal | null {
  const gains: Decimal[] = [];
  for (let cut = 1; cut <= question.chain.links.length; cut++) {
    const path = pathOf(question, cut);
    if (typeof path !== 'string') gains.push(path.gain);
  }
  return gains.length === 0 ? null : Decimal.max(...gains);
}

function pathOf(question: ChainQuestion, cut: number): Path | string {
  const amounts = [...question.residues];
  const hops: Hop[] = [];
  const steps = [
    ...between(1, cut - 1)
      .map((from) => ({ from, to: from - 1 }))
      .reverse(),
    ...between(cut, question.chain.links.length - 1).map((from) => ({ from, to: from + 1 })),
  ];
  for (const { from, to } of steps) {
    const amount = amounts[from]!;
    if (amount.abs().lte(chainTolerance(question.chain, from))) continue;
    const hop = hopOf(question, from, to, amount);
    if (typeof hop === 'string') return hop;
    hops.push(hop);
    const { given, got } = hop.conversion;
    const isGiven = hop.way === 'give';
    amounts[from] = isGiven ? amount.minus(given) : amount.plus(got);
    amounts[to] = isGiven ? amounts[to]!.plus(got) : amounts[to]!.minus(given);
  }
  const gain = amounts.reduce(
    (sum, amount, place) => sum.plus(amount.minus(question.residues[place]!).times(worthAt(question, place))),
    ZERO,
  );
  return { hops, gain };
}

const between = (first: number, last: number): number[] =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at);

/** At an end what it is worth; in between what it cost. */
const worthAt = ({ chain, worths }: ChainQuestion, place: number): Decimal =>
  place === 0
    ? (chain.terms.startWorth ?? ZERO)
    : place === chain.terms.route.length - 1
      ? (chain.terms.endWorth ?? ZERO)
      : worths[place]!;

function hopOf(question: ChainQuestion, from: number, to: number, amount: Decimal): Hop | string {
  const link = question.chain.links[Math.min(from, to)]!;
  const { instrument } = link;
  if (question.closed.has(instrument.id)) return `${instrument.exchange}:BUSY`;
  const market: ConversionMarket = { instrument, most: (side) => question.most(link, side) };
  const way = amount.isNegative() ? 'get' : 'give';
  const asset = question.chain.terms.route[from]!;
  const conversion = conversionOn(market, { asset, way, amount: amount.abs() }, question.quotes);
  if (typeof conversion === 'string') return `${instrument.exchange}:${conversion}`;
  return { link, market, from, to, way, conversion, own: question.chain.prices[Math.min(from, to)]! };
}

/** The first order of a path, at a price at which the whole of it stays within what a unit, and all together, may lose. */
function orderOf(question: ChainQuestion, { hops }: Path): RecoveryPlan | string {
  const hop = hops[0]!;
  const { link, market, conversion } = hop;
  const { instrument } = link;
  const worths = unitWorths(question, hops);
  const own = worthAt(question, hop.from);
  const amount = hop.way === 'give' ? conversion.given : conversion.got;
  const share = own.times(amount).times(question.limits.maxRecoveryLossBps).div(BPS);
  const allowed = Decimal.min(share, Decimal.max(question.room, ZERO));
  if (!worths.base.gt(0) || !worths.quote.gt(0)) return `${instrument.exchange}:NO_OWN_PRICE`;
  const limits = question.limits;
  const limit = limitOf(market, conversion, worths, { allowed, limits, own: hop.own });
  if (limit === null) return `${instrument.exchange}:LOSS_CAP`;
  const { side, quantity, touch } = conversion;
  const broken = violationsOf(
    { side, quantity, price: limit },
    orderRulesOf(instrument),
    instrument.state,
  )[0];
  if (broken !== undefined) return `${instrument.exchange}:${broken.rule}`;
  return {
    kind: side === link.side ? 'complete' : 'reverse',
    legIndex: link.legIndex,
    instrument,
    side,
    quantity: toText(quantity),
    limitPrice: toText(limit),
    decisionPrice: toText(touch),
  };
}

/** The residue counts at what it cost, and what it is turned into at what that comes to on the rest of the way. */
function unitWorths(question: ChainQuestion, hops: readonly Hop[]) {
  const [hop, ...rest] = hops;
  const { conversion, from, to, way, link } = hop!;
  const own = worthAt(question, from);
  const moved = way === 'give' ? conversion.got : conversion.given;
  const other = worthOnTheWay(question, { place: to, way, moved }, rest);
  const isBase = assetAt(question, from) === link.instrument.base;
  return isBase ? { base: own, quote: other } : { base: other, quote: own };
}

const assetAt = ({ chain }: ChainQuestion, place: number): AssetId => chain.terms.route[place]!;

/** A unit at this place: at an end its worth, up to what is missing there (or too much) what that was sold (or bought) for, beyond it what the way home pays. */
function worthOnTheWay(
  question: ChainQuestion,
  { place, way, moved }: { readonly place: number; readonly way: 'give' | 'get'; readonly moved: Decimal },
  rest: readonly Hop[],
): Decimal {
  const own = worthAt(question, place);
  const isEnd = place === 0 || place === question.chain.terms.route.length - 1;
  if (isEnd || moved.isZero()) return own;
  const there = question.residues[place]!;
  const opposite = way === 'give' ? Decimal.max(there.negated(), ZERO) : Decimal.max(there, ZERO);
  const covered = Decimal.min(opposite, moved);
  const next = rest.find((hop) => hop.from === place);
  const onward = next === undefined ? own : rateOnward(question, next, rest);
  return covered.times(own).plus(moved.minus(covered).times(onward)).div(moved);
}

/** What a unit of where a hop begins comes to at the end of the way, after all fees. */
function rateOnward(question: ChainQuestion, hop: Hop, rest: readonly Hop[]): Decimal {
  const { given, got } = hop.conversion;
  const isEnd = hop.to === 0 || hop.to === question.chain.terms.route.length - 1;
  const next = rest.find((one) => one.from === hop.to && one !== hop);
  const after = isEnd || next === undefined ? worthAt(question, hop.to) : rateOnward(question, next, rest);
  return hop.way === 'give' ? got.div(given).times(after) : given.div(got).times(after);
}

/** The same question once every best price has moved against us by the slack. */
export function moved(question: ChainQuestion): ChainQuestion {
  const slack = new Decimal(question.limits.recoverySlackBps).div(BPS).toNumber();
  const worse = (levels: LegQuote['bids'], factor: number) =>
    levels?.map(([price, size]) => [price * factor, size] as const);
  const quotes = question.quotes.map((quote): LegQuote => {
    const [bids, asks] = [worse(quote.bids, 1 - slack), worse(quote.asks, 1 + slack)];
    return {
      ...quote,
      bid: quote.bid * (1 - slack),
      ask: quote.ask * (1 + slack),
      ...(bids !== undefined && { bids }),
      ...(asks !== undefined && { asks }),
    };
  });
  return { ...question, quotes };
}
