import { plainText } from './exact-units.js';
import { response, splitUrl, type FaceHttpRequest, type FaceHttpResponse } from './face-protocol.js';
import { gateLevels } from './gate-frames.js';
import { topOf, type Ladder } from './ladder.js';
import type { Listing } from './listings.js';
import type { SimulatedMarket } from './market.js';

/** 200 calls in 10 s for each path (PROTOCOLS §9.7). */
const CALLS = 200;
const WINDOW_MS = 10_000;
const MAX_LEVELS = 100;

export type GateTradeStatus = 'tradable' | 'buyable' | 'sellable' | 'untradable';

/** What the exchange says of one pair beyond its rules. */
export interface GatePairState {
  readonly trade_status?: GateTradeStatus;
  /** Unix seconds; 0 = none announced. */
  readonly delisting_time?: number;
  readonly st_tag?: boolean;
}

/** One network of one currency. */
export interface GateChainState {
  readonly withdraw_disabled?: boolean;
  readonly withdraw_delayed?: boolean;
  readonly deposit_disabled?: boolean;
}

/** Gate's public REST calls: answers without an envelope, errors as `{label, message}`, the budget in every header. */
export class GateRest {
  private readonly markets: ReadonlyMap<string, SimulatedMarket>;
  private readonly now: () => number;
  private readonly stamp: (ms: number) => number;
  private readonly idOf: (market: SimulatedMarket, updateId: number) => number;
  private readonly calls = new Map<string, number[]>();
  private readonly kept = new Map<string, { readonly ladder: Ladder; readonly atMs: number }>();
  readonly pairs = new Map<string, GatePairState>();
  /** By `<currency> <chain>`. */
  readonly chains = new Map<string, GateChainState>();
  /** Books are answered from a copy of this age: then they may be older than the first diff. */
  bookAgeMs = 0;

  constructor(
    markets: ReadonlyMap<string, SimulatedMarket>,
    now: () => number,
    stamp: (ms: number) => number,
    idOf: (market: SimulatedMarket, updateId: number) => number,
  ) {
    this.markets = markets;
    this.now = now;
    this.stamp = stamp;
    this.idOf = idOf;
  }

  handle(request: FaceHttpRequest): FaceHttpResponse {
    const { path, query } = splitUrl(request.url);
    const now = this.now();
    const recent = (this.calls.get(path) ?? []).filter((at) => at > now - WINDOW_MS);
    const tooMany = recent.length >= CALLS;
    if (!tooMany) recent.push(now);
    this.calls.set(path, recent);
    const answer = tooMany
      ? failure(429, 'TOO_MANY_REQUESTS', 'Request Rate Limit Exceeded')
      : this.answer(request.method, path, query);
    const reset = Math.ceil(((recent[0] ?? now) + WINDOW_MS) / 1_000);
    return {
      ...answer,
      headers: {
        ...answer.headers,
        ...this.dated(),
        ...gateBudget({ limit: CALLS, remain: CALLS - recent.length, resetSeconds: reset }),
      },
    };
  }

  /** What a call gets during a ban: as `TOO_MANY_REQUESTS`, until the second that the header names. */
  banned(status: number, seconds: number): FaceHttpResponse {
    const until = Math.ceil(this.now() / 1_000 + seconds);
    const answer = failure(status, status === 429 ? 'TOO_MANY_REQUESTS' : 'FORBIDDEN', 'An injected fault.');
    return {
      ...answer,
      headers: {
        ...answer.headers,
        ...this.dated(),
        ...gateBudget({ limit: CALLS, remain: 0, resetSeconds: until }),
      },
    };
  }

  /** What the second of the reset is to be read against. */
  private dated(): Record<string, string> {
    return { date: new Date(this.stamp(this.now())).toUTCString() };
  }

  private answer(method: string, path: string, query: URLSearchParams): FaceHttpResponse {
    if (method !== 'GET') return failure(405, 'METHOD_NOT_ALLOWED', 'Method not allowed');
    switch (path) {
      case '/api/v4/spot/time':
        return response(200, `{"server_time":${this.stamp(this.now())}}`);
      case '/api/v4/spot/currency_pairs':
        return response(200, JSON.stringify([...this.markets.values()].map((market) => this.pair(market))));
      case '/api/v4/spot/currencies':
        return response(200, JSON.stringify(this.currencies()));
      case '/api/v4/spot/order_book':
        return this.book(query);
      default:
        return failure(404, 'NOT_FOUND', 'Page not found');
    }
  }

  private book(query: URLSearchParams): FaceHttpResponse {
    const symbol = query.get('currency_pair');
    if (symbol === null)
      return failure(400, 'MISSING_REQUIRED_PARAM', 'Missing required param: currency_pair');
    const market = this.markets.get(symbol);
    const shown = symbol.slice(0, 32);
    if (market === undefined) return failure(400, 'INVALID_CURRENCY_PAIR', `Invalid currency pair ${shown}`);
    const limit = query.get('limit') ?? '10';
    if (!/^\d{1,4}$/.test(limit) || Number(limit) < 1 || Number(limit) > MAX_LEVELS)
      return failure(400, 'INVALID_PARAM_VALUE', 'Invalid value for param: limit');
    const ladder = this.ladderOf(market);
    const id = query.get('with_id') === 'true' ? `"id":${this.idOf(market, ladder.updateId)},` : '';
    const times = `"current":${this.stamp(this.now())},"update":${this.stamp(ladder.changedAtMs)}`;
    const asks = gateLevels(market.listing, topOf(ladder.asks, Number(limit)));
    const bids = gateLevels(market.listing, topOf(ladder.bids, Number(limit)));
    return response(200, `{${id}${times},"asks":${asks},"bids":${bids}}`);
  }

  private ladderOf(market: SimulatedMarket): Ladder {
    const now = this.now();
    const { symbol } = market.listing;
    const kept = this.kept.get(symbol);
    if (kept !== undefined && now - kept.atMs < this.bookAgeMs) return kept.ladder;
    const ladder = market.ladder();
    this.kept.set(symbol, { ladder, atMs: now });
    return ladder;
  }

  private pair({ listing }: SimulatedMarket): object {
    return {
      id: listing.symbol,
      base: listing.base,
      base_name: listing.base,
      quote: listing.quote,
      quote_name: listing.quote,
      fee: '0.2',
      min_base_amount: plainText(listing.lot, listing.minLots),
      min_quote_amount: String(listing.minNotional),
      max_base_amount: null,
      max_quote_amount: '5000000',
      amount_precision: decimalsOf(listing.lot),
      precision: decimalsOf(listing.tick),
      trade_status: 'tradable',
      sell_start: 1_516_378_650,
      buy_start: 1_516_378_650,
      delisting_time: 0,
      type: 'normal',
      trade_url: `https://www.gate.com/trade/${listing.symbol}`,
      st_tag: false,
      ...this.pairs.get(listing.symbol),
    };
  }

  private currencies(): object[] {
    const tickers = new Set(
      [...this.markets.values()].flatMap(({ listing }) => [listing.base, listing.quote]),
    );
    return [...tickers].map((currency) => {
      const chains = (NETWORKS[currency] ?? [currency]).map((name) => ({
        name,
        addr: '',
        ...OPEN,
        ...this.chains.get(`${currency} ${name}`),
      }));
      return {
        currency,
        name: currency,
        delisted: false,
        ...OPEN,
        trade_disabled: false,
        chain: chains[0]!.name,
        chains,
      };
    });
  }
}

const OPEN = { withdraw_disabled: false, withdraw_delayed: false, deposit_disabled: false };
/** Where a currency has more networks than its own. */
const NETWORKS: Readonly<Record<string, readonly string[]>> = {
  USDT: ['ETH', 'TRX', 'BSC', 'SOL'],
  ETH: ['ETH', 'ARBEVM'],
};

/** Steps of this exchange are powers of ten, told by their count of decimals. */
function decimalsOf(step: Listing['tick']): number {
  return step.decimals;
}

function failure(status: number, label: string, message: string): FaceHttpResponse {
  return response(status, JSON.stringify({ label, message }));
}

/** The headers of a budget. */
export function gateBudget({
  limit,
  remain,
  resetSeconds,
}: {
  readonly limit: number;
  readonly remain: number;
  readonly resetSeconds: number;
}): Record<string, string> {
  return {
    'x-gate-ratelimit-requests-remain': `${remain}`,
    'x-gate-ratelimit-limit': `${limit}`,
    'x-gate-ratelimit-reset-timestamp': `${resetSeconds}`,
  };
}
