import type { CcxtServers } from './ccxt-protocol.js';

/** The part of a ccxt pro exchange that is used, and how one is made. ccxt is loaded here only, and only when it is needed. */

export interface CcxtBook {
  readonly bids: readonly (readonly unknown[])[];
  readonly asks: readonly (readonly unknown[])[];
  readonly timestamp?: unknown;
  readonly nonce?: unknown;
}

/** One connection of ccxt. */
export interface CcxtClient {
  log?: (...parts: unknown[]) => void;
  readonly connection?: {
    readonly readyState: number;
    ping(): void;
    terminate(): void;
    once(event: 'pong', listener: () => void): void;
  };
}

export interface CcxtExchange {
  readonly has: Readonly<Record<string, unknown>>;
  readonly precisionMode: number;
  readonly markets: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly currencies: unknown;
  readonly clients: Readonly<Record<string, CcxtClient>>;
  handleMessage(client: unknown, message: unknown): unknown;
  client(url: string): CcxtClient;
  loadMarkets(reload?: boolean): Promise<unknown>;
  setMarkets(markets: unknown, currencies: unknown): unknown;
  watchOrderBook(symbol: string): Promise<CcxtBook>;
  watchTrades(symbol: string): Promise<readonly unknown[]>;
  unWatchOrderBook(symbol: string): Promise<unknown>;
  fetchOrderBook(symbol: string, limit: number): Promise<CcxtBook>;
  fetchTime(): Promise<unknown>;
  close(): Promise<unknown>;
}

interface CcxtInternals extends CcxtExchange {
  urls: { api?: unknown };
  hostname?: string;
  options: { fetchMarkets?: unknown };
  loadHttpProxyAgent(): Promise<unknown>;
}

/** Makes exchanges of one id. Rejects when ccxt pro knows none of that name. */
export async function ccxtMaker(
  ccxtId: string,
  servers: CcxtServers | null,
): Promise<() => Promise<CcxtExchange>> {
  const { default: ccxt } = await import('ccxt');
  const classes = ccxt.pro as unknown as Readonly<Record<string, new (config: object) => CcxtInternals>>;
  const Exchange = Object.hasOwn(classes, ccxtId) ? classes[ccxtId] : undefined;
  if (typeof Exchange !== 'function') throw new Error(`ccxt pro knows no exchange '${ccxtId}'`);
  return async () => {
    const exchange = new Exchange({
      enableRateLimit: true,
      newUpdates: true,
      options: { defaultType: 'spot' },
    });
    onlySpot(exchange.options);
    if (servers !== null) {
      exchange.urls.api = relocated(exchange.urls.api, exchange.hostname ?? '', servers);
      // ccxt refuses unencrypted sockets without it.
      await exchange.loadHttpProxyAgent();
    }
    return exchange;
  };
}

/** Futures and options would be loaded for nothing, and some of their lists are long. */
function onlySpot(options: { fetchMarkets?: unknown }): void {
  const listed = options.fetchMarkets;
  if (Array.isArray(listed)) options.fetchMarkets = ['spot'];
  else if (typeof listed === 'object' && listed !== null && 'types' in listed && Array.isArray(listed.types))
    options.fetchMarkets = { ...listed, types: ['spot'] };
}

/** Every address below `value` with the same path on other servers. */
function relocated(value: unknown, hostname: string, servers: CcxtServers): unknown {
  if (typeof value === 'string') {
    const match = /^(ws|http)s?:\/\/[^/]+(.*)$/.exec(value.replaceAll('{hostname}', hostname));
    return match === null ? value : (match[1] === 'ws' ? servers.ws : servers.rest) + match[2]!;
  }
  if (typeof value !== 'object' || value === null) return value;
  const moved = Object.entries(value).map(([key, item]) => [key, relocated(item, hostname, servers)]);
  return Object.fromEntries(moved) as unknown;
}
