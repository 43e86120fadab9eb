import { errorText } from '../messages/errors.js';
import type { SettingsStore } from '../ports/stores.js';
import { MONITORS_KEY } from '../risk/monitor-record.js';
import type { ActorContext } from '../runtime/actor.js';
import { backoffMs, type RetryBackoff } from './backoff.js';
import type { GateMessage } from './gate-messages.js';

/** What moves with prices is kept this often; what must not be lost is kept at once. */
const KEEP_MS = 30_000;

export interface KeepingOptions {
  readonly context: ActorContext<GateMessage>;
  readonly settings: SettingsStore;
  readonly retry: RetryBackoff;
  /** Losses and breakers as they are now, as one text. */
  readonly record: () => string;
}

/** Keeps losses and breakers of the gate in the settings store: one write at a time, the newest last, tried again for ever. */
export class MonitorKeeping {
  private readonly options: KeepingOptions;
  private kept: string;
  private keptAtMs: number;
  private isWriting = false;
  private isDue = false;

  constructor(options: KeepingOptions) {
    this.options = options;
    this.kept = options.record();
    this.keptAtMs = options.context.clock.nowMs();
  }

  /** Something changed that must not be forgotten. */
  soon(): void {
    this.isDue = true;
    if (!this.isWriting) this.write(0);
  }

  /** Asked again and again. */
  ifOld(): void {
    if (this.isWriting || this.kept === this.options.record()) return;
    if (this.options.context.clock.nowMs() - this.keptAtMs >= KEEP_MS) this.write(0);
  }

  write(tries: number): void {
    const { context, settings } = this.options;
    const record = this.options.record();
    this.isWriting = true;
    this.isDue = false;
    this.keptAtMs = context.clock.nowMs();
    context.pipe(
      settings.set(MONITORS_KEY, record),
      () => ({ kind: 'kept', record }),
      (error) => ({ kind: 'notKept', tries, error: errorText(error) }),
    );
  }

  written(record: string): void {
    this.kept = record;
    this.isWriting = false;
    if (this.isDue) this.write(0);
  }

  failed(tries: number, error: string): void {
    const { context, retry } = this.options;
    context.log.error({ error }, 'losses and breakers could not be kept; trying again');
    context.timer('keep', backoffMs(retry, tries), { kind: 'keep', tries: tries + 1 });
  }
}
