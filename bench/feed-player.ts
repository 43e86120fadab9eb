import type { RecordedAnswer } from '../src/conformance/wire/capture-file.js';
import type { Connector } from '../src/connectors/base.js';
import type { FeedEffects, FeedRequest } from '../src/connectors/feed-effects.js';
import { MarketFeed } from '../src/connectors/market-feed.js';
import { RateLimiter } from '../src/connectors/rate-limiter.js';
import { BOARD_DEPTH, QuoteBoard } from '../src/market/quote-board.js';
import type { FrameSet } from './frame-sets.js';

/** Plays a frame set through connector and feed onto a board, again and again; each pass is a new connection. */
export class FeedPlayer {
  readonly set: FrameSet;
  readonly board: QuoteBoard;
  private readonly connector;
  private readonly answersAt: (RecordedAnswer[] | undefined)[];
  private readonly slots: Int32Array;
  private feed: MarketFeed;
  private requests: FeedRequest[] = [];
  private arrived: RecordedAnswer[] = [];
  private epoch = 0;
  /** Monotonic time of the pass's first frame. */
  private originMs = 0;

  /** `jsonOnly`: without the byte scanner. */
  constructor(set: FrameSet, jsonOnly = false) {
    this.set = set;
    this.board = new QuoteBoard(set.symbols.length);
    const connector = subscribedOnce(set.connector());
    this.connector = jsonOnly ? withoutScanner(connector) : connector;
    this.slots = Int32Array.from(set.symbols, (symbol) => this.board.slotOf(`${set.exchange}:${symbol}`));
    this.answersAt = set.frames.map(() => undefined);
    for (const answer of set.answers) {
      const at = Math.min(answer.beforeFrame, set.frames.length - 1);
      (this.answersAt[at] ??= []).push(answer);
    }
    this.feed = this.newFeed();
  }

  /** A new connection: nothing of the pass before is left. */
  begin(): void {
    const { timesMs } = this.set;
    this.originMs += timesMs.at(-1)! - timesMs[0]! + 60_000;
    this.requests = [];
    this.arrived = [];
    this.feed.closed('the next pass', this.originMs);
    this.feed.opened(timesMs[0]!, this.originMs);
  }

  /** One frame, through to the published book. Returns best bid + best ask of the first symbol, as consumption. */
  step(index: number): number {
    const wallMs = this.set.timesMs[index]!;
    const nowMs = this.originMs + (wallMs - this.set.timesMs[0]!);
    const answers = this.answersAt[index];
    if (answers !== undefined) this.arrived.push(...answers);
    if (this.requests.length > 0 && this.arrived.length > 0) this.deliver(wallMs, nowMs);
    this.feed.frame(this.set.frames[index]!, wallMs, nowMs);
    this.feed.flush();
    const at = this.slots[0]! * BOARD_DEPTH;
    return this.board.bidPrices[at]! + this.board.askPrices[at]!;
  }

  /** All frames once. `after` sees the board after each frame. */
  pass(after?: (index: number) => void): number {
    this.begin();
    let sum = 0;
    for (let index = 0; index < this.set.frames.length; index++) {
      sum += this.step(index);
      after?.(index);
    }
    return sum;
  }

  /** What the feed counted in the pass. */
  summary(): Readonly<Record<string, unknown>> {
    return this.feed.summary(this.originMs);
  }

  private deliver(wallMs: number, nowMs: number): void {
    for (const request of this.requests.splice(0)) {
      const at = this.arrived.findIndex(
        ({ symbol }) => symbol === request.symbol || (symbol === '' && this.set.symbols.length === 1),
      );
      if (at < 0) {
        this.requests.push(request);
        continue;
      }
      const [answer] = this.arrived.splice(at, 1);
      this.feed.httpAnswer(request.id, 200, {}, answer!.body, wallMs, nowMs);
    }
  }

  private newFeed(): MarketFeed {
    return new MarketFeed({
      connector: this.connector,
      instruments: this.set.symbols.map((symbol) => ({ id: `${this.set.exchange}:${symbol}`, symbol })),
      board: this.board,
      effects: this.effects(),
      limiter: new RateLimiter([]),
      random: () => 0.5,
      epoch: ++this.epoch,
    });
  }

  private effects(): FeedEffects {
    return {
      send: () => undefined,
      request: (request) => void this.requests.push(request),
      reconnect: (reason) => {
        throw new Error(`the feed gave up its connection: ${reason}`);
      },
      instrumentState: () => undefined,
      status: () => undefined,
      trade: () => undefined,
      fail: (error) => {
        throw error;
      },
    };
  }
}

/** Its requests are made once: passes are much shorter than connections, and what is measured are frames. */
function subscribedOnce(connector: Connector): Connector {
  let requests: readonly string[] | null = null;
  return {
    ...connector,
    subscribe: (symbols, scope, id, timeMs) => {
      if (scope !== 'all') return connector.subscribe(symbols, scope, id, timeMs);
      return (requests ??= connector.subscribe(symbols, scope, id, timeMs));
    },
  };
}

function withoutScanner(connector: Connector): Connector {
  const { decodeJson } = connector;
  if (decodeJson === undefined) throw new Error(`${connector.exchange} has no byte scanner`);
  return { ...connector, decode: decodeJson };
}
