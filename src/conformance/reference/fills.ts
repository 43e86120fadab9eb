import {
  FillSimulator,
  type SimulatedBook,
  type SimulatedMarket,
  type SimulatedResult,
} from '../../execution/fill-simulator.js';
import { bestPriceFor, bookInForce, simulateTwoLegs } from '../../execution/two-leg.js';
import { Decimal, ZERO } from '../../market/decimal.js';
import { takerInput, twoLegInput, type TakerInput } from './inputs.js';

/** Our answers to the fill simulation kinds, in the shape of the reference. */

export function answerTaker(input: unknown): unknown {
  const query = takerInput.parse(input);
  const simulator = new FillSimulator(marketOf(query));
  const books = query.books.map(bookOf);
  const holdings = new Map(Object.entries(query.balances));
  const answers = new Map<string, unknown>();
  let seen = 0;
  // Arrival order, and input order where two arrive at once: a stable sort keeps it.
  for (const order of query.orders.toSorted((a, b) => a.ts - b.ts)) {
    const arrivalMs = order.ts + query.latency.entryMs;
    for (; seen < books.length && books[seen]!.timeMs <= arrivalMs; seen++) simulator.onBook(books[seen]!);
    const decisionPrice = bestPriceFor(order.side, bookInForce(books, order.ts));
    const result = simulator.execute(
      { side: order.side, type: order.type, quantity: order.qty, price: order.price, decisionPrice },
      holdings,
      arrivalMs,
    );
    for (const [asset, change] of result.balanceChanges) {
      holdings.set(asset, (holdings.get(asset) ?? ZERO).plus(change));
    }
    answers.set(order.id, orderAnswer(order.id, arrivalMs, query.latency.responseMs, result));
  }
  return {
    orders: query.orders.map((order) => answers.get(order.id)),
    balances: Object.fromEntries(holdings),
  };
}

function marketOf({ base, quote, rules, fee, maxStaleMs }: TakerInput): SimulatedMarket {
  return {
    base,
    quote,
    rules: {
      tick: rules.tick,
      lot: rules.lot,
      minQuantity: rules.minQty,
      maxQuantity: rules.maxQty,
      minNotional: rules.minNotional,
    },
    fee: { rate: fee.taker, mode: fee.mode, discount: fee.discount ?? ZERO },
    third:
      fee.thirdAsset === undefined || fee.thirdPrice === undefined
        ? null
        : { asset: fee.thirdAsset, price: fee.thirdPrice },
    maxStaleMs: maxStaleMs ?? null,
  };
}

const bookOf = ({ ts, asks, bids }: TakerInput['books'][number]): SimulatedBook => ({
  timeMs: ts,
  asks,
  bids,
});

function orderAnswer(id: string, arrivalTs: number, responseMs: number, result: SimulatedResult): object {
  return {
    id,
    arrivalTs,
    ackTs: arrivalTs + responseMs,
    fills: result.fills.map(({ price, quantity }) => [price, quantity]),
    filledQty: result.filledQuantity,
    status: result.status,
    reject: result.reject,
    qtyRounded: result.quantityRounded,
    priceRounded: result.priceRounded,
    fees: Object.fromEntries(result.feesByAsset),
    avgPrice: result.averagePrice,
    slippageVsDecisionBps: result.slippageVsDecisionBps,
  };
}

/** The two-leg cases name no lattice, no minimum and no balance; legs are answered 5 ms after arrival. */
const LEG_RESPONSE_MS = 5;
const FINE = new Decimal('0.00000001');
const PLENTY = new Map([
  ['USDT', new Decimal('1e18')],
  ['BASE', new Decimal('1e18')],
]);

export function answerTwoLegs(input: unknown): unknown {
  const query = twoLegInput.parse(input);
  const market: SimulatedMarket = {
    base: 'BASE',
    quote: 'USDT',
    rules: { tick: FINE, lot: FINE, minQuantity: ZERO, maxQuantity: null, minNotional: ZERO },
    fee: { rate: query.feeTaker, mode: query.feeMode, discount: ZERO },
    third: null,
    maxStaleMs: null,
  };
  const shared = { market, sentMs: 0 };
  const ioc = { type: 'limit_ioc', quantity: query.qty } as const;
  const outcome = simulateTwoLegs(
    {
      ...shared,
      books: query.buyVenueBooks.map(bookOf),
      order: { ...ioc, side: 'buy', price: query.limitBuy },
      latencyMs: query.latencyBuyMs,
    },
    {
      ...shared,
      books: query.sellVenueBooks.map(bookOf),
      order: { ...ioc, side: 'sell', price: query.limitSell },
      latencyMs: query.latencySellMs,
    },
    PLENTY,
    PLENTY,
  );
  const { buy, sell, ...totals } = outcome;
  return {
    ...totals,
    buy: orderAnswer('leg', buy.arrivalMs, LEG_RESPONSE_MS, buy.result),
    sell: orderAnswer('leg', sell.arrivalMs, LEG_RESPONSE_MS, sell.result),
  };
}
