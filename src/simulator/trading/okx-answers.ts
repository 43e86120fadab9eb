import { response, type FaceHttpResponse } from '../face-protocol.js';
import type { OkxError } from './okx-errors.js';
import type { OkxRow } from './okx-rows.js';

/** Rows of an answer that went well. */
export function okxData(data: readonly OkxRow[]): FaceHttpResponse {
  return response(200, JSON.stringify({ code: '0', msg: '', data }));
}

/** A call that failed as a whole. */
export function okxFailure({ code, msg }: OkxError, status = 200): FaceHttpResponse {
  return response(status, JSON.stringify({ code, msg, data: [] }));
}

/** What the gateway in front says: no `data`. */
export function okxDenial(status: number, { code, msg }: OkxError): FaceHttpResponse {
  return response(status, JSON.stringify({ msg, code }));
}

/** The answer of an order call: one row with its own `sCode`, between the gateway's times in µs. */
export function okxResult(row: OkxRow, envelope: OkxError, timeMs: number): FaceHttpResponse {
  const { code, msg } = envelope;
  const inTime = `${timeMs}000`;
  return response(200, JSON.stringify({ code, data: [row], inTime, msg, outTime: `${timeMs}999` }));
}
