import { createHmac } from 'node:crypto';
import type { FaceHttpRequest } from '../face-protocol.js';
import { KUCOIN_ERRORS, type KucoinError } from './kucoin-errors.js';
import type { AccountCredentials } from './simulated-account.js';

/** A call is valid for 5 s around its stamp [C]. */
const WINDOW_MS = 5_000;
const HEADERS = ['kc-api-key', 'kc-api-sign', 'kc-api-timestamp', 'kc-api-passphrase'] as const;

/** Base64(HMAC-SHA256(secret, text)): what signs a call, and what hides the passphrase [O]. */
export function kucoinSignature(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text, 'utf8').digest('base64');
}

/**
 * Checks the headers of a signed call: present, in time, of this key, and signed over stamp, method, the address as it reads
 * without percent-encoding, and the body (PROTOCOLS §8 [O]). `nowMs` = the exchange's clock. Null = it is ours and in time.
 */
export function kucoinRequestRefusal(
  { headers = {}, method, url, body = '' }: FaceHttpRequest,
  key: AccountCredentials,
  nowMs: number,
): KucoinError | null {
  const [apiKey, sign, timestamp, passphrase] = HEADERS.map((name) => headers[name] ?? '');
  if (apiKey === '' || sign === '' || timestamp === '' || passphrase === '')
    return denied(
      '400001',
      'Please check the header of your request for KC-API-KEY, KC-API-SIGN, KC-API-TIMESTAMP, KC-API-PASSPHRASE',
    );
  if (apiKey !== key.apiKey) return denied('400003', 'KC-API-KEY not exists');
  if (
    !/^[23]$/.test(headers['kc-api-key-version'] ?? '') ||
    passphrase !== kucoinSignature(key.secret, key.passphrase ?? '')
  )
    return denied('400004', 'Invalid KC-API-PASSPHRASE');
  const stampMs = Number(timestamp);
  if (!/^\d{13}$/.test(timestamp!) || Math.abs(nowMs - stampMs) > WINDOW_MS)
    return denied('400002', 'KC-API-TIMESTAMP Invalid');
  const read = readable(url);
  const isSigned =
    read !== null && sign === kucoinSignature(key.secret, `${timestamp}${method}${read}${body}`);
  return isSigned ? null : denied('400005', 'Invalid KC-API-SIGN');
}

/**
 * The window of an order: `clientTimestamp` + `allowMaxTimeWindow` against the clock of the gateway that receives it [O]. A request
 * that is late on its way is checked when it comes. Null = in time, or without a window.
 */
export function kucoinWindowRefusal(
  body: Readonly<Record<string, unknown>>,
  { headers = {} }: FaceHttpRequest,
  nowMs: number,
): KucoinError | null {
  if (nowMs - Number(headers['kc-api-timestamp']) > WINDOW_MS)
    return denied('400002', 'KC-API-TIMESTAMP Invalid');
  const { clientTimestamp, allowMaxTimeWindow } = body;
  if (allowMaxTimeWindow === undefined) return null;
  const isWhole = typeof clientTimestamp === 'number' && typeof allowMaxTimeWindow === 'number';
  return isWhole && clientTimestamp + allowMaxTimeWindow >= nowMs ? null : KUCOIN_ERRORS.late;
}

function readable(url: string): string | null {
  try {
    return decodeURIComponent(url);
  } catch {
    return null;
  }
}

const denied = (code: string, msg: string): KucoinError => ({ code, msg, status: 401 });
