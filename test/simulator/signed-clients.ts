import { createHmac } from 'node:crypto';
import type { FaceHttpAnswer, FaceHttpRequest } from '../../src/simulator/face-protocol.js';
import type { AnyFace } from '../../src/simulator/faces.js';
import type { AccountCredentials } from '../../src/simulator/trading/simulated-account.js';
import { open, type Connection, type MemoryExchanges } from './memory-client.js';

/** Traders of OKX and Bybit as tests need them: signed from the documentation, apart from the simulator's own code. */

export type Row = Readonly<Record<string, string>>;

export interface OkxAnswer {
  readonly status: number;
  readonly code: string;
  readonly msg: string;
  readonly data: readonly Row[];
}

export interface BybitAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly retCode: number;
  readonly retMsg: string;
  readonly result: Readonly<Record<string, unknown>>;
  /** `result.list` or `result.rows`. */
  readonly list: readonly Row[];
}

export type Params = Readonly<Record<string, string | number>>;

const base64 = (secret: string, text: string) => createHmac('sha256', secret).update(text).digest('base64');
const hex = (secret: string, text: string) => createHmac('sha256', secret).update(text).digest('hex');

/** A GET carries its parameters in the query, a POST as JSON. */
function target(
  method: string,
  path: string,
  params: Params,
): { readonly url: string; readonly body: string } {
  if (method === 'POST') return { url: path, body: JSON.stringify(params) };
  const texts = Object.entries(params).map(([name, value]): [string, string] => [name, `${value}`]);
  const query = new URLSearchParams(texts).toString();
  return { url: query === '' ? path : `${path}?${query}`, body: '' };
}

/** A signed request of OKX; `change` spoils it after it was signed. */
export function okxRequest(
  credentials: AccountCredentials,
  nowMs: number,
  call: { readonly method: 'GET' | 'POST'; readonly path: string; readonly params?: Params },
): FaceHttpRequest {
  const { url, body } = target(call.method, call.path, call.params ?? {});
  const timestamp = new Date(nowMs).toISOString();
  return {
    method: call.method,
    url,
    body,
    headers: {
      'ok-access-key': credentials.apiKey,
      'ok-access-passphrase': credentials.passphrase ?? '',
      'ok-access-timestamp': timestamp,
      'ok-access-sign': base64(credentials.secret, `${timestamp}${call.method}${url}${body}`),
      'content-type': 'application/json',
    },
  };
}

export function okxLogin(credentials: AccountCredentials, nowMs: number): object {
  const timestamp = `${Math.floor(nowMs / 1_000)}`;
  const sign = base64(credentials.secret, `${timestamp}GET/users/self/verify`);
  const { apiKey, passphrase } = credentials;
  return { op: 'login', args: [{ apiKey, passphrase, timestamp, sign }] };
}

export function bybitRequest(
  credentials: AccountCredentials,
  nowMs: number,
  call: {
    readonly method: 'GET' | 'POST';
    readonly path: string;
    readonly params?: Params;
    readonly windowMs?: number;
  },
): FaceHttpRequest {
  const { url, body } = target(call.method, call.path, call.params ?? {});
  const window = `${call.windowMs ?? 5_000}`;
  const payload = call.method === 'GET' ? (url.split('?')[1] ?? '') : body;
  return {
    method: call.method,
    url,
    body,
    headers: {
      'x-bapi-api-key': credentials.apiKey,
      'x-bapi-timestamp': `${Math.floor(nowMs)}`,
      'x-bapi-recv-window': window,
      'x-bapi-sign': hex(credentials.secret, `${Math.floor(nowMs)}${credentials.apiKey}${window}${payload}`),
      'content-type': 'application/json',
    },
  };
}

export function bybitAuth(credentials: AccountCredentials, nowMs: number): object {
  const expires = Math.floor(nowMs) + 10_000;
  const signature = hex(credentials.secret, `GET/realtime${expires}`);
  return { op: 'auth', args: [credentials.apiKey, expires, signature], req_id: 'a' };
}

/** Carries a request to a face and lets the private connections hear what it did. Null = no answer at all. */
export function carry(exchanges: MemoryExchanges, face: AnyFace, request: FaceHttpRequest): Given | null {
  const given: FaceHttpAnswer = face.respond(request);
  if (!('kind' in given)) {
    face.flush();
    return given;
  }
  if (given.kind === 'silence') {
    face.flush();
    return null;
  }
  exchanges.run(given.afterMs);
  const late = given.response();
  face.flush();
  return late;
}

type Given = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

export function okxAnswer({ status, body }: Given): OkxAnswer {
  const parsed = JSON.parse(body) as { code: string; msg: string; data?: Row[] };
  return { status, code: parsed.code, msg: parsed.msg, data: parsed.data ?? [] };
}

export function bybitAnswer({ status, headers, body }: Given): BybitAnswer {
  if (body === '') return { status, headers, retCode: -1, retMsg: '', result: {}, list: [] };
  const parsed = JSON.parse(body) as { retCode: number; retMsg: string; result: Record<string, unknown> };
  const list = (parsed.result['list'] ?? parsed.result['rows'] ?? []) as Row[];
  return { status, headers, ...parsed, list };
}

/** Frames that came since the last call, parsed. */
export function framesOf(connection: Connection): Readonly<Record<string, unknown>>[] {
  return connection.transport
    .take()
    .filter((text) => text.startsWith('{'))
    .map((text) => JSON.parse(text) as Record<string, unknown>);
}

/** Rows of a channel or topic that were pushed since the last call. */
export function pushesOf(frames: readonly Readonly<Record<string, unknown>>[], channel: string): Row[] {
  const isOf = ({ arg, topic }: Readonly<Record<string, unknown>>) =>
    topic === channel || (arg as Row | undefined)?.['channel'] === channel;
  return frames.filter((frame) => isOf(frame) && 'data' in frame).flatMap(({ data }) => data as Row[]);
}

/** A logged-in private connection of OKX with both channels. */
export function okxSocket(exchanges: MemoryExchanges): Connection {
  const face = exchanges.faces.okx;
  const connection = open(face, '/ws/v5/private');
  connection.send(okxLogin(face.account!.credentials, exchanges.world.nowMs));
  connection.send({
    op: 'subscribe',
    args: [{ channel: 'orders', instType: 'SPOT' }, { channel: 'account' }],
  });
  connection.transport.take();
  return connection;
}

/** A logged-in private connection of Bybit with orders, executions and the wallet. */
export function bybitSocket(exchanges: MemoryExchanges): Connection {
  const face = exchanges.faces.bybit;
  const connection = open(face, '/v5/private');
  connection.send(bybitAuth(face.account!.credentials, exchanges.world.nowMs));
  connection.send({ op: 'subscribe', args: ['order.spot', 'execution.spot', 'wallet'], req_id: 's' });
  connection.transport.take();
  return connection;
}

/** For requests that a test spells itself. */
export const okxSign = base64;
