import type { Side } from '../../messages/primitives.js';
import type { SimulatedMarket } from '../market.js';
import { parseAtoms, type Atoms } from './atoms.js';
import {
  bitgetEmpty,
  BITGET_ERRORS,
  bitgetNoSymbol,
  bitgetParameter,
  type BitgetError,
} from './bitget-errors.js';
import type { DeskOrderType, OrderRequest, StpMode } from './desk-types.js';

export type BitgetBody = Readonly<Record<string, unknown>>;

const FORCES: Readonly<Record<string, DeskOrderType>> = {
  gtc: 'limit',
  post_only: 'post_only',
  ioc: 'ioc',
  fok: 'fok',
};
const STP_MODES: readonly StpMode[] = ['none', 'cancel_taker', 'cancel_maker', 'cancel_both'];
const CLIENT_OID = /^[\w.:/#-]{1,50}$/;
const REQUIRED = ['symbol', 'side', 'orderType', 'size'] as const;
const MAX_WINDOW_MS = 60_000;

/** Reads the body of `place-order`. Steps and minimums are the desk's to check. */
export function bitgetOrderRequest(
  body: BitgetBody,
  markets: ReadonlyMap<string, SimulatedMarket>,
): OrderRequest | BitgetError {
  const missing = REQUIRED.find((name) => textIn(body, name) === null);
  if (missing !== undefined) return bitgetEmpty(missing);
  const symbol = textIn(body, 'symbol')!;
  const market = markets.get(symbol);
  if (market === undefined) return bitgetNoSymbol(symbol);
  const side = textIn(body, 'side') as Side;
  if (side !== 'buy' && side !== 'sell') return bitgetParameter('side');
  const type = typeOf(body);
  if (type === null) return bitgetParameter('orderType or force');
  const stp = (textIn(body, 'stpMode') ?? 'none') as StpMode;
  if (!STP_MODES.includes(stp)) return bitgetParameter('stpMode');
  const clientOid = textIn(body, 'clientOid');
  if (clientOid !== null && !CLIENT_OID.test(clientOid)) return BITGET_ERRORS.badClientOid;
  const size = amountIn(body, 'size');
  const price = type === 'market' ? null : amountIn(body, 'price');
  if (size === null) return bitgetParameter('size');
  if (type !== 'market' && price === null) return bitgetParameter('price');
  // A market purchase is sized in quote (PROTOCOLS §1.4 [O]).
  const isInQuote = type === 'market' && side === 'buy';
  return {
    market,
    side,
    type,
    price,
    quantity: isInQuote ? null : size,
    quoteAmount: isInQuote ? size : null,
    clientOrderId: clientOid,
    stp,
    words: { force: textIn(body, 'force') ?? 'gtc', stp, size: textIn(body, 'size')! },
  };
}

function typeOf(body: BitgetBody): DeskOrderType | null {
  const orderType = textIn(body, 'orderType');
  if (orderType === 'market') return 'market';
  if (orderType !== 'limit') return null;
  const force = textIn(body, 'force') ?? '';
  return Object.hasOwn(FORCES, force) ? FORCES[force]! : null;
}

/**
 * The fence of an order: `requestTime` and `receiveWindow` in its body, against the exchange's clock, at arrival and once more where it
 * is carried out later. Null = in time, or without a fence.
 */
export function bitgetWindowRefusal(body: BitgetBody, nowMs: number): BitgetError | null {
  const { requestTime, receiveWindow } = body;
  if (requestTime === undefined && receiveWindow === undefined) return null;
  const [sentMs, windowMs] = [digitsOf(requestTime), digitsOf(receiveWindow)];
  if (sentMs === null || windowMs === null || windowMs >= MAX_WINDOW_MS) return BITGET_ERRORS.badWindow;
  return nowMs > sentMs + windowMs ? BITGET_ERRORS.beyondWindow : null;
}

const digitsOf = (value: unknown): number | null => (/^\d{1,13}$/.test(String(value)) ? Number(value) : null);

/** A text that is there and not empty. */
export function textIn(body: BitgetBody, name: string): string | null {
  const value = body[name];
  return typeof value === 'string' && value !== '' ? value : null;
}

function amountIn(body: BitgetBody, name: string): Atoms | null {
  const text = textIn(body, name);
  const atoms = text === null ? null : parseAtoms(text);
  return atoms === null || atoms <= 0n ? null : atoms;
}
