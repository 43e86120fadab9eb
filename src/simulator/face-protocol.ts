import type { SimulatedMarket } from './market.js';

/** One connection as a face sees it: a real WebSocket in the server, an array in a simulation. */
export interface FaceTransport {
  /** One frame; `isBinary` says which type of WebSocket frame carries the text. */
  send(text: string, isBinary?: boolean): void;
  ping(payload: string): void;
  pong(payload: Uint8Array): void;
  /** Closing handshake with a code. */
  close(code: number, reason: string): void;
  /** Drops the connection without a word. */
  terminate(): void;
}

export interface FaceHttpRequest {
  readonly method: string;
  /** Path and query, e.g. `/api/v3/depth?symbol=BTCUSDT`. */
  readonly url: string;
  /** Lower-case names; private calls carry their key and signature here. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface FaceHttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * What an exchange does with a call: it answers, never answers (whoever carries the call lets the client wait), or answers after
 * `afterMs` world ms; `response` is called then, once, even when the client has gone, because the call takes effect there.
 */
export type FaceHttpAnswer =
  | FaceHttpResponse
  | { readonly kind: 'silence' }
  | { readonly kind: 'later'; readonly afterMs: number; readonly response: () => FaceHttpResponse };

/** What is open: one per client socket. */
export interface FaceClient {
  readonly id: number;
  readonly transport: FaceTransport;
  openedAtMs: number;
  /** The exchange's own name of the connection. */
  readonly connectionName: string;
  readonly topics: Set<string>;
  /** Frames of delayed symbols, oldest first. */
  readonly held: Map<string, { readonly dueMs: number; readonly text: string }[]>;
  swapped: string | null;
  lastSentMs: number;
  lastReceivedMs: number;
  lastPingMs: number;
  unansweredPing: { readonly payload: string; readonly atMs: number } | null;
  /** Times of the newest client messages, for the message limits. */
  readonly received: number[];
  readonly combined: boolean;
}

/** One stream of one symbol. `state` belongs to the face; it exists while somebody is subscribed. */
export interface Topic<S> {
  readonly key: string;
  readonly channel: string;
  readonly market: SimulatedMarket;
  /** Lower ranks are published first within a step: books before best quotes, so that a reader sees a change whole. */
  readonly rank: number;
  readonly clients: Set<FaceClient>;
  readonly state: S;
}

/** A JSON answer. */
export function response(
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): FaceHttpResponse {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body };
}

/** The JSON object in a client's frame, or null when it is none. */
export function jsonObject(text: string): Readonly<Record<string, unknown>> | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  return value as Readonly<Record<string, unknown>>;
}

/** Path and query of a request; a broken URL has an empty query. */
export function splitUrl(url: string): { readonly path: string; readonly query: URLSearchParams } {
  const at = url.indexOf('?');
  if (at < 0) return { path: url, query: new URLSearchParams() };
  return { path: url.slice(0, at), query: new URLSearchParams(url.slice(at + 1)) };
}

/** How many of `times` are younger than `windowMs`. */
export function countWithin(times: readonly number[], nowMs: number, windowMs: number): number {
  let count = 0;
  for (let i = times.length - 1; i >= 0 && times[i]! > nowMs - windowMs; i--) count++;
  return count;
}
