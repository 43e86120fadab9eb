import {
  BookEvent,
  emptyHeader,
  setHeader,
  type Capabilities,
  type Connector,
  type FrameSink,
} from '../../src/connectors/base.js';
import { ExchangeFeed, type ExchangeFeedOptions } from '../../src/connectors/exchange-feed.js';
import { FrameError } from '../../src/connectors/frame-error.js';
import { RateLimiter } from '../../src/connectors/rate-limiter.js';
import { connectLimiterOf } from '../../src/connectors/websocket-manager.js';
import { BOARD_DEPTH, QuoteBoard, TRUST_OK } from '../../src/market/quote-board.js';
import type { Socket, SocketHandlers } from '../../src/ports/network.js';
import { Prng } from '../../src/simulator/prng.js';

/**
 * An exchange of a few lines on a clock that the test turns: books that count one by one, a snapshot on the socket, and
 * every way of getting in that a real one has. What a board shows is compared with what the engine held at that number.
 */

const WALL = 1_790_000_000_000;
export const STEP_MS = 50;

type Level = [number, number];
interface Frame {
  readonly kind: 'snapshot' | 'delta' | 'trade' | 'welcome' | 'notice' | 'pong';
  readonly s?: string;
  readonly n?: number;
  readonly ts?: number;
  readonly b?: Level[];
  readonly a?: Level[];
}

const CAPABILITIES: Capabilities = {
  syncRule: 'counted',
  snapshotSource: 'socket',
  depthLevels: 10,
  subscriptionMode: 'add',
  entrance: { kind: 'direct' },
  awaitsWelcome: false,
  clockResolutionMs: 1,
  checksum: 'none',
  quoteOrderIsExact: false,
  channels: { depth: 'depth', bestQuote: null, trades: 'trades' },
  heartbeat: {
    everyMs: null,
    probe: { kind: 'text', text: 'ping' },
    probeAfterSilenceMs: 4000,
    deadAfterSilenceMs: 9000,
  },
  limits: {
    maxFrameBytes: 100_000,
    connects: { kind: 'window', name: 'connects', capacity: 20, windowMs: 60_000 },
    clientMessages: { kind: 'window', name: 'messages', capacity: 20, windowMs: 1000 },
    subscriptions: null,
    topicsPerRequest: 100,
    topicsPerConnection: 100,
    lifetimeMs: null,
  },
  restLimits: [{ kind: 'window', name: 'requests', capacity: 100, windowMs: 1000 }],
  watchdogs: { noSnapshotMs: 5000, silentSymbolMs: 60_000, silentConnectionMs: 30_000 },
  orders: {
    clientId: { field: 'id', pattern: /^x$/, reuse: 'open', lookupMs: null },
    requestExpiry: { kind: 'none' },
    deadManSwitch: { kind: 'none' },
    selfTradePrevention: null,
  } as unknown as Capabilities['orders'],
};

function scriptedConnector(overrides: Partial<Capabilities>): Connector {
  const capabilities = { ...CAPABILITIES, ...overrides };
  const header = emptyHeader();
  const event = new BookEvent();
  const request = (path: string) => ({
    path,
    costs: { requests: 1 },
    timeoutMs: 3000,
    maxBodyBytes: 100_000,
  });
  const book = (frame: Frame, sink: FrameSink) => {
    event.symbol = frame.s!;
    event.channel = 'depth';
    event.snapshot = frame.kind === 'snapshot';
    event.first = event.last = event.order = frame.n!;
    event.exchangeTimeMs = frame.ts!;
    event.bids.clear();
    event.asks.clear();
    for (const [price, size] of frame.b!) event.bids.add(price, size);
    for (const [price, size] of frame.a!) event.asks.add(price, size);
    sink.book(event);
  };
  const control = { channel: '', symbol: '', code: '', message: 'soon' };
  return {
    exchange: 'scripted',
    capabilities,
    endpoints: { websocketUrl: 'ws://scripted', restUrl: 'http://scripted' },
    fees: {
      takerFeeRate: '0.001',
      makerFeeRate: '0.001',
      feeMode: 'received',
    } as unknown as Connector['fees'],
    header,
    subscribe: (symbols, scope, id) => [JSON.stringify({ op: 'subscribe', symbols, scope, id })],
    unsubscribe: (symbols, scope, id) => [JSON.stringify({ op: 'unsubscribe', symbols, scope, id })],
    decode: (data, sink) => {
      setHeader(header, 'foreign', '', '', '');
      let frame: Frame;
      try {
        frame = JSON.parse(data.toString()) as Frame;
      } catch {
        throw new FrameError('frame', 'JSON', data.toString().slice(0, 20));
      }
      if (frame.kind === 'welcome' || frame.kind === 'pong') {
        setHeader(header, 'control', '', '', frame.kind);
        sink.control({ kind: frame.kind, ...control });
      } else if (frame.kind === 'notice') {
        setHeader(header, 'control', '', '', 'notice');
        sink.control({ kind: 'reconnect-notice', ...control });
      } else if (frame.kind === 'trade') {
        setHeader(header, 'trade', 'trades', frame.s!, '');
        const trade = { tradeId: String(frame.n), price: '1', quantity: '1', side: 'buy' as const };
        sink.trade({ symbol: frame.s!, channel: 'trades', ...trade, exchangeTimeMs: frame.ts! });
      } else {
        setHeader(header, 'book', 'depth', frame.s!, frame.kind);
        book(frame, sink);
      }
      return header;
    },
    rest: {
      instruments: () => request('/instruments'),
      depth: (symbol) => request(`/depth?${symbol}`),
      serverTime: () => request('/time'),
      parseInstruments: () => ({ instruments: [], refused: [] }),
      parseDepth: (body, _symbol, sink) => book(JSON.parse(body.toString()) as Frame, sink),
      parseServerTime: () => 0,
      wallets: null,
    },
  };
}

/** One connection as the exchange sees it. */
export class ScriptedSocket implements Socket {
  readonly url: string;
  readonly heard: string[] = [];
  readonly symbols = new Set<string>();
  readonly openedMs: number;
  readonly lagMs: number;
  /** Neither side hears the other, and neither is told. */
  halfOpen = false;
  muted = new Set<string>();
  state: 'connecting' | 'open' | 'closed' = 'connecting';
  private readonly queue: { readonly dueMs: number; readonly text: string }[] = [];
  private readonly world: Scripted;
  private readonly handlers: SocketHandlers;

  constructor(world: Scripted, url: string, handlers: SocketHandlers, lagMs: number) {
    this.world = world;
    this.url = url;
    this.handlers = handlers;
    this.lagMs = lagMs;
    this.openedMs = world.nowMs;
  }

  send(data: string | Uint8Array): void {
    const text = String(data);
    this.heard.push(text);
    if (this.halfOpen) return;
    if (text === 'ping') return this.push({ kind: 'pong' });
    const { op, symbols } = JSON.parse(text) as { op: string; symbols: string[] };
    if (op === 'unsubscribe') for (const name of symbols) this.symbols.delete(name);
    else this.world.subscribed(this, symbols);
  }

  ping(): void {
    if (!this.halfOpen) this.handlers.onPong?.(Buffer.alloc(0));
  }

  close(): void {
    this.state = 'closed';
  }

  terminate(): void {
    this.close();
  }

  bufferedBytes(): number {
    return 0;
  }

  open(): void {
    this.state = 'open';
    this.handlers.onOpen();
    if (this.world.capabilities.awaitsWelcome && !this.world.isRude) this.push({ kind: 'welcome' });
  }

  push(frame: Frame): void {
    if (this.halfOpen || (frame.s !== undefined && this.muted.has(frame.s))) return;
    this.pushText(JSON.stringify(frame));
  }

  pushText(text: string): void {
    this.queue.push({ dueMs: this.world.nowMs + this.lagMs, text });
  }

  drop(): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.handlers.onClose(1006, 'gone');
  }

  deliver(): void {
    while (this.state === 'open' && this.queue[0] !== undefined && this.queue[0].dueMs <= this.world.nowMs)
      this.handlers.onFrame(Buffer.from(this.queue.shift()!.text), false);
  }
}

interface Market {
  n: number;
  bids: Level[];
  asks: Level[];
  readonly tops: Map<number, string>;
}

export interface ScriptSettings {
  readonly symbols?: readonly string[];
  readonly capabilities?: Partial<Capabilities>;
  readonly feed?: Partial<ExchangeFeedOptions>;
  readonly lagMs?: (connection: number) => number;
}

/** Exchange, feed and clock in one. */
export class Scripted {
  nowMs = 0;
  readonly capabilities: Capabilities;
  readonly sockets: ScriptedSocket[] = [];
  readonly board = new QuoteBoard(256);
  readonly statuses: string[] = [];
  readonly trades: string[] = [];
  readonly tickets: { readonly line: number; readonly attempt: number }[] = [];
  readonly requests: { readonly id: number; readonly path: string; readonly atMs: number }[] = [];
  readonly failures: string[] = [];
  readonly wrong: string[] = [];
  /** Symbol → ms for which the board did not trust it, since the last `forget`. */
  readonly untrustedMs = new Map<string, number>();
  readonly feed: ExchangeFeed;
  readonly symbols: readonly string[];
  /** The exchange accepts connections, answers REST, greets. */
  accepts = true;
  answers = true;
  isRude = false;
  /** These do not trade: no frame of them is due. */
  readonly quiet = new Set<string>();
  private readonly markets = new Map<string, Market>();
  private readonly prng = Prng.of(7, 'scripted');
  private readonly lagMs: (connection: number) => number;
  private trade = 0;

  constructor(settings: ScriptSettings = {}) {
    this.symbols = settings.symbols ?? ['AAA', 'BBB', 'CCC'];
    this.lagMs = settings.lagMs ?? (() => 0);
    const connector = scriptedConnector(settings.capabilities ?? {});
    this.capabilities = connector.capabilities;
    for (const symbol of this.symbols)
      this.markets.set(symbol, { n: 1000, bids: [[100, 5]], asks: [[101, 5]], tops: new Map() });
    for (const symbol of this.symbols) this.move(symbol);
    this.feed = new ExchangeFeed({
      connector,
      websocketUrl: connector.endpoints.websocketUrl,
      instruments: this.symbols.map((symbol) => ({ id: `scripted:${symbol}`, symbol })),
      board: this.board,
      limiter: new RateLimiter(connector.capabilities.restLimits),
      connects: connectLimiterOf(connector.capabilities.limits),
      connect: (url, _options, handlers) => {
        const socket = new ScriptedSocket(this, url, handlers, this.lagMs(this.sockets.length + 1));
        this.sockets.push(socket);
        return socket;
      },
      clock: { nowMs: () => WALL + this.nowMs, monotonicMs: () => this.nowMs },
      random: () => this.prng.next(),
      epoch: 1,
      effects: {
        request: (id, { path }) => this.requests.push({ id, path, atMs: this.nowMs }),
        ticket: (line, attempt) => this.tickets.push({ line, attempt }),
        status: (instrument, state) => this.statuses.push(`${instrument ?? 'all'} ${state}`),
        instrumentState: () => undefined,
        trade: ({ instrument, tradeId }) => this.trades.push(`${instrument} ${tradeId}`),
        fail: (error) => this.failures.push(error.message),
        dirty: () => undefined,
      },
      ...settings.feed,
    });
  }

  /** Sockets that the exchange has open. */
  get open(): ScriptedSocket[] {
    return this.sockets.filter(({ state }) => state === 'open');
  }

  get tradesMade(): number {
    return this.trade;
  }

  /** Time passes in steps; books move, frames arrive, and the board is compared after each. */
  run(ms: number, between: () => void = () => undefined): void {
    for (const end = this.nowMs + ms; this.nowMs < end;) {
      this.nowMs += STEP_MS;
      for (const symbol of this.symbols) if (!this.quiet.has(symbol)) this.move(symbol);
      for (const socket of this.sockets) {
        if (socket.state === 'connecting' && this.nowMs - socket.openedMs >= 100) {
          if (this.accepts) socket.open();
          else socket.drop();
        }
        socket.deliver();
      }
      this.answerRequests();
      this.feed.flush();
      if (this.nowMs % 250 === 0) this.feed.tick();
      between();
      this.compare();
    }
  }

  forget(): void {
    this.untrustedMs.clear();
    this.statuses.length = 0;
  }

  isTrusted(symbol: string): boolean {
    return this.board.trust[this.board.slotOf(`scripted:${symbol}`)] === TRUST_OK;
  }

  get allTrusted(): boolean {
    return this.symbols.every((symbol) => this.isTrusted(symbol));
  }

  subscribed(socket: ScriptedSocket, symbols: readonly string[]): void {
    if (this.capabilities.subscriptionMode === 'replace') socket.symbols.clear();
    for (const symbol of symbols) {
      socket.symbols.add(symbol);
      socket.push(this.snapshot(symbol));
    }
  }

  snapshot(symbol: string): Frame {
    const { n, bids, asks } = this.markets.get(symbol)!;
    return { kind: 'snapshot', s: symbol, n, ts: WALL + this.nowMs, b: bids, a: asks };
  }

  private answerRequests(): void {
    while (this.answers && this.requests[0] !== undefined && this.requests[0].atMs + 100 <= this.nowMs) {
      const { id, path } = this.requests.shift()!;
      const body = Buffer.from(JSON.stringify(this.snapshot(path.slice('/depth?'.length))));
      this.feed.httpAnswer(id, 200, {}, body);
    }
  }

  private move(symbol: string): void {
    const market = this.markets.get(symbol)!;
    const bid: Level = [100 - this.prng.below(3) * 0.1, 1 + this.prng.below(50)];
    const ask: Level = [101 + this.prng.below(3) * 0.1, 1 + this.prng.below(50)];
    const gone = (levels: Level[], to: Level): Level[] =>
      levels.filter(([price]) => price !== to[0]).map(([p]) => [p, 0]);
    const frame: Frame = {
      kind: 'delta',
      s: symbol,
      n: ++market.n,
      ts: WALL + this.nowMs,
      b: [...gone(market.bids, bid), bid],
      a: [...gone(market.asks, ask), ask],
    };
    market.bids = [bid];
    market.asks = [ask];
    market.tops.set(market.n, `${bid.join()} ${ask.join()}`);
    const trade: Frame = { kind: 'trade', s: symbol, n: ++this.trade, ts: WALL + this.nowMs };
    for (const socket of this.open)
      if (socket.symbols.has(symbol)) {
        socket.push(frame);
        socket.push(trade);
      }
  }

  private compare(): void {
    const { board } = this;
    for (const symbol of this.symbols) {
      const slot = board.slotOf(`scripted:${symbol}`);
      if (board.trust[slot] !== TRUST_OK) {
        this.untrustedMs.set(symbol, (this.untrustedMs.get(symbol) ?? 0) + STEP_MS);
        continue;
      }
      const at = slot * BOARD_DEPTH;
      const { bidPrices, bidSizes, askPrices, askSizes } = board;
      const shown = `${bidPrices[at]},${bidSizes[at]} ${askPrices[at]},${askSizes[at]}`;
      const held = this.markets.get(symbol)!.tops.get(board.sequence[slot]!);
      if (shown !== held) this.wrong.push(`${this.nowMs} ${symbol}: shows ${shown}, held ${held}`);
    }
  }
}
