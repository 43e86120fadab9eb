import { response, type FaceHttpResponse } from '../face-protocol.js';
import type { BybitError } from './bybit-errors.js';

export type BybitHeaders = Readonly<Record<string, string>>;

/** A call that was taken. `timeMs` = the exchange's clock. */
export function bybitResult(result: object, timeMs: number, retMsg = 'OK'): FaceHttpResponse {
  return answer(200, { retCode: 0, retMsg, result }, timeMs);
}

/** A call that was not. */
export function bybitFailure(
  { retCode, retMsg }: BybitError,
  timeMs: number,
  status = 200,
): FaceHttpResponse {
  return answer(status, { retCode, retMsg, result: {} }, timeMs);
}

/** The same answer with headers of its own, over those it has. */
export function withHeaders(given: FaceHttpResponse, headers: BybitHeaders): FaceHttpResponse {
  return { ...given, headers: { ...given.headers, ...headers } };
}

function answer(status: number, body: object, timeMs: number): FaceHttpResponse {
  return response(status, JSON.stringify({ ...body, retExtInfo: {}, time: Math.floor(timeMs) }));
}
