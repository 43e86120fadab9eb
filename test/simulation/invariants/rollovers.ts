import { TRUST_OK } from '../../../src/market/quote-board.js';
import type { Auditor, Scene } from './scene.js';

/** What broke before is healed by then; a symbol that heals later was not trusted at the start and is not judged. */
const QUIET_MS = 40_000;
/** A book that its exchange crossed is distrusted rightly, and comes back after its back-off. */
const CROSSED_MS = 45_000;
/** The old connection is gone; what was wrong with the new one shows within this. */
const AFTER_MS = 500;

interface Watch {
  readonly instruments: readonly string[];
  /** Null while both connections are open. */
  closedMs: number | null;
}

/** While one connection replaces another and nothing else is wrong, no book that was trusted is untrusted for a moment. */
export class RolloverAuditor implements Auditor {
  private readonly scene: Scene;
  private readonly watches = new Map<string, Watch>();
  private readonly counts = new Map<string, number>();

  constructor(scene: Scene) {
    this.scene = scene;
  }

  afterStep(): void {
    const process = this.scene.process();
    if (process === null || process.state !== 'running') return this.forget();
    for (const exchange of this.scene.world.exchanges) {
      const count = this.scene.network.openCount(process.owner, exchange);
      this.noteCount(exchange, count);
      const isDouble = count > 1;
      const watch = this.watches.get(exchange);
      if (watch === undefined && !isDouble) continue;
      if (!this.scene.isQuietFor(QUIET_MS)) this.watches.delete(exchange);
      else if (watch === undefined) this.begin(exchange);
      else this.follow(exchange, watch, isDouble);
    }
  }

  /** Without a fault no line ends before the next one is there; where frames are recorded, lines do not overlap. */
  private noteCount(exchange: string, count: number): void {
    const before = this.counts.get(exchange) ?? 0;
    this.counts.set(exchange, count);
    if (before === 0 || count > 0 || this.scene.isRecorded || !this.scene.isQuietFor(QUIET_MS)) return;
    this.scene.violated('rollover-leaves-no-gap', `the only line to ${exchange} ended without a fault`);
  }

  private begin(exchange: string): void {
    const instruments = this.instrumentsOf(exchange).filter((one) => this.isTrusted(one));
    this.watches.set(exchange, { instruments, closedMs: null });
  }

  private follow(exchange: string, watch: Watch, isDouble: boolean): void {
    const nowMs = this.scene.nowMs();
    watch.closedMs = isDouble ? null : (watch.closedMs ?? nowMs);
    const lost = watch.instruments.find((one) => !this.isTrusted(one) && !this.isCrossed(one));
    if (lost !== undefined) {
      this.scene.violated(
        'rollover-leaves-no-gap',
        `${lost} was not trusted while its connection was renewed`,
      );
      this.watches.delete(exchange);
    } else if (watch.closedMs !== null && nowMs - watch.closedMs > AFTER_MS) {
      this.scene.reached('rollover judged');
      this.watches.delete(exchange);
    }
  }

  private forget(): void {
    this.watches.clear();
    this.counts.clear();
  }

  private instrumentsOf(exchange: string): string[] {
    return [...this.scene.history.instruments()].filter((one) => one.startsWith(`${exchange}:`));
  }

  private isTrusted(instrument: string): boolean {
    const board = this.scene.process()?.node?.board;
    return board !== undefined && board.trust[board.slotOf(instrument)] === TRUST_OK;
  }

  private isCrossed(instrument: string): boolean {
    const [exchange, pair] = instrument.split(':');
    const { oracle, nowMs } = this.scene.world;
    return oracle
      .all()
      .some(
        (plant) =>
          plant.kind === 'crossed' &&
          plant.pair === pair &&
          plant.disturbedExchange === exchange &&
          plant.state !== 'announced' &&
          nowMs - plant.endMs < CROSSED_MS,
      );
  }
}
