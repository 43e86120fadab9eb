import type { MemberChanged } from '../messages/cluster.js';
import type { SupervisionEvent } from '../messages/supervision.js';
import type { ClusterEvent } from './cluster-answers.js';

const CAPACITY = 2_000;

/** What a reader has missed since an id. */
export interface Missed {
  /** Oldest first. */
  readonly events: readonly ClusterEvent[];
  /** Why these are not all that there were; null = they are. */
  readonly gap: string | null;
}

/** The newest events of all nodes under growing ids of this process, so that a reader goes on where it was. */
export class EventRing {
  private readonly boot: string;
  private readonly capacity: number;
  private readonly events: ClusterEvent[] = [];
  private readonly listeners = new Set<(event: ClusterEvent) => void>();
  private count = 0;

  /** `boot`: of this process, hex digits. Ids of another process are told apart by it. */
  constructor(boot: string, capacity = CAPACITY) {
    this.boot = boot;
    this.capacity = capacity;
  }

  supervised(event: SupervisionEvent): void {
    this.add({ id: this.nextId(), kind: 'supervision', event });
  }

  memberChanged(event: MemberChanged): void {
    this.add({ id: this.nextId(), kind: 'member', event });
  }

  /** Newest first. */
  newest(limit: number): readonly ClusterEvent[] {
    return this.ordered().slice(-limit).reverse();
  }

  since(id: string): Missed {
    const [boot, number = ''] = id.split('-');
    const seen = Number(number);
    if (boot !== this.boot || !/^\d{1,15}$/.test(number) || seen > this.count)
      return { events: this.ordered(), gap: 'this id is of another process' };
    const oldest = this.count - this.events.length;
    const gap = seen < oldest ? `${oldest - seen} events are no longer kept` : null;
    return { events: this.ordered().slice(Math.max(0, seen - oldest)), gap };
  }

  /** Returns what ends it. */
  onEvent(listener: (event: ClusterEvent) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  private nextId(): string {
    return `${this.boot}-${this.count + 1}`;
  }

  private add(event: ClusterEvent): void {
    this.events[this.count % this.capacity] = event;
    this.count++;
    for (const listener of this.listeners) listener(event);
  }

  private ordered(): readonly ClusterEvent[] {
    const cut = this.count % this.capacity;
    return this.count <= this.capacity
      ? [...this.events]
      : [...this.events.slice(cut), ...this.events.slice(0, cut)];
  }
}
