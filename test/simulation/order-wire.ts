import type { HttpRequest } from '../../src/ports/network.js';

/** What a private call asks for, read from the bytes that leave, by the exchanges' own documents and not by the connectors. */
export type PrivateCallKind = 'place' | 'cancel' | 'look-up' | 'open-orders' | 'balances' | 'fills' | 'other';

export interface WireCall {
  readonly kind: PrivateCallKind;
  /** Of the call that places, here and below; '' elsewhere. */
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly side: 'buy' | 'sell';
  readonly price: string;
  readonly quantity: string;
  /** For how long after its own stamp the exchange may act on it, ms; null = it does not say. */
  readonly validForMs: number | null;
  /** Of the call that cancels: the names of what it cancels. */
  readonly cancels: readonly string[];
}

type Kinds = readonly (readonly [method: string, path: RegExp, kind: PrivateCallKind])[];

const KINDS: Readonly<Record<string, Kinds>> = {
  binance: [
    ['POST', /^\/api\/v3\/order$/, 'place'],
    ['DELETE', /^\/api\/v3\/(order|openOrders)$/, 'cancel'],
    ['GET', /^\/api\/v3\/order$/, 'look-up'],
    ['GET', /^\/api\/v3\/openOrders$/, 'open-orders'],
    ['GET', /^\/api\/v3\/account$/, 'balances'],
    ['GET', /^\/api\/v3\/myTrades$/, 'fills'],
    ['GET', /^\/(api\/v3\/account\/|sapi\/)/, 'other'],
  ],
  okx: [
    ['POST', /^\/api\/v5\/trade\/order$/, 'place'],
    ['POST', /^\/api\/v5\/trade\/cancel/, 'cancel'],
    ['GET', /^\/api\/v5\/trade\/(order|orders-history)/, 'look-up'],
    ['GET', /^\/api\/v5\/account\/balance$/, 'balances'],
    ['GET', /^\/api\/v5\/trade\/fills/, 'fills'],
    ['GET', /^\/api\/v5\/(trade|account|asset)\//, 'other'],
  ],
  bybit: [
    ['POST', /^\/v5\/order\/create$/, 'place'],
    ['POST', /^\/v5\/order\/cancel/, 'cancel'],
    ['GET', /^\/v5\/order\/(realtime|history)$/, 'look-up'],
    ['GET', /^\/v5\/account\/wallet-balance$/, 'balances'],
    ['GET', /^\/v5\/execution\/list$/, 'fills'],
    ['GET', /^\/v5\/(order|account|asset|user)\//, 'other'],
  ],
};

/** Null for a public call. */
export function wireCallOf(exchange: string, request: HttpRequest): WireCall | null {
  const { pathname, searchParams } = new URL(request.url);
  const found = KINDS[exchange]?.find(([method, path]) => method === request.method && path.test(pathname));
  if (found === undefined) return null;
  const kind = isAboutAll(exchange, pathname, searchParams) ? 'open-orders' : found[2];
  const body = String(request.body ?? '');
  if (kind === 'cancel') return { kind, ...NO_ORDER, cancels: cancelledBy(searchParams, body) };
  if (kind !== 'place') return { kind, ...NO_ORDER };
  const headers = lowerCase(request.headers ?? {});
  return { kind, ...NO_ORDER, ...placeTerms(exchange, searchParams, headers, body) };
}

/** Lists of open orders that share a path with something else. */
function isAboutAll(exchange: string, path: string, query: URLSearchParams): boolean {
  if (exchange === 'okx') return path === '/api/v5/trade/orders-pending';
  return (
    exchange === 'bybit' &&
    path === '/v5/order/realtime' &&
    !query.has('orderId') &&
    !query.has('orderLinkId')
  );
}

/** Under any of the names that an exchange takes. */
function cancelledBy(query: URLSearchParams, body: string): string[] {
  const fields = body.startsWith('{')
    ? (JSON.parse(body) as Readonly<Record<string, string>>)
    : Object.fromEntries(new URLSearchParams(`${query.toString()}&${body}`));
  return ['origClientOrderId', 'orderId', 'clOrdId', 'ordId', 'orderLinkId'].flatMap(
    (name) => fields[name] ?? [],
  );
}

type Terms = Omit<WireCall, 'kind' | 'cancels'>;
const NO_ORDER: Omit<WireCall, 'kind'> = {
  cancels: [],
  clientOrderId: '',
  symbol: '',
  side: 'buy',
  price: '0',
  quantity: '0',
  validForMs: null,
};

function placeTerms(
  exchange: string,
  query: URLSearchParams,
  headers: Readonly<Record<string, string>>,
  body: string,
): Terms {
  if (exchange === 'binance') {
    const parameters = new URLSearchParams(`${query.toString()}&${body}`);
    const text = (name: string): string => parameters.get(name) ?? '';
    return {
      clientOrderId: text('newClientOrderId'),
      symbol: text('symbol'),
      side: text('side') === 'BUY' ? 'buy' : 'sell',
      price: text('price'),
      quantity: text('quantity'),
      validForMs: msOf(parameters.get('recvWindow')),
    };
  }
  const fields = JSON.parse(body) as Readonly<Record<string, string>>;
  if (exchange === 'okx') {
    const untilMs = msOf(headers['exptime']);
    const stampMs = Date.parse(headers['ok-access-timestamp'] ?? '');
    return {
      clientOrderId: fields['clOrdId'] ?? '',
      symbol: fields['instId'] ?? '',
      side: fields['side'] === 'buy' ? 'buy' : 'sell',
      price: fields['px'] ?? '0',
      quantity: fields['sz'] ?? '0',
      validForMs: untilMs === null ? null : untilMs - stampMs,
    };
  }
  return {
    clientOrderId: fields['orderLinkId'] ?? '',
    symbol: fields['symbol'] ?? '',
    side: fields['side'] === 'Buy' ? 'buy' : 'sell',
    price: fields['price'] ?? '0',
    quantity: fields['qty'] ?? '0',
    validForMs: msOf(headers['x-bapi-recv-window']),
  };
}

const msOf = (text: string | null | undefined): number | null =>
  text === null || text === undefined ? null : Number(text);

/** Header names as a server reads them. */
export function lowerCase(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** Paths of private sockets. */
export const isPrivateSocket = (path: string): boolean =>
  /^\/(ws-api\/v3|ws\/v5\/private|v5\/private)/.test(path);
