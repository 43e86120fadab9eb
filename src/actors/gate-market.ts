import { bookAgeMs } from '../market/book-age.js';
import type { Instrument } from '../market/instrument.js';
import { BOARD_DEPTH, TRUST_OK, type QuoteBoard } from '../market/quote-board.js';
import type { ExchangeId, InstrumentId } from '../messages/primitives.js';
import type { Signal } from '../messages/signal.js';
import { MarketWatch, type FlashLimits, type MarketAlarm, type MarketSample } from '../risk/flash/watch.js';
import type { HedgeMarket } from '../risk/hedges.js';
import type { Clock } from '../ports/time.js';
import { bookConditionOf, legQuoteOf, marksOf } from './board-reading.js';
import type { GateActorOptions } from './gate-messages.js';

/** What the gate reads from the QuoteBoard by itself, twice a second: nothing on a frame's way waits for it. */

/** A fall within seconds is seen within half of one. */
export const LOOK_MS = 500;
/** Levels of a side that make its depth. */
const DEPTH_LEVELS = 5;

type MarketLookOptions = Pick<
  GateActorOptions,
  'board' | 'instruments' | 'clockOffsetMs' | 'clockSkewMs' | 'limits'
>;

export interface BoardClock {
  readonly monotonicMs: number;
  readonly clockOffsetMs: (exchange: ExchangeId) => number;
}

/** Every trusted book with both sides. */
export function marketSamples(
  board: QuoteBoard,
  instruments: readonly Instrument[],
  { monotonicMs, clockOffsetMs }: BoardClock,
): MarketSample[] {
  const samples: MarketSample[] = [];
  for (const { id, exchange, pair } of instruments) {
    const slot = board.slotOf(id);
    if (board.trust[slot] !== TRUST_OK) continue;
    const at = slot * BOARD_DEPTH;
    const [bids, asks] = [board.bidLevels[slot]!, board.askLevels[slot]!];
    const [bid, ask] = [board.bidPrices[at]!, board.askPrices[at]!];
    if (bids === 0 || asks === 0 || !(bid > 0) || !(ask > 0)) continue;
    const depth = depthOf(board.bidSizes, at, bids) + depthOf(board.askSizes, at, asks);
    const ageMs = bookAgeMs(board, slot, monotonicMs, clockOffsetMs(exchange));
    samples.push({ instrument: id, exchange, pair, bid, ask, depth, ageMs });
  }
  return samples;
}

function depthOf(sizes: Float64Array, at: number, levels: number): number {
  let depth = 0;
  for (let i = at; i < at + Math.min(levels, DEPTH_LEVELS); i++) depth += sizes[i]!;
  return depth;
}

/** Whose books are trusted now, of those that ever were: what never came up is no sign of an exchange in trouble. */
export class BookTrust {
  private readonly everTrusted = new Set<InstrumentId>();

  shares(board: QuoteBoard, instruments: readonly Instrument[]): { exchange: ExchangeId; share: number }[] {
    const counts = new Map<ExchangeId, { known: number; trusted: number }>();
    for (const { id, exchange } of instruments) {
      const isTrusted = board.trust[board.slotOf(id)] === TRUST_OK;
      if (isTrusted) this.everTrusted.add(id);
      else if (!this.everTrusted.has(id)) continue;
      const count = counts.get(exchange) ?? { known: 0, trusted: 0 };
      count.known++;
      if (isTrusted) count.trusted++;
      counts.set(exchange, count);
    }
    return [...counts].map(([exchange, { known, trusted }]) => ({ exchange, share: trusted / known }));
  }
}

/** A look at the board for the gate: alarms, marks, trust, and the other markets of a pair. */
export class MarketLook {
  private readonly options: MarketLookOptions;
  private readonly clock: Clock;
  private readonly trust = new BookTrust();
  private limits: FlashLimits;
  private watch: MarketWatch;
  private told = '';

  constructor(options: MarketLookOptions, clock: Clock, limits: FlashLimits) {
    this.options = options;
    this.clock = clock;
    this.limits = limits;
    this.watch = new MarketWatch(limits);
  }

  /** What it has learned of the markets is learned anew within seconds. */
  setLimits(limits: FlashLimits): void {
    if (JSON.stringify(limits) === JSON.stringify(this.limits)) return;
    this.limits = limits;
    this.watch = new MarketWatch(limits);
  }

  /** Every alarm that stands; null = the same markets as at the last look. */
  changedAlarms(): MarketAlarm[] | null {
    const { board, instruments, clockOffsetMs } = this.options;
    const samples = marketSamples(board, instruments, {
      monotonicMs: this.clock.monotonicMs(),
      clockOffsetMs: (exchange) => clockOffsetMs?.(exchange) ?? 0,
    });
    this.watch.sample(samples, this.clock.nowMs());
    const alarms = this.watch.alarms();
    const told = alarms.map(({ detector, instrument }) => `${detector} ${instrument}`).join();
    if (told === this.told) return null;
    this.told = told;
    return alarms;
  }

  /** Prices, and how far the books of each exchange are trusted. */
  facts() {
    const { board, instruments, limits } = this.options;
    const marks = marksOf(board, instruments, limits.reportingCurrency);
    return { marks, trusted: this.trust.shares(board, instruments) };
  }

  /** The other markets of a signal's pair, for hedges. */
  others(signal: Signal): HedgeMarket[] {
    const { board, instruments, clockOffsetMs, clockSkewMs } = this.options;
    const monotonicMs = this.clock.monotonicMs();
    const taken = new Set(signal.legs.map(({ instrument }) => instrument));
    return instruments
      .filter(({ id, pair }) => pair === signal.pair && !taken.has(id))
      .map(({ id, exchange }) => {
        const { bid, ask } = legQuoteOf(board, id);
        const book = bookConditionOf(board, id, monotonicMs, clockOffsetMs?.(exchange) ?? 0);
        return { book, bid, ask, skewMs: clockSkewMs?.(exchange) ?? null };
      });
  }
}
