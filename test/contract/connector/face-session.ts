import type { Connector } from '../../../src/connectors/base.js';
import { MarketFeed } from '../../../src/connectors/market-feed.js';
import { RateLimiter } from '../../../src/connectors/rate-limiter.js';
import { QuoteBoard } from '../../../src/market/quote-board.js';
import type { InstrumentState } from '../../../src/messages/feed.js';
import type { TradePrint } from '../../../src/messages/feed.js';
import type { AnyFace } from '../../../src/simulator/faces.js';
import type { Ladder, LadderSide } from '../../../src/simulator/ladder.js';
import type { SimulatedExchange } from '../../../src/simulator/listings.js';
import type { SimulatedMarket } from '../../../src/simulator/market.js';
import { memoryExchanges, MemoryTransport } from '../../simulator/memory-client.js';

const TICK_MS = 250;

export interface FaceSessionOptions {
  readonly seed: number;
  readonly connector: Connector;
  readonly pairs: readonly string[];
}

/**
 * Connector and feed against a simulated exchange in memory: what the feed sends reaches the face at once, what the face sends
 * reaches the feed, a lost connection is opened again. At any moment the books can be compared with the matching engine.
 */
export class FaceSession {
  readonly face: AnyFace;
  readonly feed: MarketFeed;
  readonly trades: TradePrint[] = [];
  readonly reconnects: string[] = [];
  readonly failures: string[] = [];
  readonly states: InstrumentState[] = [];
  readonly connector: Connector;
  readonly markets: readonly SimulatedMarket[];
  httpCalls = 0;
  private readonly exchanges;
  private probedMs = 0;
  private transport = new MemoryTransport();
  private connection = 0;
  private isOpen = false;
  private mustClose = false;

  constructor({ seed, connector, pairs }: FaceSessionOptions) {
    const exchange = connector.exchange as SimulatedExchange;
    this.exchanges = memoryExchanges({ seed, exchanges: [exchange], pairs });
    this.connector = connector;
    this.face = this.exchanges.faces[exchange];
    this.markets = this.exchanges.world.marketsOf(exchange);
    this.feed = new MarketFeed({
      connector,
      instruments: this.markets.map(({ listing }) => ({
        id: `${exchange}:${listing.pair}`,
        symbol: listing.symbol,
      })),
      board: new QuoteBoard(this.markets.length),
      effects: {
        send: (frame) => this.face.onClientFrame(this.connection, frame),
        request: ({ id, request }) => {
          this.httpCalls++;
          const { status, headers, body } = this.face.handleHttp({ method: 'GET', url: request.path });
          const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
          this.pending.push(() =>
            this.feed.httpAnswer(
              id,
              status,
              Object.fromEntries(lower),
              Buffer.from(body),
              this.nowMs,
              this.nowMs,
            ),
          );
        },
        reconnect: (reason) => {
          this.reconnects.push(reason);
          this.mustClose = true;
        },
        instrumentState: (_instrument, state) => this.states.push(state),
        status: () => undefined,
        trade: (print) => this.trades.push(print),
        fail: (error) => this.failures.push(error.message),
      },
      limiter: new RateLimiter(connector.capabilities.restLimits),
      random: () => 0.5,
      epoch: 1,
    });
    this.open();
  }

  private readonly pending: (() => void)[] = [];

  get nowMs(): number {
    return this.exchanges.world.nowMs;
  }

  /** World time goes on; everything that arrives is read, four rounds of regular work a second. */
  run(ms: number): void {
    const until = this.nowMs + ms;
    while (this.nowMs < until) {
      this.exchanges.run(Math.min(TICK_MS, until - this.nowMs));
      this.hear();
      this.feed.tick(this.nowMs, this.nowMs);
      this.hear();
      if (this.isOpen && this.transport.closedWith === null) this.probe();
      if (this.transport.pongs.splice(0).length > 0) this.feed.alive(this.nowMs);
      for (const ping of this.transport.pings.splice(0)) this.face.onClientPong(this.connection, ping);
      this.reopen();
    }
  }

  /** What the connector declares as its sign of life, as often as a silent line is probed. */
  private probe(): void {
    const { probe, probeAfterSilenceMs } = this.connector.capabilities.heartbeat;
    if (probe.kind === 'ping') return this.face.onClientPing(this.connection, new Uint8Array());
    if (this.nowMs - this.probedMs < probeAfterSilenceMs) return;
    this.probedMs = this.nowMs;
    this.face.onClientFrame(this.connection, probe.text);
  }

  /** Where the socket is, with a ticket where the exchange wants one. */
  private address(): string {
    const { capabilities, endpoints } = this.connector;
    const { entrance } = capabilities;
    if (entrance.kind === 'direct') return endpoints.websocketUrl;
    const { method = 'GET', path: url } = entrance.request;
    const { body } = this.face.handleHttp({ method, url });
    return entrance.parse(Buffer.from(body), String(this.nowMs), endpoints);
  }

  /** Everything from the face goes into the feed, and what that makes it ask for is answered. */
  private hear(): void {
    for (;;) {
      const frames = this.transport.take();
      const answers = this.pending.splice(0);
      if (frames.length === 0 && answers.length === 0) break;
      for (const text of frames) this.feed.frame(Buffer.from(text), this.nowMs, this.nowMs);
      for (const answer of answers) answer();
    }
    this.feed.flush();
  }

  private reopen(): void {
    if (this.transport.closedWith === null && !this.mustClose) return;
    if (this.isOpen) {
      this.face.onClose(this.connection);
      this.feed.closed('lost', this.nowMs);
      this.isOpen = false;
    }
    this.open();
  }

  private open(): void {
    this.mustClose = false;
    this.transport = new MemoryTransport();
    const { pathname, search } = new URL(this.address());
    const accepted = this.face.onConnect(this.transport, pathname + search);
    this.isOpen = typeof accepted === 'number';
    if (typeof accepted !== 'number') {
      this.mustClose = true;
      return;
    }
    this.connection = accepted;
    this.feed.opened(this.nowMs, this.nowMs);
    this.hear();
  }

  get connectionId(): number {
    return this.connection;
  }

  /** True when every book is usable. */
  get allTrusted(): boolean {
    return this.markets.every(({ listing }) => this.feed.follow(listing.symbol)!.depth.trusted);
  }

  /** Books of this feed that are not, level by level, the engine's; a book is compared as far as it reaches. */
  differences(): string[] {
    return this.markets.flatMap((market) => {
      const { book } = this.feed.follow(market.listing.symbol)!.depth;
      const ladder: Ladder = market.ladder();
      const depth = this.connector.capabilities.depthLevels;
      return (['bid', 'ask'] as const).flatMap((side) => {
        const count = Math.min(side === 'bid' ? book.bidCount : book.askCount, depth);
        const ours = Array.from({ length: count }, (_, i) => [book.price(side, i), book.size(side, i)]);
        const all = engineSide(market, side === 'bid' ? ladder.bids : ladder.asks).slice(0, depth);
        // A price of size 0, which Bithumb shows among its levels, takes the place of the last one.
        const real = count === all.length - 1 ? all.slice(0, count) : all;
        return JSON.stringify(ours) === JSON.stringify(real)
          ? []
          : [
              `${market.listing.symbol} ${side}: ${JSON.stringify(ours.slice(0, 2))} is not ${JSON.stringify(real.slice(0, 2))}`,
            ];
      });
    });
  }
}

function engineSide(market: SimulatedMarket, side: LadderSide): number[][] {
  const { tick, lot } = market.listing;
  const exact = (count: number, step: { units: number; decimals: number }) =>
    Number(`${count * step.units}e-${step.decimals}`);
  return side.prices.map((price, i) => [exact(price, tick), exact(side.lots[i]!, lot)]);
}
