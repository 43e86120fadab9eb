import type { Side } from '../../messages/primitives.js';
import { atomsOf, atomsText } from './atoms.js';
import type { TradingExchange } from './desk-rules.js';
import type { DeskTrade, OrderView } from './desk-types.js';
import type { KeyRights } from './key-rights.js';
import type { OrderDesk } from './order-desk.js';
import type { WalletNetworks } from './wallet-networks.js';
import type { TradingFault } from './trading-faults.js';

/** What a trader has to know to sign. */
export interface AccountCredentials {
  readonly apiKey: string;
  readonly secret: string;
  /** Null except on OKX and KuCoin. */
  readonly passphrase: string | null;
}

/** An order as the exchange remembers it; amounts are plain decimals. */
export interface SimulatedOrderRecord {
  readonly exchangeOrderId: string;
  /** Empty where the trader sent none. */
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly side: Side;
  readonly type: string;
  /** 0 for market orders. */
  readonly price: string;
  readonly quantity: string;
  readonly filledQuantity: string;
  readonly state: 'open' | 'filled' | 'cancelled';
  readonly endReason: string | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** A trade as the exchange remembers it. */
export interface SimulatedTradeRecord {
  readonly tradeId: string;
  readonly exchangeOrderId: string;
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly side: Side;
  readonly price: string;
  readonly quantity: string;
  readonly quote: string;
  readonly fee: string;
  readonly feeAsset: string;
  readonly liquidity: 'maker' | 'taker';
  readonly timeMs: number;
}

/** The trader's account on one simulated exchange, seen from outside of its protocol: for set-up, faults and oracles. */
export interface SimulatedAccount {
  readonly exchange: TradingExchange;
  readonly credentials: AccountCredentials;
  /** What its key may do; may be changed while the exchange runs. */
  readonly keyRights: KeyRights;
  /** Sets what is held (opening, restart); orders of the account end without a word. Throws ARB_INVARIANT for a bad amount. */
  open(balances: readonly { readonly asset: string; readonly amount: string }[]): void;
  balances(): readonly { readonly asset: string; readonly free: string; readonly locked: string }[];
  /** Every order ever accepted and every trade, oldest first. */
  orders(): readonly SimulatedOrderRecord[];
  trades(): readonly SimulatedTradeRecord[];
  /** Switches a misbehaviour on; returns the switch that ends it. Deterministic from the seed. */
  misbehave(fault: TradingFault): () => void;
  /** A deposit (above 0) or withdrawal that the trader did not order. Throws ARB_INVARIANT beyond what is free. */
  transfer(asset: string, amount: string): void;
  /** Opens or closes every network of an asset there. */
  setWallet(asset: string, state: { readonly canDeposit: boolean; readonly canWithdraw: boolean }): void;
  /** Calls of any kind that came while a ban was in force. */
  readonly callsDuringBan: number;
  /** Requests to place that came, whatever became of them. */
  readonly placeRequests: number;
}

/** What the trading side adds to its desk. */
export interface AccountParts {
  readonly exchange: TradingExchange;
  readonly credentials: AccountCredentials;
  readonly keyRights: KeyRights;
  readonly desk: OrderDesk;
  readonly wallets: WalletNetworks;
  readonly misbehave: (fault: TradingFault) => () => void;
  readonly counts: () => { readonly callsDuringBan: number; readonly placeRequests: number };
}

export function simulatedAccount({
  exchange,
  credentials,
  keyRights,
  desk,
  ...parts
}: AccountParts): SimulatedAccount {
  return {
    exchange,
    credentials,
    keyRights,
    open: (balances) => desk.open(balances.map(({ asset, amount }) => ({ asset, amount: atomsOf(amount) }))),
    balances: () =>
      desk.account.views().map(({ asset, free, locked }) => ({
        asset,
        free: atomsText(free),
        locked: atomsText(locked),
      })),
    orders: () => desk.allOrders().map(orderRecord),
    trades: () => desk.trades(null).map(tradeRecord),
    misbehave: parts.misbehave,
    setWallet: (asset, state) => parts.wallets.set(asset, state),
    transfer: (asset, amount) => void desk.transfer(asset, atomsOf(amount)),
    get callsDuringBan() {
      return parts.counts().callsDuringBan;
    },
    get placeRequests() {
      return parts.counts().placeRequests;
    },
  };
}

function orderRecord(order: OrderView): SimulatedOrderRecord {
  return {
    exchangeOrderId: order.exchangeOrderId,
    clientOrderId: order.clientOrderId,
    symbol: order.symbol,
    side: order.side,
    type: order.type,
    price: atomsText(order.price),
    quantity: atomsText(order.quantity),
    filledQuantity: atomsText(order.filled),
    state: order.state,
    endReason: order.endReason,
    createdAtMs: order.createdAtMs,
    updatedAtMs: order.updatedAtMs,
  };
}

function tradeRecord(trade: DeskTrade): SimulatedTradeRecord {
  return {
    tradeId: trade.id,
    exchangeOrderId: trade.exchangeOrderId,
    clientOrderId: trade.clientOrderId,
    symbol: trade.symbol,
    side: trade.side,
    price: atomsText(trade.price),
    quantity: atomsText(trade.quantity),
    quote: atomsText(trade.quote),
    fee: atomsText(trade.fee),
    feeAsset: trade.feeAsset,
    liquidity: trade.liquidity,
    timeMs: trade.timeMs,
  };
}
