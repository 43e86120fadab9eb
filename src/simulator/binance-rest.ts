import { depthSnapshot } from './binance-frames.js';
import { paddedText } from './exact-units.js';
import { response, splitUrl, type FaceHttpRequest, type FaceHttpResponse } from './face-protocol.js';
import { topOf } from './ladder.js';
import type { Listing } from './listings.js';
import type { SimulatedMarket } from './market.js';

const WEIGHT_PER_MINUTE = 6_000;
const MINUTE_MS = 60_000;
/** Calls after a 429 that the exchange tolerates before it bans, and how long it then bans. */
const IGNORED_WARNINGS = 10;
const BAN_MS = 120_000;
const PLACES = 8;

/** Binance's public REST calls with weights, warnings and bans (PROTOCOLS §3, rate limits). */
export class BinanceRest {
  private readonly markets: ReadonlyMap<string, SimulatedMarket>;
  /** Markets that do not trade. */
  readonly halted = new Set<string>();
  private readonly now: () => number;
  private readonly stamp: (ms: number) => number;
  private readonly lastUpdateId: (market: SimulatedMarket) => number;
  private minute = 0;
  usedWeight = 0;
  private warnings = 0;
  private bannedUntilMs = 0;

  constructor(
    markets: ReadonlyMap<string, SimulatedMarket>,
    now: () => number,
    stamp: (ms: number) => number,
    lastUpdateId: (market: SimulatedMarket) => number,
  ) {
    this.markets = markets;
    this.now = now;
    this.stamp = stamp;
    this.lastUpdateId = lastUpdateId;
  }

  handle(request: FaceHttpRequest): FaceHttpResponse {
    const { path, query } = splitUrl(request.url);
    const limited = this.charge(weightOf(path, query));
    if (limited !== null) return limited;
    const answer = this.answer(request.method, path, query);
    return { ...answer, headers: { ...answer.headers, 'x-mbx-used-weight-1m': `${this.usedWeight}` } };
  }

  private answer(method: string, path: string, query: URLSearchParams): FaceHttpResponse {
    if (method !== 'GET') return failure(405, -1000, 'Request method is not supported.');
    switch (path) {
      case '/api/v3/ping':
        return response(200, '{}');
      case '/api/v3/time':
        return response(200, `{"serverTime":${this.stamp(this.now())}}`);
      case '/api/v3/exchangeInfo':
        return this.exchangeInfo(query);
      case '/api/v3/depth':
        return this.depth(query);
      default:
        return response(404, '{"code":-1000,"msg":"Not found."}');
    }
  }

  private depth(query: URLSearchParams): FaceHttpResponse {
    const symbol = query.get('symbol');
    if (symbol === null || symbol === '') {
      return failure(400, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.");
    }
    if (!/^[A-Z0-9-_.]{1,20}$/.test(symbol)) {
      return failure(400, -1100, "Illegal characters found in parameter 'symbol'.");
    }
    const limitText = query.get('limit') ?? '100';
    if (!/^\d{1,6}$/.test(limitText) || limitText === '0') {
      return failure(400, -1100, "Illegal characters found in parameter 'limit'.");
    }
    const market = this.markets.get(symbol);
    if (market === undefined) return failure(400, -1121, 'Invalid symbol.');
    const limit = Math.min(5_000, Number(limitText));
    const ladder = market.ladder();
    const sides = { bids: topOf(ladder.bids, limit), asks: topOf(ladder.asks, limit) };
    return response(200, depthSnapshot(market.listing, sides, this.lastUpdateId(market)));
  }

  private exchangeInfo(query: URLSearchParams): FaceHttpResponse {
    const wanted = requestedSymbols(query);
    if (wanted === null) return failure(400, -1100, "Illegal characters found in parameter 'symbols'.");
    const unknown = wanted.some((symbol) => !this.markets.has(symbol));
    if (unknown) return failure(400, -1121, 'Invalid symbol.');
    const markets = [...this.markets.values()].filter(
      ({ listing }) => wanted.length === 0 || wanted.includes(listing.symbol),
    );
    const body = {
      timezone: 'UTC',
      serverTime: this.stamp(this.now()),
      rateLimits: RATE_LIMITS,
      exchangeFilters: [],
      symbols: markets.map(({ listing }) => symbolInfo(listing, !this.halted.has(listing.symbol))),
    };
    return response(200, JSON.stringify(body));
  }

  /** Counts the weight of a call. Null = it may proceed. */
  charge(weight: number): FaceHttpResponse | null {
    const now = this.now();
    const minute = Math.floor(now / MINUTE_MS);
    if (now < this.bannedUntilMs) return this.banned(now);
    if (minute !== this.minute) {
      this.minute = minute;
      this.usedWeight = 0;
      this.warnings = 0;
    }
    this.usedWeight += weight;
    if (this.usedWeight <= WEIGHT_PER_MINUTE) return null;
    this.warnings++;
    if (this.warnings > IGNORED_WARNINGS) {
      this.bannedUntilMs = now + BAN_MS;
      return this.banned(now);
    }
    const wait = Math.ceil(((minute + 1) * MINUTE_MS - now) / 1_000);
    const text = `Too much request weight used; current limit is ${WEIGHT_PER_MINUTE} request weight per 1 MINUTE.`;
    return failure(429, -1003, text, { 'retry-after': `${wait}` });
  }

  /** A call that succeeded and then costs less. */
  giveBack(weight: number): void {
    this.usedWeight = Math.max(0, this.usedWeight - weight);
  }

  private banned(now: number): FaceHttpResponse {
    const wait = Math.ceil((this.bannedUntilMs - now) / 1_000);
    const text = `Way too much request weight used; IP banned until ${this.bannedUntilMs}.`;
    return failure(418, -1003, text, { 'retry-after': `${wait}` });
  }
}

const RATE_LIMITS = [
  { rateLimitType: 'REQUEST_WEIGHT', interval: 'MINUTE', intervalNum: 1, limit: WEIGHT_PER_MINUTE },
  { rateLimitType: 'ORDERS', interval: 'SECOND', intervalNum: 10, limit: 100 },
  { rateLimitType: 'ORDERS', interval: 'DAY', intervalNum: 1, limit: 200_000 },
  { rateLimitType: 'RAW_REQUESTS', interval: 'MINUTE', intervalNum: 5, limit: 300_000 },
];

function weightOf(path: string, query: URLSearchParams): number {
  if (path === '/api/v3/exchangeInfo') return 20;
  if (path !== '/api/v3/depth') return 1;
  const limit = Number(query.get('limit') ?? '100');
  return limit <= 100 ? 5 : limit <= 500 ? 25 : limit <= 1_000 ? 50 : 250;
}

/** `symbol=A` or `symbols=["A","B"]`; empty = all, null = unreadable. */
function requestedSymbols(query: URLSearchParams): string[] | null {
  const one = query.get('symbol');
  if (one !== null) return [one];
  const many = query.get('symbols');
  if (many === null) return [];
  const match = /^\[\s*("[A-Z0-9]{1,20}"(\s*,\s*"[A-Z0-9]{1,20}")*)\s*\]$/.exec(many);
  return match === null ? null : [...many.matchAll(/"([A-Z0-9]+)"/g)].map((found) => found[1]!);
}

function symbolInfo(listing: Listing, isTrading: boolean): object {
  const padded = (count: number) => paddedText(listing.lot, count, PLACES);
  const tick = paddedText(listing.tick, 1, PLACES);
  return {
    symbol: listing.symbol,
    status: isTrading ? 'TRADING' : 'BREAK',
    baseAsset: listing.base,
    baseAssetPrecision: 8,
    quoteAsset: listing.quote,
    quotePrecision: 8,
    quoteAssetPrecision: 8,
    baseCommissionPrecision: 8,
    quoteCommissionPrecision: 8,
    orderTypes: ['LIMIT', 'LIMIT_MAKER', 'MARKET', 'STOP_LOSS_LIMIT', 'TAKE_PROFIT_LIMIT'],
    icebergAllowed: true,
    ocoAllowed: true,
    otoAllowed: true,
    opoAllowed: true,
    quoteOrderQtyMarketAllowed: true,
    allowTrailingStop: true,
    cancelReplaceAllowed: true,
    amendAllowed: true,
    pegInstructionsAllowed: true,
    isSpotTradingAllowed: true,
    isMarginTradingAllowed: true,
    filters: [
      {
        filterType: 'PRICE_FILTER',
        minPrice: tick,
        maxPrice: paddedText(listing.tick, 100_000_000, PLACES),
        tickSize: tick,
      },
      {
        filterType: 'LOT_SIZE',
        minQty: padded(listing.minLots),
        maxQty: padded(900_000_000),
        stepSize: padded(1),
      },
      { filterType: 'ICEBERG_PARTS', limit: 10 },
      {
        filterType: 'MARKET_LOT_SIZE',
        minQty: '0.00000000',
        maxQty: padded(10_000_000),
        stepSize: '0.00000000',
      },
      {
        filterType: 'PERCENT_PRICE_BY_SIDE',
        bidMultiplierUp: '5',
        bidMultiplierDown: '0.2',
        askMultiplierUp: '5',
        askMultiplierDown: '0.2',
        avgPriceMins: 5,
      },
      {
        filterType: 'NOTIONAL',
        minNotional: listing.minNotional.toFixed(8),
        applyMinToMarket: true,
        maxNotional: '9000000.00000000',
        applyMaxToMarket: false,
        avgPriceMins: 5,
      },
      { filterType: 'MAX_NUM_ORDERS', maxNumOrders: 200 },
      { filterType: 'MAX_NUM_ALGO_ORDERS', maxNumAlgoOrders: 5 },
    ],
    permissions: [],
    permissionSets: [['SPOT', 'MARGIN']],
    defaultSelfTradePreventionMode: 'EXPIRE_MAKER',
    allowedSelfTradePreventionModes: ['EXPIRE_TAKER', 'EXPIRE_MAKER', 'EXPIRE_BOTH', 'DECREMENT'],
  };
}

function failure(
  status: number,
  code: number,
  msg: string,
  headers: Readonly<Record<string, string>> = {},
): FaceHttpResponse {
  return response(status, JSON.stringify({ code, msg }), headers);
}
