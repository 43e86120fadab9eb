import { fork, type ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import type { RunRequest } from './run.js';
import type { SeedReport } from './seed-report.js';

/** The young generation of V8 holds what one step makes, so that little of it grows old: a fifth less processor time. */
const NODE_OPTIONS = ['--max-semi-space-size=64', '--import', 'tsx'];
/** A process is replaced after so many seeds, so that a long run never grows. */
const SEEDS_PER_PROCESS = 50;

/**
 * Runs seeds in processes of their own, each at its own pace; a process that dies costs its seed and nothing else. Reports
 * arrive in the order in which they are ready.
 */
export async function runSeeds(
  requests: Iterable<RunRequest>,
  jobs: number,
  heard: (report: SeedReport) => 'continue' | 'stop',
): Promise<void> {
  const waiting = requests[Symbol.iterator]();
  let isOver = false;
  const next = (): RunRequest | null => {
    if (isOver) return null;
    const item = waiting.next();
    return item.done === true ? null : item.value;
  };
  const lane = async (): Promise<void> => {
    let child: SeedProcess | null = null;
    for (let request = next(); request !== null; request = next()) {
      if (child === null || child.hasEnded || child.seedsRun >= SEEDS_PER_PROCESS) {
        child?.end();
        child = new SeedProcess();
      }
      if (heard(await child.run(request)) === 'stop') isOver = true;
    }
    child?.end();
  };
  await Promise.all(Array.from({ length: jobs }, lane));
}

class SeedProcess {
  seedsRun = 0;
  hasEnded = false;
  private readonly child: ChildProcess;
  private answer: ((report: SeedReport | null) => void) | null = null;

  constructor() {
    const file = resolve(import.meta.dirname, 'seed-process.ts');
    this.child = fork(file, [], { execArgv: NODE_OPTIONS, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.child.on('message', (report: SeedReport) => this.answer?.(report));
    this.child.on('exit', () => {
      this.hasEnded = true;
      this.answer?.(null);
    });
  }

  async run(request: RunRequest): Promise<SeedReport> {
    this.seedsRun++;
    const report = await new Promise<SeedReport | null>((resolve) => {
      this.answer = resolve;
      this.child.send(request);
    });
    this.answer = null;
    return report ?? diedOf(request);
  }

  end(): void {
    if (!this.hasEnded) this.child.disconnect();
  }
}

/** Its process ended under it: whatever it was, the seed has failed. */
const diedOf = ({ seed, bug, engine }: RunRequest): SeedReport => ({
  seed,
  bug,
  engine: engine ?? 'nact',
  steps: 0,
  hash: '',
  violations: [
    { name: 'process-survives', detail: 'the simulating process died', atMs: 0, step: 0, trace: [] },
  ],
  reached: [],
  virtualMs: 0,
  cpuMs: 0,
  faultIds: [],
});
