import type { Capabilities, Connector } from '../../../src/connectors/base.js';
import { FeedRig } from './rig.js';
import type { Subject } from './subject.js';

/** One numbered promise of every connector. */
export interface Check {
  /** Stable: `C07`. */
  readonly id: string;
  readonly title: string;
  /** All exchanges when absent. */
  applies?(capabilities: Capabilities, subject: Subject): boolean;
  /** Takes long, so that only its own broken connector is run through it. */
  readonly slow?: boolean;
  run(kit: Kit): void;
  /** A connector that breaks this promise and no other. */
  broken(connector: Connector, subject: Subject): Connector;
}

/** What a check works with: each call of `connect` and `rig` has a connector of its own. */
export class Kit {
  readonly subject: Subject;
  readonly connect: () => Connector;
  readonly complaints: string[] = [];
  private readonly every: number;

  /** `every`: of long rows of cases only one in so many is tried. */
  constructor(subject: Subject, connect: () => Connector = subject.connector, every = 1) {
    this.subject = subject;
    this.connect = connect;
    this.every = every;
  }

  /** The cases to try: all of them, or a sample where the connector is known to break another promise. */
  cases<T>(all: readonly T[]): readonly T[] {
    return all.filter((_, index) => index % this.every === 0);
  }

  get capabilities(): Capabilities {
    return this.connect().capabilities;
  }

  rig(wallMs?: number): FeedRig {
    return new FeedRig(this.connect(), this.subject.symbol, wallMs);
  }

  that(holds: boolean, what: string): void {
    if (!holds) this.complaints.push(what);
  }

  equal(actual: unknown, expected: unknown, what: string): void {
    const [is, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
    if (is !== wanted) this.complaints.push(`${what}: ${is} is not ${wanted}`);
  }
}

/** The complaints of one check about one connector; what it throws is one too. */
export function judge(
  check: Check,
  subject: Subject,
  connect?: () => Connector,
  every?: number,
): readonly string[] {
  const kit = new Kit(subject, connect, every);
  try {
    check.run(kit);
  } catch (error) {
    kit.complaints.push(`it threw ${String(error)}`);
  }
  return kit.complaints;
}
