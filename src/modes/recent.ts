/** The newest entries of something that never ends. */
export class Ring<T> {
  private readonly items: T[] = [];
  private readonly capacity: number;
  private next = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  add(item: T): void {
    this.items[this.next] = item;
    this.next = (this.next + 1) % this.capacity;
  }

  /** Newest first. */
  newest(limit: number): T[] {
    const { length } = this.items;
    const count = Math.min(limit, length);
    return Array.from(
      { length: count },
      (_, back) => this.items[(this.next - 1 - back + 2 * length) % length]!,
    );
  }
}

/** Counts by two words; what exceeds the bound is counted as `other`, so that labels stay bounded. */
export class Counts {
  private readonly byKey = new Map<string, number>();
  private readonly capacity: number;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  add(first: string, second: string): void {
    const key = `${first}\n${second}`;
    const kept = this.byKey.has(key) || this.byKey.size < this.capacity ? key : 'other\n';
    this.byKey.set(kept, (this.byKey.get(kept) ?? 0) + 1);
  }

  entries(): [string, string, number][] {
    return [...this.byKey].map(([key, count]) => {
      const [first = '', second = ''] = key.split('\n');
      return [first, second, count];
    });
  }
}
