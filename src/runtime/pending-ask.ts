import type { Reply } from './actor.js';

/** One question that waits for its answer. It settles once; whatever comes later is dropped. */
export class PendingAsk<R> implements Reply<R> {
  readonly promise: Promise<R>;
  private fulfil!: (value: R) => void;
  private refuse!: (error: Error) => void;
  private readonly releases: (() => void)[] = [];
  private settled = false;

  constructor() {
    this.promise = new Promise<R>((resolve, reject) => {
      this.fulfil = resolve;
      this.refuse = reject;
    });
  }

  resolve(value: R): void {
    if (this.settle()) this.fulfil(value);
  }

  reject(error: Error): void {
    if (this.settle()) this.refuse(error);
  }

  /** The asker has ended: nobody may be waiting any more, so the rejection must not count as unhandled. */
  disown(error: Error): void {
    this.promise.catch(() => undefined);
    this.reject(error);
  }

  /** Runs when the question is settled, at once when it is already. */
  onSettled(release: () => void): void {
    if (this.settled) release();
    else this.releases.push(release);
  }

  private settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    for (const release of this.releases) release();
    return true;
  }
}
