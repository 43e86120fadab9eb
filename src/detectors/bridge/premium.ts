import { bookProblem, type BookLimits } from '../../market/book-problem.js';
import { BPS, Decimal, decimalOf } from '../../market/decimal.js';
import type { Instrument } from '../../market/instrument.js';
import { BOARD_DEPTH, type QuoteBoard } from '../../market/quote-board.js';
import type { PremiumRow } from '../../messages/premium.js';
import type { AssetId, DecimalText, ExchangeId } from '../../messages/primitives.js';
import { krwEdges, premiumOf, type Quote } from '../krw-premium.js';
import { spatialMarket, type SpatialMarket } from '../spatial-route.js';
import { bridgeGrounds } from './bridge-route.js';

/** A bank's rate, local money for a dollar. */
export interface FxRate {
  readonly rate: DecimalText;
}

export interface PremiumQuery {
  readonly board: QuoteBoard;
  readonly instruments: readonly Instrument[];
  readonly dollar: AssetId;
  readonly limits: BookLimits;
  readonly clockOffsetMs: (exchange: ExchangeId) => number;
  readonly monotonicMs: number;
  readonly fx: ReadonlyMap<AssetId, FxRate>;
}

/** A row for each coin in local money whose three books may all be used now; by exchange and coin. */
export function premiumsOf(query: PremiumQuery): PremiumRow[] {
  const { board, instruments, dollar, fx } = query;
  const markets = instruments.map((one) => spatialMarket(one, board.slotOf(one.id)));
  return bridgeGrounds(markets, dollar, {})
    .flatMap(({ local, rate, dollars }) => {
      const usable = dollars.flatMap((market) => {
        const quote = quoteOf(query, market);
        return quote === null ? [] : [{ market, quote }];
      });
      const [krw, krwUsdt] = [quoteOf(query, local), quoteOf(query, rate)];
      if (krw === null || krwUsdt === null || usable.length === 0) return [];
      const known = fx.get(local.instrument.quote);
      return [
        rowOf({
          local,
          rate,
          krw,
          krwUsdt,
          usable,
          fx: known === undefined ? null : new Decimal(known.rate),
        }),
      ];
    })
    .sort((a, b) => (a.instrument < b.instrument ? -1 : 1));
}

interface Ground {
  readonly local: SpatialMarket;
  readonly rate: SpatialMarket;
  readonly krw: Quote;
  readonly krwUsdt: Quote;
  readonly usable: readonly { readonly market: SpatialMarket; readonly quote: Quote }[];
  readonly fx: Decimal | null;
}

function rowOf({ local, rate, krw, krwUsdt, usable, fx }: Ground): PremiumRow {
  const { exchange, base, quote, id } = local.instrument;
  const middle = usable
    .map((one) => one.quote)
    .sort((a, b) => midOf(a).comparedTo(midOf(b)))
    .at(Math.floor((usable.length - 1) / 2))!;
  const premium = premiumOf({ krw, usdt: middle, krwUsdt }, fx);
  const edges = usable.map(({ market, quote: usdt }) =>
    krwEdges({ krw, usdt, krwUsdt }, { krw: local.fee, usdt: market.fee, krwUsdt: rate.fee }),
  );
  const inBps = (fraction: Decimal | null) => (fraction === null ? null : shown(fraction.times(BPS)));
  return {
    ...{ exchange, asset: base, currency: quote, instrument: id },
    localPrice: midOf(krw).toNumber(),
    dollarPrice: midOf(middle).toNumber(),
    rate: midOf(krwUsdt).toNumber(),
    dollarMarkets: usable.length,
    vsUsdtBps: shown(premium.vsUsdt.times(BPS)),
    vsFxBps: inBps(premium.vsFx),
    usdtBps: inBps(premium.usdt),
    sellLocalBps: shown(Decimal.max(...edges.map(({ sellKoreaBps }) => sellKoreaBps))),
    buyLocalBps: shown(Decimal.max(...edges.map(({ buyKoreaBps }) => buyKoreaBps))),
  };
}

/** Best quote per canonical coin; null while the book may not be used or a side is empty. */
function quoteOf(query: PremiumQuery, { instrument, slot, units }: SpatialMarket): Quote | null {
  const { board, limits, clockOffsetMs, monotonicMs } = query;
  const offsetMs = clockOffsetMs(instrument.exchange);
  if (bookProblem(board, slot, monotonicMs, limits, offsetMs) !== null) return null;
  if (board.bidLevels[slot]! === 0 || board.askLevels[slot]! === 0) return null;
  const at = slot * BOARD_DEPTH;
  return {
    bid: decimalOf(board.bidPrices[at]!).div(units),
    ask: decimalOf(board.askPrices[at]!).div(units),
  };
}

const midOf = ({ bid, ask }: Quote): Decimal => bid.plus(ask).div(2);

/** Hundredths of a basis point are for nobody. */
const shown = (bps: Decimal): number => bps.toDecimalPlaces(2).toNumber();
