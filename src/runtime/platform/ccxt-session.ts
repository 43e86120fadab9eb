import { errorText } from '../../messages/errors.js';
import type { CcxtBook, CcxtExchange } from './ccxt-exchange.js';
import type { CcxtReport } from './ccxt-protocol.js';

/** Levels per side that are carried (`CCXT_LEVELS`). */
const LEVELS = 50;
const MAX_PRINTS = 500;
const ALIVE_EVERY_MS = 500;
const UNWATCH_MS = 5_000;
const ABNORMAL = 1006;
const BAD_DATA = 1007;
const LONGEST_REASON = 300;

/** ccxt's own checks of sequence and checksum failed, or it ended a subscription unasked: the book is not held any longer. */
const LOST = new Set(['ChecksumError', 'InvalidNonce', 'UnsubscribeError']);
const REFUSED = new Set([
  'BadSymbol',
  'BadRequest',
  'NotSupported',
  'ArgumentsRequired',
  'AuthenticationError',
  'PermissionDenied',
]);
/** How ccxt ends what was asked to end. */
const ENDED = new Set(['UnsubscribeError', 'ExchangeClosedByUser']);

type Channel = 'book' | 'trades';
type Tell = (report: CcxtReport) => void;

/**
 * One line to an exchange: a ccxt instance of its own, of which nothing is left when the line is closed. Each watched book is
 * sent as it is, the newest only, when the one before was taken. Whatever ccxt swallows in silence (text that is no JSON) ends
 * the line here, since nobody can say which book it was meant for.
 */
export class CcxtSession {
  private readonly id: number;
  private readonly exchange: CcxtExchange;
  private readonly tell: Tell;
  /** By `channel symbol`: a number that changes when it is watched anew. */
  private readonly watched = new Map<string, number>();
  private readonly books = new Map<string, CcxtBook>();
  /** Subscriptions on their way out; a new one of the same book waits, or ccxt would take it for the old one. */
  private readonly dropping = new Map<string, Promise<void>>();
  private readonly prints = new Map<string, unknown[]>();
  private readonly inFlight = new Set<string>();
  private readonly changed = new Set<string>();
  private turns = 0;
  private count = 0;
  private aliveMs = 0;
  private closed = false;

  constructor(id: number, exchange: CcxtExchange, tell: Tell) {
    this.id = id;
    this.exchange = exchange;
    this.tell = tell;
    this.listenIn();
    tell({ kind: 'opened', session: id });
  }

  /** `{"op":"subscribe"|"unsubscribe","channels":[…],"symbols":[…]}`, as the connector writes it. */
  request(text: string): void {
    const { op, channels, symbols } = JSON.parse(text) as {
      op: string;
      channels: Channel[];
      symbols: string[];
    };
    for (const symbol of symbols) {
      for (const channel of channels) {
        if (op === 'subscribe') this.start(channel, symbol);
        else this.stop(channel, symbol);
      }
    }
  }

  /** Asks every open connection for a pong; all of them must answer. */
  ping(): void {
    const open = Object.values(this.exchange.clients).filter(
      ({ connection }) => connection?.readyState === 1,
    );
    let missing = open.length;
    for (const { connection } of open) {
      connection!.once('pong', () => {
        missing--;
        if (missing === 0) this.alive();
      });
      connection!.ping();
    }
  }

  taken(key: string): void {
    this.inFlight.delete(key);
    if (this.changed.delete(key)) this.send(key);
  }

  /** Ends the line; told once. */
  close(code: number, reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.watched.clear();
    this.tell({ kind: 'closed', session: this.id, code, reason: reason.slice(0, LONGEST_REASON) });
    // A line that no longer answers would keep its socket through the closing handshake.
    for (const { connection } of Object.values(this.exchange.clients)) connection?.terminate();
    this.exchange.close().catch(() => undefined);
  }

  private start(channel: Channel, symbol: string): void {
    const key = keyOf(channel, symbol);
    const turn = ++this.turns;
    this.watched.set(key, turn);
    this.frame('', { event: 'subscribed', channel, symbol });
    void this.watch(channel, symbol, turn);
  }

  private stop(channel: Channel, symbol: string): void {
    this.watched.delete(keyOf(channel, symbol));
    this.frame('', { event: 'unsubscribed', channel, symbol });
    if (channel !== 'book') return;
    const dropped = this.forget(symbol);
    this.dropping.set(symbol, dropped);
    void dropped.then(() => this.dropping.get(symbol) === dropped && this.dropping.delete(symbol));
  }

  /** What ccxt holds of a book is dropped with its subscription, so that the next one begins with a fresh snapshot. */
  private async forget(symbol: string): Promise<void> {
    this.books.delete(symbol);
    if (this.exchange.has['unWatchOrderBook'] !== true)
      return this.close(ABNORMAL, `${symbol}: ccxt cannot drop this book alone`);
    const late = setTimeout(() => this.close(ABNORMAL, `${symbol}: ccxt did not drop the book`), UNWATCH_MS);
    try {
      await this.exchange.unWatchOrderBook(symbol);
    } catch (error) {
      if (!ENDED.has(nameOf(error))) this.close(ABNORMAL, errorText(error));
    } finally {
      clearTimeout(late);
    }
  }

  private async watch(channel: Channel, symbol: string, turn: number): Promise<void> {
    const key = keyOf(channel, symbol);
    const wanted = () => !this.closed && this.watched.get(key) === turn;
    if (channel === 'book') await this.dropping.get(symbol);
    while (wanted()) {
      try {
        if (channel === 'book') this.books.set(symbol, await this.exchange.watchOrderBook(symbol));
        else this.collect(symbol, await this.exchange.watchTrades(symbol));
        if (wanted()) this.note(key);
      } catch (error) {
        if (!wanted()) return;
        this.watched.delete(key);
        return this.failed(channel, symbol, error);
      }
      // ccxt may answer at once for ever; the thread must hear its orders in between.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  private failed(channel: Channel, symbol: string, error: unknown): void {
    const name = nameOf(error);
    const text = `${name}: ${errorText(error)}`.slice(0, 200);
    if (REFUSED.has(name))
      return this.frame('', { event: 'refused', channel, symbol, code: name, message: text });
    if (LOST.has(name) && channel === 'book') return this.frame('', { channel, symbol, lost: text });
    this.close(ABNORMAL, text);
  }

  private collect(symbol: string, trades: readonly unknown[]): void {
    const known = this.prints.get(symbol) ?? [];
    this.prints.set(symbol, [...known, ...trades].slice(-MAX_PRINTS));
  }

  private note(key: string): void {
    if (this.inFlight.has(key)) this.changed.add(key);
    else this.send(key);
  }

  private send(key: string): void {
    const at = key.indexOf(' ');
    const [channel, symbol] = [key.slice(0, at), key.slice(at + 1)];
    const body = channel === 'book' ? this.bookOf(symbol) : this.printsOf(symbol);
    if (body === null) return;
    this.inFlight.add(key);
    this.frame(key, { channel, symbol, ...body });
  }

  private bookOf(symbol: string): object | null {
    const book = this.books.get(symbol);
    return book === undefined ? null : { count: ++this.count, ...plainBook(book) };
  }

  private printsOf(symbol: string): object | null {
    const trades = this.prints.get(symbol) ?? [];
    this.prints.delete(symbol);
    return trades.length === 0 ? null : { trades: trades.map(plainTrade).filter((trade) => trade !== null) };
  }

  private frame(key: string, body: object): void {
    if (!this.closed) this.tell({ kind: 'frame', session: this.id, key, text: JSON.stringify(body) });
  }

  private alive(): void {
    if (!this.closed) this.tell({ kind: 'alive', session: this.id });
  }

  /** Hears every message before ccxt does: that the line lives, and that something came which ccxt would drop unsaid. */
  private listenIn(): void {
    const { exchange } = this;
    const handle = exchange.handleMessage.bind(exchange);
    exchange.handleMessage = (client, message) => {
      if (this.closed) return undefined;
      if (!isReadable(message)) return this.close(BAD_DATA, 'a text that is no JSON arrived');
      const now = performance.now();
      if (now - this.aliveMs >= ALIVE_EVERY_MS) {
        this.aliveMs = now;
        this.alive();
      }
      return handle(client, message);
    };
    const connect = exchange.client.bind(exchange);
    exchange.client = (url) => {
      const client = connect(url);
      // It would print what it cannot parse.
      client.log = () => undefined;
      return client;
    };
  }
}

function keyOf(channel: Channel, symbol: string): string {
  return `${channel} ${symbol}`;
}

/** ccxt names its errors. */
function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'Error';
}

/** Objects are parsed JSON; of texts only words such as `pong` are known, and JSON that stayed text was broken. */
function isReadable(message: unknown): boolean {
  return typeof message !== 'string' || (/^[\x20-\x7e\s]*$/.test(message) && !/^\s*[{[]/.test(message));
}

/** The best levels as numbers, with what ccxt knows about them. */
export function plainBook({ bids, asks, timestamp, nonce }: CcxtBook): object {
  const top = (levels: CcxtBook['bids']) => {
    const rows: unknown[] = [];
    for (let i = 0; i < levels.length && i < LEVELS; i++) rows.push([levels[i]![0], levels[i]![1]]);
    return rows;
  };
  return {
    timestamp: typeof timestamp === 'number' ? Math.floor(timestamp) : null,
    nonce: typeof nonce === 'number' && Number.isSafeInteger(nonce) && nonce >= 0 ? nonce : null,
    bids: top(bids),
    asks: top(asks),
  };
}

/** null for a print without id, side or time, which some exchanges leave out: it cannot be told from another. */
function plainTrade(value: unknown): object | null {
  const { id, price, amount, side, timestamp } = (value ?? {}) as Record<string, unknown>;
  if (id === undefined || side === undefined || typeof timestamp !== 'number') return null;
  return { id, price, amount, side, timestamp: Math.floor(timestamp) };
}
