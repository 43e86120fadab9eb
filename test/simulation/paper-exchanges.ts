import { PaperExchange } from '../../src/execution/paper-exchange.js';
import type { SimulatedBook } from '../../src/execution/fill-simulator.js';
import type { LegResult, SubmitLeg } from '../../src/messages/order.js';
import { Decimal } from '../../src/market/decimal.js';
import type { Prng } from '../../src/simulator/prng.js';

/**
 * In paper mode an order meets its exchange in `PaperExchange.execute`. The harness listens there, so that auditors know what
 * was really carried out, and now and then others are faster: part of the displayed size is gone on arrival, or all of it.
 */
export function watchExecutions(
  others: { readonly thinShare: number; readonly prng: Prng },
  heard: (leg: SubmitLeg, result: LegResult) => void,
): () => void {
  const real = Object.getOwnPropertyDescriptor(PaperExchange.prototype, 'execute')!;
  const execute = real.value as PaperExchange['execute'];
  PaperExchange.prototype.execute = function (this: PaperExchange, execution) {
    const { prng, thinShare } = others;
    const share = prng.next() < thinShare ? shareLeft(prng) : 1;
    const book = share < 1 && execution.book !== null ? thinned(execution.book, share) : execution.book;
    const result = execute.call(this, { ...execution, book });
    heard(execution.leg, result);
    return result;
  };
  return () => Object.defineProperty(PaperExchange.prototype, 'execute', real);
}

/** Nothing, all but a crumb that is too small to be traded away, or some part. */
export function shareLeft(prng: Prng): number {
  const drawn = prng.next();
  if (drawn < 0.15) return 0;
  return drawn < 0.35 ? prng.between(0.995, 1) : prng.next();
}

function thinned(book: SimulatedBook, share: number): SimulatedBook {
  const thin = (levels: SimulatedBook['asks']) =>
    levels
      .map(([price, size]) => [price, size.times(share).toDecimalPlaces(8, Decimal.ROUND_DOWN)] as const)
      .filter(([, size]) => size.gt(0));
  return { ...book, asks: thin(book.asks), bids: thin(book.bids) };
}
