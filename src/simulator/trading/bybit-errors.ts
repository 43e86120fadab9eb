import type { Refusal } from './desk-types.js';

/** A `retCode` of Bybit and its text (PROTOCOLS §5 [O]; bybit-exchange.github.io/docs/v5/error). */
export interface BybitError {
  readonly retCode: number;
  readonly retMsg: string;
}

const error = (retCode: number, retMsg: string): BybitError => ({ retCode, retMsg });

/** Why an order is not taken. */
export const BYBIT_REFUSALS: Readonly<Record<Refusal, BybitError>> = {
  market_halted: error(170210, 'New order rejected.'),
  price_tick: error(170134, 'Order price has too many decimals.'),
  price_band: error(170132, 'Order price too high.'),
  lot: error(170137, 'Order volume decimal too long.'),
  min_quantity: error(170136, 'Order quantity lower than the minimum.'),
  max_quantity: error(170135, 'Order quantity exceeded upper limit.'),
  min_notional: error(170140, 'Order value exceeded lower limit.'),
  duplicate_client_id: error(170141, 'Duplicate clientOrderId'),
  insufficient_funds: error(170131, 'Insufficient balance.'),
  too_many_orders: error(170810, 'Cannot exceed maximum of 500 conditional, TP/SL and active orders.'),
  no_liquidity: error(170210, 'New order rejected.'),
  would_take: error(170218, 'The LIMIT-MAKER order is rejected due to invalid price.'),
};

export const BYBIT_ERRORS = {
  tooFast: error(10006, 'Too many visits. Exceeded the API Rate Limit.'),
  priceTooLow: error(170133, 'Order price lower than the minimum.'),
  filled: error(170139, 'Order has been filled.'),
  cancelled: error(170142, 'Order has been canceled.'),
  noOrder: error(170213, 'Order does not exist.'),
  server: error(10016, 'Server error.'),
  timeout: error(10000, 'Server Timeout'),
  backendTimeout: error(170007, 'Timeout waiting for response from backend server.'),
  createTimeout: error(170146, 'Order creation timeout.'),
  noSymbol: error(170121, 'Invalid symbol.'),
} as const;

/** A parameter that is missing or cannot be read. */
export const bybitParameter = (what: string): BybitError => error(10001, `Request parameter error: ${what}`);
