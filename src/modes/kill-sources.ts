import type { HaltMemory } from '../actors/halt-memory.js';
import { errorText } from '../messages/errors.js';
import type { HaltChanged, HaltPolicy } from '../messages/risk.js';
import type { Logger } from '../ports/log.js';
import type { TimerHandle, Timers } from '../ports/time.js';
import { KILL_FILE, type KillFlag } from './kill-switch.js';

/** Of the machine's own time, between two looks at the file, so that on a busy machine too the next order is blocked within 100 ms. */
const LOOK_MS = 20;

export interface KillSourcesOptions {
  readonly flag: KillFlag;
  readonly halts: HaltMemory;
  readonly machine: Timers;
  readonly log: Logger;
  /** Engages the switch; resolves once it is written. */
  readonly engage: (reason: string, by: string, policy: HaltPolicy) => Promise<void>;
}

/** The signal `kill -USR2` of a process. */
export interface SignalSource {
  on(name: 'SIGUSR2', listener: () => void): void;
  off(name: 'SIGUSR2', listener: () => void): void;
}

/**
 * The ways to the kill switch that need neither bus, store nor page: a file in the data folder and a signal. It also writes the
 * file whenever the switch is engaged in any other way, so that a restart finds it while the stores are away.
 */
export class KillSources {
  private readonly options: KillSourcesOptions;
  private timer: TimerHandle | null = null;
  private isStopped = false;
  /** What the file was last written or removed for. */
  private kept: HaltChanged | null = null;
  private readonly stops: (() => void)[] = [];

  constructor(options: KillSourcesOptions) {
    this.options = options;
  }

  start(signals: SignalSource): void {
    const { halts, flag } = this.options;
    const onSignal = () => this.engage('SIGUSR2', 'signal', 'freeze');
    signals.on('SIGUSR2', onSignal);
    this.stops.push(() => signals.off('SIGUSR2', onSignal));
    this.stops.push(
      halts.onChange((halt) => {
        // Only what is in force: an older word changes nothing.
        if (!isSame(halts.current, halt)) return;
        // And only once: a clearing that is told again must not remove the file that somebody has made since.
        if (this.kept !== null && isSame(this.kept, halt)) return;
        this.kept = halt;
        void this.watched(halt.engaged ? flag.write(halt) : flag.remove(), 'the file of the kill switch');
      }),
    );
    this.look();
  }

  stop(): void {
    this.isStopped = true;
    for (const stop of this.stops) stop();
    if (this.timer !== null) this.options.machine.clearTimer(this.timer);
  }

  private look(): void {
    void this.watched(this.lookOnce(), 'looking for the file of the kill switch').then(() => {
      if (!this.isStopped) this.timer = this.options.machine.setTimer(() => this.look(), LOOK_MS);
    });
  }

  private async lookOnce(): Promise<void> {
    const { flag, halts } = this.options;
    if (halts.current.engaged || !(await flag.exists())) return;
    // Read again: the switch may have been cleared, and the file removed, while this looked.
    const halt = await flag.read(0);
    if (halt === null || halts.current.engaged || this.isStopped) return;
    const by = halt.by === 'file' ? `file ${KILL_FILE}` : halt.by;
    this.engage(halt.reason, by, halt.policy ?? 'freeze');
  }

  private engage(reason: string, by: string, policy: HaltPolicy): void {
    this.options.log.warn({ reason, by, policy }, 'the kill switch is engaged');
    void this.watched(this.options.engage(reason, by, policy), 'the kill switch');
  }

  private watched(work: Promise<void>, what: string): Promise<void> {
    return work.catch((error: unknown) =>
      this.options.log.error({ what, error: errorText(error) }, 'failed'),
    );
  }
}

const isSame = (
  a: Pick<HaltChanged, 'atMs' | 'engaged'>,
  b: Pick<HaltChanged, 'atMs' | 'engaged'>,
): boolean => a.atMs === b.atMs && a.engaged === b.engaged;
