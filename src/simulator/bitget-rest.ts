import { bitgetLevels } from './bitget-frames.js';
import { plainText } from './exact-units.js';
import { response, splitUrl, type FaceHttpRequest, type FaceHttpResponse } from './face-protocol.js';
import { topOf } from './ladder.js';
import type { Listing } from './listings.js';
import type { SimulatedMarket } from './market.js';

/** Calls a second and path, and a minute over all paths (PROTOCOLS §10; bitget.com/api-doc). */
const LIMITS: Readonly<Record<string, number>> = {
  '/api/v2/public/time': 20,
  '/api/v2/spot/public/symbols': 20,
  '/api/v2/spot/public/coins': 3,
  '/api/v2/spot/market/orderbook': 20,
};
const CALLS_PER_MINUTE = 6_000;
const MAX_BOOK_LEVELS = 150;

export type BitgetMarketStatus = 'online' | 'gray' | 'halt' | 'offline';

/** A network of a coin as its wallet page shows it. */
export interface BitgetChain {
  readonly chain: string;
  readonly withdrawable: boolean;
  readonly rechargeable: boolean;
  readonly withdrawFee: string;
}

/** Bitget's public REST calls: the code is in the body, errors come with HTTP 400, and 429 when called too fast. */
export class BitgetRest {
  private readonly markets: ReadonlyMap<string, SimulatedMarket>;
  private readonly now: () => number;
  private readonly stamp: (ms: number) => number;
  private readonly calls = new Map<string, number[]>();
  /** Markets that are not `online`. */
  readonly statuses = new Map<string, BitgetMarketStatus>();
  /** Networks per coin; others have one network named after the coin. */
  readonly chains = new Map<string, readonly BitgetChain[]>();
  maintenance = false;

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
    if (!Object.hasOwn(LIMITS, path) || request.method !== 'GET')
      return this.failure(404, '40404', 'Request URL NOT FOUND');
    if (this.isTooFast(path, LIMITS[path]!, 1_000) || this.countCall())
      return this.failure(429, '429', 'Too Many Requests');
    if (this.maintenance) return this.failure(400, '40200', 'Server upgrade, please try again later');
    switch (path) {
      case '/api/v2/public/time':
        return this.success(`{"serverTime":"${this.stamp(this.now())}"}`);
      case '/api/v2/spot/public/coins':
        return this.coins(query);
      case '/api/v2/spot/market/orderbook':
        return this.book(query);
      default:
        return this.symbols(query);
    }
  }

  /** Counts a call of this address over all paths; true = there were too many. */
  countCall(): boolean {
    return this.isTooFast('', CALLS_PER_MINUTE, 60_000);
  }

  isHalted(symbol: string): boolean {
    return (this.statuses.get(symbol) ?? 'online') !== 'online';
  }

  failure(status: number, code: string, msg: string): FaceHttpResponse {
    const body = { code, msg, requestTime: this.stamp(this.now()), data: null };
    return response(status, JSON.stringify(body));
  }

  private success(data: string): FaceHttpResponse {
    const requestTime = this.stamp(this.now());
    return response(200, `{"code":"00000","msg":"success","requestTime":${requestTime},"data":${data}}`);
  }

  private symbols(query: URLSearchParams): FaceHttpResponse {
    const wanted = query.get('symbol');
    if (wanted !== null && !this.markets.has(wanted)) return this.unknownSymbol(wanted);
    const rows = [...this.markets.values()]
      .map(({ listing }) => listing)
      .filter(({ symbol }) => wanted === null || wanted === symbol)
      .map((listing) => symbolInfo(listing, this.statuses.get(listing.symbol) ?? 'online'));
    return this.success(JSON.stringify(rows));
  }

  private coins(query: URLSearchParams): FaceHttpResponse {
    const wanted = query.get('coin');
    const listings = [...this.markets.values()].map(({ listing }) => listing);
    const coins = [...new Set(listings.flatMap(({ base, quote }) => [base, quote]))]
      .filter((coin) => wanted === null || coin === wanted)
      .map((coin, index) => coinInfo(coin, index, this.chains.get(coin) ?? [plainChain(coin)]));
    return this.success(JSON.stringify(coins));
  }

  private book(query: URLSearchParams): FaceHttpResponse {
    const symbol = query.get('symbol') ?? '';
    const market = this.markets.get(symbol);
    if (market === undefined) return this.unknownSymbol(symbol);
    const limitText = query.get('limit') ?? '100';
    if (!/^\d{1,4}$/.test(limitText) || Number(limitText) < 1)
      return this.failure(400, '40017', 'Parameter verification failed limit');
    const depth = Math.min(MAX_BOOK_LEVELS, Number(limitText));
    const { bids, asks, changedAtMs } = market.ladder();
    const levels = (side: typeof bids) => bitgetLevels('v2', market.listing, topOf(side, depth));
    return this.success(`{"asks":${levels(asks)},"bids":${levels(bids)},"ts":"${this.stamp(changedAtMs)}"}`);
  }

  private unknownSymbol(symbol: string): FaceHttpResponse {
    return this.failure(400, '40034', `Parameter ${symbol.slice(0, 64)} does not exist`);
  }

  private isTooFast(key: string, calls: number, windowMs: number): boolean {
    const now = this.now();
    const recent = (this.calls.get(key) ?? []).filter((at) => at > now - windowMs);
    const tooFast = recent.length >= calls;
    if (!tooFast) recent.push(now);
    this.calls.set(key, recent);
    return tooFast;
  }
}

/** 0.10 % but 0.20 % for the largest (PROTOCOLS §11.1). */
function rateOf({ base, quote }: Listing): string {
  return quote === 'USDT' && ['BTC', 'ETH', 'XRP'].includes(base) ? '0.002' : '0.001';
}

function symbolInfo(listing: Listing, status: BitgetMarketStatus): object {
  return {
    symbol: listing.symbol,
    baseCoin: listing.base,
    quoteCoin: listing.quote,
    minTradeAmount: plainText(listing.lot, listing.minLots),
    maxTradeAmount: '10000000000',
    takerFeeRate: rateOf(listing),
    makerFeeRate: rateOf(listing),
    pricePrecision: `${listing.tick.decimals}`,
    quantityPrecision: `${listing.lot.decimals}`,
    quotePrecision: '8',
    minTradeUSDT: `${listing.minNotional}`,
    status,
    buyLimitPriceRatio: '0.02',
    sellLimitPriceRatio: '0.02',
  };
}

function plainChain(coin: string): BitgetChain {
  return { chain: coin, withdrawable: true, rechargeable: true, withdrawFee: '0.005' };
}

function coinInfo(coin: string, index: number, chains: readonly BitgetChain[]): object {
  return {
    coinId: `${index + 1}`,
    coin,
    transfer: 'true',
    chains: chains.map(({ chain, withdrawable, rechargeable, withdrawFee }) => ({
      chain,
      needTag: 'false',
      withdrawable: String(withdrawable),
      rechargeable: String(rechargeable),
      withdrawFee,
      extraWithdrawFee: '0',
      depositConfirm: '1',
      withdrawConfirm: '1',
      minDepositAmount: '0.001',
      minWithdrawAmount: '0.001',
      browserUrl: 'https://explorer.invalid/tx/',
      contractAddress: '',
      withdrawStep: '0',
      withdrawMinScale: '8',
    })),
  };
}
