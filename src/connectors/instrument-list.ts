import type { Instrument, InstrumentState } from '../market/instrument.js';
import type { DecimalText, ExchangeId } from '../messages/primitives.js';
import type { FeeDefaults, InstrumentList, MarketLookup } from './base.js';
import { FrameError } from './frame-error.js';
import { isFields, member, type Fields } from './fields.js';

/** What an exchange says about one market, in its own words. */
export interface MarketFacts {
  readonly symbol: string;
  readonly baseTicker: string;
  readonly quoteTicker: string;
  readonly tickSize: DecimalText;
  readonly lotSize: DecimalText;
  readonly minQuantity: DecimalText;
  readonly maxQuantity: DecimalText | null;
  readonly minNotional: DecimalText;
  readonly state: InstrumentState;
  /** Where the list names the market's own; the exchange's start-up default otherwise. */
  readonly takerFeeRate?: DecimalText;
  readonly makerFeeRate?: DecimalText;
  readonly bookProof?: 'opaque';
}

/**
 * Reads a list of markets. One market with a field that is wrong is refused by name and the others stand, since an
 * exchange lists what it likes; `read` answers null for what is not a spot market.
 */
export function readInstruments(
  rows: readonly unknown[],
  exchange: ExchangeId,
  fees: FeeDefaults,
  lookup: MarketLookup,
  read: (row: Fields, path: string) => MarketFacts | null,
): InstrumentList {
  const instruments: Instrument[] = [];
  const refused: { symbol: string; reason: string }[] = [];
  for (const [index, row] of rows.entries()) {
    try {
      if (!isFields(row)) throw new FrameError(`[${index}]`, 'an object', row);
      const facts = read(row, `[${index}].`);
      if (facts !== null) instruments.push(toInstrument(facts, exchange, fees, lookup));
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      refused.push({ symbol: nameOf(row), reason: error.message });
    }
  }
  return { instruments, refused };
}

function toInstrument(
  facts: MarketFacts,
  exchange: ExchangeId,
  fees: FeeDefaults,
  lookup: MarketLookup,
): Instrument {
  const market = lookup(exchange, facts.baseTicker, facts.quoteTicker);
  return {
    id: `${exchange}:${market.pair}`,
    exchange,
    symbol: facts.symbol,
    pair: market.pair,
    base: market.base,
    quote: market.quote,
    identityKnown: market.identityKnown,
    unitMultiplier: market.unitMultiplier,
    tickSize: facts.tickSize,
    lotSize: facts.lotSize,
    minQuantity: facts.minQuantity,
    maxQuantity: facts.maxQuantity,
    minNotional: facts.minNotional,
    state: facts.state,
    takerFeeRate: facts.takerFeeRate ?? fees.takerFeeRate,
    makerFeeRate: facts.makerFeeRate ?? fees.makerFeeRate,
    feeMode: fees.feeMode,
    ...(facts.bookProof !== undefined && { bookProof: facts.bookProof }),
  };
}

function nameOf(row: unknown): string {
  if (!isFields(row)) return '?';
  const name = member(row, 'symbol') ?? member(row, 'instId') ?? member(row, 'id') ?? member(row, 'market');
  return typeof name === 'string' ? name.slice(0, 64) : '?';
}
