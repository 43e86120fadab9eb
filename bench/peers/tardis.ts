import { normalizeBookChanges, OrderBook, type BookChange } from 'tardis-dev';
import type { FrameSet } from '../frame-sets.js';
import { answersByFrame, type Peer, type PeerOrReason } from './peer.js';

/** tardis-dev as its replay and its real-time feeds use it: `JSON.parse`, `canHandle`, `map`, `OrderBook.update`. */

interface Mapper {
  canHandle(message: unknown): boolean;
  map(message: unknown, localTimestamp: Date): Iterable<BookChange>;
}

/** Names of tardis by the exchange whose frames its mapper reads. */
const NAMES: Readonly<Record<string, Parameters<typeof normalizeBookChanges>[0]>> = {
  binance: 'binance',
  okx: 'okex',
  bybit: 'bybit',
  upbit: 'upbit',
};

export function tardisPeer(set: FrameSet): PeerOrReason {
  const name = NAMES[set.exchange];
  if (name === undefined) return 'tardis-dev has no mapper of incremental books for these frames';
  const make = () => mapperOf(name, set);
  const [first] = set.frames;
  if (!make().canHandle(JSON.parse(first!.toString())))
    return 'tardis-dev does not read this form of the frames';
  return new TardisPeer(set, make);
}

function mapperOf(name: Parameters<typeof normalizeBookChanges>[0], set: FrameSet): Mapper {
  // Its OKX mapper wants the tick-by-tick channel in recordings and the public one in real time.
  const isLive = set.channel !== 'books-l2-tbt';
  const mapper: unknown = normalizeBookChanges(name, isLive ? new Date() : new Date('2022-06-01'));
  if (set.exchange !== 'bybit') return mapper as Mapper;
  // It subscribes 50 levels; the recording has another depth of the same shape.
  const depth = Number(set.channel.split('.')[1]);
  return Reflect.construct((mapper as object).constructor as new (...args: unknown[]) => Mapper, [
    'bybit',
    depth,
  ]);
}

class TardisPeer implements Peer {
  readonly name = 'tardis-dev: parse, map, book';
  readonly leavesOut = 'tardis-dev checks no sequence after the snapshot and no checksum';
  private readonly set: FrameSet;
  private readonly make: () => Mapper;
  private readonly answers;
  private mapper: Mapper;
  private readonly books = new Map<string, OrderBook>();
  private readonly now = new Date();

  constructor(set: FrameSet, make: () => Mapper) {
    this.set = set;
    this.make = make;
    this.mapper = make();
    this.answers = answersByFrame(set);
  }

  begin(): void {
    this.mapper = this.make();
    this.books.clear();
  }

  step(index: number): number {
    for (const { symbol, body } of this.answers[index] ?? []) {
      const name = (symbol || this.set.symbols[0]!).toLowerCase();
      this.apply({
        stream: `${name}@depthSnapshot`,
        generated: true,
        data: JSON.parse(body.toString()) as unknown,
      });
    }
    return this.apply(JSON.parse(this.set.frames[index]!.toString()));
  }

  top(symbol: string, side: 'bids' | 'asks', count: number): [number, number][] {
    const book = this.books.get(symbol);
    if (book === undefined) return [];
    const levels: [number, number][] = [];
    for (const { price, amount } of side === 'bids' ? book.bids() : book.asks()) {
      if (levels.length === count) break;
      levels.push([price, amount]);
    }
    return levels;
  }

  private apply(message: unknown): number {
    if (!this.mapper.canHandle(message)) return 0;
    let sum = 0;
    for (const change of this.mapper.map(message, this.now)) {
      let book = this.books.get(change.symbol);
      if (book === undefined) this.books.set(change.symbol, (book = new OrderBook()));
      book.update(change);
      sum += (book.bestBid()?.price ?? 0) + (book.bestAsk()?.price ?? 0);
    }
    return sum;
  }
}
