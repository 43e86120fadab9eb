import { crc32 } from 'node:zlib';
import type { BookSide, OrderBook } from '../market/order-book.js';
import type { BookEvent } from './base.js';
import type { LevelRow } from './fields.js';

const CHECKSUM_LEVELS = 25;
/** Far above any book of these exchanges; beyond it the texts are forgotten and floats are spelled instead. */
const MAX_TEXTS = 20_000;

/**
 * The levels of one book as their exchange spelled them, for checksums over text (OKX, Bitget). The texts of a snapshot are
 * kept until an update shows whether checksums come: Bitget sends a snapshot without one and updates with. Today's frames
 * mostly carry none, and floats suffice for everything else.
 */
export class LevelTexts {
  private readonly bids = new Map<number, string>();
  private readonly asks = new Map<number, string>();
  private kept = false;

  clear(): void {
    this.bids.clear();
    this.asks.clear();
  }

  /** Notes the levels of a frame; call before the frame's checksum is compared and after `clear` for a snapshot. */
  note(event: BookEvent): void {
    if (event.checksum !== 0) this.kept = true;
    if (!this.kept && !event.snapshot) {
      if (this.bids.size + this.asks.size > 0) this.clear();
      return;
    }
    noteSide(this.bids, event.bidRows, event.bids.prices, event.bids.sizes);
    noteSide(this.asks, event.askRows, event.asks.prices, event.asks.sizes);
  }

  /**
   * Signed CRC32 over the best 25 levels, `bidPx:bidSz:askPx:askSz:…` in original spelling (PROTOCOLS §4). A level seen
   * before texts were kept is spelled as its shortest decimal, which is how these exchanges print.
   */
  checksumOf(book: OrderBook): number {
    const parts: string[] = [];
    for (let level = 0; level < CHECKSUM_LEVELS; level++) {
      if (level < book.bidCount) parts.push(this.spell('bid', this.bids, book, level));
      if (level < book.askCount) parts.push(this.spell('ask', this.asks, book, level));
    }
    return crc32(parts.join(':')) | 0;
  }

  private spell(side: BookSide, texts: ReadonlyMap<number, string>, book: OrderBook, level: number): string {
    const price = book.price(side, level);
    return texts.get(price) ?? `${plainText(price)}:${plainText(book.size(side, level))}`;
  }
}

function noteSide(
  texts: Map<number, string>,
  rows: readonly LevelRow[],
  prices: Float64Array,
  sizes: Float64Array,
): void {
  if (texts.size > MAX_TEXTS) texts.clear();
  for (let i = 0; i < rows.length; i++) {
    const price = prices[i]!;
    if (sizes[i] === 0) texts.delete(price);
    else texts.set(price, `${rows[i]![0]!}:${rows[i]![1]!}`);
  }
}

/** Shortest decimal of a float64 without an exponent. */
export function plainText(value: number): string {
  const text = String(value);
  const at = text.indexOf('e');
  if (at < 0) return text;
  const exponent = Number(text.slice(at + 1));
  const digits = text.slice(0, at).replace('.', '');
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${digits}`;
  return digits.padEnd(exponent + 1, '0');
}
