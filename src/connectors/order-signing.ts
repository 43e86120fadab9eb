import { createHash, createHmac } from 'node:crypto';
import type { PrivateCall, SigningMoment } from './order-entry.js';

/** Signing, as each exchange wants it, out of the three pieces that all of them use: texts of parameters, HMACs and tokens. */

export type Parameters = PrivateCall['parameters'];

export function hmacHex(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text, 'utf8').digest('hex');
}

export function hmacBase64(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text, 'utf8').digest('base64');
}

export function hmacSha512Hex(secret: string, text: string): string {
  return createHmac('sha512', secret).update(text, 'utf8').digest('hex');
}

/** `a=1&b=2`, percent-encoded. */
export function encodedQuery(parameters: Parameters): string {
  return parameters.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join('&');
}

/** `a=1&b=2` as it is. */
export function plainQuery(parameters: Parameters): string {
  return parameters.map(([name, value]) => `${name}=${value}`).join('&');
}

/** The path with its query, if there is one. */
export function withQuery(path: string, query: string): string {
  return query === '' ? path : `${path}?${query}`;
}

/** The parameters as a JSON body, in their order. */
export function jsonBody(parameters: Parameters): string {
  return JSON.stringify(Object.fromEntries(parameters));
}

export type JwtAlgorithm = 'HS256' | 'HS512';

/** What a token says. */
export type Claims = Readonly<Record<string, string | number>>;

/** A JSON Web Token of these claims. */
export function jsonWebToken(claims: Claims, secret: string, algorithm: JwtAlgorithm): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: algorithm, typ: 'JWT' })}.${part(claims)}`;
  const digest = createHmac(algorithm === 'HS512' ? 'sha512' : 'sha256', secret)
    .update(signed)
    .digest();
  return `${signed}.${digest.toString('base64url')}`;
}

export function sha512Hex(text: string): string {
  return createHash('sha512').update(text, 'utf8').digest('hex');
}

/** The exchange's time in whole ms, and how long the exchange may act from then on, also in whole ms: at least 1. */
export function wholeMs(moment: SigningMoment): {
  readonly timeMs: number;
  readonly validForMs: number | null;
} {
  const { timeMs, validForMs } = moment;
  return {
    timeMs: Math.floor(timeMs),
    validForMs: validForMs === null ? null : Math.max(1, Math.floor(validForMs)),
  };
}
