/** What the wire part of the conformance runner answers for one file. */
export interface FileReport {
  /** Path below the folder. */
  readonly file: string;
  /** `answer`, `mapper`, `frames`, `scripts`, `rest`, `signing`; `none` for what is not understood yet. */
  readonly kind: string;
  /** Single comparisons that agreed. */
  readonly passed: number;
  readonly failures: readonly Difference[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** What else was seen, e.g. how many frames belonged to foreign channels. */
  readonly notes: Readonly<Record<string, number>>;
}

export interface Difference {
  readonly field: string;
  readonly expected: string;
  readonly actual: string;
}

/** Collects the comparisons of one file. */
export class Comparison {
  private passed = 0;
  private readonly failures: Difference[] = [];
  private readonly skipped: { name: string; reason: string }[] = [];
  private readonly notes: Record<string, number> = {};

  /** Compares two JSON values field by field; every leaf counts. */
  same(field: string, expected: unknown, actual: unknown): void {
    if (isList(expected) && isList(actual) && expected.length === actual.length) {
      for (const [index, item] of expected.entries()) this.same(`${field}[${index}]`, item, actual[index]);
    } else if (isObject(expected) && isObject(actual)) {
      const keys = new Set([...Object.keys(expected), ...Object.keys(actual)]);
      for (const key of keys) this.same(field === '' ? key : `${field}.${key}`, expected[key], actual[key]);
    } else if (expected === actual) {
      this.passed++;
    } else {
      this.failures.push({ field, expected: show(expected), actual: show(actual) });
    }
  }

  fail(field: string, expected: string, actual: string): void {
    this.failures.push({ field, expected, actual });
  }

  skip(name: string, reason: string): void {
    this.skipped.push({ name, reason });
  }

  note(name: string, count = 1): void {
    this.notes[name] = (this.notes[name] ?? 0) + count;
  }

  report(file: string, kind: string): FileReport {
    return {
      file,
      kind,
      passed: this.passed,
      failures: this.failures,
      skipped: this.skipped,
      notes: this.notes,
    };
  }
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  return value === undefined ? 'absent' : JSON.stringify(value).slice(0, 200);
}
