import type { FaceOptions } from './face.js';
import type { FaceHttpRequest, FaceHttpResponse } from './face-protocol.js';
import type { Ladder } from './ladder.js';
import type { SimulatedMarket } from './market.js';
import type { AggregatedFills } from './trade-aggregation.js';
import { UpbitTrading } from './trading/upbit-trading.js';
import { upbitBook, upbitTicker, upbitTrade } from './upbit-frames.js';
import { UpbitRest } from './upbit-rest.js';
import { WholeBookFace, type MarketNotice, type StreamType } from './whole-book-face.js';

/** Upbit's sockets and REST (PROTOCOLS §6; docs.upbit.com). */
export class UpbitFace extends WholeBookFace {
  protected override readonly trading: UpbitTrading;
  private readonly rest: UpbitRest;

  constructor(options: FaceOptions) {
    super('upbit', options, {
      connectsPerSecond: 5,
      messages: [
        { count: 5, windowMs: 1_000 },
        { count: 100, windowMs: 60_000 },
      ],
      onlySnapshot: 'is_only_snapshot',
      onlyRealtime: 'is_only_realtime',
    });
    this.rest = new UpbitRest({
      markets: this.markets,
      now: () => this.now(),
      stamp: (ms) => this.stamp(ms),
      notice: (market) => this.noticeOf(market),
    });
    this.trading = new UpbitTrading(this.tradingParts('upbit', (symbol) => this.isHalted(symbol)));
  }

  protected answer(request: FaceHttpRequest): FaceHttpResponse {
    return this.rest.handle(request);
  }

  protected repeats(): number {
    return 1;
  }

  protected bookText(market: SimulatedMarket, ladder: Ladder, stream: StreamType, isSimple: boolean): string {
    return upbitBook(market, ladder, this.stamp(ladder.changedAtMs), stream, isSimple);
  }

  protected tradeText(
    market: SimulatedMarket,
    fills: AggregatedFills,
    stream: StreamType,
    isSimple: boolean,
  ): string {
    return upbitTrade(market, fills, this.stamp(fills.last.timeMs), stream, isSimple);
  }

  protected tickerText(
    market: SimulatedMarket,
    notice: MarketNotice,
    stream: StreamType,
    isSimple: boolean,
  ): string {
    return upbitTicker(market, notice, this.stamp(this.world.nowMs), stream, isSimple);
  }
}
