import ccxt from 'ccxt';
import type { FrameSet } from '../frame-sets.js';
import { answersByFrame, type Peer, type PeerOrReason } from './peer.js';

/**
 * ccxt pro by its cheapest real path: the message entry of its WebSocket client, no socket, nobody awaiting. Markets are made up as
 * its loader would make them; checksums are switched off where it would check them.
 */

interface Book {
  readonly bids: readonly (readonly [number, number])[];
  readonly asks: readonly (readonly [number, number])[];
  reset(snapshot: unknown): void;
}

/** What is used of an exchange of ccxt pro. */
interface Exchange {
  fetch: () => Promise<unknown>;
  options: Record<string, unknown>;
  orderbooks: Record<string, Book>;
  setMarkets(markets: unknown): unknown;
  safeMarketStructure(market: object): object;
  client(url: string): {
    subscriptions: Record<string, unknown>;
    onMessage(event: { readonly data: Buffer }): void;
  };
  orderBook(snapshot?: object, depth?: number): Book;
  parseOrderBook(answer: object, symbol: string): Record<string, unknown>;
}

interface Setting {
  readonly id: string;
  readonly url: string;
  /** Base and quote of a market's own name; contracts settle in the quote. */
  readonly split: RegExp;
  readonly isContract: boolean;
}

const QUOTES = /^(.+?)(USDT|USDC|BTC|ETH|EUR|BNB)$/;
const DASHED = /^([^-]+)-([^-]+)(?:-.*)?$/;
const WON = /^([A-Z]+)-(.+)$/;

const SETTINGS: Readonly<Record<string, Setting>> = {
  binance: { id: 'binance', url: 'wss://stream.binance.com:9443/ws/0', split: QUOTES, isContract: false },
  okx: { id: 'okx', url: 'wss://ws.okx.com:8443/ws/v5/public', split: DASHED, isContract: false },
  bybit: { id: 'bybit', url: 'wss://stream.bybit.com/v5/public/linear', split: QUOTES, isContract: true },
  bitget: { id: 'bitget', url: 'wss://ws.bitget.com/v2/ws/public', split: QUOTES, isContract: false },
  gate: { id: 'gate', url: 'wss://fx-ws.gateio.ws/v4/ws/usdt', split: /^(.+)_(.+)$/, isContract: true },
  upbit: { id: 'upbit', url: 'wss://api.upbit.com/websocket/v1', split: WON, isContract: false },
  bithumb: { id: 'bithumb', url: 'wss://ws-api.bithumb.com/websocket/v1', split: WON, isContract: false },
};

export function ccxtPeer(set: FrameSet): PeerOrReason {
  const setting = SETTINGS[set.exchange];
  if (setting === undefined) return 'ccxt pro is not set up for these frames';
  if (setting.split === WON && !set.frames[0]!.includes('"type"'))
    return 'ccxt pro reads only the format DEFAULT';
  return new CcxtPeer(set, setting);
}

class CcxtPeer implements Peer {
  readonly name = 'ccxt pro: message entry, book';
  readonly leavesOut = 'ccxt runs without awaiting consumers and with its checksums off';
  private readonly set: FrameSet;
  private readonly setting: Setting;
  private readonly answers;
  private readonly symbols = new Map<string, string>();
  private exchange: Exchange;
  private client: ReturnType<Exchange['client']>;

  constructor(set: FrameSet, setting: Setting) {
    this.set = set;
    this.setting = setting;
    this.answers = answersByFrame(set);
    for (const symbol of set.symbols) this.symbols.set(symbol, this.unified(symbol));
    this.exchange = this.newExchange();
    this.client = this.exchange.client(setting.url);
  }

  begin(): void {
    const { exchange, client } = this;
    exchange.orderbooks = {};
    for (const symbol of this.symbols.values()) {
      client.subscriptions[`${this.set.channel}:${symbol}`] = true;
      const isBridged = this.set.answers.length > 0;
      if (isBridged) exchange.orderbooks[symbol] = exchange.orderBook({}, 1000);
    }
  }

  step(index: number): number {
    for (const { symbol, body } of this.answers[index] ?? []) this.load(symbol || this.set.symbols[0]!, body);
    this.client.onMessage({ data: this.set.frames[index]! });
    const book = this.exchange.orderbooks[this.symbols.get(this.set.symbols[0]!)!];
    return (book?.bids[0]?.[0] ?? 0) + (book?.asks[0]?.[0] ?? 0);
  }

  top(symbol: string, side: 'bids' | 'asks', count: number): [number, number][] {
    const levels = this.exchange.orderbooks[this.symbols.get(symbol)!]?.[side] ?? [];
    return levels.slice(0, count).map(([price, size]) => [price, size]);
  }

  private load(symbol: string, body: Buffer): void {
    const name = this.symbols.get(symbol)!;
    const answer = JSON.parse(body.toString()) as { lastUpdateId?: number; id?: number };
    // Futures of Gate spell levels as objects, which its REST reader expects under these keys.
    const { exchange, setting } = this;
    const parse = exchange.parseOrderBook as (...args: unknown[]) => Record<string, unknown>;
    const keys = setting.id === 'gate' ? [undefined, 'bids', 'asks', 'p', 's'] : [];
    const snapshot = parse.call(exchange, answer, name, ...keys);
    snapshot['nonce'] = answer.lastUpdateId ?? answer.id;
    exchange.orderbooks[name]!.reset(snapshot);
  }

  private newExchange(): Exchange {
    const make = (ccxt.pro as unknown as Record<string, new (options: object) => Exchange>)[this.setting.id]!;
    const exchange = new make({ newUpdates: true });
    // Where it misses a snapshot it would ask the exchange itself, again and again.
    exchange.fetch = () => new Promise(() => undefined);
    for (const method of ['watchOrderBook']) {
      const options = exchange.options[method] as object | undefined;
      exchange.options[method] = { ...options, checksum: false };
    }
    exchange.setMarkets(this.set.symbols.map((symbol) => exchange.safeMarketStructure(this.market(symbol))));
    return exchange;
  }

  private unified(symbol: string): string {
    const { base, quote, isContract } = this.partsOf(symbol);
    return isContract ? `${base}/${quote}:${quote}` : `${base}/${quote}`;
  }

  private partsOf(symbol: string): { base: string; quote: string; isContract: boolean } {
    const [, first = symbol, second = 'USDT'] = this.setting.split.exec(symbol) ?? [];
    const [base, quote] = this.setting.split === WON ? [second, first] : [first, second];
    // OKX mixes spot and contracts in one recording.
    const isContract = this.setting.isContract || symbol.split('-').length > 2;
    return { base: isContract ? symbol.replaceAll(/\W/g, '') : base, quote, isContract };
  }

  private market(symbol: string): object {
    const { base, quote, isContract } = this.partsOf(symbol);
    return {
      id: symbol,
      symbol: this.unified(symbol),
      base,
      quote,
      baseId: base,
      quoteId: quote,
      settle: isContract ? quote : undefined,
      type: isContract ? 'swap' : 'spot',
      spot: !isContract,
      swap: isContract,
      contract: isContract,
      linear: isContract ? true : undefined,
      contractSize: isContract ? 1 : undefined,
      active: true,
      precision: { price: 1e-8, amount: 1e-8 },
    };
  }
}
