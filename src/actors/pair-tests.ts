import type { PairTest, PairTestResult } from '../detectors/statistical/pair-test.js';
import { errorText } from '../messages/errors.js';
import type { Compute } from '../ports/compute.js';

/** The task that `modes/compute-tasks.ts` registers. */
export const PAIR_TEST_TASK = 'testPairs';

/** Quotes whose tests may wait. */
const MOST_WAITING = 8;

export interface PairTestsOptions {
  readonly compute: Compute;
  readonly tested: (result: PairTestResult) => void;
  /** It is not answered: dropped for a newer one, or failed. */
  readonly notTested: (quote: string, error: string | null) => void;
}

/**
 * Tests of pairs on their way to where they are computed: one at a time, and of those that wait only the newest of each quote. What is too old or too
 * many is dropped, oldest first, and counted.
 */
export class PairTests {
  private readonly options: PairTestsOptions;
  private readonly waiting = new Map<string, PairTest>();
  private isRunning = false;
  done = 0;
  dropped = 0;
  failed = 0;

  constructor(options: PairTestsOptions) {
    this.options = options;
  }

  get depth(): number {
    return this.waiting.size;
  }

  ask(test: PairTest): void {
    if (this.waiting.delete(test.quote)) this.dropped++;
    const [oldest] = this.waiting.keys();
    if (this.waiting.size >= MOST_WAITING && oldest !== undefined) {
      this.waiting.delete(oldest);
      this.dropped++;
      this.options.notTested(oldest, null);
    }
    this.waiting.set(test.quote, test);
    if (!this.isRunning) this.next();
  }

  private next(): void {
    const [test] = this.waiting.values();
    if (test === undefined) return;
    this.waiting.delete(test.quote);
    this.isRunning = true;
    this.options.compute.run<PairTest, PairTestResult>(PAIR_TEST_TASK, test).then(
      (result) => {
        this.done++;
        this.ended(() => this.options.tested(result));
      },
      (error: unknown) => {
        this.failed++;
        this.ended(() => this.options.notTested(test.quote, errorText(error)));
      },
    );
  }

  private ended(tell: () => void): void {
    this.isRunning = false;
    tell();
    if (!this.isRunning) this.next();
  }
}
