import type { BybitFace } from '../../src/simulator/bybit-face.js';
import { plainText } from '../../src/simulator/exact-units.js';
import type { FaceHttpRequest } from '../../src/simulator/face-protocol.js';
import type { SimulatedMarket } from '../../src/simulator/market.js';
import type { OkxFace } from '../../src/simulator/okx-face.js';
import { atomsOf, atomsText } from '../../src/simulator/trading/atoms.js';
import type { SimulatedAccount } from '../../src/simulator/trading/simulated-account.js';
import { memoryExchanges, type Connection, type MemoryExchanges } from './memory-client.js';
import {
  bybitAnswer,
  bybitRequest,
  bybitSocket,
  carry,
  okxAnswer,
  okxRequest,
  okxSocket,
  pushesOf,
  type BybitAnswer,
  type OkxAnswer,
  type Params,
  type Row,
} from './signed-clients.js';

const PAIRS = ['BTC-USDT', 'ETH-USDT'];
export const FUNDS = [
  { asset: 'USDT', amount: '100000' },
  { asset: 'BTC', amount: '2' },
  { asset: 'ETH', amount: '30' },
];

type Word = 'ioc' | 'limit' | 'post_only' | 'fok' | 'market';

/** An order of BTC in ticks and lots. */
export interface Wanted {
  readonly id?: string;
  readonly side?: 'buy' | 'sell';
  readonly ticks: number;
  readonly lots: number;
  readonly type?: Word;
}

/** What a trader learns of an order. */
export interface Seen {
  readonly state: string;
  readonly filled: string;
  readonly row: Row;
}

export interface Fill {
  readonly tradeId: string;
  readonly price: string;
  readonly quantity: string;
  readonly fee: string;
  readonly feeAsset: string;
}

/** Both exchanges as one trader sees them, so that what holds for both is said once. */
export abstract class Trader {
  readonly exchanges: MemoryExchanges;
  readonly market: SimulatedMarket;
  abstract readonly account: SimulatedAccount;
  abstract readonly face: OkxFace | BybitFace;
  /** Words of the exchange for: open, partly filled and open, filled, cancelled without and with a fill. */
  abstract readonly words: readonly [string, string, string, string, string];
  private ids = 0;

  constructor(exchange: 'okx' | 'bybit', seed: number) {
    this.exchanges = memoryExchanges({ seed, exchanges: [exchange], pairs: PAIRS });
    this.market = this.exchanges.world.market(exchange, 'BTC-USDT');
  }

  abstract orderRequest(wanted: Wanted): FaceHttpRequest;
  /** Code of an answer: 0 = taken; null = no answer, or one that cannot be read. */
  abstract send(request: FaceHttpRequest): number | null;
  abstract cancel(id: string): number | null;
  abstract find(id: string): Seen | null;
  abstract fills(): readonly Fill[];
  abstract socket(): Connection;
  abstract pushedFills(frames: readonly Readonly<Record<string, unknown>>[]): readonly Fill[];
  abstract pushedStates(frames: readonly Readonly<Record<string, unknown>>[]): readonly string[];
  /** Free amount that the exchange tells. */
  abstract free(asset: string): string;
  abstract openOrders(): readonly Row[];

  place(wanted: Wanted): number | null {
    return this.send(this.orderRequest(wanted));
  }

  nextId(): string {
    return `order${++this.ids}`;
  }

  run(ms: number): void {
    this.exchanges.run(ms);
  }

  price(ticks: number): string {
    return plainText(this.market.listing.tick, ticks);
  }

  size(lots: number): string {
    return plainText(this.market.listing.lot, lots);
  }

  /** The n-th best level of a side. */
  level(side: 'buy' | 'sell', index = 0): { readonly ticks: number; readonly lots: number } {
    const level = this.market.engine.level(side, index)!;
    return { ticks: level.priceTicks, lots: level.lots };
  }

  /** Somebody hits what rests at the best price of a side. */
  hit(side: 'buy' | 'sell', lots: number): void {
    const taker = side === 'buy' ? 'sell' : 'buy';
    const { ticks } = this.level(side);
    const order = { account: 'somebody', side: taker, type: 'ioc', priceTicks: ticks, lots } as const;
    this.market.engine.submit(order, this.exchanges.world.nowMs);
  }
}

export class OkxTrader extends Trader {
  readonly words = ['live', 'partially_filled', 'filled', 'canceled', 'canceled'] as const;
  readonly face;
  readonly account;

  constructor(seed = 5) {
    super('okx', seed);
    this.face = this.exchanges.faces.okx;
    this.account = this.face.account!;
    this.account.open(FUNDS);
  }

  request(method: 'GET' | 'POST', path: string, params: Params = {}): FaceHttpRequest {
    const nowMs = this.exchanges.world.nowMs + this.face.faults.clockSkewMs;
    return okxRequest(this.account.credentials, nowMs, { method, path: `/api/v5/${path}`, params });
  }

  carry(request: FaceHttpRequest): OkxAnswer | null {
    const given = carry(this.exchanges, this.face, request);
    return given === null || !given.body.startsWith('{') ? null : okxAnswer(given);
  }

  get(path: string, params: Params = {}): OkxAnswer {
    return this.carry(this.request('GET', path, params))!;
  }

  post(path: string, params: Params = {}, headers: Readonly<Record<string, string>> = {}): OkxAnswer | null {
    const request = this.request('POST', path, params);
    return this.carry({ ...request, headers: { ...request.headers, ...headers } });
  }

  params({ id, side = 'buy', ticks, lots, type = 'ioc' }: Wanted): Params {
    const px = type === 'market' ? { tgtCcy: 'base_ccy' } : { px: this.price(ticks) };
    const base = { instId: 'BTC-USDT', tdMode: 'cash', side, ordType: type, sz: this.size(lots) };
    return { ...base, ...px, clOrdId: id ?? this.nextId() };
  }

  orderRequest(wanted: Wanted): FaceHttpRequest {
    return this.request('POST', 'trade/order', this.params(wanted));
  }

  send(request: FaceHttpRequest): number | null {
    return okxCode(this.carry(request));
  }

  cancel(id: string): number | null {
    return okxCode(this.post('trade/cancel-order', { instId: 'BTC-USDT', clOrdId: id }));
  }

  find(id: string): Seen | null {
    const { code, data } = this.get('trade/order', { instId: 'BTC-USDT', clOrdId: id });
    if (code === '51603') return null;
    const row = data[0]!;
    return { state: row['state']!, filled: row['accFillSz']!, row };
  }

  fills(): readonly Fill[] {
    return this.get('trade/fills', { instType: 'SPOT' }).data.map(okxFill);
  }

  socket(): Connection {
    return okxSocket(this.exchanges);
  }

  pushedFills(frames: readonly Readonly<Record<string, unknown>>[]): readonly Fill[] {
    const rows = pushesOf(frames, 'orders').filter((row) => row['tradeId'] !== '');
    return rows.map((row) => okxFill({ ...row, fee: row['fillFee']!, feeCcy: row['fillFeeCcy']! }));
  }

  pushedStates(frames: readonly Readonly<Record<string, unknown>>[]): readonly string[] {
    return pushesOf(frames, 'orders').map((row) => row['state']!);
  }

  free(asset: string): string {
    const [account] = this.get('account/balance', { ccy: asset }).data;
    return (account!['details'] as unknown as Row[])[0]!['availBal']!;
  }

  openOrders(): readonly Row[] {
    return this.get('trade/orders-pending', { instType: 'SPOT' }).data;
  }
}

export function okxCode(answer: OkxAnswer | null): number | null {
  if (answer === null) return null;
  const row = answer.data[0]?.['sCode'];
  return Number(row ?? answer.code);
}

function okxFill(row: Row): Fill {
  return {
    tradeId: row['tradeId']!,
    price: row['fillPx']!,
    quantity: row['fillSz']!,
    fee: atomsText(-atomsOf(row['fee']!)),
    feeAsset: row['feeCcy']!,
  };
}

export class BybitTrader extends Trader {
  readonly words = ['New', 'PartiallyFilled', 'Filled', 'Cancelled', 'PartiallyFilledCanceled'] as const;
  readonly face;
  readonly account;

  constructor(seed = 5) {
    super('bybit', seed);
    this.face = this.exchanges.faces.bybit;
    this.account = this.face.account!;
    this.account.open(FUNDS);
  }

  request(method: 'GET' | 'POST', path: string, params: Params = {}, windowMs = 5_000): FaceHttpRequest {
    const nowMs = this.exchanges.world.nowMs + this.face.faults.clockSkewMs;
    return bybitRequest(this.account.credentials, nowMs, { method, path: `/v5/${path}`, params, windowMs });
  }

  carry(request: FaceHttpRequest): BybitAnswer | null {
    const given = carry(this.exchanges, this.face, request);
    return given === null || given.body.startsWith('<') ? null : bybitAnswer(given);
  }

  get(path: string, params: Params = {}): BybitAnswer {
    return this.carry(this.request('GET', path, params))!;
  }

  post(path: string, params: Params = {}, windowMs?: number): BybitAnswer | null {
    return this.carry(this.request('POST', path, params, windowMs));
  }

  params({ id, side = 'buy', ticks, lots, type = 'ioc' }: Wanted): Params {
    const forces = { ioc: 'IOC', limit: 'GTC', post_only: 'PostOnly', fok: 'FOK', market: 'IOC' };
    const kind =
      type === 'market'
        ? { orderType: 'Market', marketUnit: 'baseCoin' }
        : { orderType: 'Limit', price: this.price(ticks) };
    const base = { category: 'spot', symbol: 'BTCUSDT', side: side === 'buy' ? 'Buy' : 'Sell' };
    return {
      ...base,
      ...kind,
      qty: this.size(lots),
      timeInForce: forces[type],
      orderLinkId: id ?? this.nextId(),
    };
  }

  orderRequest(wanted: Wanted): FaceHttpRequest {
    return this.request('POST', 'order/create', this.params(wanted));
  }

  send(request: FaceHttpRequest): number | null {
    return bybitCode(this.carry(request));
  }

  cancel(id: string): number | null {
    return bybitCode(this.post('order/cancel', { category: 'spot', symbol: 'BTCUSDT', orderLinkId: id }));
  }

  find(id: string): Seen | null {
    this.run(100);
    const named = { category: 'spot', orderLinkId: id };
    const rows = [
      ...this.get('order/realtime', named).list,
      ...this.get('order/realtime', { ...named, openOnly: 1 }).list,
    ];
    const row = rows[0];
    return row === undefined ? null : { state: row['orderStatus']!, filled: row['cumExecQty']!, row };
  }

  fills(): readonly Fill[] {
    this.run(100);
    return this.get('execution/list', { category: 'spot' }).list.map(bybitFill);
  }

  socket(): Connection {
    return bybitSocket(this.exchanges);
  }

  pushedFills(frames: readonly Readonly<Record<string, unknown>>[]): readonly Fill[] {
    return pushesOf(frames, 'execution.spot').map(bybitFill);
  }

  pushedStates(frames: readonly Readonly<Record<string, unknown>>[]): readonly string[] {
    return pushesOf(frames, 'order.spot').map((row) => row['orderStatus']!);
  }

  free(asset: string): string {
    const [account] = this.get('account/wallet-balance', { accountType: 'UNIFIED', coin: asset }).list;
    const coin = (account!['coin'] as unknown as Row[])[0]!;
    return atomsText(atomsOf(coin['walletBalance']!) - atomsOf(coin['locked']!));
  }

  openOrders(): readonly Row[] {
    this.run(100);
    return this.get('order/realtime', { category: 'spot' }).list;
  }
}

export function bybitCode(answer: BybitAnswer | null): number | null {
  if (answer === null) return null;
  return answer.status === 200 ? answer.retCode : answer.status;
}

function bybitFill(row: Row): Fill {
  return {
    tradeId: row['execId']!,
    price: row['execPrice']!,
    quantity: row['execQty']!,
    fee: row['execFee']!,
    feeAsset: row['feeCurrency']!,
  };
}
