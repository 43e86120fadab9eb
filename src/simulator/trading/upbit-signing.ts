import { createHash, createHmac } from 'node:crypto';
import { jsonObject, response, type FaceHttpRequest, type FaceHttpResponse } from '../face-protocol.js';
import type { AccountCredentials } from './simulated-account.js';

/** Nonces beyond this many are forgotten, oldest first. */
const MAX_NONCES = 200_000;

/** What one exchange wants of a token. */
export interface TokenRules {
  /** The hash of each algorithm that is taken. */
  readonly hashes: Readonly<Record<string, string>>;
  /** The name of the error for a key that nobody has. */
  readonly wrongKey: string;
  /** How far the claim `timestamp` may be from the exchange's clock, which `nowMs` tells; null = there is no such claim. */
  readonly clock: { readonly nowMs: () => number; readonly windowMs: number } | null;
}

/** HS512 is documented [O]; HS256 is accepted too [C]. There is no expiry. */
const UPBIT_RULES: TokenRules = {
  hashes: { HS512: 'sha512', HS256: 'sha256' },
  wrongKey: 'invalid_access_key',
  clock: null,
};

export const upbitError = (
  status: number,
  name: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): FaceHttpResponse => response(status, JSON.stringify({ error: { name, message } }), headers);

/** One call of the account: the parameters of query or body, in the order in which they came. */
export type UpbitParams = readonly (readonly [name: string, value: string])[];

/**
 * Checks tokens [O]: a signature over header and claims; `access_key`; on Bithumb a `timestamp`; a `nonce` that was never used;
 * `query_hash` = SHA-512 in hexadecimal of the parameters, not percent-encoded.
 */
export class KoreanTokens {
  private readonly credentials: AccountCredentials;
  private readonly rules: TokenRules;
  private readonly nonces = new Set<string>();

  constructor(credentials: AccountCredentials, rules = UPBIT_RULES) {
    this.credentials = credentials;
    this.rules = rules;
  }

  /** The answer that refuses a token; null = it is good, and its nonce is used up. */
  check(authorization: string, params: UpbitParams): FaceHttpResponse | null {
    const [, head = '', body = '', signature = ''] =
      /^Bearer ([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(authorization) ?? [];
    const header = decoded(head);
    const claims = decoded(body);
    const { hashes, wrongKey } = this.rules;
    const hash = hashes[typeof header?.['alg'] === 'string' ? header['alg'] : ''];
    if (claims === null || hash === undefined) return unverified();
    if (claims['access_key'] !== this.credentials.apiKey) {
      return upbitError(401, wrongKey, '잘못된 엑세스 키입니다.');
    }
    const expected = createHmac(hash, this.credentials.secret).update(`${head}.${body}`).digest('base64url');
    if (signature !== expected) return unverified();
    if (!this.isInTime(claims)) return upbitError(401, 'expired_jwt', 'Jwt가 만료되었습니다.');
    const nonce = claims['nonce'];
    if (typeof nonce !== 'string' || nonce === '') return unverified();
    if (this.nonces.has(nonce))
      return upbitError(401, 'nonce_used', '이미 요청한 nonce값이 다시 사용되었습니다.');
    if (!isOf(claims, params))
      return upbitError(401, 'invalid_query_payload', 'JWT 헤더의 페이로드가 올바르지 않습니다.');
    this.remember(nonce);
    return null;
  }

  private isInTime({ timestamp }: Readonly<Record<string, unknown>>): boolean {
    const { clock } = this.rules;
    if (clock === null) return true;
    return typeof timestamp === 'number' && Math.abs(clock.nowMs() - timestamp) <= clock.windowMs;
  }

  private remember(nonce: string): void {
    this.nonces.add(nonce);
    if (this.nonces.size <= MAX_NONCES) return;
    const [oldest] = this.nonces;
    this.nonces.delete(oldest!);
  }
}

/** The parameters of a call; null for a body that is no flat JSON object. */
export function paramsOf({ method, url, body }: FaceHttpRequest): UpbitParams | null {
  if (method !== 'POST') return queryOf(url);
  if (body === undefined || body === '') return [];
  const object = jsonObject(body);
  if (object === null) return null;
  return Object.entries(object).flatMap(([name, value]): [string, string][] =>
    Array.isArray(value) ? value.map((item) => [`${name}[]`, String(item)]) : [[name, String(value)]],
  );
}

function queryOf(url: string): UpbitParams {
  const at = url.indexOf('?');
  return at < 0 ? [] : [...new URLSearchParams(url.slice(at + 1))];
}

function isOf(claims: Readonly<Record<string, unknown>>, params: UpbitParams): boolean {
  if (params.length === 0) return true;
  const text = params.map(([name, value]) => `${name}=${value}`).join('&');
  const hash = createHash('sha512').update(text).digest('hex');
  return claims['query_hash_alg'] === 'SHA512' && claims['query_hash'] === hash;
}

const decoded = (part: string): Readonly<Record<string, unknown>> | null =>
  jsonObject(Buffer.from(part, 'base64url').toString('utf8'));

const unverified = (): FaceHttpResponse =>
  upbitError(401, 'jwt_verification', 'JWT 토큰 검증에 실패했습니다.');
