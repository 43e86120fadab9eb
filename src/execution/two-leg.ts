import type { AssetId, Side } from '../messages/primitives.js';
import { Decimal, ZERO } from '../market/decimal.js';
import {
  FillSimulator,
  type SimulatedBook,
  type SimulatedMarket,
  type SimulatedOrder,
  type SimulatedResult,
} from './fill-simulator.js';

/** One leg sent at `sentMs` and matched `latencyMs` later on the book then in force. */
export interface SimulatedLeg {
  readonly market: SimulatedMarket;
  /** Snapshots in time order. */
  readonly books: readonly SimulatedBook[];
  readonly order: Omit<SimulatedOrder, 'decisionPrice'>;
  readonly sentMs: number;
  readonly latencyMs: number;
}

export interface LegOutcome {
  readonly arrivalMs: number;
  readonly result: SimulatedResult;
}

/** How a pair of legs ended. */
export interface TwoLegOutcome {
  readonly buy: LegOutcome;
  readonly sell: LegOutcome;
  readonly buyFilled: Decimal;
  readonly sellFilled: Decimal;
  /** Base that is on both sides. */
  readonly matched: Decimal;
  /** Base left over, signed, fees in base included: the legging risk. */
  readonly residualBase: Decimal;
  /** Quote of both legs, fees in quote included. */
  readonly quoteDelta: Decimal;
}

/** The newest snapshot at or before a time; null when there is none yet. */
export function bookInForce(books: readonly SimulatedBook[], timeMs: number): SimulatedBook | null {
  return books.findLast((book) => book.timeMs <= timeMs) ?? null;
}

/** Best price that an order of this side would take. */
export function bestPriceFor(side: Side, book: SimulatedBook | null): Decimal | null {
  const levels = side === 'buy' ? book?.asks : book?.bids;
  return levels?.[0]?.[0] ?? null;
}

/** Both legs, each with its own latency and its own venue's holdings (reference §4, `two_leg`). */
export function simulateTwoLegs(
  buy: SimulatedLeg,
  sell: SimulatedLeg,
  buyHoldings: ReadonlyMap<AssetId, Decimal>,
  sellHoldings: ReadonlyMap<AssetId, Decimal>,
): TwoLegOutcome {
  const outcomes = { buy: runLeg(buy, buyHoldings), sell: runLeg(sell, sellHoldings) };
  const change = (asset: AssetId) =>
    (outcomes.buy.result.balanceChanges.get(asset) ?? ZERO).plus(
      outcomes.sell.result.balanceChanges.get(asset) ?? ZERO,
    );
  const buyFilled = outcomes.buy.result.filledQuantity;
  const sellFilled = outcomes.sell.result.filledQuantity;
  return {
    ...outcomes,
    buyFilled,
    sellFilled,
    matched: Decimal.min(buyFilled, sellFilled),
    residualBase: change(buy.market.base),
    quoteDelta: change(buy.market.quote),
  };
}

function runLeg(leg: SimulatedLeg, holdings: ReadonlyMap<AssetId, Decimal>): LegOutcome {
  const arrivalMs = leg.sentMs + leg.latencyMs;
  const decided = bookInForce(leg.books, leg.sentMs);
  const simulator = new FillSimulator(leg.market);
  for (const book of leg.books) if (book.timeMs <= arrivalMs) simulator.onBook(book);
  const order = { ...leg.order, decisionPrice: bestPriceFor(leg.order.side, decided) };
  return { arrivalMs, result: simulator.execute(order, holdings, arrivalMs) };
}
