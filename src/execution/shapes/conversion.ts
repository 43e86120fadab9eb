import {
  BPS,
  Decimal,
  decimalOf,
  floorToStep,
  ceilToStep,
  ONE,
  roundToTick,
  ZERO,
} from '../../market/decimal.js';
import type { Instrument } from '../../market/instrument.js';
import { orderRulesOf, violationsOf } from '../../market/order-rules.js';
import type { AssetId, Side } from '../../messages/primitives.js';
import type { LegQuote, RecoveryLimits } from '../recovery.js';

/** One asset turned into another on one market, at the prices of the moment. */

export interface ConversionMarket {
  readonly instrument: Instrument;
  /** What the last gate still takes there, by side. */
  readonly most: (side: Side) => Decimal;
}

/** `amount` of `asset` is given away, or has to be got. */
export interface ConversionAsk {
  readonly asset: AssetId;
  readonly way: 'give' | 'get';
  readonly amount: Decimal;
}

/** What an order may be expected to come to. */
export interface Conversion {
  readonly side: Side;
  readonly quantity: Decimal;
  readonly touch: Decimal;
  readonly average: Decimal;
  /** Of the asset that is given, fee included, and of the one that comes, less its fee. */
  readonly given: Decimal;
  readonly got: Decimal;
}

type Fees = Pick<Instrument, 'takerFeeRate' | 'feeMode'>;

const quoteFee = ({ takerFeeRate, feeMode }: Fees, side: Side): Decimal =>
  feeMode === 'third' || (feeMode === 'received' && side === 'buy') ? ZERO : new Decimal(takerFeeRate);
const baseFee = ({ takerFeeRate, feeMode }: Fees, side: Side): Decimal =>
  feeMode === 'received' && side === 'buy' ? new Decimal(takerFeeRate) : ZERO;

/** The order that does it, by the depth there is; a text says why there is none. */
export function conversionOn(
  market: ConversionMarket,
  ask: ConversionAsk,
  quotes: readonly LegQuote[],
): Conversion | string {
  const { instrument } = market;
  const isBase = instrument.base === ask.asset;
  const side: Side = isBase === (ask.way === 'give') ? 'sell' : 'buy';
  const touch = touchOf(quotes, instrument, side);
  if (touch === null) return 'NO_TRUSTED_PRICE';
  const most = floorToStep(Decimal.max(market.most(side), ZERO), orderRulesOf(instrument).lot);
  const first = quantityFor(instrument, ask, side, touch);
  const average = averageOf(quotes, instrument, side, Decimal.min(first, most), touch);
  const quantity = Decimal.min(quantityFor(instrument, ask, side, average), most);
  if (!quantity.gt(0)) return 'NOTHING_APPROVED';
  const order = { side, quantity, price: roundToTick(touch, orderRulesOf(instrument).tick, side) };
  const broken = violationsOf(order, orderRulesOf(instrument), instrument.state)[0];
  if (broken !== undefined) return broken.rule;
  return { side, quantity, touch, average, ...amountsAt(instrument, side, quantity, average) };
}

/** What an order of this size gives and brings at a price. */
export function amountsAt(fees: Fees, side: Side, quantity: Decimal, price: Decimal) {
  const worth = quantity.times(price);
  return side === 'buy'
    ? {
        given: worth.times(ONE.plus(quoteFee(fees, side))),
        got: quantity.times(ONE.minus(baseFee(fees, side))),
      }
    : { given: quantity, got: worth.times(ONE.minus(quoteFee(fees, side))) };
}

/** On the lot: so much that less than a lot of what is asked for is left over. */
function quantityFor(
  instrument: Instrument,
  { asset, way, amount }: ConversionAsk,
  side: Side,
  price: Decimal,
): Decimal {
  const { lot } = orderRulesOf(instrument);
  const isBase = instrument.base === asset;
  if (isBase && way === 'give') return floorToStep(amount, lot);
  const kept = ONE.minus(baseFee(instrument, side));
  if (isBase) return kept.eq(1) ? floorToStep(amount, lot) : ceilToStep(amount.div(kept), lot);
  const fee = quoteFee(instrument, side);
  const perUnit = price.times(way === 'give' ? ONE.plus(fee) : ONE.minus(fee));
  return floorToStep(amount.div(perUnit), lot);
}

function touchOf(quotes: readonly LegQuote[], { id }: Instrument, side: Side): Decimal | null {
  const quote = quotes.find((one) => one.instrument === id);
  const best = side === 'buy' ? quote?.ask : quote?.bid;
  return quote?.trusted === true && best !== undefined && best > 0 ? decimalOf(best) : null;
}

/** By the book as far as it reaches; what it does not hold is taken at its last price. */
function averageOf(
  quotes: readonly LegQuote[],
  { id }: Instrument,
  side: Side,
  quantity: Decimal,
  touch: Decimal,
): Decimal {
  const quote = quotes.find((one) => one.instrument === id);
  const levels = side === 'buy' ? quote?.asks : quote?.bids;
  if (levels === undefined || !quantity.gt(0)) return touch;
  let rest = quantity;
  let worth = ZERO;
  let last = touch;
  for (const [price, size] of levels) {
    if (rest.isZero()) break;
    last = decimalOf(price);
    const taken = Decimal.min(rest, decimalOf(size));
    worth = worth.plus(taken.times(last));
    rest = rest.minus(taken);
  }
  return worth.plus(rest.times(last)).div(quantity);
}

/** What a unit of base and of quote of a market counts for, in the quote of the arbitrage. */
export interface UnitWorths {
  readonly base: Decimal;
  readonly quote: Decimal;
}

/**
 * The worst price at which the order may trade: the slack beyond the best price, and never so far that what is given counts for
 * more than `allowed` above what comes. On the tick; null where the best price is beyond it.
 */
export function limitOf(
  { instrument }: Pick<ConversionMarket, 'instrument'>,
  { side, quantity, touch }: Conversion,
  worths: UnitWorths,
  bounds: {
    readonly allowed: Decimal;
    readonly limits: RecoveryLimits;
    /** Price of the market's own leg: a profit elsewhere is no reason to go further away from it than a unit may lose. */
    readonly own: Decimal;
  },
): Decimal | null {
  const fee = quoteFee(instrument, side);
  const kept = ONE.minus(baseFee(instrument, side));
  const slack = new Decimal(bounds.limits.recoverySlackBps).div(BPS);
  const each = bounds.allowed.div(quantity);
  const [far, most] =
    side === 'buy'
      ? [
          touch.times(ONE.plus(slack)),
          kept
            .times(worths.base)
            .plus(each)
            .div(worths.quote.times(ONE.plus(fee))),
        ]
      : [touch.times(ONE.minus(slack)), worths.base.minus(each).div(worths.quote.times(ONE.minus(fee)))];
  const cap = new Decimal(bounds.limits.maxRecoveryLossBps).div(BPS);
  const collar = bounds.own.times(side === 'buy' ? ONE.plus(cap) : ONE.minus(cap));
  const nearest = side === 'buy' ? Decimal.min(far, most, collar) : Decimal.max(far, most, collar);
  const price = roundToTick(nearest, orderRulesOf(instrument).tick, side);
  const isReached = side === 'buy' ? price.gte(touch) : price.lte(touch);
  return isReached && price.gt(0) ? price : null;
}
