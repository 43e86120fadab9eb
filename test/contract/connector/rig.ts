import type { Connector } from '../../../src/connectors/base.js';
import type { FeedRequest } from '../../../src/connectors/feed-effects.js';
import { MarketFeed } from '../../../src/connectors/market-feed.js';
import { RateLimiter } from '../../../src/connectors/rate-limiter.js';
import { QuoteBoard, TRUST_OK } from '../../../src/market/quote-board.js';
import type { TradePrint } from '../../../src/messages/feed.js';

export const WALL = 1_790_000_000_000;

/** One market of one connector in a feed without I/O: frames and answers go in, what the feed asks for is kept. */
export class FeedRig {
  readonly board = new QuoteBoard(4);
  readonly sent: string[] = [];
  readonly requests: FeedRequest[] = [];
  readonly reconnects: string[] = [];
  readonly marketStates: string[] = [];
  readonly trades: TradePrint[] = [];
  readonly failures: string[] = [];
  readonly feed: MarketFeed;
  readonly symbol: string;
  private readonly wallMs: number;
  nowMs = 0;

  /** `wallMs`: our own clock when the connection opens. */
  constructor(connector: Connector, symbol: string, wallMs = WALL) {
    this.symbol = symbol;
    this.wallMs = wallMs;
    this.feed = new MarketFeed({
      connector,
      instruments: [{ id: `${connector.exchange}:BTC-USDT`, symbol }],
      board: this.board,
      effects: {
        send: (frame) => this.sent.push(frame),
        request: (request) => this.requests.push(request),
        reconnect: (reason) => this.reconnects.push(reason),
        instrumentState: (_instrument, state, reason) => this.marketStates.push(`${state}: ${reason}`),
        status: () => undefined,
        trade: (print) => this.trades.push(print),
        fail: (error) => this.failures.push(error.message),
      },
      limiter: new RateLimiter(connector.capabilities.restLimits),
      random: () => 0.5,
      epoch: 9,
    });
    this.feed.opened(wallMs, 0);
  }

  /** Frames arrive, one each millisecond; objects as JSON. */
  give(...frames: readonly (object | string | Buffer)[]): void {
    for (const frame of frames) {
      const data = Buffer.isBuffer(frame)
        ? frame
        : Buffer.from(typeof frame === 'string' ? frame : JSON.stringify(frame));
      this.feed.frame(data, this.wallMs + ++this.nowMs, this.nowMs);
    }
    this.feed.flush();
  }

  /** The oldest request is answered. */
  answer(body: object | string, status = 200, headers: Readonly<Record<string, string>> = {}): void {
    const { id } = this.requests.shift()!;
    const data = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    this.feed.httpAnswer(id, status, headers, data, this.wallMs + this.nowMs, this.nowMs);
    this.feed.flush();
  }

  /** The connection is lost and opened again. */
  reconnect(): void {
    this.feed.closed('lost', this.nowMs);
    this.feed.opened(this.wallMs + this.nowMs, this.nowMs);
  }

  wait(ms: number): void {
    this.nowMs += ms;
    this.feed.tick(this.wallMs + this.nowMs, this.nowMs);
  }

  get trusted(): boolean {
    const { trusted } = this.feed.follow(this.symbol)!.depth;
    if ((this.board.trust[0] === TRUST_OK) !== trusted)
      throw new Error('board and book disagree about trust');
    return trusted;
  }

  /** Best bid, its size, best ask, its size, as published. */
  top(): number[] {
    const { board } = this;
    return [board.bidPrices[0]!, board.bidSizes[0]!, board.askPrices[0]!, board.askSizes[0]!];
  }

  /** The summary's counter of this name. */
  count(name: string): number {
    return Number(this.feed.summary(this.nowMs)[name]);
  }

  get lastError(): string {
    return String(this.feed.summary(this.nowMs)['lastError']);
  }
}
