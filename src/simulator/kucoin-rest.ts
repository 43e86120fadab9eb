import { plainText } from './exact-units.js';
import { response, splitUrl, type FaceHttpRequest, type FaceHttpResponse } from './face-protocol.js';
import { kucoinLevels } from './kucoin-frames.js';
import { KucoinPool } from './kucoin-pool.js';
import { topOf } from './ladder.js';
import type { Listing } from './listings.js';
import type { SimulatedMarket } from './market.js';

/** Weight of each public call; one pool by IP (PROTOCOLS §8). */
const WEIGHTS: Readonly<Record<string, number>> = {
  '/api/v1/bullet-public': 10,
  '/api/v1/timestamp': 3,
  '/api/v2/symbols': 4,
  '/api/v3/currencies': 3,
  '/api/v1/market/orderbook/level2_20': 2,
  '/api/v1/market/orderbook/level2_100': 4,
  '/api/v3/market/orderbook/level2': 3,
};
const POOL = 2_000;

export interface KucoinRestOptions {
  readonly markets: ReadonlyMap<string, SimulatedMarket>;
  readonly now: () => number;
  readonly stamp: (ms: number) => number;
  readonly sequence: (market: SimulatedMarket) => number;
  readonly newToken: () => string;
  readonly isTrading: (symbol: string) => boolean;
}

/** KuCoin's public REST calls: `{"code":"200000","data"}`, a weight pool with its headers, 429 with code 429000 beyond it. */
export class KucoinRest {
  private readonly options: KucoinRestOptions;
  private readonly pool: KucoinPool;

  constructor(options: KucoinRestOptions) {
    this.options = options;
    this.pool = new KucoinPool(POOL, options.now);
  }

  handle(request: FaceHttpRequest): FaceHttpResponse {
    const { path, query } = splitUrl(request.url);
    if (!Object.hasOwn(WEIGHTS, path)) return failure(404, '404', 'Not Found');
    const tooFast = this.pool.charge(WEIGHTS[path]!);
    const headers = this.pool.headers();
    if (tooFast) return failure(429, '429000', 'Too many requests in a short period of time', headers);
    if ((request.method === 'POST') !== (path === '/api/v1/bullet-public')) {
      return failure(405, '405', `Request method '${request.method}' is not supported`, headers);
    }
    const answer = this.answer(path, query);
    return { ...answer, headers: { ...answer.headers, ...headers } };
  }

  private answer(path: string, query: URLSearchParams): FaceHttpResponse {
    const { now, stamp, newToken } = this.options;
    switch (path) {
      case '/api/v1/bullet-public':
        return data(JSON.stringify({ token: newToken(), instanceServers: [KUCOIN_SOCKET] }));
      case '/api/v1/timestamp':
        return data(`${stamp(now())}`);
      case '/api/v2/symbols':
        return data(JSON.stringify(this.symbols(query.get('market'))));
      case '/api/v3/currencies':
        return data(JSON.stringify(this.currencies()));
      case '/api/v3/market/orderbook/level2':
        return failure(400, '400001', KEY_WANTED);
      default:
        return this.book(query.get('symbol') ?? '', path.endsWith('_20') ? 20 : 100);
    }
  }

  private book(symbol: string, depth: number): FaceHttpResponse {
    const { markets, sequence, stamp, now } = this.options;
    const market = markets.get(symbol);
    // An unknown market is no error here: its book is empty.
    if (market === undefined) return data(`{"time":${stamp(now())},"sequence":"0","bids":[],"asks":[]}`);
    const ladder = market.ladder();
    const bids = kucoinLevels(market.listing, topOf(ladder.bids, depth));
    const asks = kucoinLevels(market.listing, topOf(ladder.asks, depth));
    return data(`{"time":${stamp(now())},"sequence":"${sequence(market)}","bids":${bids},"asks":${asks}}`);
  }

  private symbols(market: string | null): object[] {
    const listings = [...this.options.markets.values()].map(({ listing }) => listing);
    return market === null || market === 'USDS'
      ? listings.map((listing) => symbolInfo(listing, this.options.isTrading(listing.symbol)))
      : [];
  }

  private currencies(): object[] {
    const listings = [...this.options.markets.values()].map(({ listing }) => listing);
    return [...new Set(listings.flatMap(({ base, quote }) => [base, quote]))].map(currencyInfo);
  }
}

const KEY_WANTED =
  'Please check the header of your request for KC-API-KEY, KC-API-SIGN, KC-API-TIMESTAMP, KC-API-PASSPHRASE';

/** What every ticket says of the classic socket, public and private alike [O]. */
export const KUCOIN_SOCKET = {
  endpoint: 'wss://ws-api-spot.kucoin.com/',
  encrypt: true,
  protocol: 'websocket',
  pingInterval: 18_000,
  pingTimeout: 10_000,
};

function symbolInfo(listing: Listing, enableTrading: boolean): object {
  return {
    symbol: listing.symbol,
    name: listing.symbol,
    baseCurrency: listing.base,
    quoteCurrency: listing.quote,
    feeCurrency: listing.quote,
    market: 'USDS',
    baseMinSize: plainText(listing.lot, listing.minLots),
    quoteMinSize: `${listing.minNotional}`,
    baseMaxSize: '10000000000',
    quoteMaxSize: '99999999',
    baseIncrement: listing.lot.text,
    quoteIncrement: '0.000001',
    priceIncrement: listing.tick.text,
    priceLimitRate: '0.1',
    minFunds: `${listing.minNotional}`,
    isMarginEnabled: true,
    enableTrading,
    feeCategory: 1,
    makerFeeCoefficient: '1.00',
    takerFeeCoefficient: '1.00',
    st: false,
  };
}

function currencyInfo(currency: string): object {
  return {
    currency,
    name: currency,
    fullName: currency,
    precision: 8,
    confirms: null,
    contractAddress: null,
    isMarginEnabled: true,
    isDebitEnabled: true,
    chains: [
      {
        chainName: currency,
        withdrawalMinFee: '0.001',
        withdrawalMinSize: '0.0012',
        withdrawFeeRate: '0',
        depositMinSize: '0.0002',
        isWithdrawEnabled: true,
        isDepositEnabled: true,
        preConfirms: 1,
        contractAddress: '',
        chainId: currency.toLowerCase(),
        confirms: 3,
      },
    ],
  };
}

function data(value: string): FaceHttpResponse {
  return response(200, `{"code":"200000","data":${value}}`);
}

function failure(
  status: number,
  code: string,
  msg: string,
  headers: Readonly<Record<string, string>> = {},
): FaceHttpResponse {
  return response(status, JSON.stringify({ code, msg }), headers);
}
