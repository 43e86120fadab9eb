/** First in, first out, with a bound. A ring that grows by doubling up to its capacity. */
export class BoundedQueue<T> {
  readonly capacity: number;
  private ring: (T | undefined)[];
  private head = 0;
  private count = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.ring = new Array<T | undefined>(Math.min(16, capacity));
  }

  get length(): number {
    return this.count;
  }

  get isFull(): boolean {
    return this.count >= this.capacity;
  }

  /** False when full: nothing was added. */
  push(item: T): boolean {
    if (this.isFull) return false;
    if (this.count === this.ring.length) this.grow();
    this.ring[(this.head + this.count) % this.ring.length] = item;
    this.count++;
    return true;
  }

  shift(): T | undefined {
    if (this.count === 0) return undefined;
    const item = this.ring[this.head];
    this.ring[this.head] = undefined;
    this.head = (this.head + 1) % this.ring.length;
    this.count--;
    return item;
  }

  clear(): void {
    this.ring.fill(undefined);
    this.head = 0;
    this.count = 0;
  }

  private grow(): void {
    const wider = new Array<T | undefined>(Math.min(this.capacity, this.ring.length * 2));
    for (let i = 0; i < this.count; i++) wider[i] = this.ring[(this.head + i) % this.ring.length];
    this.ring = wider;
    this.head = 0;
  }
}
