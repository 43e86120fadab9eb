import type { DeskEvent } from './desk-types.js';
import { delayOf, type TradingFaultBoard } from './trading-faults.js';

/** Messages that nobody fetched are dropped beyond this many. */
const MAX_QUEUED = 50_000;

/**
 * The way from the desk to the private connections. Messages leave on `flush`, which whoever carries the answers calls once
 * an answer is on its way: so that the answer comes first, as it mostly does, unless a fault wants it otherwise.
 */
export class PushLine {
  private readonly faults: TradingFaultBoard;
  private readonly sink: (event: DeskEvent) => void;
  private ready: DeskEvent[] = [];
  private late: { readonly dueMs: number; readonly event: DeskEvent }[] = [];
  private swapped: DeskEvent | null = null;

  constructor(faults: TradingFaultBoard, sink: (event: DeskEvent) => void) {
    this.faults = faults;
    this.sink = sink;
  }

  push(event: DeskEvent): void {
    const isFill = event.kind === 'order' && event.cause === 'trade';
    const fault = this.faults.takePush(event.kind === 'order' ? event.order.symbol : null, isFill);
    switch (fault?.kind) {
      case 'drop-pushes':
        return;
      case 'late-fill-push':
        this.late.push({ dueMs: event.timeMs + delayOf(fault), event });
        return;
      case 'duplicate-fill-push':
        this.queue(event);
        return this.queue(event);
      case 'reorder-pushes':
        this.releaseSwapped();
        this.swapped = event;
        return;
      default:
        this.queue(event);
        this.releaseSwapped();
    }
  }

  /** Sends what is ready, and what has become due. */
  flush(nowMs: number): void {
    const due = this.late.filter(({ dueMs }) => dueMs <= nowMs);
    if (due.length > 0) this.late = this.late.filter(({ dueMs }) => dueMs > nowMs);
    const events = [...this.ready, ...due.map(({ event }) => event)];
    this.ready = [];
    for (const event of events) this.sink(event);
  }

  /** Nobody will hear what was on its way. */
  clear(): void {
    this.ready = [];
    this.late = [];
    this.swapped = null;
  }

  private releaseSwapped(): void {
    if (this.swapped === null) return;
    const held = this.swapped;
    this.swapped = null;
    this.queue(held);
  }

  private queue(event: DeskEvent): void {
    if (this.ready.length < MAX_QUEUED) this.ready.push(event);
  }
}
