import { createHash, createHmac } from 'node:crypto';
import { splitUrl, type FaceHttpRequest } from '../face-protocol.js';
import { GATE_ERRORS, gateParameter, type GateError } from './gate-errors.js';
import type { AccountCredentials } from './simulated-account.js';

/** A call is valid for a minute around its stamp (PROTOCOLS §1.1 [O]). */
const WINDOW_MS = 60_000;
const HEADERS = ['key', 'sign', 'timestamp'] as const;

/** Hex HMAC-SHA512, Gate's signature everywhere [O]. */
export function gateSignature(secret: string, text: string): string {
  return createHmac('sha512', secret).update(text, 'utf8').digest('hex');
}

/**
 * Checks the headers of a signed call: present, in time, of this key, and signed over method, path, query as it reads, hash of the
 * body and stamp [O]. `nowMs` = the exchange's clock. Null = it is ours and in time.
 */
export function gateRequestRefusal(
  request: FaceHttpRequest,
  key: AccountCredentials,
  nowMs: number,
): GateError | null {
  const { headers = {}, method, url, body = '' } = request;
  const [apiKey, sign, timestamp] = HEADERS.map((name) => headers[name] ?? '');
  if (apiKey === '' || sign === '' || timestamp === '')
    return denied('MISSING_REQUIRED_HEADER', 'Missing required header: KEY, SIGN or Timestamp', 400);
  if (apiKey !== key.apiKey) return denied('INVALID_KEY', 'Invalid key provided');
  if (!/^\d{10}$/.test(timestamp!) || Math.abs(nowMs - Number(timestamp) * 1_000) > WINDOW_MS)
    return GATE_ERRORS.stamp;
  const hash = createHash('sha512').update(body, 'utf8').digest('hex');
  const query = queryOf(url);
  const text = [method, splitUrl(url).path, query, hash, timestamp].join('\n');
  const isSigned = query !== null && sign === gateSignature(key.secret, text);
  return isSigned ? gateExpiryRefusal(request, nowMs) : denied('INVALID_SIGNATURE', 'Signature mismatch');
}

/** `x-gate-exptime`: a moment in ms after which the request is refused [O]. Null = in time, or without it. */
export function gateExpiryRefusal({ headers = {} }: FaceHttpRequest, nowMs: number): GateError | null {
  const until = headers['x-gate-exptime'];
  if (until === undefined) return null;
  if (!/^\d{13}$/.test(until)) return gateParameter('x-gate-exptime');
  return Number(until) < nowMs ? GATE_ERRORS.late : null;
}

/** Why a subscription is not of this account; null = it is. */
export function gateSubscriptionRefusal(
  request: Readonly<Record<string, unknown>>,
  key: AccountCredentials,
): string | null {
  const { channel, event, time, auth } = request;
  const { method, KEY, SIGN } =
    typeof auth === 'object' && auth !== null ? (auth as Readonly<Record<string, unknown>>) : {};
  if (method !== 'api_key') return 'auth method not supported';
  if (KEY !== key.apiKey) return 'Invalid key provided';
  const text = `channel=${String(channel)}&event=${String(event)}&time=${String(time)}`;
  return SIGN === gateSignature(key.secret, text) ? null : 'Signature mismatch';
}

function queryOf(url: string): string | null {
  const at = url.indexOf('?');
  try {
    return at < 0 ? '' : decodeURIComponent(url.slice(at + 1));
  } catch {
    return null;
  }
}

const denied = (label: string, message: string, status = 401): GateError => ({ label, message, status });
