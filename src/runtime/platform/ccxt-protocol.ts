/** What the two sides of a ccxt link tell one another: the node, and the thread in which ccxt runs. */

/** Where an exchange is reached instead of its own servers: roots without path, for simulated ones. */
export interface CcxtServers {
  readonly ws: string;
  readonly rest: string;
}

export interface CcxtWorkerData {
  readonly ccxtId: string;
  readonly servers: CcxtServers | null;
}

export type CcxtOrder =
  | { readonly kind: 'open' | 'ping' | 'close'; readonly session: number }
  | { readonly kind: 'send'; readonly session: number; readonly text: string }
  /** The frame of this key was read: the next may come. */
  | { readonly kind: 'taken'; readonly session: number; readonly key: string }
  | { readonly kind: 'request'; readonly id: number; readonly path: string };

export type CcxtReport =
  | { readonly kind: 'opened' | 'alive'; readonly session: number }
  /** `key` '' = needs no answer. */
  | { readonly kind: 'frame'; readonly session: number; readonly key: string; readonly text: string }
  | { readonly kind: 'closed'; readonly session: number; readonly code: number; readonly reason: string }
  | { readonly kind: 'answer'; readonly id: number; readonly status: number; readonly body: string };
