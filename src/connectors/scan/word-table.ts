import { frameView, Piece } from './frame-bytes.js';

const view = frameView;

/**
 * Words that a frame may carry at one place (followed markets, channels), found by their bytes: the answer is a value that
 * exists already, so that a known word costs no string.
 */
export const MAX_WORD_BYTES = 64;
const EMPTY = -1;
/** No quote, backslash, control character or anything beyond ASCII: such a word is spelled the same in JSON and in memory. */
const PLAIN_WORD = /^[\x20-\x21\x23-\x5b\x5d-\x7e]{1,64}$/;
const LOW_BITS = 0x01010101;
const HIGH_BITS = 0x80808080 | 0;
const FACTOR = 0x9e3779b1 | 0;

export class WordTable<T> {
  private readonly known = new Set<string>();
  /** Each with its terminator. */
  private readonly pieces: Piece[] = [];
  private readonly hashes: number[] = [];
  private readonly values: T[] = [];
  private slots = new Int32Array(64).fill(EMPTY);
  private readonly terminator: string;
  /** The terminator four times. */
  private readonly pattern: number;

  /** `terminator`: the byte that ends the word in a frame. */
  constructor(terminator: '"' | ':' = '"') {
    this.terminator = terminator;
    this.pattern = Math.imul(terminator.charCodeAt(0), LOW_BITS);
  }

  get size(): number {
    return this.pieces.length;
  }

  /** A known word keeps its value. Words that JSON may spell in several ways are left out: their frames are not scanned. */
  add(word: string, value: T): void {
    if (!PLAIN_WORD.test(word) || word.includes(this.terminator) || this.known.has(word)) return;
    this.known.add(word);
    this.pieces.push(new Piece(word + this.terminator));
    this.hashes.push(hashOf(word));
    this.values.push(value);
    if (this.pieces.length * 2 > this.slots.length) this.rehash(this.slots.length * 4);
    else this.place(this.pieces.length - 1);
  }

  /** Number of the word that starts at `at` in the frame and ends before the terminator; -1 when it is not known. */
  find(at: number): number {
    const { pattern, slots } = this;
    const limit = at + MAX_WORD_BYTES;
    let hash = 0;
    for (let from = at; ; from += 4) {
      const word = view.getInt32(from, true);
      const other = word ^ pattern;
      // The lowest mark is right: the first byte that is the terminator.
      const stop = (other - LOW_BITS) & ~other & HIGH_BITS;
      if (stop === 0) {
        if (from >= limit) return -1;
        hash = mixed(hash, word);
        continue;
      }
      hash = mixed(hash, word & (((stop & -stop) >>> 7) - 1));
      break;
    }
    const mask = slots.length - 1;
    for (let slot = spread(hash) & mask; ; slot = (slot + 1) & mask) {
      const index = slots[slot]!;
      if (index === EMPTY || this.pieces[index]!.isAt(at)) return index;
    }
  }

  valueOf(index: number): T {
    return this.values[index]!;
  }

  lengthOf(index: number): number {
    return this.pieces[index]!.length - 1;
  }

  private rehash(length: number): void {
    this.slots = new Int32Array(length).fill(EMPTY);
    for (let index = 0; index < this.pieces.length; index++) this.place(index);
  }

  private place(index: number): void {
    const mask = this.slots.length - 1;
    let slot = spread(this.hashes[index]!) & mask;
    while (this.slots[slot] !== EMPTY) slot = (slot + 1) & mask;
    this.slots[slot] = index;
  }
}

/** As `find` computes it: word by word, the last one as far as it goes. */
function hashOf(text: string): number {
  const padded = Buffer.from(text.padEnd((text.length & ~3) + 4, '\0'), 'latin1');
  let hash = 0;
  for (let at = 0; at < padded.length; at += 4) hash = mixed(hash, padded.readInt32LE(at));
  return hash;
}

function mixed(hash: number, word: number): number {
  return (Math.imul(hash ^ word, FACTOR) + (hash >>> 15)) | 0;
}

function spread(hash: number): number {
  return hash ^ (hash >>> 15);
}
