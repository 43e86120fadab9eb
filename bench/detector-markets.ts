import { SpatialDetector } from '../src/detectors/spatial.js';
import { DEFAULT_SPATIAL_PARAMETERS, type SpatialParameters } from '../src/detectors/spatial-parameters.js';
import type { Instrument } from '../src/market/instrument.js';
import { OrderBook } from '../src/market/order-book.js';
import { BOARD_DEPTH, QuoteBoard } from '../src/market/quote-board.js';

/** Synthetic markets for the detector: opportunity rates of real data are unknown, so each case is made on purpose. */

export const EXCHANGES = ['binance', 'okx', 'bybit', 'upbit', 'bithumb', 'kucoin', 'gate', 'bitget'] as const;
export const NOW_MS = 1_700_000_000_000;

export const PARAMETERS: SpatialParameters = {
  ...DEFAULT_SPATIAL_PARAMETERS,
  limits: new Map([['USDT', { minNetProfit: '0.5', maxNotional: '1000000' }]]),
};

export function instrument(exchange: string, base: string): Instrument {
  return {
    id: `${exchange}:${base}-USDT`,
    exchange,
    symbol: `${base}USDT`,
    pair: `${base}-USDT`,
    base,
    quote: 'USDT',
    identityKnown: true,
    unitMultiplier: '1',
    tickSize: '0.01',
    lotSize: '0.001',
    minQuantity: '0.001',
    maxQuantity: null,
    minNotional: '5',
    state: 'trading',
    takerFeeRate: '0.001',
    makerFeeRate: '0.001',
    feeMode: 'quote',
  };
}

export interface Markets {
  readonly board: QuoteBoard;
  readonly instruments: readonly Instrument[];
  readonly detector: SpatialDetector;
  /** Slot of exchange e of asset a, at `a * exchanges + e`. */
  readonly slots: Int32Array;
  readonly exchanges: number;
}

/** `assets` × `exchanges` markets around 100, every best quote 1 bp from the common price: no edge anywhere. */
export function quietMarkets(assets: number, exchanges: number): Markets {
  const instruments: Instrument[] = [];
  for (let asset = 0; asset < assets; asset++) {
    for (const exchange of EXCHANGES.slice(0, exchanges)) instruments.push(instrument(exchange, `A${asset}`));
  }
  const board = new QuoteBoard(instruments.length);
  const slots = Int32Array.from(instruments, ({ id }) => board.slotOf(id));
  for (const slot of slots) publish(board, slot, ladder(99.99, -0.01, 10), ladder(100.01, 0.01, 10));
  let ids = 0;
  const detector = new SpatialDetector({
    instruments,
    board,
    parameters: PARAMETERS,
    nextId: (prefix) => `${prefix}-${++ids}`,
  });
  return { board, instruments, detector, slots, exchanges };
}

export type Levels = readonly (readonly [price: number, size: number])[];

/** `count` levels from `best` outwards with sizes on the lot that differ from level to level. */
export function ladder(best: number, step: number, count: number): Levels {
  return Array.from({ length: count }, (_, i) => [
    Number((best + i * step).toFixed(2)),
    Number((0.517 + ((i * 379) % 997) / 1000).toFixed(3)),
  ]);
}

export function publish(board: QuoteBoard, slot: number, bids: Levels, asks: Levels): void {
  const book = new OrderBook();
  for (const [price, size] of bids) book.setBid(price, size);
  for (const [price, size] of asks) book.setAsk(price, size);
  board.publish(slot, book, 1, NOW_MS, NOW_MS, NOW_MS);
}

/** Writes a best quote as a feed would, without the rest of the book. */
export function quote(board: QuoteBoard, slot: number, bid: number, ask: number): void {
  board.bidPrices[slot * BOARD_DEPTH] = bid;
  board.askPrices[slot * BOARD_DEPTH] = ask;
}
