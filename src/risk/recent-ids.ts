/**
 * Remembers the last `capacity` identifiers, oldest forgotten first. Bounded memory for duplicate checks; what must hold
 * for ever is held by a store's unique key.
 */
export class RecentIds {
  private readonly ids = new Set<string>();
  readonly capacity: number;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  has(id: string): boolean {
    return this.ids.has(id);
  }

  /** True when the id is new. */
  add(id: string): boolean {
    if (this.ids.has(id)) return false;
    this.ids.add(id);
    if (this.ids.size > this.capacity) this.forgetOldest();
    return true;
  }

  /** Forgets one id: what it stood for did not happen. */
  remove(id: string): void {
    this.ids.delete(id);
  }

  get size(): number {
    return this.ids.size;
  }

  private forgetOldest(): void {
    const oldest = this.ids.values().next();
    if (oldest.done !== true) this.ids.delete(oldest.value);
  }
}
