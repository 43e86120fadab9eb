import { Decimal } from 'decimal.js';
import type { TradingAccount } from '../../src/modes/markets.js';
import type { AnyFace } from '../../src/simulator/faces.js';
import type {
  SimulatedAccount,
  SimulatedOrderRecord,
  SimulatedTradeRecord,
} from '../../src/simulator/trading/simulated-account.js';
import type { TradingConfig } from '../../src/config/index.js';
import type { Auditor } from './invariants/scene.js';

/** A trade as its exchange remembers it. */
export interface ExchangeTrade extends SimulatedTradeRecord {
  readonly exchange: string;
  /** As ArBot names it: with its market where the exchange counts by market. */
  readonly name: string;
}

/** An order as its exchange remembers it. */
export interface ExchangeOrder extends SimulatedOrderRecord {
  readonly exchange: string;
}

const COUNTED_BY_MARKET = new Set(['binance', 'okx']);

/**
 * The accounts of a world and what the exchanges themselves remember of them: the only witness of what was placed and traded. It is read
 * whenever somebody may have changed it, and tells each order, trade and end once.
 */
export class AccountBooks {
  readonly accounts: ReadonlyMap<string, SimulatedAccount>;
  /** Deposits and withdrawals, `<exchange> <asset> <amount>`, each until it is booked. */
  readonly transfers: string[] = [];
  private readonly told: () => Iterable<Auditor>;
  private readonly known = new Map<string, { orders: number; trades: number; readonly open: Set<string> }>();

  constructor(faces: Iterable<AnyFace>, trading: TradingConfig, told: () => Iterable<Auditor>) {
    this.told = told;
    this.accounts = new Map(
      [...faces].flatMap(({ exchange, account }) => (account === null ? [] : [[exchange, account]])),
    );
    for (const [exchange, account] of this.accounts) {
      const opening = Object.entries(trading.exchanges[exchange]?.opening ?? {});
      account.open(opening.map(([asset, amount]) => ({ asset, amount })));
      this.known.set(exchange, { orders: 0, trades: 0, open: new Set() });
    }
  }

  /** How a node signs; the exchanges outlive every process of it. */
  signers(): ReadonlyMap<string, TradingAccount> {
    return new Map(
      [...this.accounts].map(([exchange, { credentials }]) => [exchange, { credentials, open: null }]),
    );
  }

  /** Throws as the account does when more is to go out than is free. */
  transfer(exchange: string, asset: string, amount: string): void {
    this.accounts.get(exchange)!.transfer(asset, amount);
    this.transfers.push(`${exchange} ${asset} ${amount}`);
  }

  /** Transfers of this asset that are in no ledger row. */
  underWay(exchange: string, asset: string): string {
    const place = `${exchange} ${asset} `;
    return this.transfers
      .flatMap((one) => (one.startsWith(place) ? [one.slice(place.length)] : []))
      .reduce((sum, amount) => sum.plus(amount), new Decimal(0))
      .toFixed();
  }

  look(): void {
    for (const [exchange, account] of this.accounts) this.lookAt(exchange, account);
    for (const auditor of this.told()) auditor.looked?.();
  }

  lookAt(exchange: string, account = this.accounts.get(exchange)): void {
    const known = this.known.get(exchange);
    if (account === undefined || known === undefined) return;
    const orders = account.orders();
    const placed = orders.slice(known.orders);
    known.orders = orders.length;
    for (const order of placed) {
      known.open.add(order.exchangeOrderId);
      for (const auditor of this.told()) auditor.placed?.({ ...order, exchange });
    }
    const trades = account.trades();
    const made = trades.slice(known.trades);
    known.trades = trades.length;
    for (const trade of made) {
      const name = COUNTED_BY_MARKET.has(exchange) ? `${trade.symbol}:${trade.tradeId}` : trade.tradeId;
      for (const auditor of this.told()) auditor.traded?.({ ...trade, exchange, name });
    }
    for (const order of orders) {
      if (order.state === 'open' || !known.open.delete(order.exchangeOrderId)) continue;
      for (const auditor of this.told()) auditor.ended?.({ ...order, exchange });
    }
  }
}
