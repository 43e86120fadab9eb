/** What every connection to an exchange has: an address, and a proof that it lives. */

export interface Heartbeat {
  /** Sent every so often whatever arrives; null where the exchange does not ask for it. */
  readonly everyMs: number | null;
  /** What to send: a WebSocket ping frame, or this text. */
  readonly probe: { readonly kind: 'ping' } | { readonly kind: 'text'; readonly text: string };
  /** Silence after which the connection is probed. */
  readonly probeAfterSilenceMs: number;
  /** Silence after which it is dead; at most 10 s, so that a half-open connection costs no more (RELIABILITY F2). */
  readonly deadAfterSilenceMs: number;
}

/** Where an exchange is reached. Simulated and replayed servers stand in by other URLs. */
export interface Endpoints {
  readonly websocketUrl: string;
  readonly restUrl: string;
  /** Of the private stream; absent = there is no order entry. */
  readonly privateUrl?: string;
}
