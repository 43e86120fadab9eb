import type { Refusal } from './desk-types.js';

/** A code of OKX and its text (PROTOCOLS §4 [O]; okx.com/docs-v5, error codes). */
export interface OkxError {
  readonly code: string;
  readonly msg: string;
}

const error = (code: string, msg: string): OkxError => ({ code, msg });

/** Why an order is not taken, as `sCode` and `sMsg`. */
export const OKX_REFUSALS: Readonly<Record<Refusal, OkxError>> = {
  market_halted: error('51022', 'Contract suspended.'),
  price_tick: error('51000', 'Parameter px error'),
  price_band: error('51006', 'Order price is not within the price limit.'),
  lot: error('51121', 'Order quantity must be a multiple of the lot size.'),
  min_quantity: error('51020', 'Your order should meet or exceed the minimum order amount.'),
  max_quantity: error('51005', 'Your order amount exceeds the max order amount.'),
  min_notional: error('51020', 'Your order should meet or exceed the minimum order amount.'),
  duplicate_client_id: error('51016', 'Client order ID already exists.'),
  insufficient_funds: error('51008', 'Order failed. Insufficient balance in account.'),
  too_many_orders: error('51025', 'Order count exceeds the limit.'),
  no_liquidity: error('51000', 'Parameter sz error'),
  would_take: error('51000', 'Parameter ordType error'),
};

export const OKX_ERRORS = {
  noBody: error('50000', 'Body for POST request cannot be empty.'),
  unavailable: error('50001', 'Service temporarily unavailable. Please try again later.'),
  syntax: error('50002', 'JSON syntax error'),
  timeout: error(
    '50004',
    'API endpoint request timeout. (does not mean that the request was successful or failed, please check the request result).',
  ),
  contentType: error('50006', 'Invalid Content-Type. Please use "application/JSON".'),
  tooFast: error(
    '50011',
    'Rate limit reached. Please refer to API documentation and throttle requests accordingly.',
  ),
  tooMany: error('50011', 'Too Many Requests'),
  system: error('50026', 'System error. Try again later'),
  late: error(
    '50036',
    "The expTime can't be earlier than the current system time. Please adjust the expTime and try again.",
  ),
  method: error('50115', 'Invalid request method.'),
  noInstrument: error('51001', "Instrument ID, Instrument ID code or Spread ID doesn't exist."),
  noOrderNamed: error('51003', 'Either client order ID or order ID is required.'),
  tooManyTimers: error('51071', "You've reached the maximum limit for tag level cancel all after timers."),
  orderTimeout: error('51149', 'Order timed out. Please try again.'),
  notCancellable: error(
    '51400',
    'Order cancellation failed as the order has been filled, canceled or does not exist.',
  ),
  noOrder: error('51603', 'Order does not exist.'),
} as const;

/** A parameter that cannot be read. */
export const okxParameter = (name: string): OkxError => error('51000', `Parameter ${name} error`);

/** A parameter that is not there. */
export const okxEmpty = (name: string): OkxError => error('50014', `Parameter ${name} can not be empty.`);
