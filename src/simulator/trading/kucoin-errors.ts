import { response, type FaceHttpResponse } from '../face-protocol.js';
import type { Refusal } from './desk-types.js';

/** A code of KuCoin and its text (PROTOCOLS §8 [C]; kucoin.com/docs-new, error codes). */
export interface KucoinError {
  readonly code: string;
  readonly msg: string;
  /** HTTP status; 200 unless the gateway refuses. */
  readonly status?: number;
}

const error = (code: string, msg: string, status = 200): KucoinError => ({ code, msg, status });

/** Why an order is not taken. */
export const KUCOIN_REFUSALS: Readonly<Record<Refusal, KucoinError>> = {
  market_halted: error('126009', 'The symbol is suspended for trading.'),
  price_tick: error('400100', 'Price increment invalid.'),
  price_band: error('126022', 'The price is beyond the price protection limit.'),
  lot: error('400100', 'Order size increment invalid.'),
  min_quantity: error('126003', 'Order size below the minimum requirement.'),
  max_quantity: error('400100', 'Order size above the maximum requirement.'),
  min_notional: error('600100', 'Order funds below the minimum requirement.'),
  duplicate_client_id: error('126044', 'clientOid is duplicated.'),
  insufficient_funds: error('200004', 'Balance insufficient!'),
  too_many_orders: error('300000', 'The number of open orders exceeds the limit.'),
  no_liquidity: error('300000', 'No counterparty orders available.'),
  would_take: error('300000', 'The post only order would match.'),
};

export const KUCOIN_ERRORS = {
  absent: error('126043', 'Order does not exist.'),
  notCancellable: error('400100', 'order_not_exist_or_not_allow_to_be_cancelled'),
  late: error('126041', 'The request timed out: clientTimestamp + allowMaxTimeWindow has passed.'),
  noSymbol: error('900001', 'symbol not exists'),
  tooFast: error('429000', 'Too many requests in a short period of time, please retry later', 429),
  server: error('500000', 'Internal Server Error', 500),
  timeout: error('408000', 'network timeout'),
  thirdParty: error('126038', 'The call of a third party failed.'),
  unavailable: error('503', 'Service Unavailable', 503),
} as const;

/** A parameter that is missing or cannot be read. */
export const kucoinParameter = (what: string): KucoinError => error('400100', `Parameter error: ${what}.`);

/** A call that was taken. `#123` in a text is a number that is too long for JSON of numbers: it is written bare. */
export function kucoinData(data: unknown): FaceHttpResponse {
  return response(200, bareNumbers(JSON.stringify({ code: '200000', data })));
}

/** A call that was not. */
export function kucoinFailure({ code, msg, status = 200 }: KucoinError): FaceHttpResponse {
  return response(status, JSON.stringify({ code, msg }));
}

/** Ids and times in ns do not fit into a number: whoever writes one marks it. */
export const bareNumbers = (json: string): string => json.replaceAll(/"#(\d{1,20})"/g, '$1');
