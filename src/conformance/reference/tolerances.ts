import type { Difference } from './compare.js';

/** Collects where a statistic in float64 is further from the reference than the reference itself allows (its table of tolerances). */
export class Comparison {
  readonly found: Difference[] = [];
  /** Single numbers that were compared. */
  compared = 0;

  /** Within `relative` of the expected value's size, or within `absolute`; null must meet null. */
  near(
    field: string,
    expected: unknown,
    actual: number | null,
    { relative = 0, absolute = 0 }: { readonly relative?: number; readonly absolute?: number },
  ): void {
    this.compared++;
    if (expected === null || actual === null) {
      if (expected !== actual) this.differs(field, expected, actual);
      return;
    }
    const wanted = typeof expected === 'number' ? expected : NaN;
    const allowed = Math.max(absolute, relative * Math.abs(wanted));
    if (!(Math.abs(wanted - actual) <= allowed)) this.differs(field, expected, actual);
  }

  same(field: string, expected: unknown, actual: unknown): void {
    this.compared++;
    if (expected !== actual) this.differs(field, expected, actual);
  }

  private differs(field: string, expected: unknown, actual: unknown): void {
    this.found.push({ field, expected: String(expected), actual: String(actual) });
  }
}
