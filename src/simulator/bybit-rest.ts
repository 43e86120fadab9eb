import { bybitLevels, topSides } from './bybit-frames.js';
import { plainText } from './exact-units.js';
import { response, splitUrl, type FaceHttpRequest, type FaceHttpResponse } from './face-protocol.js';
import type { Listing } from './listings.js';
import type { SimulatedMarket } from './market.js';

const CALLS = 600;
const WINDOW_MS = 5_000;
const BLOCK_MS = 600_000;
const MAX_BOOK_LEVELS = 200;

/** Where the 200-level book stands. */
export interface BookPosition {
  readonly sequence: number;
  readonly updateId: number;
}

/** Bybit's public REST calls: HTTP 200 with retCode; 403 for ten minutes after 600 calls in 5 s. */
export class BybitRest {
  private readonly markets: ReadonlyMap<string, SimulatedMarket>;
  /** Markets that do not trade. */
  readonly halted = new Set<string>();
  private readonly now: () => number;
  private readonly stamp: (ms: number) => number;
  private readonly position: (market: SimulatedMarket) => BookPosition;
  private calls: number[] = [];
  private blockedUntilMs = 0;

  constructor(
    markets: ReadonlyMap<string, SimulatedMarket>,
    now: () => number,
    stamp: (ms: number) => number,
    position: (market: SimulatedMarket) => BookPosition,
  ) {
    this.markets = markets;
    this.now = now;
    this.stamp = stamp;
    this.position = position;
  }

  handle(request: FaceHttpRequest): FaceHttpResponse {
    const { path, query } = splitUrl(request.url);
    if (this.countCall()) return response(403, '');
    if (request.method !== 'GET') return response(404, '');
    switch (path) {
      case '/v5/market/time': {
        const nowMs = this.stamp(this.now());
        const seconds = Math.floor(nowMs / 1_000);
        return this.success(`{"timeSecond":"${seconds}","timeNano":"${nowMs}000000"}`);
      }
      case '/v5/market/instruments-info':
        return this.instruments(query);
      case '/v5/market/orderbook':
        return this.book(query);
      default:
        return response(404, '');
    }
  }

  private instruments(query: URLSearchParams): FaceHttpResponse {
    if (query.get('category') !== 'spot') return this.failure('params error: category invalid');
    const wanted = query.get('symbol');
    const listings = [...this.markets.values()]
      .map(({ listing }) => listing)
      .filter(({ symbol }) => wanted === null || wanted === symbol);
    if (listings.length === 0) return this.failure(`Not supported symbols`);
    return this.success(
      JSON.stringify({
        category: 'spot',
        list: listings.map((listing) => instrumentInfo(listing, !this.halted.has(listing.symbol))),
      }),
    );
  }

  private book(query: URLSearchParams): FaceHttpResponse {
    if (query.get('category') !== 'spot') return this.failure('params error: category invalid');
    const market = this.markets.get(query.get('symbol') ?? '');
    if (market === undefined) return this.failure('Not supported symbols');
    const limitText = query.get('limit') ?? '1';
    if (!/^\d{1,4}$/.test(limitText) || Number(limitText) < 1)
      return this.failure('params error: limit invalid');
    const { listing } = market;
    const ladder = market.ladder();
    const sides = topSides(ladder, Math.min(MAX_BOOK_LEVELS, Number(limitText)));
    const { sequence, updateId } = this.position(market);
    const book = `"b":${bybitLevels(listing, sides.bids)},"a":${bybitLevels(listing, sides.asks)}`;
    const time = `"ts":${this.stamp(this.now())},"u":${updateId},"seq":${sequence}`;
    return this.success(`{"s":"${listing.symbol}",${book},${time},"cts":${this.stamp(ladder.changedAtMs)}}`);
  }

  /** Counts one call, public or private. True = the address is shut out. */
  countCall(): boolean {
    const now = this.now();
    if (now < this.blockedUntilMs) return true;
    this.calls = this.calls.filter((at) => at > now - WINDOW_MS);
    this.calls.push(now);
    if (this.calls.length <= CALLS) return false;
    this.calls = [];
    this.blockedUntilMs = now + BLOCK_MS;
    return true;
  }

  private success(result: string): FaceHttpResponse {
    const time = this.stamp(this.now());
    return response(200, `{"retCode":0,"retMsg":"OK","result":${result},"retExtInfo":{},"time":${time}}`);
  }

  private failure(retMsg: string): FaceHttpResponse {
    const body = { retCode: 10001, retMsg, result: {}, retExtInfo: {}, time: this.stamp(this.now()) };
    return response(200, JSON.stringify(body));
  }
}

function instrumentInfo(listing: Listing, isTrading: boolean): object {
  return {
    symbol: listing.symbol,
    baseCoin: listing.base,
    quoteCoin: listing.quote,
    status: isTrading ? 'Trading' : 'Closed',
    marginTrading: 'utaOnly',
    stTag: '0',
    lotSizeFilter: {
      basePrecision: listing.lot.text,
      quotePrecision: '0.00000001',
      minOrderQty: plainText(listing.lot, listing.minLots),
      maxOrderQty: plainText(listing.lot, 1_000_000_000),
      minOrderAmt: `${listing.minNotional}`,
      maxOrderAmt: '4000000',
    },
    priceFilter: { tickSize: listing.tick.text },
    riskParameters: { priceLimitRatioX: '0.01', priceLimitRatioY: '0.02' },
  };
}
