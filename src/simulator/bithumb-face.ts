import { bithumbBook, bithumbTicker, bithumbTrade } from './bithumb-frames.js';
import { BithumbRest } from './bithumb-rest.js';
import type { FaceOptions } from './face.js';
import type { FaceHttpRequest, FaceHttpResponse } from './face-protocol.js';
import type { Ladder } from './ladder.js';
import type { SimulatedMarket } from './market.js';
import type { AggregatedFills } from './trade-aggregation.js';
import { BithumbTrading } from './trading/bithumb-trading.js';
import { WholeBookFace, type MarketNotice, type StreamType } from './whole-book-face.js';

/** Four or five of ten book frames say again what the one before said. */
const REPEAT_CHANCE = 0.8;

/** Bithumb's sockets and REST (PROTOCOLS §7; apidocs.bithumb.com). Options in snake case are ignored. */
export class BithumbFace extends WholeBookFace {
  protected override readonly trading: BithumbTrading;
  private readonly rest: BithumbRest;

  constructor(options: FaceOptions) {
    super('bithumb', options, {
      connectsPerSecond: 10,
      messages: [],
      onlySnapshot: 'isOnlySnapshot',
      onlyRealtime: 'isOnlyRealtime',
    });
    this.rest = new BithumbRest({
      markets: this.markets,
      now: () => this.now(),
      stamp: (ms) => this.stamp(ms),
      notice: (market) => this.noticeOf(market),
    });
    this.trading = new BithumbTrading(this.tradingParts('bithumb', (symbol) => this.isHalted(symbol)));
  }

  /** The free coupon for low fees: for 30 days, or for another time. It ends without a word. */
  grantCoupon(forMs?: number): void {
    this.trading.grantCoupon(forMs);
  }

  protected answer(request: FaceHttpRequest): FaceHttpResponse {
    return this.rest.handle(request);
  }

  protected repeats(): number {
    return this.prng.next() < REPEAT_CHANCE ? 2 : 1;
  }

  protected bookText(market: SimulatedMarket, ladder: Ladder, stream: StreamType, isSimple: boolean): string {
    const micros = this.stamp(ladder.changedAtMs) * 1_000 + (ladder.updateId % 1_000);
    return bithumbBook(market, ladder, micros, stream, isSimple);
  }

  protected tradeText(
    market: SimulatedMarket,
    fills: AggregatedFills,
    stream: StreamType,
    isSimple: boolean,
  ): string {
    return bithumbTrade(market, fills, this.stamp(fills.last.timeMs), stream, isSimple);
  }

  protected tickerText(
    market: SimulatedMarket,
    notice: MarketNotice,
    stream: StreamType,
    isSimple: boolean,
  ): string {
    return bithumbTicker(market, notice, this.stamp(this.world.nowMs), stream, isSimple);
  }
}
