import { createHmac } from 'node:crypto';
import type { FaceHttpRequest } from '../face-protocol.js';

/** What OKX's gateway says instead of passing a request on. `status` is the HTTP status. */
export interface OkxRefusal {
  readonly status: number;
  readonly code: string;
  readonly msg: string;
}

export interface OkxKey {
  readonly apiKey: string;
  readonly secret: string;
  readonly passphrase: string | null;
}

/** A request is valid for 30 s around its time stamp (PROTOCOLS §4 [O]). */
const WINDOW_MS = 30_000;
const ISO_MS = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const HEADERS = [
  ['ok-access-key', '50103', 'OK-ACCESS-KEY'],
  ['ok-access-passphrase', '50104', 'OK-ACCESS-PASSPHRASE'],
  ['ok-access-sign', '50106', 'OK-ACCESS-SIGN'],
  ['ok-access-timestamp', '50107', 'OK-ACCESS-TIMESTAMP'],
] as const;

/** Base64(HMAC-SHA256(secret, text)): what OKX calls a signature everywhere [O]. */
export function okxSignature(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text, 'utf8').digest('base64');
}

/**
 * Checks the four headers of a signed REST call the way the exchange does: present, in time, of this key, and over exactly
 * the path, query and body that were sent. `nowMs` = the exchange's clock. Null = it is ours and in time.
 */
export function okxRequestRefusal(request: FaceHttpRequest, key: OkxKey, nowMs: number): OkxRefusal | null {
  const { headers = {}, method, url, body = '' } = request;
  const missing = HEADERS.find(([name]) => (headers[name] ?? '') === '');
  if (missing !== undefined) return denied(missing[1], `Request header "${missing[2]}" cannot be empty.`);
  const timestamp = headers['ok-access-timestamp']!;
  if (!ISO_MS.test(timestamp) || Number.isNaN(Date.parse(timestamp))) {
    return denied('50112', 'Invalid OK-ACCESS-TIMESTAMP.');
  }
  if (Math.abs(nowMs - Date.parse(timestamp)) > WINDOW_MS)
    return denied('50102', 'Timestamp request expired.');
  if (headers['ok-access-key'] !== key.apiKey) return denied('50111', 'Invalid OK-ACCESS-KEY.');
  if (headers['ok-access-passphrase'] !== key.passphrase) {
    return denied('50105', 'Request header "OK-ACCESS-PASSPHRASE" incorrect.');
  }
  const expected = okxSignature(key.secret, `${timestamp}${method}${url}${body}`);
  return headers['ok-access-sign'] === expected ? null : denied('50113', 'Invalid Sign');
}

/** Checks the arguments of a socket's `login`; codes are the socket's own. Null = logged in. */
export function okxLoginRefusal(
  argument: Readonly<Record<string, unknown>>,
  key: OkxKey,
  nowMs: number,
): Pick<OkxRefusal, 'code' | 'msg'> | null {
  const { apiKey, passphrase, timestamp, sign } = argument;
  if (apiKey !== key.apiKey) return { code: '60005', msg: 'Invalid apiKey' };
  if (typeof timestamp !== 'string' || !/^\d{10}(\.\d{1,3})?$/.test(timestamp)) {
    return { code: '60004', msg: 'Invalid timestamp' };
  }
  if (Math.abs(nowMs - Number(timestamp) * 1_000) > WINDOW_MS) {
    return { code: '60006', msg: 'Timestamp request expired' };
  }
  if (passphrase !== key.passphrase) return { code: '60024', msg: 'Wrong passphrase' };
  const expected = okxSignature(key.secret, `${timestamp}GET/users/self/verify`);
  return sign === expected ? null : { code: '60007', msg: 'Invalid sign' };
}

function denied(code: string, msg: string): OkxRefusal {
  return { status: 401, code, msg };
}
