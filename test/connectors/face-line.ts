import type { Connector } from '../../src/connectors/base.js';
import { MarketFeed } from '../../src/connectors/market-feed.js';
import { RateLimiter } from '../../src/connectors/rate-limiter.js';
import { QuoteBoard, TRUST_OK } from '../../src/market/quote-board.js';
import type { TradePrint } from '../../src/messages/feed.js';
import type { AnyFace } from '../../src/simulator/faces.js';
import type { SimulatedMarket } from '../../src/simulator/market.js';
import { MemoryTransport, type MemoryExchanges } from '../simulator/memory-client.js';

/** Milliseconds between losing a connection and the next one. */
const RECONNECT_MS = 500;

/** A connector and its feed on one simulated exchange, in memory: the part of the socket and its owner is played here. */
export class FaceLine {
  readonly feed: MarketFeed;
  readonly board: QuoteBoard;
  readonly trades: TradePrint[] = [];
  readonly reconnects: string[] = [];
  readonly failures: string[] = [];
  readonly markets: readonly SimulatedMarket[];
  /** Moments at which a trusted book was crossed or differed from the engine's: must stay empty. */
  readonly wrong: string[] = [];
  id = 0;
  private readonly exchanges: MemoryExchanges;
  private readonly face: AnyFace;
  private readonly connector: Connector;
  private transport: MemoryTransport | null = null;
  private reopenAtMs = -Infinity;
  private heartbeatMs = 0;

  constructor(exchanges: MemoryExchanges, face: AnyFace, connector: Connector) {
    this.exchanges = exchanges;
    this.face = face;
    this.connector = connector;
    this.markets = exchanges.world.marketsOf(face.exchange);
    const instruments = this.markets.map(({ listing }) => ({
      id: `${face.exchange}:${listing.pair}`,
      symbol: listing.symbol,
    }));
    this.board = new QuoteBoard(instruments.length);
    this.feed = new MarketFeed({
      connector,
      instruments,
      board: this.board,
      effects: {
        send: (frame) => this.face.onClientFrame(this.id, frame),
        request: () => undefined,
        reconnect: (reason) => {
          this.reconnects.push(reason);
          this.drop(reason);
        },
        instrumentState: () => undefined,
        status: () => undefined,
        trade: (print) => this.trades.push(print),
        fail: (error) => this.failures.push(error.message),
      },
      limiter: new RateLimiter(connector.capabilities.restLimits),
      random: () => 0.5,
      epoch: 1,
    });
  }

  /** World time goes on by `ms`, in steps as an exchange sends them. */
  run(ms: number): void {
    for (let passed = 0; passed < ms; passed += 100) {
      if (this.transport === null) this.open();
      this.exchanges.run(100);
      this.hear();
      this.feed.flush();
      this.feed.tick(this.now, this.now);
      this.heartbeat();
    }
  }

  get now(): number {
    return this.exchanges.world.nowMs;
  }

  isTrusted(symbol: string): boolean {
    const followed = this.feed.follow(symbol)!;
    const shown = this.board.trust[followed.slot] === TRUST_OK;
    if (shown !== followed.depth.trusted) this.wrong.push(`${symbol}: the board shows another trust`);
    return followed.depth.trusted;
  }

  get allTrusted(): boolean {
    return this.markets.every(({ listing }) => this.isTrusted(listing.symbol));
  }

  /** Differences between the books and the engine's, over all levels. */
  differences(): string[] {
    return this.markets.flatMap((market) => {
      const { listing } = market;
      const { book } = this.feed.follow(listing.symbol)!.depth;
      const ladder = market.ladder();
      const exact = (count: number, step: { units: number; decimals: number }) =>
        Number(`${count * step.units}e-${step.decimals}`);
      return (['bid', 'ask'] as const).flatMap((side) => {
        const { prices, lots } = side === 'bid' ? ladder.bids : ladder.asks;
        const count = side === 'bid' ? book.bidCount : book.askCount;
        const theirs = prices.map((price, i) => [exact(price, listing.tick), exact(lots[i]!, listing.lot)]);
        const ours = Array.from({ length: count }, (_, i) => [book.price(side, i), book.size(side, i)]);
        return JSON.stringify(ours) === JSON.stringify(theirs) ? [] : [`${listing.symbol} ${side}`];
      });
    });
  }

  private open(): void {
    if (this.now < this.reopenAtMs) return;
    const transport = new MemoryTransport();
    const { pathname } = new URL(this.connector.endpoints.websocketUrl);
    this.feed.connecting();
    const accepted = this.face.onConnect(transport, pathname);
    if (typeof accepted !== 'number') {
      this.reopenAtMs = this.now + RECONNECT_MS;
      return;
    }
    this.id = accepted;
    this.transport = transport;
    this.heartbeatMs = this.now;
    this.feed.opened(this.now, this.now);
  }

  private hear(): void {
    const { transport } = this;
    for (const frame of transport?.take() ?? []) {
      this.feed.frame(Buffer.from(frame), this.now, this.now);
      if (this.transport !== transport) return;
    }
    if (transport !== null && transport.closedWith !== null) this.drop('closed by the other side');
  }

  private drop(reason: string): void {
    if (this.transport === null) return;
    this.transport = null;
    this.face.onClose(this.id);
    this.feed.closed(reason, this.now);
    this.reopenAtMs = this.now + RECONNECT_MS;
  }

  private heartbeat(): void {
    const { everyMs, probe } = this.connector.capabilities.heartbeat;
    if (this.transport === null || everyMs === null || this.now - this.heartbeatMs < everyMs) return;
    this.heartbeatMs = this.now;
    if (probe.kind === 'text') this.face.onClientFrame(this.id, probe.text);
    else this.face.onClientPing(this.id, Buffer.alloc(0));
  }
}
