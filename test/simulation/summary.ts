import { neverReached } from './sometimes.js';
import type { SeedReport } from './seed-report.js';

/** What a set of seeds showed together; `--json` writes it as it is. */
export interface Summary {
  readonly seeds: number;
  readonly minutes: number;
  readonly plainEngine: number;
  readonly virtualHours: number;
  readonly steps: number;
  readonly stepsPerSecond: number;
  /** Virtual time over processor time. */
  readonly timesRealTime: number;
  readonly reached: Readonly<Record<string, number>>;
  readonly neverReached: readonly string[];
  readonly failed: readonly {
    readonly seed: number;
    readonly names: readonly string[];
    readonly repeat: string;
  }[];
}

/** Adds up reports as they come. */
export class SummaryOfSeeds {
  private readonly minutes: number;
  private readonly reached = new Map<string, number>();
  private readonly failed: { seed: number; names: string[]; repeat: string }[] = [];
  private readonly sum = { seeds: 0, plain: 0, steps: 0, virtualMs: 0, cpuMs: 0 };

  constructor(minutes: number) {
    this.minutes = minutes;
  }

  add(report: SeedReport, repeat: string): void {
    const { sum } = this;
    sum.seeds++;
    sum.steps += report.steps;
    sum.virtualMs += report.virtualMs;
    sum.cpuMs += report.cpuMs;
    if (report.engine === 'plain') sum.plain++;
    for (const [point, count] of report.reached)
      this.reached.set(point, (this.reached.get(point) ?? 0) + count);
    if (report.violations.length === 0) return;
    const names = [...new Set(report.violations.map(({ name }) => name))];
    this.failed.push({ seed: report.seed, names, repeat });
  }

  get seeds(): number {
    return this.sum.seeds;
  }

  summary(): Summary {
    const { sum, reached } = this;
    return {
      seeds: sum.seeds,
      minutes: this.minutes,
      plainEngine: sum.plain,
      virtualHours: Math.round(sum.virtualMs / 36_000) / 100,
      steps: sum.steps,
      stepsPerSecond: Math.round((sum.steps / Math.max(1, sum.cpuMs)) * 1_000),
      timesRealTime: Math.round(sum.virtualMs / Math.max(1, sum.cpuMs)),
      reached: Object.fromEntries([...reached].sort(([a], [b]) => (a < b ? -1 : 1))),
      neverReached: neverReached(reached),
      failed: [...this.failed].sort((a, b) => a.seed - b.seed),
    };
  }

  /** One line for whoever waits. */
  progress(of: number): string {
    const { seeds, timesRealTime, failed, virtualHours } = this.summary();
    return (
      `${seeds} of ${of} seeds, ${virtualHours} virtual hours, ${timesRealTime} times real time per core, ` +
      `${failed.length} with violations`
    );
  }
}

/** The summary for people, one line each. */
export function linesOf(summary: Summary): string[] {
  const { seeds, plainEngine, minutes, failed } = summary;
  const reached = Object.entries(summary.reached).map(([point, count]) => `${point} ${count}`);
  return [
    `reached: ${reached.join(', ')}`,
    `never reached: ${summary.neverReached.join(', ') || 'nothing'}`,
    `${summary.virtualHours} virtual hours, ${summary.steps} steps, ${summary.stepsPerSecond} per second of processor time, ` +
      `${summary.timesRealTime} times real time per core`,
    ...failed.map(({ names, repeat }) => `violated ${names.join(', ')}: ${repeat}`),
    `${seeds} seeds (${plainEngine} on the plain engine) of ${minutes} minutes: ${failed.length} with violations`,
  ];
}
