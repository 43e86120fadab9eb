import { BPS, ceilToStep, Decimal, floorToStep, ONE, toText, ZERO } from '../market/decimal.js';
import type { Instrument } from '../market/instrument.js';
import { plannedFlow } from '../market/planned-flows.js';
import type { PlannedLeg } from '../messages/signal.js';
import { isCertainlyBelow, NearSum } from '../risk/near.js';
import type { ChainTerms } from './shapes/shape-terms.js';

/** The worst that both fills together may cost, basis points of what the buy leg spends. */
export interface PriceBoundLimits {
  readonly maxRecoveryLossBps: number;
}

/**
 * Limits at which both worst fills together stay within the loss cap. Limits that do are kept; otherwise both give up half of
 * the excess, never beyond the best price of decision time. A text says why there are none. Only for one buy and one sell.
 */
export function boundPrices(
  legs: readonly PlannedLeg[],
  instruments: readonly Instrument[],
  limits: PriceBoundLimits,
): readonly PlannedLeg[] | string {
  const buy = legs.find((leg) => leg.side === 'buy');
  const sell = legs.find((leg) => leg.side === 'sell');
  if (legs.length !== 2 || buy === undefined || sell === undefined) return legs;
  if (isCertainlyWithin(buy, sell, limits)) return legs;
  const cap = capOf(buy, limits);
  const excess = worstLoss(buy, sell).minus(cap);
  if (excess.lte(0)) return legs;
  const bounded = legs.map((leg) => tightened(leg, excess.div(2), tickOf(instruments, leg)));
  if (bounded.some((leg) => leg === null)) return 'LOSS_CAP';
  const [first, second] = bounded as PlannedLeg[];
  const [b, s] = first!.side === 'buy' ? [first!, second!] : [second!, first!];
  return worstLoss(b, s).gt(cap) ? 'LOSS_CAP' : [first!, second!];
}

/** What a chain of legs loses when every one fills whole at its limit is within the cap; what it leaves over counts at its price there. */
export function isChainWithin(
  { route, order, startWorth, endWorth }: ChainTerms,
  legs: readonly PlannedLeg[],
  maxLossBps: number,
): boolean {
  if (startWorth === null || endWorth === null) return false;
  const flows = order.map((index) =>
    plannedFlow(legs[index]!, new Decimal(legs[index]!.quantity), legs[index]!.limitPrice),
  );
  let worth = startWorth;
  let made = ZERO;
  for (const [at, { given, brought }] of flows.entries()) {
    made = made.minus(given.times(worth));
    worth = at === flows.length - 1 ? endWorth : given.times(worth).div(brought);
    made = made.plus(brought.times(worth));
  }
  const spent = flows[0]!.given.times(startWorth);
  return route.length > 0 && made.negated().lte(spent.times(maxLossBps).div(BPS));
}

/**
 * What is lost when both legs fill whole at their limits, fees included; negative = a gain. What the buyer keeps beyond what
 * is sold counts at the price it was bought for.
 */
export function worstLoss(buy: PlannedLeg, sell: PlannedLeg): Decimal {
  const spent = new Decimal(buy.quantity).times(buy.limitPrice);
  const kept = new Decimal(buy.quantity).times(buy.feeMode === 'received' ? ONE.minus(buy.feeRate) : ONE);
  const residue = kept.minus(sell.quantity).times(buy.limitPrice);
  const feeBuy = buy.feeMode === 'received' ? ZERO : spent.times(buy.feeRate);
  const proceeds = new Decimal(sell.quantity).times(sell.limitPrice).times(ONE.minus(sell.feeRate));
  return spent.plus(feeBuy).minus(residue).minus(proceeds);
}

/** By floats: true only when the worst loss is certainly below the cap. */
function isCertainlyWithin(buy: PlannedLeg, sell: PlannedLeg, limits: PriceBoundLimits): boolean {
  const [bought, price, rate] = [Number(buy.quantity), Number(buy.limitPrice), Number(buy.feeRate)];
  const spent = bought * price;
  const isReceived = buy.feeMode === 'received';
  const proceeds = Number(sell.quantity) * Number(sell.limitPrice) * (1 - Number(sell.feeRate));
  const loss = new NearSum()
    .plus(spent)
    .plus(isReceived ? 0 : spent * rate)
    .minus(bought * (isReceived ? 1 - rate : 1) * price)
    .plus(Number(sell.quantity) * price)
    .minus(proceeds);
  return isCertainlyBelow(loss, (spent * limits.maxRecoveryLossBps) / 10_000);
}

const capOf = (buy: PlannedLeg, { maxRecoveryLossBps }: PriceBoundLimits): Decimal =>
  new Decimal(buy.quantity).times(buy.limitPrice).times(maxRecoveryLossBps).div(BPS);

const tickOf = (instruments: readonly Instrument[], leg: PlannedLeg): Decimal =>
  new Decimal(instruments.find(({ id }) => id === leg.instrument)?.tickSize ?? '0.00000001');

/** A limit that costs `share` less at worst; null where the best price of decision time would not be reached any more. */
function tightened(leg: PlannedLeg, share: Decimal, tick: Decimal): PlannedLeg | null {
  const best = leg.levels[0]?.[0] ?? leg.expectedVwap;
  const fee = leg.side === 'buy' ? ONE.plus(leg.feeRate) : ONE.minus(leg.feeRate);
  const step = share.div(leg.quantity).div(fee);
  const price =
    leg.side === 'buy'
      ? floorToStep(new Decimal(leg.limitPrice).minus(step), tick)
      : ceilToStep(new Decimal(leg.limitPrice).plus(step), tick);
  const isBeyond = leg.side === 'buy' ? price.lt(best) : price.gt(best);
  return isBeyond ? null : { ...leg, limitPrice: toText(price) };
}
