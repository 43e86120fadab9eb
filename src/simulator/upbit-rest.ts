import { plainText } from './exact-units.js';
import { response, splitUrl, type FaceHttpRequest, type FaceHttpResponse } from './face-protocol.js';
import { sumText } from './korean-numbers.js';
import type { SimulatedMarket } from './market.js';
import { objectText } from './upbit-frames.js';
import { errorText, type MarketNotice } from './whole-book-face.js';

/** What the REST side of a Korean exchange needs of its face. */
export interface KoreanRestParts {
  readonly markets: ReadonlyMap<string, SimulatedMarket>;
  readonly now: () => number;
  readonly stamp: (ms: number) => number;
  readonly notice: (market: SimulatedMarket) => MarketNotice;
}

/** Groups of endpoints that share a budget. */
const GROUPS: Readonly<Record<string, string>> = {
  '/v1/market/all': 'market',
  '/v1/orderbook/instruments': 'orderbook',
  '/v1/orderbook': 'orderbook',
};
const CALLS_PER_SECOND = 10;
/** Whoever goes on after 429 is banned, each time for longer. */
const PATIENCE = 10;
const FIRST_BAN_MS = 10_000;
const BOOK_LEVELS = 30;

/** Upbit's public REST calls (PROTOCOLS §6): the header `Remaining-Req`, 429, then 418 with growing times. */
export class UpbitRest {
  private readonly parts: KoreanRestParts;
  private readonly calls = new Map<string, number[]>();
  private refused = 0;
  private bans = 0;
  private bannedUntilMs = 0;

  constructor(parts: KoreanRestParts) {
    this.parts = parts;
  }

  handle(request: FaceHttpRequest): FaceHttpResponse {
    const { path, query } = splitUrl(request.url);
    const now = this.parts.now();
    if (now < this.bannedUntilMs) return this.banned(now);
    const group = Object.hasOwn(GROUPS, path) ? GROUPS[path]! : null;
    if (group === null || request.method !== 'GET')
      return this.dated(404, errorText('not_found', 'no such path'));
    const left = this.spend(group, now);
    if (left < 0) return this.tooFast(now);
    const headers = { 'remaining-req': `group=${group}; min=1800; sec=${left}` };
    if (path === '/v1/market/all') return this.dated(200, this.list(query), headers);
    const markets = marketsIn(query, this.parts.markets);
    if (markets === null) return this.dated(404, errorText(404, 'Code not found'), headers);
    const isBook = path === '/v1/orderbook';
    const rows = markets.map((market) =>
      isBook ? bookRow(market, BOOK_LEVELS, this.parts.stamp(market.ladder().changedAtMs), 0) : rules(market),
    );
    return this.dated(200, `[${rows.join(',')}]`, headers);
  }

  private list(query: URLSearchParams): string {
    const detailed = query.get('is_details') === 'true';
    const rows = [...this.parts.markets.values()].map((market) => ({
      market: market.listing.symbol,
      korean_name: market.listing.base,
      english_name: market.listing.base,
      ...(detailed && { market_event: eventOf(this.parts.notice(market)) }),
    }));
    return JSON.stringify(rows);
  }

  /** Calls left in this second; below 0 = this one is too many. */
  private spend(group: string, now: number): number {
    const recent = (this.calls.get(group) ?? []).filter((at) => at > now - 1_000);
    this.calls.set(group, recent);
    if (recent.length >= CALLS_PER_SECOND) return -1;
    recent.push(now);
    this.refused = 0;
    return CALLS_PER_SECOND - recent.length;
  }

  private tooFast(now: number): FaceHttpResponse {
    if (++this.refused < PATIENCE)
      return this.dated(429, errorText('too_many_requests', 'Too many requests.'));
    this.refused = 0;
    this.bannedUntilMs = now + FIRST_BAN_MS * 2 ** this.bans++;
    return this.banned(now);
  }

  private banned(now: number): FaceHttpResponse {
    const seconds = String(Math.ceil((this.bannedUntilMs - now) / 1_000));
    return this.dated(418, errorText('too_many_requests', `blocked for ${seconds} s`), {
      'retry-after': seconds,
    });
  }

  private dated(
    status: number,
    body: string,
    headers: Readonly<Record<string, string>> = {},
  ): FaceHttpResponse {
    return response(status, body, { date: httpDate(this.parts), ...headers });
  }
}

/** The only clock that these exchanges show: whole seconds. */
export const httpDate = ({ stamp, now }: KoreanRestParts): string => new Date(stamp(now())).toUTCString();

/** The markets that a call names; null when one of them does not exist, which fails the whole call. */
export function marketsIn(
  query: URLSearchParams,
  known: ReadonlyMap<string, SimulatedMarket>,
): SimulatedMarket[] | null {
  const named = (query.get('markets') ?? '').split(',').map((name) => known.get(name));
  return named.every((market) => market !== undefined) ? named : null;
}

function eventOf(notice: MarketNotice): object {
  return {
    warning: notice.warning === 'CAUTION',
    caution: {
      PRICE_FLUCTUATIONS: false,
      TRADING_VOLUME_SOARING: false,
      DEPOSIT_AMOUNT_SOARING: false,
      GLOBAL_PRICE_DIFFERENCES: false,
      CONCENTRATION_OF_SMALL_ACCOUNTS: false,
    },
  };
}

function rules({ listing }: SimulatedMarket): string {
  return objectText(
    ['market', 'quote_currency', 'tick_size', 'supported_levels'],
    [`"${listing.symbol}"`, `"${listing.quote}"`, listing.tick.text, '["0"]'],
  );
}

/** One book of a REST answer; its time is in milliseconds on both exchanges. */
export function bookRow(market: SimulatedMarket, depth: number, stampMs: number, level: number): string {
  const { tick, lot, symbol } = market.listing;
  const { asks, bids } = market.ladder();
  const units = Array.from(
    { length: Math.min(depth, Math.max(asks.prices.length, bids.prices.length)) },
    (_, i) =>
      objectText(
        ['ask_price', 'bid_price', 'ask_size', 'bid_size'],
        [
          plainText(tick, asks.prices[i] ?? 0),
          plainText(tick, bids.prices[i] ?? 0),
          plainText(lot, asks.lots[i] ?? 0),
          plainText(lot, bids.lots[i] ?? 0),
        ],
      ),
  );
  return objectText(
    ['market', 'timestamp', 'total_ask_size', 'total_bid_size', 'orderbook_units', 'level'],
    [
      `"${symbol}"`,
      `${stampMs}`,
      sumText(lot, asks.lots.slice(0, depth)),
      sumText(lot, bids.lots.slice(0, depth)),
      `[${units.join(',')}]`,
      `${level}`,
    ],
  );
}
