import { plainText } from './exact-units.js';
import { response, splitUrl, type FaceHttpRequest, type FaceHttpResponse } from './face-protocol.js';
import { topOf } from './ladder.js';
import type { Listing } from './listings.js';
import type { SimulatedMarket } from './market.js';
import { okxLevels } from './okx-frames.js';

/** Calls per window and path (PROTOCOLS §4; okx.com/docs-v5). */
const LIMITS: Readonly<Record<string, { readonly calls: number; readonly windowMs: number }>> = {
  '/api/v5/public/instruments': { calls: 20, windowMs: 2_000 },
  '/api/v5/public/time': { calls: 10, windowMs: 2_000 },
  '/api/v5/market/books': { calls: 40, windowMs: 2_000 },
};
const MAX_BOOK_LEVELS = 400;

/** OKX's public REST calls: the code is in the body, HTTP 429 with 50011 when called too fast. */
export class OkxRest {
  private readonly markets: ReadonlyMap<string, SimulatedMarket>;
  /** Markets that do not trade. */
  readonly halted = new Set<string>();
  private readonly now: () => number;
  private readonly stamp: (ms: number) => number;
  private readonly calls = new Map<string, number[]>();

  constructor(
    markets: ReadonlyMap<string, SimulatedMarket>,
    now: () => number,
    stamp: (ms: number) => number,
  ) {
    this.markets = markets;
    this.now = now;
    this.stamp = stamp;
  }

  handle(request: FaceHttpRequest): FaceHttpResponse {
    const { path, query } = splitUrl(request.url);
    if (!Object.hasOwn(LIMITS, path) || request.method !== 'GET') {
      return response(404, '{"msg":"Invalid path","code":"404"}');
    }
    if (this.isTooFast(path)) return response(429, '{"msg":"Too Many Requests","code":"50011"}');
    if (path === '/api/v5/public/time') return data(`[{"ts":"${this.stamp(this.now())}"}]`);
    return path === '/api/v5/market/books' ? this.books(query) : this.instruments(query);
  }

  private instruments(query: URLSearchParams): FaceHttpResponse {
    if (query.get('instType') !== 'SPOT') return failure('51000', 'Parameter instType error');
    const wanted = query.get('instId');
    const listings = [...this.markets.values()]
      .map(({ listing }) => listing)
      .filter(({ symbol }) => wanted === null || wanted === symbol);
    if (listings.length === 0) return failure('51001', "Instrument ID doesn't exist.");
    return data(
      JSON.stringify(listings.map((listing) => instrumentInfo(listing, !this.halted.has(listing.symbol)))),
    );
  }

  private books(query: URLSearchParams): FaceHttpResponse {
    const market = this.markets.get(query.get('instId') ?? '');
    if (market === undefined) return failure('51001', "Instrument ID doesn't exist.");
    const sizeText = query.get('sz') ?? '1';
    if (!/^\d{1,4}$/.test(sizeText) || Number(sizeText) < 1) return failure('51000', 'Parameter sz error');
    const depth = Math.min(MAX_BOOK_LEVELS, Number(sizeText));
    const { listing } = market;
    const ladder = market.ladder();
    const asks = okxLevels(listing, topOf(ladder.asks, depth));
    const bids = okxLevels(listing, topOf(ladder.bids, depth));
    return data(`[{"asks":${asks},"bids":${bids},"ts":"${this.stamp(ladder.changedAtMs)}"}]`);
  }

  private isTooFast(path: string): boolean {
    const limit = LIMITS[path]!;
    const now = this.now();
    const recent = (this.calls.get(path) ?? []).filter((at) => at > now - limit.windowMs);
    const tooFast = recent.length >= limit.calls;
    if (!tooFast) recent.push(now);
    this.calls.set(path, recent);
    return tooFast;
  }
}

function instrumentInfo(listing: Listing, isTrading: boolean): object {
  return {
    alias: '',
    auctionEndTime: '',
    baseCcy: listing.base,
    category: '1',
    ctMult: '',
    ctType: '',
    ctVal: '',
    ctValCcy: '',
    expTime: '',
    instFamily: '',
    instId: listing.symbol,
    instType: 'SPOT',
    lever: '10',
    listTime: '1606468572000',
    lotSz: listing.lot.text,
    maxIcebergSz: '9999999999.0000000000000000',
    maxLmtAmt: '20000000',
    maxLmtSz: '9999999999',
    maxMktAmt: '1000000',
    maxMktSz: '1000000',
    maxStopSz: '1000000',
    maxTriggerSz: '9999999999.0000000000000000',
    maxTwapSz: '9999999999.0000000000000000',
    minSz: plainText(listing.lot, listing.minLots),
    optType: '',
    quoteCcy: listing.quote,
    ruleType: 'normal',
    settleCcy: '',
    state: isTrading ? 'live' : 'suspend',
    stk: '',
    tickSz: listing.tick.text,
    uly: '',
  };
}

function data(list: string): FaceHttpResponse {
  return response(200, `{"code":"0","msg":"","data":${list}}`);
}

function failure(code: string, msg: string): FaceHttpResponse {
  return response(200, JSON.stringify({ code, msg, data: [] }));
}
