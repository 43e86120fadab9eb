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

  constructor(scene: Scene) {
    this.scene = scene;
  }

  afterStep(): void {
    const process = this.scene.process();
    if (process === null || process.state !== 'running') return void this.watches.clear();
    for (const exchange of this.scene.world.exchanges) {
      const isDouble = this.scene.network.openCount(process.owner, exchange) > 1;
      const watch = this.watches.get(exchange);
      if (watch === undefined && !isDouble) continue;
      if (!this.scene.isQuietFor(QUIET_MS)) this.watches.delete(exchange);
      else if (watch === undefined) this.begin(exchange);
      else this.follow(exchange, watch, isDouble);
    }
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
