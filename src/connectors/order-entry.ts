import type { NetworkStatus } from '../market/wallet.js';
import type { DecimalText, Side } from '../messages/primitives.js';
import type { Endpoints, Heartbeat } from './connection-terms.js';
import type { Costs, LimitScheme } from './rate-limiter.js';
import type { AssetLookup } from './signed-wallets.js';

/**
 * Order entry of one exchange as a pure protocol: calls are data, signing is a function of credentials and a moment, answers
 * become values. It has no clock, no I/O and no memory; the order gateway owns all three. Symbols and tickers are the
 * exchange's own.
 */

/** Handed in by whoever holds the keys; never logged, stored or sent but for its use in `sign`. */
export interface Credentials {
  readonly apiKey: string;
  readonly secret: string;
  /** OKX, KuCoin, Bitget; null elsewhere. */
  readonly passphrase: string | null;
}

/** Everything that is not the same at the next signing. */
export interface SigningMoment {
  /** The exchange's time, Unix ms: own clock plus measured offset. */
  readonly timeMs: number;
  /** For how long from `timeMs` the exchange may act on the request, where it has such a fence; null = its default. */
  readonly validForMs: number | null;
  /** A new UUID for every request. */
  readonly nonce: string;
}

/** A private call before it is signed. */
export interface PrivateCall {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Without the query. */
  readonly path: string;
  /** In the order in which they are sent; the connector decides whether they travel in query or body. */
  readonly parameters: readonly (readonly [name: string, value: string | number | boolean])[];
  /** True where `SigningMoment.validForMs` fences it: placing. */
  readonly expires: boolean;
  readonly costs: Costs;
  readonly timeoutMs: number;
  readonly maxBodyBytes: number;
}

/** Ready to be sent. `path` includes the query. */
export interface SignedRequest {
  readonly method: PrivateCall['method'];
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/** Any answer that came from the exchange itself. Headers have lower-case names. */
export interface ExchangeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** A limit IOC order (PROTOCOLS §1.4): exact price bound, no resting remainder. */
export interface OrderTicket {
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly side: Side;
  /** Base units, on the lot. */
  readonly quantity: DecimalText;
  /** On the tick. */
  readonly limitPrice: DecimalText;
}

/** How an order is named in a question. */
export interface OrderReference {
  readonly symbol: string;
  readonly clientOrderId: string;
  /** The exchange's own id where it is known: some look-ups need it, and it never forgets. */
  readonly exchangeOrderId: string | null;
  /** Not placed before this moment of the exchange's time, Unix ms: bounds look-ups in lists (OKX). */
  readonly placedAtMs?: number;
  /** … and not after this one. */
  readonly placedUntilMs?: number;
}

/** One execution, as told by an answer or by the private stream. */
export interface TradeReport {
  /** Unique per exchange (per symbol where the exchange counts so: then the symbol is part of it). */
  readonly tradeId: string;
  readonly exchangeOrderId: string;
  /** Null where the exchange does not repeat it with the trade. */
  readonly clientOrderId: string | null;
  readonly symbol: string;
  readonly side: Side;
  readonly price: DecimalText;
  readonly quantity: DecimalText;
  /** Signed cost: positive = charged, negative = rebate. */
  readonly fee: DecimalText;
  /** Null where the exchange names none: no fee, or one of what was received. */
  readonly feeTicker: string | null;
  /** `taker` where the exchange does not tell: an order that does not rest cannot be anything else. */
  readonly liquidity: 'taker' | 'maker';
  readonly timeMs: number;
}

/** Terminal means "no further fill expected", never "no fill" (PROTOCOLS §1.3). */
export type ReportedStatus = 'open' | 'ended' | 'rejected';

export interface OrderReport {
  /** Empty for a foreign order without one. */
  readonly clientOrderId: string;
  readonly exchangeOrderId: string;
  readonly symbol: string;
  readonly side: Side;
  readonly status: ReportedStatus;
  /** The exchange's own word, for people. */
  readonly statusWord: string;
  readonly quantity: DecimalText;
  readonly filledQuantity: DecimalText;
  /** Those that came with the report; fewer than `filledQuantity` says = ask `fillsOf`. */
  readonly trades: readonly TradeReport[];
  readonly updatedAtMs: number;
}

/** What every answer may be instead of its content. */
export type NoAnswer =
  /** "Too fast": the call was not carried out. `pauseMs` null = as the limiter reads it from status and headers. */
  | { readonly kind: 'limited'; readonly code: string; readonly pauseMs: number | null }
  /** Says nothing about the outcome (PROTOCOLS §2): 5xx, an unreadable body, or a code of that meaning. */
  | { readonly kind: 'unknown'; readonly code: string; readonly reason: string };

export type PlaceAnswer =
  /** Taken. `report` where the answer already tells what became of it. */
  | { readonly kind: 'accepted'; readonly exchangeOrderId: string; readonly report: OrderReport | null }
  /** Definitively not placed. `fault` says whether it was the order's (`order`), or ours as a whole (`account`: key, signature, clock …). */
  | {
      readonly kind: 'rejected';
      readonly code: string;
      readonly reason: string;
      readonly fault: 'order' | 'funds' | 'account' | 'expired' | 'market';
    }
  /** An order of this id exists: ask. */
  | { readonly kind: 'duplicate'; readonly code: string }
  | NoAnswer;

export type CancelAnswer =
  /** Asked for or done; the order's own report says which. */
  | { readonly kind: 'accepted' }
  /** Filled, cancelled or never there: ask. */
  | { readonly kind: 'gone'; readonly code: string }
  | { readonly kind: 'refused'; readonly code: string; readonly reason: string }
  | NoAnswer;

export type OrderAnswer =
  | { readonly kind: 'found'; readonly order: OrderReport }
  /** The exchange's own word: evidence (R5). */
  | { readonly kind: 'notFound'; readonly code: string }
  /** Not in this part of the list; `next` asks for the one after it and is read at the same position. */
  | { readonly kind: 'more'; readonly next: PrivateCall }
  | { readonly kind: 'refused'; readonly code: string; readonly reason: string }
  | NoAnswer;

/**
 * An answer of rows. `next` are the calls for those that are missing from it, each answered by the same parser; empty = that
 * was all. Usually one, for the next page; Upbit's fills are asked order by order.
 */
export type RowsAnswer<Row> =
  | { readonly kind: 'rows'; readonly rows: readonly Row[]; readonly next: readonly PrivateCall[] }
  | { readonly kind: 'refused'; readonly code: string; readonly reason: string }
  | NoAnswer;

/** An asset that an answer leaves out holds nothing. */
export interface BalanceReport {
  readonly ticker: string;
  /** Not bound by orders. Below 0 only where the exchange says so: it lends, or it is wrong. */
  readonly free: DecimalText;
  /** Bound by open orders, or by the exchange. */
  readonly locked: DecimalText;
  /** Owed; anything but 0 is refused by the doctor (TRADING §1). */
  readonly borrowed: DecimalText;
}

/** A deposit or withdrawal that changed the balance: how external flows are matched (TRADING §1). */
export interface TransferReport {
  readonly transferId: string;
  readonly ticker: string;
  /** Signed: positive = came in. What the balance changed by, network fee included. */
  readonly amount: DecimalText;
  /** True once the balance has changed by it. */
  readonly isSettled: boolean;
  readonly timeMs: number;
}

export interface FeeRate {
  readonly takerFeeRate: DecimalText;
  readonly makerFeeRate: DecimalText;
}

/** Which fills are asked for. */
export interface FillsQuery {
  readonly symbol: string;
  readonly sinceMs: number;
  /** Those of one order only, where it is known. */
  readonly exchangeOrderId: string | null;
}

/** The calls and how their answers are read. Parsers never throw for what an exchange may send: what they cannot read is `unknown`. */
export interface OrderEntry {
  /** Budgets of orders, per account or IP; they join `Capabilities.restLimits` in the one limiter of the exchange. */
  readonly limits: readonly LimitScheme[];
  sign(call: PrivateCall, credentials: Credentials, moment: SigningMoment): SignedRequest;

  place(ticket: OrderTicket): PrivateCall;
  parsePlace(answer: ExchangeAnswer, ticket: OrderTicket): PlaceAnswer;

  /** Idempotent everywhere. */
  cancel(order: OrderReference): PrivateCall;
  parseCancel(answer: ExchangeAnswer): CancelAnswer;

  /**
   * The questions about one order. The first `found` settles it; only when every one of them says `notFound` is the order
   * not known to the exchange (Bybit: open, recently closed and history; Gate: also the lists).
   */
  lookups(order: OrderReference): readonly PrivateCall[];
  /** `position` = which of `lookups` was answered. */
  parseLookup(answer: ExchangeAnswer, order: OrderReference, position: number): OrderAnswer;

  /** All symbols. */
  openOrders(): PrivateCall;
  /** `call` is the one that was answered, here and below: the calls for more repeat it. */
  parseOpenOrders(answer: ExchangeAnswer, call: PrivateCall): RowsAnswer<OrderReport>;

  fills(query: FillsQuery): PrivateCall;
  parseFills(answer: ExchangeAnswer, query: FillsQuery, call: PrivateCall): RowsAnswer<TradeReport>;

  balances(): PrivateCall;
  parseBalances(answer: ExchangeAnswer): RowsAnswer<BalanceReport>;

  /** Deposits and withdrawals, one call per kind; settled and pending, nothing that failed. */
  transfers(sinceMs: number): readonly PrivateCall[];
  parseTransfers(answer: ExchangeAnswer, sinceMs: number, call: PrivateCall): RowsAnswer<TransferReport>;

  /** The account's own rates of one market. */
  feeRates(symbol: string): PrivateCall;
  parseFeeRates(answer: ExchangeAnswer, symbol: string): RowsAnswer<FeeRate>;

  /** What the key that signs may do; absent where the exchange tells nothing of it. */
  readonly keyFacts?: KeyQuestion;

  /** Deposits and withdrawals per network, where they are told only with a key. Absent = they are told without, or not at all. */
  readonly wallets?: SignedWallets;

  /** Null where the exchange has none. */
  readonly deadMan: DeadMan | null;

  readonly stream: PrivateStream;
}

/** What an API key may do, by its exchange's own word. Null = the exchange does not tell. */
export interface KeyFacts {
  readonly canTrade: boolean | null;
  /** Keys that may withdraw are never used. */
  readonly canWithdraw: boolean | null;
  /** True where the key works from some addresses only. */
  readonly isAddressBound: boolean | null;
  /** Unix ms; null = never, or not told. */
  readonly expiresAtMs: number | null;
}

/** The question after a key's rights, asked with the key itself. */
export interface KeyQuestion {
  call(): PrivateCall;
  /** One row. `apiKey` picks the key's own row where the answer lists all of the account. */
  parse(answer: ExchangeAnswer, apiKey: string): RowsAnswer<KeyFacts>;
}

export interface SignedWallets {
  call(): PrivateCall;
  parse(answer: ExchangeAnswer, lookup: AssetLookup): RowsAnswer<NetworkStatus>;
}

/** Cancels everything when it is not repeated in time. */
export interface DeadMan {
  /** 0 switches it off; else within `OrderCapabilities.deadManSwitch`. */
  call(timeoutMs: number): PrivateCall;
  /** `accepted` = armed, or switched off. */
  parse(answer: ExchangeAnswer): CancelAnswer;
}

/** The private stream: orders, trades and balances as they happen. What it misses while it is away is asked for by REST. */
export interface PrivateStream {
  url(endpoints: Endpoints): string;
  /** Where each connection needs an address of its own, asked for by a signed call (KuCoin); absent = `url` is it. */
  readonly ticket?: StreamTicket;
  /** Headers of the opening handshake (Upbit's token); empty where the login is a frame. */
  handshakeHeaders(credentials: Credentials, moment: SigningMoment): Readonly<Record<string, string>>;
  /** Sent once the socket is open. */
  login(credentials: Credentials, moment: SigningMoment): readonly string[];
  /** Sent once the login is accepted; `symbols` for exchanges that want them named. */
  subscribe(symbols: readonly string[]): readonly string[];
  /** How many calls of `PrivateSink.subscribed` mean that everything is being sent; 0 where nothing is acknowledged (Upbit). */
  readonly acknowledgements: number;
  readonly heartbeat: Heartbeat;
  readonly maxFrameBytes: number;
  /** The exchange closes a connection of this age; null = never. */
  readonly lifetimeMs: number | null;
  /** True where no answer to a login comes: opening is it (Upbit), or each subscription has its own (Gate). */
  readonly isOpenAuthorised: boolean;
  /** Reads one frame. @throws FrameError naming the field; nothing of a refused frame reaches the sink. */
  decode(data: Buffer, sink: PrivateSink): void;
}

export interface StreamTicket {
  readonly call: PrivateCall;
  /** `connectionId` is unique. @throws FrameError, or ArbotError ARB_EXCHANGE_ERROR / ARB_RATE_LIMITED when the exchange refused. */
  addressOf(answer: ExchangeAnswer, connectionId: string, endpoints: Endpoints): string;
}

export interface PrivateSink {
  /** The login was accepted. */
  authorised(): void;
  /** A part of what was asked for is being sent; `PrivateStream.acknowledgements` of them are all. */
  subscribed(): void;
  refused(code: string, message: string): void;
  order(report: OrderReport): void;
  trade(report: TradeReport): void;
  /** The balance of one asset from now on. */
  balance(report: BalanceReport, timeMs: number): void;
  /** Something came in or went out; `transfers` tells what. */
  transferred(ticker: string, timeMs: number): void;
  pong(): void;
  /** The exchange is about to close this connection. */
  closing(reason: string): void;
}
