import type { SimulatedExchange } from '../../src/simulator/listings.js';
import type { SimulatedExchanges } from '../../src/simulator/server.js';

/** The fee of every simulated exchange. */
const FEE_RATE = 0.001;
/** What a unit may lose of what it was bought or sold for, its fee included. */
const CAP = 0.01;

export interface Residue {
  readonly pair: string;
  /** Signed base: positive has to be sold. */
  readonly base: number;
  /** What it was bought or sold for, in quote. */
  readonly own: number;
}

/** An exchange that would have taken a residue, and at which loss. */
export interface Taker {
  readonly exchange: string;
  /** Against what it was bought or sold for, fee included, basis points. */
  readonly lossBps: number;
}

interface Book {
  readonly exchange: string;
  /** Best first: price and size of the side that the residue meets. */
  readonly levels: readonly (readonly [price: number, size: number])[];
  readonly lot: number;
  readonly leastSize: number;
  readonly leastNotional: number;
}

/**
 * What knows the exchanges' real books: those which take the whole residue now within the cap. A residue that one of them takes
 * was handed to a person for nothing.
 */
export function takersOf(exchanges: SimulatedExchanges, residue: Residue): Taker[] {
  const books = Object.keys(exchanges.accounts).map((one) =>
    bookOf(exchanges, one as SimulatedExchange, residue),
  );
  return books.flatMap((book) => takerOf(book, residue));
}

function takerOf(book: Book, { base, own }: Residue): Taker[] {
  const size = Math.floor(Math.abs(base) / book.lot + 1e-9) * book.lot;
  const best = book.levels[0]?.[0] ?? 0;
  if (size < book.leastSize - 1e-12 || size * best < book.leastNotional) return [];
  let rest = size;
  let value = 0;
  for (const [price, held] of book.levels) {
    const taken = Math.min(rest, held);
    value += taken * price;
    rest -= taken;
  }
  if (rest > 1e-9) return [];
  const average = value / size;
  const loss = base > 0 ? 1 - (average * (1 - FEE_RATE)) / own : (average * (1 + FEE_RATE)) / own - 1;
  return loss <= CAP ? [{ exchange: book.exchange, lossBps: loss * 10_000 }] : [];
}

function bookOf(
  { world }: SimulatedExchanges,
  exchange: SimulatedExchange,
  { pair, base }: Pick<Residue, 'pair' | 'base'>,
): Book {
  const market = world.market(exchange, pair);
  const { tick, lot, minLots, minNotional } = market.listing;
  const side = base > 0 ? market.ladder().bids : market.ladder().asks;
  return {
    exchange,
    levels: side.prices.map((ticks, i) => [ticks * tick.value, side.lots[i]! * lot.value] as const),
    ...{ lot: lot.value, leastSize: minLots * lot.value, leastNotional: minNotional },
  };
}

const REMEMBERED_MS = 250;
/** Levels of a side that are remembered. */
const DEPTH = 8;

/** The books as they were, for ends that are read later. */
export class BookHistory {
  private readonly exchanges: SimulatedExchanges;
  private readonly pairs: readonly string[];
  private readonly moments: {
    readonly atMs: number;
    readonly books: readonly (readonly [string, Book])[];
  }[] = [];
  private readonly timer: NodeJS.Timeout;

  constructor(exchanges: SimulatedExchanges, pairs: readonly string[]) {
    this.exchanges = exchanges;
    this.pairs = pairs;
    this.timer = setInterval(() => this.remember(), REMEMBERED_MS);
  }

  private remember(): void {
    const books = this.pairs.flatMap((pair) =>
      Object.keys(this.exchanges.accounts).flatMap((exchange) =>
        [1, -1].map((base) => {
          const book = bookOf(this.exchanges, exchange as SimulatedExchange, { pair, base });
          return [`${pair} ${base}`, { ...book, levels: book.levels.slice(0, DEPTH) }] as const;
        }),
      ),
    );
    this.moments.push({ atMs: Date.now(), books });
  }

  takersAt(atMs: number, residue: Residue): Taker[] {
    const moment = this.moments.findLast((one) => one.atMs <= atMs);
    const wanted = `${residue.pair} ${residue.base > 0 ? 1 : -1}`;
    return (moment?.books ?? []).flatMap(([name, book]) => (name === wanted ? takerOf(book, residue) : []));
  }

  stop(): void {
    clearInterval(this.timer);
  }
}
