import { createHash, createHmac } from 'node:crypto';
import type { FaceHttpAnswer, FaceHttpRequest } from '../../src/simulator/face-protocol.js';
import type { SimulatedExchange } from '../../src/simulator/listings.js';
import type { SimulatedAccount } from '../../src/simulator/trading/simulated-account.js';
import { plainText } from '../../src/simulator/exact-units.js';
import { memoryExchanges, type MemoryExchanges } from './memory-client.js';

/** A trader in memory: signs as the exchanges document it, and hears the answers at once. */

export type Params = readonly (readonly [string, string | number | boolean])[];

export interface Heard {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly json: unknown;
  /** One member of the body. */
  at(...path: readonly (string | number)[]): unknown;
}

export const text = (params: Params): string =>
  params.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join('&');

/** What a call became at once: silence is null, what comes later is left to the test. */
export function send(exchanges: MemoryExchanges, exchange: SimulatedExchange, request: FaceHttpRequest) {
  return exchanges.faces[exchange].respond(request);
}

/** An answer that came at once. Throws for silence and late answers. */
export function heard(answer: FaceHttpAnswer): Heard {
  if ('kind' in answer) throw new Error(`no answer: ${answer.kind}`);
  const { status, headers, body } = answer;
  const json = body === '' ? null : (JSON.parse(body) as unknown);
  const at: Heard['at'] = (...path) =>
    path.reduce<unknown>((value, name) => (value as Record<string | number, unknown>)[name], json);
  return { status, headers, json, at };
}

export interface BinanceSigning {
  readonly atMs?: number;
  readonly windowMs?: number | string;
  readonly key?: string;
  readonly secret?: string;
  /** Sends the parameters in the body. */
  readonly inBody?: boolean;
}

/** A signed request to Binance. */
export function binanceRequest(
  exchanges: MemoryExchanges,
  route: string,
  params: Params = [],
  signing: BinanceSigning = {},
): FaceHttpRequest {
  const [method = '', path = ''] = route.split(' ');
  const { credentials } = exchanges.faces.binance.account!;
  const timed: Params = [
    ...params,
    ...(signing.windowMs === undefined ? [] : [['recvWindow', signing.windowMs] as const]),
    ['timestamp', signing.atMs ?? exchanges.world.nowMs],
  ];
  const payload = text(timed);
  const secret = signing.secret ?? credentials.secret;
  const signed = `${payload}&signature=${createHmac('sha256', secret).update(payload).digest('hex')}`;
  const headers = { 'x-mbx-apikey': signing.key ?? credentials.apiKey };
  if (signing.inBody === true) return { method, url: path, headers, body: signed };
  return { method, url: `${path}?${signed}`, headers, body: '' };
}

export const binance = (
  exchanges: MemoryExchanges,
  route: string,
  params: Params = [],
  signing: BinanceSigning = {},
): Heard => heard(send(exchanges, 'binance', binanceRequest(exchanges, route, params, signing)));

export interface UpbitSigning {
  readonly nonce?: string;
  readonly key?: string;
  readonly secret?: string;
  readonly alg?: 'HS512' | 'HS256';
  /** Parameters that are hashed in place of those that are sent. */
  readonly hashed?: Params;
}

let nonces = 0;

export function upbitToken(account: SimulatedAccount, params: Params, signing: UpbitSigning = {}): string {
  const alg = signing.alg ?? 'HS512';
  const hashed = (signing.hashed ?? params).map(([name, value]) => `${name}=${value}`).join('&');
  const claims = {
    access_key: signing.key ?? account.credentials.apiKey,
    nonce: signing.nonce ?? `nonce-${++nonces}`,
    ...(hashed !== '' && {
      query_hash: createHash('sha512').update(hashed).digest('hex'),
      query_hash_alg: 'SHA512',
    }),
  };
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const payload = `${part({ alg, typ: 'JWT' })}.${part(claims)}`;
  const secret = signing.secret ?? account.credentials.secret;
  const hash = createHmac(alg === 'HS512' ? 'sha512' : 'sha256', secret).update(payload);
  return `Bearer ${payload}.${hash.digest('base64url')}`;
}

export function upbitRequest(
  exchanges: MemoryExchanges,
  route: string,
  params: Params = [],
  signing: UpbitSigning = {},
): FaceHttpRequest {
  const [method = '', path = ''] = route.split(' ');
  const authorization = upbitToken(exchanges.faces.upbit.account!, params, signing);
  if (method === 'POST') {
    return {
      method,
      url: path,
      headers: { authorization },
      body: JSON.stringify(Object.fromEntries(params)),
    };
  }
  return { method, url: params.length === 0 ? path : `${path}?${text(params)}`, headers: { authorization } };
}

export const upbit = (
  exchanges: MemoryExchanges,
  route: string,
  params: Params = [],
  signing: UpbitSigning = {},
): Heard => heard(send(exchanges, 'upbit', upbitRequest(exchanges, route, params, signing)));

/** Binance and Upbit with bitcoin, in a world without planted opportunities; the accounts are funded. */
export function tradingExchanges(): MemoryExchanges {
  const exchanges = memoryExchanges({ exchanges: ['binance', 'upbit'], pairs: ['BTC-USDT', 'BTC-KRW'] });
  exchanges.faces.binance.account!.open([
    { asset: 'USDT', amount: '1000000' },
    { asset: 'BTC', amount: '10' },
  ]);
  exchanges.faces.upbit.account!.open([
    { asset: 'KRW', amount: '2000000000' },
    { asset: 'BTC', amount: '10' },
  ]);
  return exchanges;
}

/** The best price of the other side, and how much is there. */
export function best(exchanges: MemoryExchanges, exchange: 'binance' | 'upbit', side: 'buy' | 'sell') {
  const market = exchanges.world.market(exchange, exchange === 'upbit' ? 'BTC-KRW' : 'BTC-USDT');
  const level = market.engine.level(side === 'buy' ? 'sell' : 'buy', 0)!;
  const { tick, lot } = market.listing;
  return { price: plainText(tick, level.priceTicks), size: plainText(lot, level.lots), level, market };
}

/** A price far from the market on the account's own side: such an order rests. */
export function farPrice(
  exchanges: MemoryExchanges,
  exchange: 'binance' | 'upbit',
  side: 'buy' | 'sell',
): string {
  const { level, market } = best(exchanges, exchange, side);
  const factor = side === 'buy' ? 0.9 : 1.1;
  return plainText(market.listing.tick, Math.round(level.priceTicks * factor));
}
