import type { QuoteBoard } from '../market/quote-board.js';
import { layOver, layOverAgain } from './best-quote.js';
import type { SymbolFeed } from './feed-symbol.js';

/** A quiet connection's life is written for all of its symbols at most so often; ages are judged in hundreds of ms. */
const ALIVE_STEP_MS = 10;

/** A best quote that moved is in the depth channel by then; where it is not, the levels behind it are older than it says. */
const LONGEST_LAG_MS = 1_000;

/** Exchange time of a book with its quote laid over: the depth's own where that has fallen behind. */
function timeOf({ depth, quote }: SymbolFeed): number {
  const lagMs = quote.exchangeTimeMs - depth.exchangeTimeMs;
  if (lagMs <= 0) return depth.exchangeTimeMs;
  const isBehind = lagMs > LONGEST_LAG_MS && depth.exchangeTimeMs > 0 && !quote.agreesWith(depth.book);
  return isBehind ? depth.exchangeTimeMs : quote.exchangeTimeMs;
}

/** Publishes the symbols of one connection: each changed one once per batch of frames. */
export class BoardWriter {
  private readonly board: QuoteBoard;
  private readonly symbols: readonly SymbolFeed[];
  /** The first `dirtyCount` have changed since they were published; the array keeps its length, for it is filled after each read. */
  private readonly dirty: SymbolFeed[] = [];
  private dirtyCount = 0;
  /** When the connection last proved alive. */
  aliveMs = 0;
  private writtenAliveMs = 0;

  constructor(board: QuoteBoard, symbols: readonly SymbolFeed[]) {
    this.board = board;
    this.symbols = symbols;
  }

  /** The symbol's book or quote has changed. */
  note(symbol: SymbolFeed): void {
    if (symbol.dirty) return;
    symbol.dirty = true;
    this.dirty[this.dirtyCount++] = symbol;
  }

  /** Publishes what was noted, and that the connection was alive; `always`: also where that was told a moment ago. */
  flush(always: boolean): void {
    // By index, without an iterator: this runs after every read of the socket.
    for (let i = 0; i < this.dirtyCount; i++) {
      const symbol = this.dirty[i]!;
      symbol.dirty = false;
      if (symbol.depth.trusted) this.publish(symbol);
    }
    this.dirtyCount = 0;
    const passedMs = this.aliveMs - this.writtenAliveMs;
    if (passedMs >= ALIVE_STEP_MS || (always && passedMs !== 0)) this.writeAlive();
  }

  private writeAlive(): void {
    this.writtenAliveMs = this.aliveMs;
    for (let i = 0; i < this.symbols.length; i++) {
      const { slot, epoch } = this.symbols[i]!;
      if (epoch !== null) this.board.markAlive(slot, this.aliveMs, epoch);
    }
  }

  /** Writes the symbol's book with the newest best quote laid over it, unless another connection speaks for it. */
  publish(symbol: SymbolFeed): void {
    const { board } = this;
    const { depth, quote, epoch, slot } = symbol;
    if (epoch === null) return;
    const useQuote = quote.isNewerThan(depth.order);
    symbol.exchangeTimeMs = useQuote ? timeOf(symbol) : depth.exchangeTimeMs;
    if (useQuote && symbol.shownChanges === depth.changes && board.shows(slot, epoch)) {
      layOverAgain(board, slot, depth.book, quote);
      board.stamp(slot, symbol);
      return;
    }
    symbol.shownChanges = -1;
    if (!board.publishBook(slot, depth.book, symbol)) return;
    symbol.shownChanges = depth.changes;
    if (useQuote) layOver(board, slot, quote);
  }
}
