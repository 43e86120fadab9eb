import { createHash, type Hash } from 'node:crypto';

/** The newest lines that a failure shows. */
const KEPT_LINES = 400;

/**
 * What can be seen of a run from outside, in order and with its virtual time: bus messages, supervision events, frames,
 * faults. All of it goes into the hash; the newest lines are kept for whoever has to explain a failure.
 */
export class Trace {
  private readonly hash: Hash = createHash('sha256');
  private readonly lines: string[] = [];
  private next = 0;
  private readonly nowMs: () => number;
  events = 0;

  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
  }

  /** `text` is hashed whole and shown cut. */
  add(kind: string, text: string): void {
    const line = `${this.nowMs().toFixed(6)} ${kind} ${text}`;
    this.hash.update(line);
    this.events++;
    this.keep(line);
  }

  /** For the reader of a failure only: log lines hold stacks, and those hold paths. */
  note(kind: string, text: string): void {
    this.keep(`${this.nowMs().toFixed(6)} ${kind} ${text}`);
  }

  /** Goes into the hash only: frames are many and say little to a reader. */
  addQuietly(kind: string, text: string): void {
    this.hash.update(`${this.nowMs().toFixed(6)} ${kind} ${text}`);
    this.events++;
  }

  /** 16 hexadecimal digits over everything so far. */
  digest(): string {
    return this.hash.copy().digest('hex').slice(0, 16);
  }

  /** Oldest first. */
  newest(count: number, width = 260): string[] {
    const ordered = [...this.lines.slice(this.next), ...this.lines.slice(0, this.next)];
    return ordered.slice(-count).map((line) => (line.length > width ? `${line.slice(0, width)}…` : line));
  }

  private keep(line: string): void {
    this.lines[this.next] = line;
    this.next = (this.next + 1) % KEPT_LINES;
  }
}
