import type { SyncCounters } from '../../connectors/sync-counters.js';
import type { FeedEffects, FeedRequest } from '../../connectors/feed-effects.js';
import { MarketFeed } from '../../connectors/market-feed.js';
import { RateLimiter } from '../../connectors/rate-limiter.js';
import { Decimal, toText, ZERO } from '../../market/decimal.js';
import { QuoteBoard } from '../../market/quote-board.js';
import type { TradePrint } from '../../messages/feed.js';
import { BookTrace, topLevels, topText } from './book-trace.js';
import type { Capture, RecordedAnswer } from './capture-file.js';
import type { WireExchange } from './exchanges.js';
import type { Contents, Quote } from './survey.js';

/** How often the best prices of a book equalled the newest best quote that it covers. */
export interface QuoteCheck {
  equal: number;
  different: number;
  noEarlierBookTicker: number;
}

/** One book channel of a capture through one feed, without sockets: the owner's part is played from the recording. */
export class ChannelReplay {
  private readonly capture: Capture;
  private readonly wire: WireExchange;
  private readonly contents: Contents;
  private readonly channel: string;
  private readonly check: QuoteCheck;
  private readonly symbols: readonly string[];
  private readonly feed: MarketFeed;
  private readonly traces = new Map<string, BookTrace>();
  private readonly prints = new Map<string, TradePrint[]>();
  private readonly requests: FeedRequest[] = [];
  private readonly arrived: RecordedAnswer[] = [];

  constructor(
    capture: Capture,
    wire: WireExchange,
    contents: Contents,
    channel: string | null,
    check: QuoteCheck,
  ) {
    this.capture = capture;
    this.wire = wire;
    this.contents = contents;
    this.channel = channel ?? '';
    this.check = check;
    const found = channel === null ? undefined : contents.symbols.get(channel);
    this.symbols = [...new Set([...(found?.keys() ?? []), ...contents.tradeSymbols])].sort();
    this.feed = new MarketFeed({
      connector: wire.connector(channel, contents.tradeChannel),
      // Captures hold futures and options too; here a symbol only needs a slot of its own.
      instruments: this.symbols.map((symbol) => ({ id: `${wire.exchange}:${symbol}`, symbol })),
      board: new QuoteBoard(Math.max(1, this.symbols.length)),
      effects: this.effects(),
      limiter: new RateLimiter([]),
      random: () => 0.5,
      epoch: 1,
      onApplied: (symbol, _channel, frame) => this.applied(symbol, frame),
    });
  }

  run(): void {
    const { frames, timesMs, answers } = this.capture;
    const startMs = timesMs[0] ?? 0;
    this.feed.opened(startMs, 0);
    const pending = [...answers].sort((a, b) => a.beforeFrame - b.beforeFrame);
    for (const [index, frame] of frames.entries()) {
      while (pending[0] !== undefined && pending[0].beforeFrame <= index) this.arrived.push(pending.shift()!);
      const wallMs = timesMs[index]!;
      this.deliver(wallMs, wallMs - startMs);
      this.feed.frame(frame, wallMs, wallMs - startMs);
      this.feed.flush();
    }
    this.arrived.push(...pending);
    const endMs = timesMs.at(-1) ?? 0;
    this.deliver(endMs, endMs - startMs);
  }

  /** Answers that have arrived meet the requests that wait for them. */
  private deliver(wallMs: number, nowMs: number): void {
    for (const request of this.requests.splice(0)) {
      const only = this.symbols.length === 1;
      const at = this.arrived.findIndex(({ symbol }) => symbol === request.symbol || (only && symbol === ''));
      if (at < 0) {
        this.requests.push(request);
        continue;
      }
      const [answer] = this.arrived.splice(at, 1);
      this.feed.httpAnswer(request.id, 200, {}, answer!.body, wallMs, nowMs);
    }
  }

  private effects(): FeedEffects {
    return {
      send: () => undefined,
      request: (request) => this.requests.push(request),
      reconnect: () => undefined,
      instrumentState: () => undefined,
      status: () => undefined,
      trade: (print) => {
        const symbol = print.instrument.slice(this.wire.exchange.length + 1);
        this.prints.set(symbol, [...(this.prints.get(symbol) ?? []), print]);
      },
      fail: (error) => {
        throw error;
      },
    };
  }

  private applied(symbol: string, frame: number): void {
    const { book } = this.feed.follow(symbol)!.depth;
    const trace = this.traces.get(symbol) ?? new BookTrace();
    this.traces.set(symbol, trace);
    trace.add(frame, book);
    if (this.contents.quotes.size === 0) return;
    const quote = newestAt(this.contents.quotes.get(symbol) ?? [], book.sequence);
    if (quote === undefined) this.check.noEarlierBookTicker++;
    else if (quote.top === topText(book)) this.check.equal++;
    else this.check.different++;
  }

  /** `books` of the answer. */
  describe(): Record<string, unknown> {
    const books: Record<string, unknown> = {};
    for (const [symbol, trace] of this.traces) {
      const { book, counters } = this.feed.follow(symbol)!.depth;
      books[this.wire.bookKey(symbol, this.channel)] = {
        updatesApplied: counters.updatesApplied,
        snapshots: counters.snapshots,
        ...(counters.framesBeforeSync > 0 && { framesBeforeSync: counters.framesBeforeSync }),
        bidLevels: book.bidCount,
        askLevels: book.askCount,
        ...trace.describe(),
        topBids: topLevels(book, 'bid', 10),
        topAsks: topLevels(book, 'ask', 10),
        continuity: continuityOf(counters),
      };
    }
    return books;
  }

  /** Symbols whose book frames could never be applied, and how many there were. */
  neverSynced(): Record<string, number> {
    const onChannel = this.contents.symbols.get(this.channel) ?? new Map<string, number>();
    return Object.fromEntries([...onChannel].filter(([symbol]) => !this.traces.has(symbol)));
  }

  /** `trades` of the answer. */
  describeTrades(): Record<string, unknown> {
    const trades: Record<string, unknown> = {};
    for (const [symbol, prints] of this.prints) {
      const total = prints.reduce((sum, { quantity }) => sum.plus(new Decimal(quantity)), ZERO);
      trades[symbol] = {
        count: prints.length,
        totalQty: toText(total),
        takerBuys: prints.filter(({ side }) => side === 'buy').length,
        firstId: prints[0]!.tradeId,
        lastId: prints.at(-1)!.tradeId,
      };
    }
    return trades;
  }
}

/** The quote with the greatest order that is not above `order`. */
function newestAt(quotes: readonly Quote[], order: number): Quote | undefined {
  let low = 0;
  let high = quotes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (quotes[middle]!.order <= order) low = middle + 1;
    else high = middle;
  }
  return quotes[low - 1];
}

/** Only what is above 0, as in the answers. */
function continuityOf(counters: SyncCounters): Record<string, number> {
  const { bridgeOk, sequenceOk, gaps, checksumOk, checksumBad, keepAlive, crossed } = counters;
  const all = { bridgeOk, sequenceOk, gap: gaps, checksumOk, checksumBad, keepAlive, crossed };
  return Object.fromEntries(Object.entries(all).filter(([, count]) => count > 0));
}
