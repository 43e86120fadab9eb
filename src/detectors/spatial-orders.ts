import type { PlannedLeg } from '../messages/signal.js';
import {
  ceilToStep,
  Decimal,
  decimalOf,
  floorToStep,
  ONE,
  roundForMessage,
  toText,
} from '../market/decimal.js';
import { effectiveRate } from '../market/fees.js';
import { BOARD_DEPTH, type QuoteBoard } from '../market/quote-board.js';
import type { Level } from './depth.js';
import type { SpatialMarket } from './spatial-route.js';

/** Levels of a slot in canonical units, exact as the exchange printed them. */
export function boardLevels(
  board: QuoteBoard,
  market: SpatialMarket,
  side: 'ask' | 'bid',
  depth: number,
): Level[] {
  const at = market.slot * BOARD_DEPTH;
  const [prices, sizes, count] =
    side === 'ask'
      ? [board.askPrices, board.askSizes, board.askLevels[market.slot]!]
      : [board.bidPrices, board.bidSizes, board.bidLevels[market.slot]!];
  const single = market.units.equals(ONE);
  return Array.from({ length: Math.min(count, depth) }, (_, i): Level => {
    const [price, size] = [decimalOf(prices[at + i]!), decimalOf(sizes[at + i]!)];
    return single ? [price, size] : [price.div(market.units), size.times(market.units)];
  });
}

/** An order of a plan. */
export interface RouteOrder {
  readonly market: SpatialMarket;
  readonly side: 'buy' | 'sell';
  /** Exchange units. */
  readonly quantity: Decimal;
  readonly price: Decimal;
}

/**
 * Quantity and limit in exchange units. With slack the limit rounds towards us, yet never short of the worst level needed,
 * so that an off-tick level of a merged book still fills.
 */
export function orderOf(
  market: SpatialMarket,
  side: 'buy' | 'sell',
  base: Decimal,
  worst: Decimal,
  slack: Decimal,
): RouteOrder {
  const { tick } = market.rules;
  const needed = worst.times(market.units);
  const price =
    side === 'buy'
      ? Decimal.max(floorToStep(needed.times(ONE.plus(slack)), tick), ceilToStep(needed, tick))
      : Decimal.min(ceilToStep(needed.times(ONE.minus(slack)), tick), floorToStep(needed, tick));
  return { market, side, quantity: base.div(market.units), price };
}

/** The leg of the signal, with the levels its size was computed from. */
export function legOf(
  order: RouteOrder,
  vwap: Decimal,
  levels: readonly Level[],
  board: QuoteBoard,
): PlannedLeg {
  const { instrument, slot, units, fee } = order.market;
  const single = units.equals(ONE);
  const limit = single ? order.price : order.price.div(units);
  const used = levels.filter(([price]) =>
    order.side === 'buy' ? price.lessThanOrEqualTo(limit) : price.greaterThanOrEqualTo(limit),
  );
  return {
    instrument: instrument.id,
    exchange: instrument.exchange,
    side: order.side,
    quantity: toText(order.quantity),
    limitPrice: toText(order.price),
    expectedVwap: toText(roundForMessage(vwap.times(units), order.side === 'buy' ? 'up' : 'down')),
    feeRate: toText(effectiveRate(fee)),
    feeMode: fee.mode,
    bookEpoch: board.epoch[slot]!,
    bookSequence: board.sequence[slot]!,
    exchangeTimeMs: board.exchangeTimeMs[slot]!,
    receiveTimeMs: board.receiveTimeMs[slot]!,
    levels: used.map(([price, size]) => [
      toText(roundForMessage(single ? price : price.times(units), 'up')),
      toText(roundForMessage(single ? size : size.div(units), 'down')),
    ]),
  };
}
