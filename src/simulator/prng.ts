import { invariant } from '../messages/errors.js';

/** The whole state of one stream: four unsigned 32-bit words. Saving it and restoring it repeats the stream. */
export type PrngState = readonly [number, number, number, number];

/**
 * The simulator's own generator: sfc32 (Small Fast Counter, Chris Doty-Humphrey, PractRand), 32-bit words only, so that one
 * seed gives one stream on every machine. Seeding hashes a label with FNV-1a and lets the generator run in; each
 * purpose has its own label, so that drawing more for one does not shift another.
 */
export class Prng {
  private a: number;
  private b: number;
  private c: number;
  private counter: number;

  constructor(state: PrngState) {
    [this.a, this.b, this.c, this.counter] = state;
  }

  /** The stream of `purpose` under `seed`. */
  static of(seed: number, purpose: string): Prng {
    const prng = new Prng([seed >>> 0, fnv1a(purpose), fnv1a(`${purpose}/${seed}`), 1]);
    for (let i = 0; i < 15; i++) prng.word();
    return prng;
  }

  get state(): PrngState {
    return [this.a, this.b, this.c, this.counter];
  }

  /** Next unsigned 32-bit word. */
  word(): number {
    const sum = (this.a + this.b + this.counter) >>> 0;
    this.counter = (this.counter + 1) >>> 0;
    this.a = (this.b ^ (this.b >>> 9)) >>> 0;
    this.b = (this.c + (this.c << 3)) >>> 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) >>> 0;
    return sum;
  }

  /** Uniform in [0, 1) with 32 bits. */
  next(): number {
    return this.word() / 4_294_967_296;
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** Uniform integer in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  /**
   * Mean 0, variance 1, never beyond ±3.47: four uniforms summed (Irwin-Hall). Bounded on purpose, and free of
   * log and cos, whose last digit differs between engines.
   */
  normal(): number {
    return (this.next() + this.next() + this.next() + this.next() - 2) * Math.sqrt(3);
  }

  pick<T>(items: readonly T[]): T {
    invariant(items.length > 0, 'nothing to pick from');
    return items[this.below(items.length)]!;
  }

  /** A new array in random order (Fisher-Yates). */
  shuffled<T>(items: readonly T[]): T[] {
    const out = [...items];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [out[i], out[j]] = [out[j]!, out[i]!];
    }
    return out;
  }

  /** `length` hexadecimal digits, for connection ids and the like. */
  hex(length: number): string {
    let out = '';
    while (out.length < length) out += this.word().toString(16).padStart(8, '0');
    return out.slice(0, length);
  }

  /** A text in UUID form. */
  uuid(): string {
    const h = this.hex(32);
    return `${h.slice(0, 8)}-${h.slice(8, 12)}-5${h.slice(13, 16)}-b${h.slice(17, 20)}-${h.slice(20)}`;
  }
}

/** FNV-1a, 32 bit, over the UTF-16 units of a text. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}
