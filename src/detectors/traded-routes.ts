import type { ArbitrageClosed, SubmitLeg } from '../messages/order.js';
import type { ExchangeId, InstrumentId, PairId } from '../messages/primitives.js';

/** One direction of one pair. */
export interface TradedRoute {
  readonly pair: PairId;
  readonly buyExchange: ExchangeId;
  readonly sellExchange: ExchangeId;
}

export const routeKey = ({ pair, buyExchange, sellExchange }: TradedRoute): string =>
  `${pair} ${buyExchange} ${sellExchange}`;

/**
 * What a detector that starts must take for traded: arbitrages that filled since `sinceMs` (Unix ms), and those in flight.
 * `legs` = journalled legs without a result.
 */
export function tradedRoutes(
  closed: readonly ArbitrageClosed[],
  legs: readonly SubmitLeg[],
  sinceMs: number,
): TradedRoute[] {
  const ended = closed.filter(
    ({ closedAtMs, boughtQuantity, soldQuantity }) =>
      closedAtMs >= sinceMs && (/[1-9]/.test(boughtQuantity) || /[1-9]/.test(soldQuantity)),
  );
  const first = legs.filter((leg) => leg.attempt === 0);
  const open = first.flatMap((buy) =>
    first
      .filter((sell) => sell.arbitrageId === buy.arbitrageId && buy.side === 'buy' && sell.side === 'sell')
      .map((sell) => ({
        pair: pairOf(buy.instrument),
        buyExchange: buy.exchange,
        sellExchange: sell.exchange,
      })),
  );
  return [...ended, ...open];
}

const pairOf = (instrument: InstrumentId): PairId => instrument.slice(instrument.indexOf(':') + 1);
