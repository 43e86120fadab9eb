import { createHmac } from 'node:crypto';
import type { FaceHttpRequest } from '../face-protocol.js';
import { BITGET_ERRORS, type BitgetError } from './bitget-errors.js';

export interface BitgetKey {
  readonly apiKey: string;
  readonly secret: string;
  readonly passphrase: string | null;
}

/** A request is valid for 30 s around its time stamp (PROTOCOLS §10 [O]). */
const WINDOW_MS = 30_000;
const HEADERS = [
  ['access-key', BITGET_ERRORS.noKey],
  ['access-sign', BITGET_ERRORS.noSign],
  ['access-timestamp', BITGET_ERRORS.badTimestamp],
  ['access-passphrase', BITGET_ERRORS.noPassphrase],
] as const;

/** Base64(HMAC-SHA256(secret, text)): what Bitget calls a signature everywhere [O]. */
export function bitgetSignature(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text, 'utf8').digest('base64');
}

/**
 * Checks the four headers of a signed REST call: present, in time, of this key, and over exactly the path, query and body that were
 * sent. `nowMs` = the exchange's clock. Null = it is ours and in time.
 */
export function bitgetRequestRefusal(
  request: FaceHttpRequest,
  key: BitgetKey,
  nowMs: number,
): BitgetError | null {
  const { headers = {}, method, url, body = '' } = request;
  const missing = HEADERS.find(([name]) => (headers[name] ?? '') === '');
  if (missing !== undefined) return missing[1];
  const timestamp = headers['access-timestamp']!;
  if (!/^\d{13}$/.test(timestamp)) return BITGET_ERRORS.badTimestamp;
  if (Math.abs(nowMs - Number(timestamp)) > WINDOW_MS) return BITGET_ERRORS.late;
  if (headers['access-key'] !== key.apiKey) return BITGET_ERRORS.badKey;
  if (headers['access-passphrase'] !== key.passphrase) return BITGET_ERRORS.badPassphrase;
  const expected = bitgetSignature(key.secret, `${timestamp}${method}${url}${body}`);
  return headers['access-sign'] === expected ? null : BITGET_ERRORS.badSign;
}

/** Checks the arguments of a socket's `login`; codes are the socket's own. Null = logged in. */
export function bitgetLoginRefusal(
  argument: Readonly<Record<string, unknown>>,
  key: BitgetKey,
  nowMs: number,
): { readonly code: number; readonly msg: string } | null {
  const { apiKey, passphrase, timestamp, sign } = argument;
  if (apiKey !== key.apiKey) return { code: 30011, msg: 'Invalid ACCESS_KEY' };
  if (passphrase !== key.passphrase) return { code: 30012, msg: 'Invalid ACCESS_PASSPHRASE' };
  if (typeof timestamp !== 'string' || !/^\d{10}$/.test(timestamp))
    return { code: 30013, msg: 'Invalid ACCESS_TIMESTAMP' };
  if (Math.abs(nowMs - Number(timestamp) * 1_000) > WINDOW_MS)
    return { code: 30014, msg: 'Request timestamp expired' };
  const expected = bitgetSignature(key.secret, `${timestamp}GET/user/verify`);
  return sign === expected ? null : { code: 30015, msg: 'Invalid signature' };
}
