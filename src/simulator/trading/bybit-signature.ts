import { createHmac } from 'node:crypto';
import type { FaceHttpRequest } from '../face-protocol.js';

export interface BybitKey {
  readonly apiKey: string;
  readonly secret: string;
}

/** `retCode` and `retMsg` of a call that is not carried out. */
export interface BybitRefusal {
  readonly retCode: number;
  readonly retMsg: string;
}

const DEFAULT_WINDOW_MS = 5_000;
/** A stamp may be ahead of the exchange by less than this (PROTOCOLS §5 [O]). */
const MAX_AHEAD_MS = 1_000;

/** Hex HMAC-SHA256, Bybit's signature everywhere [O]. */
export function bybitSignature(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text, 'utf8').digest('hex');
}

/**
 * Checks the headers of a signed call: server − window ≤ stamp < server + 1 s, and the signature over stamp, key, window
 * and exactly the query or body that was sent. `nowMs` = the exchange's clock. Null = it is ours and in time.
 */
export function bybitRequestRefusal(
  request: FaceHttpRequest,
  key: BybitKey,
  nowMs: number,
): BybitRefusal | null {
  const { headers = {}, method, url, body = '' } = request;
  const apiKey = headers['x-bapi-api-key'] ?? '';
  const timestamp = headers['x-bapi-timestamp'] ?? '';
  const signature = headers['x-bapi-sign'] ?? '';
  const windowText = headers['x-bapi-recv-window'] ?? '';
  if (apiKey === '' || timestamp === '' || signature === '') {
    const retMsg = `empty value: apiTimestamp[${timestamp}] apiKey[${apiKey}] apiSignature[${signature}]`;
    return { retCode: 10001, retMsg };
  }
  if (!/^\d{13}$/.test(timestamp) || !/^([1-9]\d{0,5})?$/.test(windowText)) {
    return { retCode: 10001, retMsg: 'params error: invalid timestamp or recv_window' };
  }
  if (apiKey !== key.apiKey) return { retCode: 10003, retMsg: 'API key is invalid.' };
  const late = bybitTimeRefusal(request, nowMs);
  if (late !== null) return late;
  const at = url.indexOf('?');
  const payload = method === 'GET' ? (at < 0 ? '' : url.slice(at + 1)) : body;
  const origin = `${timestamp}${apiKey}${windowText}${payload}`;
  if (signature === bybitSignature(key.secret, origin)) return null;
  return { retCode: 10004, retMsg: `error sign! origin_string[${origin.slice(0, 300)}]` };
}

/** The time of a request against the exchange's clock: at arrival, and once more where it is carried out later. */
export function bybitTimeRefusal({ headers = {} }: FaceHttpRequest, nowMs: number): BybitRefusal | null {
  const stampMs = Number(headers['x-bapi-timestamp']);
  const windowMs = Number(headers['x-bapi-recv-window'] ?? '') || DEFAULT_WINDOW_MS;
  if (stampMs >= nowMs - windowMs && stampMs < nowMs + MAX_AHEAD_MS) return null;
  const times = `req_timestamp[${stampMs}],server_timestamp[${Math.floor(nowMs)}],recv_window[${windowMs}]`;
  const retMsg = `invalid request, please check your server timestamp or recv_window param. ${times}`;
  return { retCode: 10002, retMsg };
}

/** Checks `auth` of the private socket: key, a time of expiry still ahead, and its signature. Null = accepted. */
export function bybitLoginRefusal(args: unknown, key: BybitKey, nowMs: number): string | null {
  if (!Array.isArray(args) || args.length !== 3) return 'Params Error';
  const [apiKey, expires, signature] = args as readonly unknown[];
  if (apiKey !== key.apiKey) return 'API key is invalid.';
  const text = typeof expires === 'number' || typeof expires === 'string' ? String(expires) : '';
  if (!/^\d{13}$/.test(text)) return 'Params Error';
  if (Number(text) <= nowMs) return 'Request expired';
  return signature === bybitSignature(key.secret, `GET/realtime${text}`) ? null : 'Request not authorized';
}
