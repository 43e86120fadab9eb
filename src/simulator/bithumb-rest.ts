import { response, splitUrl, type FaceHttpRequest, type FaceHttpResponse } from './face-protocol.js';
import { bookRow, httpDate, marketsIn, type KoreanRestParts } from './upbit-rest.js';
import { errorText } from './whole-book-face.js';

const CALLS_PER_SECOND = 150;

/** Bithumb's public REST calls (PROTOCOLS §7): errors come with HTTP 200, and one bad market fails the whole call. */
export class BithumbRest {
  private readonly parts: KoreanRestParts;
  private calls: number[] = [];

  constructor(parts: KoreanRestParts) {
    this.parts = parts;
  }

  handle(request: FaceHttpRequest): FaceHttpResponse {
    const { path, query } = splitUrl(request.url);
    const now = this.parts.now();
    this.calls = this.calls.filter((at) => at > now - 1_000);
    if (this.calls.length >= CALLS_PER_SECOND)
      return this.dated(429, errorText('too_many_requests', 'Too many requests.'));
    this.calls.push(now);
    if (request.method !== 'GET') return this.dated(200, errorText(400, 'Bad request'));
    if (path === '/v1/market/all') return this.dated(200, this.list(query));
    if (path !== '/v1/orderbook') return this.dated(200, errorText(404, 'Not found'));
    const markets = marketsIn(query, this.parts.markets);
    if (markets === null) return this.dated(200, errorText(404, 'Code not found'));
    const depth = markets.length === 1 ? 30 : 15;
    const rows = markets.map((market) =>
      bookRow(market, depth, this.parts.stamp(market.ladder().changedAtMs), 1),
    );
    return this.dated(200, `[${rows.join(',')}]`);
  }

  private list(query: URLSearchParams): string {
    const detailed = query.get('isDetails') === 'true';
    return JSON.stringify(
      [...this.parts.markets.values()].map((market) => ({
        market: market.listing.symbol,
        korean_name: market.listing.base,
        english_name: market.listing.base,
        ...(detailed && { market_warning: this.parts.notice(market).warning }),
      })),
    );
  }

  private dated(status: number, body: string): FaceHttpResponse {
    const left = String(CALLS_PER_SECOND - this.calls.length);
    return response(status, body, { date: httpDate(this.parts), 'x-ratelimit-remaining': left });
  }
}
