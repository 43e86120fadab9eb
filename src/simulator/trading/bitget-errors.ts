import { response, type FaceHttpResponse } from '../face-protocol.js';
import type { Refusal } from './desk-types.js';

/** A code of Bitget and its text (PROTOCOLS §10 [O]; bitget.com/api-doc, error codes; texts [C]). */
export interface BitgetError {
  readonly code: string;
  readonly msg: string;
}

const error = (code: string, msg: string): BitgetError => ({ code, msg });

/** Why an order is not taken. */
export const BITGET_REFUSALS: Readonly<Record<Refusal, BitgetError>> = {
  market_halted: error('45043', 'Due to settlement or maintenance reasons, the trade is suspended'),
  price_tick: error('40808', 'Parameter verification exception price checkScale error'),
  price_band: error('40815', 'Order price exceeds the price limit'),
  lot: error('40808', 'Parameter verification exception size checkScale error'),
  min_quantity: error('43006', 'The order size is less than the minimum'),
  max_quantity: error('40762', 'The order size is too large'),
  min_notional: error('45110', 'less than the minimum amount 1 USDT'),
  duplicate_client_id: error('43118', 'clientOrderId duplicate'),
  insufficient_funds: error('43012', 'Insufficient balance'),
  too_many_orders: error('43027', 'The number of open orders exceeds the limit'),
  no_liquidity: error('43037', 'There is no price to trade at'),
  would_take: error('43037', 'The order would be filled at once'),
};

export const BITGET_ERRORS = {
  noKey: error('40001', 'ACCESS_KEY cannot be empty'),
  noSign: error('40003', 'Signature cannot be empty'),
  badTimestamp: error('40005', 'Invalid ACCESS_TIMESTAMP'),
  badKey: error('40006', 'Invalid ACCESS_KEY'),
  contentType: error('40007', 'Invalid Content_Type'),
  late: error('40008', 'Request timestamp expired'),
  badSign: error('40009', 'sign signature error'),
  timeout: error('40010', 'Request timed out'),
  noPassphrase: error('40011', 'ACCESS_PASSPHRASE cannot be empty'),
  badPassphrase: error('40012', 'apikey/password is incorrect'),
  system: error('40015', 'System is abnormal, please try again later'),
  beyondWindow: error('40078', 'The request is beyond its receiveWindow'),
  badWindow: error('40079', 'requestTime or receiveWindow is invalid'),
  upgrade: error('40200', 'Server upgrade, please try again later'),
  badClientOid: error('40305', 'client_oid length is not greater than 50, and cannot be Martian characters'),
  service: error('40725', 'service return an error'),
  noOrder: error('43001', 'The order does not exist'),
  nothingToCancel: error('43004', 'There is no order to cancel'),
  unknown: error('45001', 'Unknown error'),
  tooFast: error('429', 'Too Many Requests'),
  noPath: error('40404', 'Request URL NOT FOUND'),
} as const;

/** A parameter that cannot be read. */
export const bitgetParameter = (name: string): BitgetError =>
  error('40017', `Parameter verification failed ${name}`);

/** A parameter that is not there. */
export const bitgetEmpty = (name: string): BitgetError => error('40019', `Parameter ${name} cannot be empty`);

/** A market that is not listed. */
export const bitgetNoSymbol = (symbol: string): BitgetError =>
  error('40034', `Parameter ${symbol.slice(0, 64)} does not exist`);

export const bitgetData = (data: unknown, timeMs: number): FaceHttpResponse =>
  response(200, JSON.stringify({ code: '00000', msg: 'success', requestTime: Math.floor(timeMs), data }));

/** Errors come with HTTP 400, unless something else is said. */
export const bitgetFailure = ({ code, msg }: BitgetError, timeMs: number, status = 400): FaceHttpResponse =>
  response(status, JSON.stringify({ code, msg, requestTime: Math.floor(timeMs), data: null }));
