import { BPS, Decimal, ONE, ZERO } from '../market/decimal.js';
import type { ArbitrageClosed, Fill, LegResult, RecoveryPermit, SubmitLeg } from '../messages/order.js';
import { assetsOf, legAssets } from '../market/leg-assets.js';
import type { AssetId, Side } from '../messages/primitives.js';
import { approvedFor } from './approval.js';
import type { KillSwitch } from './kill-switch.js';
import type { SealCheck } from './verdict-text.js';

/**
 * Leave for a recovery order of an arbitrage that was begun in a life before: its verdict died with the gate that gave it. The
 * gate judges each such order by the journal, and not by the word of whoever asks.
 */

/** What the stores say of one arbitrage. */
export interface RecoveryFacts {
  /** Every journalled order with the newest that is stored of its end. */
  readonly orders: readonly { readonly leg: SubmitLeg; readonly result: LegResult | null }[];
  /** Those that the ledger holds. */
  readonly fills: readonly Fill[];
  /** Markets beside its own that its approval allowed hedges on. */
  readonly hedges: readonly string[];
  /** Its end, where it has one. */
  readonly closed: ArbitrageClosed | null;
}

export interface RecoveryPermitLimits {
  /** As long a permit is good for, ms: for one journal row and the way to the gateway. */
  readonly lifeMs: number;
  /** Recovery orders of one arbitrage over all lives. */
  readonly maxRecoveries: number;
  /** How far the price may be outside the band of the planned limits, basis points. */
  readonly collarBps: number;
  /** What a unit may lose against what it was bought or sold for, basis points. */
  readonly maxLossBps: number;
}

export const RECOVERY_PERMIT_LIMITS: RecoveryPermitLimits = {
  lifeMs: 2_000,
  maxRecoveries: 12,
  collarBps: 140,
  maxLossBps: 100,
};

/** What the seal of a permit covers: the permit and everything that decides what the order does. */
export function permitText(leg: SubmitLeg, permit: Omit<RecoveryPermit, 'seal'>): string {
  const { clientOrderId, arbitrageId, legIndex, attempt, verdictId, nonce } = leg;
  const { instrument, exchange, side, quantity, limitPrice } = leg;
  const order = [clientOrderId, arbitrageId, legIndex, attempt, verdictId, nonce];
  const { permitId, expiresAtMs } = permit;
  return JSON.stringify([
    ...['arbot-recovery-1', permitId, expiresAtMs, order],
    [instrument, exchange, side, quantity, limitPrice],
  ]);
}

/** True for an order that carries the gate's leave for exactly itself. */
export const isPermitted = (leg: SubmitLeg, seals: SealCheck): boolean =>
  leg.permit !== undefined && seals.verify(permitText(leg, leg.permit), leg.permit.seal);

/** Null permits the order; a text names the rule that forbids it. */
export function recoveryRefusal(
  leg: SubmitLeg,
  facts: RecoveryFacts,
  killSwitch: KillSwitch,
  limits: RecoveryPermitLimits = RECOVERY_PERMIT_LIMITS,
): string | null {
  const planned = facts.orders.filter((order) => order.leg.attempt === 0).map((order) => order.leg);
  if (killSwitch.engaged && killSwitch.policy !== 'flatten') return 'KILL_SWITCH';
  // Of several pairs each market is judged by its own leg, and the size by the assets that are open.
  const isOnePair = new Set(planned.map(({ instrument }) => pairOf(instrument))).size < 2;
  const priced = isOnePair ? planned : planned.filter(({ instrument }) => instrument === leg.instrument);
  return (
    identityRefusal(leg, planned, facts) ??
    marketRefusal(leg, planned, facts) ??
    (isOnePair ? sizeRefusal(leg, planned, facts) : openRefusal(leg, planned, facts)) ??
    priceRefusal(leg, priced, isOnePair ? facts : onMarket(facts, leg.instrument), limits) ??
    (facts.orders.length - planned.length >= limits.maxRecoveries ? 'RECOVERIES_SPENT' : null)
  );
}

const pairOf = (instrument: string): string => instrument.slice(instrument.indexOf(':') + 1);

const onMarket = (facts: RecoveryFacts, instrument: string): RecoveryFacts => ({
  ...facts,
  fills: facts.fills.filter((fill) => fill.instrument === instrument),
});

function identityRefusal(
  leg: SubmitLeg,
  planned: readonly SubmitLeg[],
  { orders, closed }: RecoveryFacts,
): string | null {
  const [first] = planned;
  if (first === undefined) return 'ARBITRAGE_UNKNOWN';
  // Of what was handed to a person, nothing is traded without that person.
  if (closed?.outcome === 'flagged') return 'HANDED_OVER';
  if (leg.attempt === 0) return 'NO_RECOVERY';
  if (leg.verdictId !== first.verdictId || leg.nonce !== first.nonce) return 'VERDICT_WRONG';
  const isUsed = orders.some(
    (order) =>
      order.leg.clientOrderId === leg.clientOrderId ||
      (order.leg.legIndex === leg.legIndex && order.leg.attempt === leg.attempt),
  );
  return isUsed ? 'ATTEMPT_USED' : null;
}

function marketRefusal(
  { instrument, exchange, legIndex }: SubmitLeg,
  planned: readonly SubmitLeg[],
  { hedges }: RecoveryFacts,
): string | null {
  if (!instrument.startsWith(`${exchange}:`) || planned.every((one) => one.legIndex !== legIndex))
    return 'LEG_NOT_APPROVED';
  const isOwn = planned.some((one) => one.instrument === instrument);
  return isOwn || hedges.includes(instrument) ? null : 'LEG_NOT_APPROVED';
}

/**
 * No more than may be open at worst: every order of the other side as if it had filled as far as it can, every recovery order of
 * this side too, and of the planned ones of this side what is known.
 */
function sizeRefusal(
  leg: SubmitLeg,
  planned: readonly SubmitLeg[],
  { orders, fills }: RecoveryFacts,
): string | null {
  let open = ZERO;
  for (const order of orders) {
    const isAgainst = order.leg.side === leg.side;
    const counts = isAgainst && order.leg.attempt === 0 ? knownOf(order, fills) : mostOf(order, fills);
    open = isAgainst ? open.minus(counts) : open.plus(counts);
  }
  if (approvedFor(Decimal.max(open, ZERO), leg.side).lt(leg.quantity)) return 'SIZE_NOT_OPEN';
  const approved = Decimal.max(...planned.map((one) => one.quantity));
  return approvedFor(approved, leg.side).lt(leg.quantity) ? 'SIZE_NOT_APPROVED' : null;
}

/**
 * The same over several pairs. An order is for what may be too much of the asset that it gives, or missing of the one that it brings:
 * every order that brings the one, and gives the other, counted as far as it can have filled. Of two legs that stand for each other as a
 * position, also for what the other one is ahead.
 */
function openRefusal(
  leg: SubmitLeg,
  planned: readonly SubmitLeg[],
  { orders, fills }: RecoveryFacts,
): string | null {
  const own = planned.filter(({ instrument }) => instrument === leg.instrument);
  const approved = Decimal.max(ZERO, ...own.map((one) => one.quantity));
  const used = orders
    .filter(({ leg: one }) => one.attempt > 0 && one.instrument === leg.instrument && one.side === leg.side)
    .reduce((sum, order) => sum.plus(mostOf(order, fills)), ZERO);
  if (approvedFor(approved, leg.side).lt(used.plus(leg.quantity))) return 'SIZE_NOT_APPROVED';
  const { from, to } = legAssets(leg);
  const { quote } = assetsOf(leg.instrument);
  const isShort = (asset: AssetId, open: Decimal): boolean => {
    const units = asset === quote ? open.div(leg.limitPrice) : open;
    return units.plus(approved.times(OPEN_SLACK)).lt(leg.quantity);
  };
  const isPosition =
    planned.length === 2 && new Set(planned.map((one) => assetsOf(one.instrument).base)).size === 2;
  if (isPosition)
    return aheadOf(leg, planned, { orders, fills }).plus(approved.times(OPEN_SLACK)).lt(leg.quantity)
      ? 'SIZE_NOT_OPEN'
      : null;
  const between = betweenOf(planned);
  const isGiven = between.has(from) && !isShort(from, openOf(from, 'too much', { orders, fills }));
  const isBrought = between.has(to) && !isShort(to, openOf(to, 'missing', { orders, fills }));
  return isGiven || isBrought ? null : 'SIZE_NOT_OPEN';
}

/** Assets that one planned leg brings and another gives, but for the one that a cycle begins and ends with. */
function betweenOf(planned: readonly SubmitLeg[]): Set<AssetId> {
  const given = new Set(planned.map((one) => legAssets(one).from));
  const between = new Set(planned.map((one) => legAssets(one).to).filter((asset) => given.has(asset)));
  const first = planned.find(({ legIndex }) => legIndex === 0);
  if (planned.length > 2 && first !== undefined) between.delete(legAssets(first).from);
  return between;
}

/** Prices and fees on the way make a little more or less of what is open, as a share of the leg. */
const OPEN_SLACK = 0.01;

type Told = Pick<RecoveryFacts, 'orders' | 'fills'>;

/** At worst: all that may have come of an asset and what certainly went, or the other way round; never negative. */
function openOf(asset: AssetId, which: 'too much' | 'missing', { orders, fills }: Told): Decimal {
  const isMuch = which === 'too much';
  let open = ZERO;
  for (const order of orders) {
    const { from, to } = legAssets(order.leg);
    const amount = (quantity: Decimal): Decimal =>
      asset === assetsOf(order.leg.instrument).quote ? quantity.times(order.leg.limitPrice) : quantity;
    const [adds, takes] = isMuch ? [to, from] : [from, to];
    if (adds === asset) open = open.plus(amount(mostOf(order, fills)));
    if (takes === asset) open = open.minus(amount(knownOf(order, fills)));
  }
  return Decimal.max(open, ZERO);
}

/** Of a position: what one leg has gone further than the other, at worst, in base of the market that an order is for. */
function aheadOf(leg: SubmitLeg, planned: readonly SubmitLeg[], { orders, fills }: Told): Decimal {
  const own = planned.find(({ instrument }) => instrument === leg.instrument)!;
  const other = planned.find(({ instrument }) => instrument !== leg.instrument)!;
  const isCompleting = leg.side === own.side;
  const share = (one: SubmitLeg, isAtMost: boolean): Decimal =>
    orders
      .filter((order) => order.leg.instrument === one.instrument)
      .reduce((sum, order) => {
        const isForward = order.leg.side === one.side;
        const filled = (isForward === isAtMost ? mostOf : knownOf)(order, fills);
        return isForward ? sum.plus(filled) : sum.minus(filled);
      }, ZERO)
      .div(one.quantity);
  const ahead = isCompleting
    ? share(other, true).minus(share(own, false))
    : share(own, true).minus(share(other, false));
  return Decimal.max(ahead, ZERO).times(own.quantity);
}

type Journalled = RecoveryFacts['orders'][number];

function knownOf({ leg, result }: Journalled, fills: readonly Fill[]): Decimal {
  const booked = fills
    .filter((fill) => fill.clientOrderId === leg.clientOrderId)
    .reduce((sum, fill) => sum.plus(fill.quantity), ZERO);
  return Decimal.max(booked, result?.filledQuantity ?? 0);
}

const mostOf = (order: Journalled, fills: readonly Fill[]): Decimal =>
  order.result === null || order.result.status === 'unknown'
    ? Decimal.max(order.leg.quantity, knownOf(order, fills))
    : knownOf(order, fills);

function priceRefusal(
  leg: SubmitLeg,
  planned: readonly SubmitLeg[],
  facts: RecoveryFacts,
  limits: RecoveryPermitLimits,
): string | null {
  const price = new Decimal(leg.limitPrice);
  const prices = planned.map((one) => one.limitPrice);
  const collar = new Decimal(limits.collarBps).div(BPS);
  if (price.lt(Decimal.min(...prices).times(ONE.minus(collar)))) return 'PRICE_COLLAR';
  if (price.gt(Decimal.max(...prices).times(ONE.plus(collar)))) return 'PRICE_COLLAR';
  const own = ownPrice(leg.side === 'buy' ? 'sell' : 'buy', planned, facts);
  const cap = new Decimal(limits.maxLossBps).div(BPS);
  const isBeyond =
    leg.side === 'buy' ? price.gt(own.times(ONE.plus(cap))) : price.lt(own.times(ONE.minus(cap)));
  return isBeyond ? 'LOSS_CAP' : null;
}

/** The average of what was traded on the other side, and before that is known the worst it was allowed to be. */
function ownPrice(side: Side, planned: readonly SubmitLeg[], { fills }: RecoveryFacts): Decimal {
  const own = fills.filter((fill) => fill.side === side);
  const base = own.reduce((sum, fill) => sum.plus(fill.quantity), ZERO);
  const quote = own.reduce((sum, fill) => sum.plus(new Decimal(fill.quantity).times(fill.price)), ZERO);
  if (base.gt(0)) return quote.div(base);
  return new Decimal((planned.find((one) => one.side === side) ?? planned[0]!).limitPrice);
}
