/**
 * The bytes of the frame that is being read, in one array that is never replaced: the engine then knows where it lies, and four bytes
 * are read at once. Copying a frame costs a few dozen nanoseconds, a second view of it an object per frame.
 *
 * One frame at a time: a scanner reads it whole before it tells anybody, so that what a sink does may load the next one.
 */
export const FRAME_CAPACITY = 1 << 20;
/** Behind a frame stand sixteen zeros, which are part of nothing: whatever reads on stops there. A search for a word may look further. */
const SLACK = 128;

const buffer = new ArrayBuffer(FRAME_CAPACITY + SLACK);
const bytes = new Uint8Array(buffer);
const view = new DataView(buffer);
export { bytes as frameBytes, view as frameView };

/** Makes `data` the frame to read; false when it is too long for that. */
export function loadFrame(data: Uint8Array): boolean {
  const { length } = data;
  if (length > FRAME_CAPACITY) return false;
  bytes.set(data);
  view.setFloat64(length, 0);
  view.setFloat64(length + 8, 0);
  return true;
}

/** A piece of JSON that must stand in a frame as it is, cut into words of four bytes. */
export class Piece {
  readonly length: number;
  private readonly words: Int32Array;
  /** What is left behind the whole words, up to three bytes. */
  private readonly tail: number;
  private readonly mask: number;

  constructor(text: string) {
    const padded = Buffer.alloc((text.length & ~3) + 4);
    padded.write(text, 'latin1');
    this.length = text.length;
    this.words = Int32Array.from({ length: text.length >> 2 }, (_, i) => padded.readInt32LE(i * 4));
    this.tail = padded.readInt32LE(text.length & ~3);
    this.mask = (1 << ((text.length & 3) * 8)) - 1;
  }

  isAt(start: number): boolean {
    const { words } = this;
    let at = start;
    for (let i = 0; i < words.length; i++, at += 4) if (view.getInt32(at, true) !== words[i]) return false;
    return (view.getInt32(at, true) & this.mask) === this.tail;
  }
}
