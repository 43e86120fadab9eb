/**
 * Words that a frame may carry at one place (followed markets, channels), found by their bytes: the answer is a value that
 * exists already, so that a known word costs no string.
 */
export const MAX_WORD_BYTES = 64;
const EMPTY = -1;
/** No quote, backslash, control character or anything beyond ASCII: such a word is spelled the same in JSON and in memory. */
const PLAIN_WORD = /^[\x20-\x21\x23-\x5b\x5d-\x7e]{1,64}$/;

export class WordTable<T> {
  private readonly words: Uint8Array[] = [];
  private readonly values: T[] = [];
  private slots = new Int32Array(64).fill(EMPTY);
  private readonly terminator: number;

  /** `terminator`: the byte that ends the word in a frame. */
  constructor(terminator: '"' | '@' = '"') {
    this.terminator = terminator.charCodeAt(0);
  }

  get size(): number {
    return this.words.length;
  }

  /** A known word keeps its value. Words that JSON may spell in several ways are left out: their frames are not scanned. */
  add(word: string, value: T): void {
    if (!PLAIN_WORD.test(word) || word.includes(String.fromCharCode(this.terminator))) return;
    const bytes = Uint8Array.from(Buffer.from(word, 'latin1'));
    if (this.find(Buffer.from([...bytes, this.terminator]), 0) >= 0) return;
    this.words.push(bytes);
    this.values.push(value);
    if (this.words.length * 2 > this.slots.length) this.rehash(this.slots.length * 4);
    else this.place(this.words.length - 1);
  }

  /** Number of the word that starts at `at` and ends before the terminator; -1 when it is not known. */
  find(data: Buffer, at: number): number {
    const { terminator, slots } = this;
    const limit = Math.min(data.length, at + MAX_WORD_BYTES + 1);
    let hash = 0;
    let end = at;
    for (; end < limit; end++) {
      const byte = data[end]!;
      if (byte === terminator) break;
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    if (end === limit) return -1;
    const mask = slots.length - 1;
    for (let slot = spread(hash) & mask; ; slot = (slot + 1) & mask) {
      const index = slots[slot]!;
      if (index === EMPTY) return -1;
      if (isAt(this.words[index]!, data, at, end - at)) return index;
    }
  }

  valueOf(index: number): T {
    return this.values[index]!;
  }

  lengthOf(index: number): number {
    return this.words[index]!.length;
  }

  private rehash(length: number): void {
    this.slots = new Int32Array(length).fill(EMPTY);
    for (let index = 0; index < this.words.length; index++) this.place(index);
  }

  private place(index: number): void {
    let hash = 0;
    for (const byte of this.words[index]!) hash = (Math.imul(hash, 31) + byte) | 0;
    const mask = this.slots.length - 1;
    let slot = spread(hash) & mask;
    while (this.slots[slot] !== EMPTY) slot = (slot + 1) & mask;
    this.slots[slot] = index;
  }
}

function spread(hash: number): number {
  return hash ^ (hash >>> 15);
}

function isAt(word: Uint8Array, data: Buffer, at: number, length: number): boolean {
  if (word.length !== length) return false;
  for (let i = 0; i < length; i++) if (data[at + i] !== word[i]) return false;
  return true;
}
