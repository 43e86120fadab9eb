import { bookAgeMs, sinceChangeMs } from '../market/book-age.js';
import { Decimal, decimalOf, toText } from '../market/decimal.js';
import { fixedOf, fixedText } from '../market/fixed.js';
import type { Instrument } from '../market/instrument.js';
import { BOARD_DEPTH, TRUST_OK, type QuoteBoard } from '../market/quote-board.js';
import type { AssetId, DecimalText, InstrumentId } from '../messages/primitives.js';
import type { SimulatedBook } from '../execution/fill-simulator.js';
import { midPrice } from '../execution/portfolio.js';
import type { LegQuote } from '../execution/recovery.js';
import type { BookCondition } from '../risk/question.js';

/** What the money actors read from the QuoteBoard, as plain values that can be recorded. */

/** Ages that cannot be told are as old as can be written down; a record must survive JSON. */
const NEVER_MS = Number.MAX_SAFE_INTEGER;

export function bookConditionOf(
  board: QuoteBoard,
  instrument: InstrumentId,
  monotonicMs: number,
  clockOffsetMs: number,
): BookCondition {
  const slot = board.slotOf(instrument);
  return {
    instrument,
    trusted: board.trust[slot] === TRUST_OK,
    epoch: board.epoch[slot]!,
    ageMs: Math.min(NEVER_MS, bookAgeMs(board, slot, monotonicMs, clockOffsetMs)),
    unchangedMs: Math.min(NEVER_MS, sinceChangeMs(board, slot, monotonicMs)),
  };
}

export function legQuoteOf(board: QuoteBoard, instrument: InstrumentId): LegQuote {
  const slot = board.slotOf(instrument);
  const at = slot * BOARD_DEPTH;
  return {
    instrument,
    trusted: board.trust[slot] === TRUST_OK,
    bid: board.bidLevels[slot]! > 0 ? board.bidPrices[at]! : 0,
    ask: board.askLevels[slot]! > 0 ? board.askPrices[at]! : 0,
  };
}

/** The same with the whole depth, for whoever is about to trade against it. */
export function deepQuoteOf(board: QuoteBoard, instrument: InstrumentId): LegQuote {
  const slot = board.slotOf(instrument);
  return {
    ...legQuoteOf(board, instrument),
    bids: pairsOf(board.bidPrices, board.bidSizes, slot, board.bidLevels[slot]!),
    asks: pairsOf(board.askPrices, board.askSizes, slot, board.askLevels[slot]!),
  };
}

const pairsOf = (prices: Float64Array, sizes: Float64Array, slot: number, count: number) =>
  Array.from({ length: count }, (_, i) => {
    const at = slot * BOARD_DEPTH + i;
    return [prices[at]!, sizes[at]!] as const;
  });

/** The book as it stands, best first; null while it is not trusted. */
export function arrivalBookOf(board: QuoteBoard, instrument: InstrumentId): SimulatedBook | null {
  const slot = board.slotOf(instrument);
  if (board.trust[slot] !== TRUST_OK) return null;
  return {
    timeMs: board.receiveTimeMs[slot]!,
    asks: levelsOf(board.askPrices, board.askSizes, slot, board.askLevels[slot]!),
    bids: levelsOf(board.bidPrices, board.bidSizes, slot, board.bidLevels[slot]!),
  };
}

function levelsOf(prices: Float64Array, sizes: Float64Array, slot: number, count: number) {
  const levels: (readonly [Decimal, Decimal])[] = [];
  for (let i = slot * BOARD_DEPTH; i < slot * BOARD_DEPTH + count; i++)
    levels.push([decimalOf(prices[i]!), decimalOf(sizes[i]!)]);
  return levels;
}

/** Best bid, in the quote of a market, of the coin that its exchange takes its fees in; null where that is not known or not so. */
export function feeCoinPriceOf(
  board: QuoteBoard,
  instruments: readonly Instrument[],
  id: InstrumentId,
): number | null {
  const instrument = instruments.find((one) => one.id === id);
  if (instrument?.feeMode !== 'third' || instrument.feeCoin === undefined) return null;
  const { exchange, feeCoin, quote } = instrument;
  if (feeCoin === quote) return 1;
  const market = instruments.find((one) => one.id === `${exchange}:${feeCoin}-${quote}`);
  if (market === undefined) return null;
  const { trusted, bid } = legQuoteOf(board, market.id);
  return trusted && bid > 0 ? bid : null;
}

/** Prices of the coins that fees are taken in, one per coin, in the quote of the first market that takes it. */
export function feeMarksOf(board: QuoteBoard, instruments: readonly Instrument[]): Mark[] {
  const marks = new Map<AssetId, DecimalText>();
  for (const { id, feeMode, feeCoin } of instruments) {
    if (feeMode !== 'third' || feeCoin === undefined || marks.has(feeCoin)) continue;
    const price = feeCoinPriceOf(board, instruments, id);
    if (price !== null) marks.set(feeCoin, toText(decimalOf(price)));
  }
  return [...marks].map(([asset, price]) => ({ asset, price }));
}

export interface Mark {
  readonly asset: AssetId;
  readonly price: DecimalText;
}

/**
 * Prices in the reporting currency from the mid prices of trusted books: directly, or through a book that quotes the
 * reporting currency itself (KRW through USDT-KRW); per canonical unit. The first trusted book of an asset counts.
 */
export function marksOf(board: QuoteBoard, instruments: readonly Instrument[], currency: AssetId): Mark[] {
  const marks = new Map<AssetId, DecimalText>();
  for (const instrument of instruments) {
    const direct = instrument.quote === currency;
    const asset = direct ? instrument.base : instrument.quote;
    if ((!direct && instrument.base !== currency) || marks.has(asset)) continue;
    const quote = legQuoteOf(board, instrument.id);
    if (direct && instrument.unitMultiplier === '1' && quote.trusted) {
      const price = midText(quote.bid, quote.ask);
      if (price !== null) {
        marks.set(asset, price);
        continue;
      }
    }
    const mid = quote.trusted ? midPrice(quote.bid, quote.ask) : null;
    if (mid === null || mid.isZero()) continue;
    // A pack's price over its units; a pack of the reporting currency itself is no price of anything.
    const units = new Decimal(instrument.unitMultiplier);
    if (!direct && !units.eq(1)) continue;
    const price = direct ? mid.div(units) : new Decimal(1).div(mid);
    marks.set(asset, toText(price.toDecimalPlaces(18, Decimal.ROUND_DOWN)));
  }
  return [...marks].map(([asset, price]) => ({ asset, price }));
}

/** What a mid price is rounded down to: 10^-12, as a whole number of 10^-20. */
const MARK_STEP = 10n ** 8n;

/** The text of the mid price without a decimal in between; null where there is none, or where its digits do not fit. */
function midText(bid: number, ask: number): DecimalText | null {
  if (!(bid > 0) || !(ask > 0)) return null;
  const [b, a] = [fixedOf(String(bid)), fixedOf(String(ask))];
  if (b === null || a === null) return null;
  const steps = (b + a) / 2n / MARK_STEP;
  return steps === 0n ? null : fixedText(steps * MARK_STEP);
}
