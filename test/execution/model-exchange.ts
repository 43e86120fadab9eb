import { Decimal } from '../../src/market/decimal.js';
import { assetsOf } from '../../src/execution/ledger.js';
import type { OrderWord, TradeWord } from '../../src/execution/gateway/words.js';

/** The truth that a gateway is tested against: one account of one exchange, which keeps every promise unless a test breaks one. */

export interface ModelTicket {
  readonly clientOrderId: string;
  readonly instrument: string;
  readonly side: 'buy' | 'sell';
  readonly quantity: string;
  readonly limitPrice: string;
}

export interface ModelOrder extends ModelTicket {
  readonly exchangeOrderId: string;
  status: 'open' | 'ended';
  filled: Decimal;
  readonly trades: TradeWord[];
}

export class ModelExchange {
  readonly orders = new Map<string, ModelOrder>();
  readonly balances = new Map<string, Decimal>();
  readonly transfers: { transferId: string; asset: string; amount: string; timeMs: number }[] = [];
  /** Placements of an id that was there already: a gateway that sends twice. */
  duplicates = 0;
  private tradeCount = 0;
  private orderCount = 0;

  constructor(holdings: readonly { readonly asset: string; readonly amount: string }[]) {
    for (const { asset, amount } of holdings) this.balances.set(asset, new Decimal(amount));
  }

  /** An IOC order of which this share is filled, in so many trades. `leaveOpen`: the rest stays. */
  place(
    ticket: ModelTicket,
    nowMs: number,
    how: { readonly share?: number; readonly pieces?: number; readonly leaveOpen?: boolean } = {},
  ): ModelOrder {
    const known = this.orders.get(ticket.clientOrderId);
    if (known !== undefined) {
      this.duplicates++;
      return known;
    }
    const { share = 1, pieces = 1, leaveOpen = false } = how;
    const order: ModelOrder = {
      ...ticket,
      exchangeOrderId: `x${++this.orderCount}`,
      status: leaveOpen ? 'open' : 'ended',
      filled: new Decimal(0),
      trades: [],
    };
    this.orders.set(ticket.clientOrderId, order);
    const total = new Decimal(ticket.quantity).times(share);
    if (share > 0)
      for (let n = 0; n < pieces; n++)
        this.fill(order, total.div(pieces).toFixed(6, Decimal.ROUND_DOWN), ticket.limitPrice, nowMs);
    return order;
  }

  fill(order: ModelOrder, quantity: string, price: string, nowMs: number): TradeWord {
    const { base, quote } = assetsOf(order.instrument);
    const fee = new Decimal(quantity).times(price).times('0.001').toFixed();
    const trade: TradeWord = {
      tradeId: `t${++this.tradeCount}`,
      exchangeOrderId: order.exchangeOrderId,
      clientOrderId: order.clientOrderId,
      instrument: order.instrument,
      side: order.side,
      price,
      quantity: new Decimal(quantity).toFixed(),
      fee,
      feeAsset: quote,
      liquidity: 'taker',
      timeMs: nowMs,
    };
    order.trades.push(trade);
    order.filled = order.filled.plus(quantity);
    const sign = order.side === 'buy' ? 1 : -1;
    this.move(base, new Decimal(quantity).times(sign));
    this.move(quote, new Decimal(quantity).times(price).times(-sign).minus(fee));
    return trade;
  }

  cancel(clientOrderId: string): 'accepted' | 'gone' {
    const order = this.orders.get(clientOrderId);
    if (order?.status !== 'open') return 'gone';
    order.status = 'ended';
    return 'accepted';
  }

  wordOf(order: ModelOrder, withTrades = true): OrderWord {
    const { clientOrderId, exchangeOrderId, instrument, side, quantity, status } = order;
    return {
      ...{ clientOrderId, exchangeOrderId, instrument, side, quantity, status },
      statusWord: status.toUpperCase(),
      filledQuantity: order.filled.toFixed(),
      trades: withTrades ? order.trades : [],
    };
  }

  openOrders(): OrderWord[] {
    return [...this.orders.values()].filter(({ status }) => status === 'open').map((one) => this.wordOf(one));
  }

  balanceWords() {
    return [...this.balances].map(([asset, total]) => ({ asset, total: total.toFixed(), borrowed: '0' }));
  }

  tradesOf(instrument: string, exchangeOrderId: string | null): TradeWord[] {
    return [...this.orders.values()]
      .flatMap(({ trades }) => trades)
      .filter(
        (one) =>
          one.instrument === instrument &&
          (exchangeOrderId === null || one.exchangeOrderId === exchangeOrderId),
      );
  }

  /** Not a trade of ours. Silent = the exchange keeps no record of it either. */
  transfer(asset: string, amount: string, nowMs: number, isSilent = false): void {
    this.move(asset, new Decimal(amount));
    if (!isSilent)
      this.transfers.push({ transferId: `d${this.transfers.length + 1}`, asset, amount, timeMs: nowMs });
  }

  private move(asset: string, amount: Decimal): void {
    this.balances.set(asset, (this.balances.get(asset) ?? new Decimal(0)).plus(amount));
  }
}
