import { Decimal, roundForMessage, toText, ZERO } from '../market/decimal.js';
import { feeOf } from '../market/fees.js';
import type { Instrument } from '../market/instrument.js';
import { orderRulesOf } from '../market/order-rules.js';
import type { Fill, LegResult, SubmitLeg } from '../messages/order.js';
import type { AssetId, DecimalText, InstrumentId } from '../messages/primitives.js';
import {
  FillSimulator,
  type SimulatedBook,
  type SimulatedFill,
  type SimulatedResult,
} from './fill-simulator.js';

/** Log-normal through these two points; p99 at or below the median means constant. */
export interface PaperLatency {
  readonly medianMs: number;
  readonly p99Ms: number;
}

/** Faults that happen on real exchanges, as shares of orders (0…1). */
export interface PaperFaults {
  /** Refused by the exchange for its own reasons. */
  readonly rejectShare: number;
  /** Part of what is displayed is gone before the order is matched. */
  readonly thinShare: number;
}

const Z99 = 2.3263478740408408;

/** A latency from two uniform draws in [0, 1) (Box–Muller). */
export function latencyMs(spec: PaperLatency, u1: number, u2: number): number {
  const { medianMs, p99Ms } = spec;
  if (!(medianMs > 0) || p99Ms <= medianMs) return Math.max(0, medianMs);
  const normal = Math.sqrt(-2 * Math.log(1 - u1)) * Math.cos(2 * Math.PI * u2);
  return medianMs * Math.exp((Math.log(p99Ms / medianMs) / Z99) * normal);
}

export interface PaperExecution {
  readonly leg: SubmitLeg;
  /** The book at arrival; null = none that may be trusted. */
  readonly book: SimulatedBook | null;
  /** Uniform draws for the faults. */
  readonly draws: { readonly reject: number; readonly thin: number; readonly share: number };
  /** Price in quote of the coin that the market takes its fees in; absent or null = not known, and it takes them otherwise. */
  readonly feeCoinPrice?: number | null;
  /** A new id per fill, unique over restarts. */
  readonly nextTradeId: () => string;
  readonly nowMs: number;
}

export interface PaperAccount {
  readonly asset: AssetId;
  readonly amount: DecimalText;
}

/**
 * One exchange's account and matching in paper mode. It keeps its own balances and its own consumption of displayed
 * liquidity, so that the same liquidity is not sold to us twice (TRADING §6).
 */
export class PaperExchange {
  private readonly balances: Map<AssetId, Decimal>;
  private readonly simulators = new Map<InstrumentId, FillSimulator>();
  private instruments: ReadonlyMap<InstrumentId, Instrument>;
  private readonly faults: PaperFaults;
  /** Of the order that is carried out; 0 = not known, which no balance can pay. */
  private feeCoinPrice = ZERO;

  constructor(instruments: readonly Instrument[], account: readonly PaperAccount[], faults: PaperFaults) {
    this.instruments = new Map(instruments.map((i) => [i.id, i]));
    this.balances = new Map(account.map(({ asset, amount }) => [asset, new Decimal(amount)]));
    this.faults = faults;
  }

  /** Other markets, rules or fees; own consumption is kept where a market stays as it was. */
  replaceInstruments(instruments: readonly Instrument[]): void {
    const before = this.instruments;
    this.instruments = new Map(instruments.map((i) => [i.id, i]));
    for (const id of [...this.simulators.keys()])
      if (JSON.stringify(before.get(id)) !== JSON.stringify(this.instruments.get(id)))
        this.simulators.delete(id);
  }

  balanceOf(asset: AssetId): Decimal {
    return this.balances.get(asset) ?? ZERO;
  }

  /** Matches an order on its arrival book and moves the balances. */
  execute(execution: PaperExecution): LegResult {
    const { leg, book, draws } = execution;
    const instrument = this.instruments.get(leg.instrument);
    if (instrument === undefined) return this.refused(execution, 'INSTRUMENT_UNKNOWN');
    if (instrument.state !== 'trading') return this.refused(execution, `INSTRUMENT_${instrument.state}`);
    // Fills in packs would be booked as single units (see the gate's rule of the same name).
    if (!new Decimal(instrument.unitMultiplier).eq(1)) return this.refused(execution, 'UNIT_MULTIPLIER');
    if (draws.reject < this.faults.rejectShare) return this.refused(execution, 'EXCHANGE_BUSY');
    if (book === null) return this.refused(execution, 'NO_BOOK');
    this.feeCoinPrice = new Decimal(execution.feeCoinPrice ?? 0);
    const arrival = draws.thin < this.faults.thinShare ? thinned(book, draws.share) : book;
    const result = this.simulatorOf(instrument).executeOn(
      {
        side: leg.side,
        type: 'limit_ioc',
        quantity: new Decimal(leg.quantity),
        price: new Decimal(leg.limitPrice),
        decisionPrice: new Decimal(leg.decisionPrice),
      },
      arrival,
      this.balances,
      execution.nowMs,
    );
    if (result.status === 'REJECTED') return this.refused(execution, result.reject ?? 'REJECTED');
    for (const [asset, change] of result.balanceChanges)
      this.balances.set(asset, this.balanceOf(asset).plus(change));
    return resultOf(execution, result);
  }

  private refused({ leg, nowMs }: PaperExecution, reason: string): LegResult {
    return refusedResult(leg, reason, nowMs);
  }

  private simulatorOf(instrument: Instrument): FillSimulator {
    const known = this.simulators.get(instrument.id);
    if (known !== undefined) return known;
    const made = new FillSimulator({
      base: instrument.base,
      quote: instrument.quote,
      rules: orderRulesOf(instrument),
      fee: feeOf(instrument.takerFeeRate, instrument.feeMode, instrument.feeDiscount),
      third: this.feeCoinOf(instrument),
      maxStaleMs: null,
    });
    this.simulators.set(instrument.id, made);
    return made;
  }

  private feeCoinOf({ feeMode, feeCoin }: Instrument) {
    if (feeMode !== 'third' || feeCoin === undefined) return null;
    const priceNow = () => this.feeCoinPrice;
    return {
      asset: feeCoin,
      get price() {
        return priceNow();
      },
    };
  }
}

/** Leaves a share of every level: others were faster. */
function thinned(book: SimulatedBook, share: number): SimulatedBook {
  const thin = (levels: SimulatedBook['asks']) =>
    levels.map(
      ([price, size]) => [price, size.times(share).toDecimalPlaces(12, Decimal.ROUND_DOWN)] as const,
    );
  return { ...book, asks: thin(book.asks), bids: thin(book.bids) };
}

const STATUS = {
  FILLED: 'filled',
  PARTIALLY_FILLED: 'partially_filled',
  EXPIRED: 'expired',
  REJECTED: 'rejected',
} as const;

function resultOf(execution: PaperExecution, result: SimulatedResult): LegResult {
  const { leg, nowMs } = execution;
  return {
    clientOrderId: leg.clientOrderId,
    arbitrageId: leg.arbitrageId,
    legIndex: leg.legIndex,
    status: STATUS[result.status],
    filledQuantity: toText(result.filledQuantity),
    averagePrice: result.averagePrice === null ? null : toText(roundForMessage(result.averagePrice, 'down')),
    fills: result.fills.map((fill) => fillOf(execution, fill)),
    reason: result.status === 'EXPIRED' ? 'NOTHING_WITHIN_LIMIT' : '',
    acknowledgedAtMs: nowMs,
  };
}

function fillOf({ leg, nextTradeId, nowMs }: PaperExecution, fill: SimulatedFill): Fill {
  return {
    exchange: leg.exchange,
    instrument: leg.instrument,
    tradeId: nextTradeId(),
    clientOrderId: leg.clientOrderId,
    arbitrageId: leg.arbitrageId,
    side: leg.side,
    price: toText(fill.price),
    quantity: toText(fill.quantity),
    fee: toText(roundForMessage(fill.fee, 'up')),
    feeAsset: fill.feeAsset,
    liquidity: 'taker',
    exchangeTimeMs: nowMs,
  };
}

/** An order that was refused and certainly did not trade. */
export function refusedResult(leg: SubmitLeg, reason: string, nowMs: number): LegResult {
  return {
    clientOrderId: leg.clientOrderId,
    arbitrageId: leg.arbitrageId,
    legIndex: leg.legIndex,
    status: 'rejected',
    filledQuantity: '0',
    averagePrice: null,
    fills: [],
    reason: reason.slice(0, 200),
    acknowledgedAtMs: nowMs,
  };
}
