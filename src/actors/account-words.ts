import type {
  BalanceReport,
  OrderReport,
  PlaceAnswer,
  TradeReport,
  TransferReport,
} from '../connectors/order-entry.js';
import type {
  BalanceWord,
  OrderWord,
  PlaceWord,
  TradeWord,
  TransferWord,
} from '../execution/gateway/words.js';
import { Decimal, toText } from '../market/decimal.js';
import type { Instrument } from '../market/instrument.js';
import { entityId, type AssetId, type InstrumentId } from '../messages/primitives.js';

/** What an exchange says in its own symbols and tickers, in ArBot's names. */
export class AccountWords {
  private readonly assetOf: (ticker: string) => AssetId;
  private readonly bySymbol: ReadonlyMap<string, InstrumentId>;
  private readonly symbols: ReadonlyMap<InstrumentId, string>;

  /** `instruments`: those of this exchange. */
  constructor(instruments: readonly Instrument[], assetOf: (ticker: string) => AssetId) {
    this.assetOf = assetOf;
    this.bySymbol = new Map(instruments.map(({ id, symbol }) => [symbol, id]));
    this.symbols = new Map(instruments.map(({ id, symbol }) => [id, symbol]));
  }

  /** Null for a market that is not followed. */
  symbolOf(instrument: InstrumentId): string | null {
    return this.symbols.get(instrument) ?? null;
  }

  allSymbols(): readonly string[] {
    return [...this.symbols.values()];
  }

  order(report: OrderReport): OrderWord {
    const { clientOrderId, exchangeOrderId, side, status, statusWord, quantity, filledQuantity } = report;
    const trades = report.trades.map((trade) => this.trade(trade));
    const instrument = this.instrumentOf(report.symbol);
    return {
      clientOrderId,
      exchangeOrderId,
      instrument,
      side,
      status,
      statusWord,
      quantity,
      filledQuantity,
      trades,
    };
  }

  trade(report: TradeReport): TradeWord {
    const { exchangeOrderId, clientOrderId, side, price, quantity, fee, feeTicker, liquidity, timeMs } =
      report;
    return {
      tradeId: tradeIdOf(report.tradeId),
      exchangeOrderId,
      clientOrderId,
      instrument: this.instrumentOf(report.symbol),
      side,
      price,
      quantity,
      fee,
      feeAsset: feeTicker === null ? null : this.assetOf(feeTicker),
      liquidity,
      timeMs,
    };
  }

  balance({ ticker, free, locked, borrowed }: BalanceReport): BalanceWord {
    return { asset: this.assetOf(ticker), total: toText(new Decimal(free).plus(locked)), borrowed };
  }

  transfer({ transferId, ticker, amount, timeMs }: TransferReport): TransferWord {
    return { transferId, asset: this.assetOf(ticker), amount, timeMs };
  }

  placed(answer: PlaceAnswer): PlaceWord {
    switch (answer.kind) {
      case 'accepted': {
        const order = answer.report === null ? null : this.order(answer.report);
        return { kind: 'accepted', exchangeOrderId: answer.exchangeOrderId, order };
      }
      case 'rejected':
        return { kind: 'refused', code: answer.code, reason: answer.reason, fault: answer.fault };
      case 'limited':
        return { kind: 'refused', code: answer.code, reason: 'too fast', fault: 'limited' };
      case 'duplicate':
        return { kind: 'duplicate' };
      case 'unknown':
        return { kind: 'unknown', reason: `${answer.code} ${answer.reason}`.trim() };
    }
  }

  private instrumentOf(symbol: string): InstrumentId | null {
    return this.bySymbol.get(symbol) ?? null;
  }
}

/** Ids are letters, digits and a few signs; what else an exchange may use is written as its code. */
const tradeIdOf = (id: string): string =>
  entityId.safeParse(id).success ? id : `x${Buffer.from(id).toString('hex').slice(0, 94)}`;
