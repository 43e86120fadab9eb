/** Samples within a time window, oldest forgotten first; bounded, whatever the rate at which they come. */
export class TimeWindow {
  private times: number[] = [];
  private values: number[] = [];
  private head = 0;
  private total = 0;
  private readonly capacity: number;

  /** Above `capacity` samples the oldest go although they are young enough. */
  constructor(capacity = 4_096) {
    this.capacity = capacity;
  }

  push(timeMs: number, value: number): void {
    this.times.push(timeMs);
    this.values.push(value);
    this.total += value;
    if (this.size > this.capacity) this.dropOldest();
  }

  /** Forgets what `isOld` says of its time; times never fall. */
  dropWhile(isOld: (timeMs: number) => boolean): void {
    while (this.size > 0 && isOld(this.times[this.head]!)) this.dropOldest();
  }

  clear(): void {
    this.times = [];
    this.values = [];
    this.head = 0;
    this.total = 0;
  }

  get size(): number {
    return this.times.length - this.head;
  }

  /** Null without samples. */
  mean(): number | null {
    return this.size === 0 ? null : this.total / this.size;
  }

  private dropOldest(): void {
    this.total -= this.values[this.head]!;
    this.head++;
    if (this.head > 1_024 && this.head * 2 > this.times.length) this.compact();
  }

  /** The sum is taken anew with the arrays, so that rounding does not pile up. */
  private compact(): void {
    this.times = this.times.slice(this.head);
    this.values = this.values.slice(this.head);
    this.head = 0;
    this.total = this.values.reduce((sum, value) => sum + value, 0);
  }
}
