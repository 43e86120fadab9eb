import { response, type FaceHttpResponse } from '../face-protocol.js';
import type { Refusal } from './desk-types.js';

/** A label of Gate, its text and its HTTP status (PROTOCOLS §9.7 [O]; gate.com/docs/developers/apiv4). */
export interface GateError {
  readonly label: string;
  readonly message: string;
  readonly status: number;
}

const error = (label: string, message: string, status = 400): GateError => ({ label, message, status });

/** Why an order is not taken. */
export const GATE_REFUSALS: Readonly<Record<Refusal, GateError>> = {
  market_halted: error('INVALID_CURRENCY_PAIR', 'The currency pair is not tradable'),
  price_tick: error('INVALID_PRECISION', 'Price precision is invalid'),
  price_band: error('INVALID_PARAM_VALUE', 'Price is too far from the market'),
  lot: error('INVALID_PRECISION', 'Amount precision is invalid'),
  min_quantity: error('AMOUNT_TOO_LITTLE', 'Order amount is too small'),
  max_quantity: error('AMOUNT_TOO_MUCH', 'Order amount is too large'),
  min_notional: error('AMOUNT_TOO_LITTLE', 'Order value is too small'),
  duplicate_client_id: error('ORDER_EXISTS', 'Order with this text exists'),
  insufficient_funds: error('BALANCE_NOT_ENOUGH', 'Not enough balance'),
  too_many_orders: error('INVALID_PARAM_VALUE', 'Too many open orders'),
  no_liquidity: error('ORDER_BOOK_NOT_FOUND', 'No liquidity'),
  would_take: error('POC_FILL_IMMEDIATELY', 'Order would match and take immediately so its cancelled'),
};

export const GATE_ERRORS = {
  absent: error('ORDER_NOT_FOUND', 'Order not found', 404),
  closed: error('ORDER_CLOSED', 'Order closed'),
  cancelled: error('ORDER_CANCELLED', 'Order cancelled'),
  late: error('REQUEST_EXPIRED', 'x-gate-exptime has passed', 403),
  stamp: error('REQUEST_EXPIRED', 'gap between request Timestamp and server time exceeds 60', 403),
  noPair: error('INVALID_CURRENCY_PAIR', 'Invalid currency pair'),
  body: error('INVALID_REQUEST_BODY', 'Invalid request body'),
  tooFast: error('TOO_MANY_REQUESTS', 'Request Rate Limit Exceeded', 429),
  server: error('SERVER_ERROR', 'Internal server error', 500),
  internal: error('INTERNAL', 'Internal error', 500),
  busy: error('TOO_BUSY', 'Too busy, please retry later', 503),
  method: error('METHOD_NOT_ALLOWED', 'Method not allowed', 405),
} as const;

/** A parameter that cannot be read. */
export const gateParameter = (name: string): GateError =>
  error('INVALID_PARAM_VALUE', `Invalid value for param: ${name}`);

/** A call that was taken: no envelope. */
export const gateAnswer = (value: unknown, status = 200): FaceHttpResponse =>
  response(status, JSON.stringify(value));

/** A call that was not. */
export const gateFailure = ({ label, message, status }: GateError): FaceHttpResponse =>
  response(status, JSON.stringify({ label, message }));
