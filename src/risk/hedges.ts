import { Decimal } from '../market/decimal.js';
import type { Instrument } from '../market/instrument.js';
import { violationsOf, orderRulesOf } from '../market/order-rules.js';
import type { InstrumentId } from '../messages/primitives.js';
import { valueAt } from './exchange-value.js';
import { legsOf, type BookCondition, type Question } from './question.js';

/** Another market of the pair, as it is at the moment of decision. */
export interface HedgeMarket {
  readonly book: BookCondition;
  readonly bid: number;
  readonly ask: number;
  /** What is proven of the skew of its exchange's clock, ms; null = never measured. */
  readonly skewMs: number | null;
}

const MOST_HEDGES = 8;
const BPS = 10_000;

/**
 * Markets on which a residue of this trade may be hedged: those of the same pair on other exchanges that are trusted and
 * tradable now, and have inventory and room within every limit for the whole quantity, to buy it as well as to sell it. The
 * narrowest book comes first. Nothing is reserved there: a hedge is checked again when it is needed.
 */
export function hedgesOf(question: Question, others: readonly HedgeMarket[]): InstrumentId[] {
  return others
    .filter((market) => isFit(question, market))
    .sort((a, b) => a.ask / a.bid - b.ask / b.bid || (a.book.instrument < b.book.instrument ? -1 : 1))
    .slice(0, MOST_HEDGES)
    .map(({ book }) => book.instrument);
}

function isFit(question: Question, market: HedgeMarket): boolean {
  const instrument = question.instruments.get(market.book.instrument);
  return (
    instrument !== undefined &&
    isSamePair(question, instrument) &&
    isSound(question, market) &&
    isTradable(question, instrument, market) &&
    hasRoom(question, instrument, market)
  );
}

function isSamePair(question: Question, instrument: Instrument): boolean {
  const { base, quote } = question.signal;
  return (
    instrument.base === base &&
    instrument.quote === quote &&
    instrument.identityKnown &&
    new Decimal(instrument.unitMultiplier).eq(1) &&
    instrument.feeMode !== 'third' &&
    legsOf(question).every(({ exchange }) => exchange !== instrument.exchange)
  );
}

function isSound({ limits }: Question, { book, bid, ask }: HedgeMarket): boolean {
  return (
    book.trusted &&
    bid > 0 &&
    ask > 0 &&
    book.ageMs <= limits.maxBookAgeMs &&
    book.unchangedMs <= limits.maxUnchangedMs
  );
}

function isTradable(question: Question, instrument: Instrument, { skewMs }: HedgeMarket): boolean {
  const { limits, holds, monitors, signal } = question;
  const { exchange, state, bookProof } = instrument;
  const isClockFit =
    !limits.clockBound.includes(exchange) ||
    (skewMs === null ? !limits.refuseUnknownClock : skewMs <= limits.maxClockSkewMs);
  return (
    state === 'trading' &&
    isClockFit &&
    (bookProof !== 'opaque' || limits.acceptOpaqueBooks?.includes(exchange) === true) &&
    holds.on(exchange, [signal.base, signal.quote]).length === 0 &&
    monitors.breakers.before([exchange]).every(({ breaker }) => breaker.record.state === 'CLOSED') &&
    monitors.alarms.every((alarm) => alarm.instrument !== instrument.id)
  );
}

/** For the whole quantity, whichever side the residue may need. */
function hasRoom(question: Question, instrument: Instrument, { bid, ask }: HedgeMarket): boolean {
  const { exposure, limits, signal, monitors, nowMs } = question;
  const { exchange } = instrument;
  const quantity = new Decimal(signal.quantity);
  const slack = new Decimal(limits.recoverySlackBps).div(BPS).plus(1);
  const cost = quantity.times(ask).times(slack).times(new Decimal(instrument.takerFeeRate).plus(1));
  const mark = exposure.markOf(signal.quote);
  const held = valueAt(exposure, exchange);
  if (mark === null || 'unpriced' in held) return false;
  const value = cost.times(mark);
  const { sizeFactor } = monitors.health.viewOf(exchange, nowMs);
  const limit = new Decimal(limits.exchangeHoldingsOverrides[exchange] ?? limits.maxExchangeHoldings);
  return (
    exposure.available(exchange, signal.base).gte(quantity) &&
    exposure.available(exchange, signal.quote).gte(cost) &&
    value.lte(new Decimal(limits.maxOrderNotional).times(sizeFactor)) &&
    held.value.plus(value).lte(limit) &&
    meetsMinimums(instrument, quantity, bid)
  );
}

/** Judged at the lower price, and without the lattice: a hedge is rounded to it when its size is known. */
function meetsMinimums(instrument: Instrument, quantity: Decimal, bid: number): boolean {
  const order = { side: 'sell' as const, quantity, price: new Decimal(bid) };
  return violationsOf(order, orderRulesOf(instrument), instrument.state).every(
    ({ rule }) => rule === 'PRICE_TICK' || rule === 'LOT_SIZE',
  );
}
