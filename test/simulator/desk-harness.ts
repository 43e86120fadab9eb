import { listingOf, type Listing } from '../../src/simulator/listings.js';
import { SimulatedMarket } from '../../src/simulator/market.js';
import { Prng } from '../../src/simulator/prng.js';
import { atomsOf, atomsText } from '../../src/simulator/trading/atoms.js';
import { DESK_RULES, type TradingExchange } from '../../src/simulator/trading/desk-rules.js';
import type { DeskEvent, OrderRequest, PlaceOutcome } from '../../src/simulator/trading/desk-types.js';
import { OrderDesk } from '../../src/simulator/trading/order-desk.js';
import { TradingFaultBoard } from '../../src/simulator/trading/trading-faults.js';
import { START_MS } from './memory-client.js';

/** A desk over one quiet market, with a clock that the test moves. */
export interface DeskBench {
  readonly desk: OrderDesk;
  readonly market: SimulatedMarket;
  readonly listing: Listing;
  readonly faults: TradingFaultBoard;
  readonly events: DeskEvent[];
  /** How often private connections were cut. */
  cuts: number;
  nowMs: number;
  halted: boolean;
  /** Somebody else's limit order. */
  quote(side: 'buy' | 'sell', price: string, quantity: string): number;
  /** An order of the account: a limit IOC purchase unless said otherwise. */
  place(order: Partial<BenchOrder>): PlaceOutcome;
  held(asset: string): readonly [free: string, locked: string];
}

export interface BenchOrder {
  readonly side: 'buy' | 'sell';
  readonly type: OrderRequest['type'];
  readonly price: string | null;
  readonly quantity: string | null;
  readonly quoteAmount: string | null;
  readonly clientOrderId: string | null;
  readonly stp: OrderRequest['stp'];
}

export const BENCH_ACCOUNT = 'trader';

/** The last price is `openPrice` until something trades. */
export function deskBench(
  exchange: TradingExchange,
  { pair, openPrice }: { readonly pair: string; readonly openPrice: string },
): DeskBench {
  const listing = listingOf(exchange, pair);
  const ticks = (price: string): number => Number(atomsOf(price) / atomsOf(listing.tick.text));
  const lots = (quantity: string): number => Number(atomsOf(quantity) / atomsOf(listing.lot.text));
  const market = new SimulatedMarket(listing, ticks(openPrice));
  const faults = new TradingFaultBoard(Prng.of(1, 'faults'));
  const events: DeskEvent[] = [];
  const desk = new OrderDesk({
    account: BENCH_ACCOUNT,
    markets: [market],
    rules: DESK_RULES[exchange],
    faults,
    prng: Prng.of(1, 'desk'),
    nowMs: () => bench.nowMs,
    isHalted: () => bench.halted,
    emit: (event) => events.push(event),
    cutConnections: () => bench.cuts++,
  });
  const atomsOrNull = (text: string | null | undefined) =>
    text === null || text === undefined ? null : atomsOf(text);
  const bench: DeskBench = {
    desk,
    market,
    listing,
    faults,
    events,
    cuts: 0,
    nowMs: START_MS,
    halted: false,
    quote: (side, price, quantity) =>
      market.engine.submit(
        { account: 'other', side, type: 'limit', priceTicks: ticks(price), lots: lots(quantity) },
        START_MS,
      ).orderId,
    place: (order) =>
      desk.place({
        market,
        side: order.side ?? 'buy',
        type: order.type ?? 'ioc',
        price: atomsOrNull(order.price),
        quantity: atomsOrNull(order.quantity),
        quoteAmount: atomsOrNull(order.quoteAmount),
        clientOrderId: order.clientOrderId ?? null,
        stp: order.stp ?? 'none',
        words: {},
      }),
    held: (asset) => {
      const { free, locked } = desk.account.view(asset);
      return [atomsText(free), atomsText(locked)];
    },
  };
  return bench;
}
