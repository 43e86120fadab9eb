import { createHmac } from 'node:crypto';
import { response, splitUrl, type FaceHttpRequest, type FaceHttpResponse } from '../face-protocol.js';
import type { AccountCredentials } from './simulated-account.js';

/** How far the client's clock may run ahead, ms. */
const MAX_AHEAD_MS = 1_000;
const DEFAULT_WINDOW_MS = 5_000;
const MAX_WINDOW_MS = 60_000;

/** A private call whose key and signature are right. */
export interface BinanceCall {
  readonly method: string;
  readonly path: string;
  readonly params: ReadonlyMap<string, string>;
  /** When the request was made, by its own stamp, ms. */
  readonly timestampMs: number;
  readonly windowMs: number;
}

export function binanceError(
  status: number,
  code: number,
  msg: string,
  headers: Readonly<Record<string, string>> = {},
): FaceHttpResponse {
  return response(status, JSON.stringify({ code, msg }), headers);
}

export const missing = (name: string): FaceHttpResponse =>
  binanceError(400, -1102, `Mandatory parameter '${name}' was not sent, was empty/null, or malformed.`);

/**
 * Reads a signed call [O]: HMAC-SHA256 in hexadecimal over query and body as they were sent, without `signature`. The time is
 * checked by `outsideWindow`. Returns the answer that refuses it when key, parameters or signature are wrong.
 */
export function readSigned(
  request: FaceHttpRequest,
  credentials: AccountCredentials,
): BinanceCall | FaceHttpResponse {
  const key = request.headers?.['x-mbx-apikey'] ?? '';
  if (!/^[A-Za-z0-9-]{16,64}$/.test(key)) return binanceError(401, -2014, 'API-key format invalid.');
  if (key !== credentials.apiKey) {
    return binanceError(401, -2015, 'Invalid API-key, IP, or permissions for action.');
  }
  const { path } = splitUrl(request.url);
  const parts = [request.url.slice(path.length + 1), request.body ?? ''];
  const params = new Map<string, string>();
  for (const [name, value] of parts.flatMap((part) => [...new URLSearchParams(part)])) {
    if (params.has(name)) return binanceError(400, -1101, `Duplicate values for parameter '${name}'.`);
    params.set(name, value);
  }
  const signature = params.get('signature');
  if (signature === undefined || signature === '') return missing('signature');
  const payload = parts.map((part) => part.replace(/(^|&)signature=[^&]*/, '')).join('');
  if (signature !== hmac(credentials.secret, payload)) {
    return binanceError(400, -1022, 'Signature for this request is not valid.');
  }
  params.delete('signature');
  return timed({ method: request.method, path, params });
}

/** Takes stamp and window out of the parameters. */
export function timed(
  call: Pick<BinanceCall, 'method' | 'path'> & { readonly params: Map<string, string> },
): BinanceCall | FaceHttpResponse {
  const timestamp = call.params.get('timestamp') ?? '';
  if (!/^\d{13}(\d{3})?$/.test(timestamp)) return missing('timestamp');
  const window = call.params.get('recvWindow') ?? `${DEFAULT_WINDOW_MS}`;
  if (!/^\d{1,6}(\.\d{1,3})?$/.test(window)) {
    return binanceError(400, -1100, "Illegal characters found in parameter 'recvWindow'.");
  }
  if (Number(window) > MAX_WINDOW_MS) {
    return binanceError(400, -1131, 'recvWindow must be less than 60000');
  }
  call.params.delete('timestamp');
  call.params.delete('recvWindow');
  const scale = timestamp.length === 16 ? 1_000 : 1;
  return { ...call, timestampMs: Number(timestamp) / scale, windowMs: Number(window) };
}

/** The answer to a call that is too old, or too far ahead; null = in time. Checked at arrival and again at the engine [O]. */
export function outsideWindow(call: BinanceCall, serverMs: number): FaceHttpResponse | null {
  if (call.timestampMs >= serverMs + MAX_AHEAD_MS) {
    return binanceError(400, -1021, "Timestamp for this request was 1000ms ahead of the server's time.");
  }
  if (serverMs - call.timestampMs <= call.windowMs) return null;
  return binanceError(400, -1021, 'Timestamp for this request is outside of the recvWindow.');
}

/** The signature of the web socket API [O]: all parameters but itself, sorted by name. */
export function socketSignature(params: ReadonlyMap<string, string>, secret: string): string {
  const sorted = [...params].filter(([name]) => name !== 'signature').sort(([a], [b]) => (a < b ? -1 : 1));
  return hmac(secret, sorted.map(([name, value]) => `${name}=${value}`).join('&'));
}

const hmac = (secret: string, payload: string): string =>
  createHmac('sha256', secret).update(payload).digest('hex');
