import type { MessageKind } from '../../../src/messages/catalogue.js';
import type { Signal } from '../../../src/messages/signal.js';
import { TRUST_OK } from '../../../src/market/quote-board.js';
import { ORACLE_ASSUMPTIONS, type Plant } from '../../../src/simulator/oracle.js';
import type { Auditor, Scene } from './scene.js';

/** A detector is expected to see once nothing was wrong for so long, as books may be resynchronised in a back-off. */
const SETTLED_MS = 45_000;
/** After the first start, which comes out of no trouble. */
const STARTED_MS = 20_000;

/** A plant that is under way, and whether its books could be used meanwhile. */
interface Expected {
  readonly plant: Plant;
  readonly boot: number;
  isJudged: boolean;
}

/** What the oracle calls a true edge, around a cycle or between two exchanges, is signalled while it stands. */
export class FoundAuditor implements Auditor {
  private readonly scene: Scene;
  private readonly expected = new Map<string, Expected>();
  /** Plants that were signalled. */
  private readonly found = new Set<string>();

  constructor(scene: Scene) {
    this.scene = scene;
  }

  told(kind: MessageKind, body: unknown): void {
    if (kind !== 'signal') return;
    const { oracle, nowMs } = this.scene.world;
    for (const plant of oracle.all()) if (isOf(plant, body as Signal, nowMs)) this.found.add(plant.id);
  }

  sometimes(): void {
    const { oracle, nowMs } = this.scene.world;
    for (const plant of oracle.all())
      if (plant.state === 'active' && !this.expected.has(plant.id))
        this.expected.set(plant.id, { plant, boot: this.scene.boots(), isJudged: true });
    for (const one of this.expected.values()) {
      if (one.plant.state === 'active') one.isJudged &&= this.isUsable(one);
      else if (nowMs > one.plant.endMs + ORACLE_ASSUMPTIONS.graceMs) this.close(one);
    }
  }

  private isUsable({ plant, boot }: Expected): boolean {
    const process = this.scene.process();
    const board = process?.node?.board;
    return (
      board !== undefined &&
      process?.state === 'running' &&
      this.scene.boots() === boot &&
      this.scene.nowMs() > STARTED_MS &&
      this.scene.isQuietFor(Math.min(SETTLED_MS, this.scene.nowMs())) &&
      marketsOf(plant).every((instrument) => board.trust[board.slotOf(instrument)] === TRUST_OK)
    );
  }

  private close({ plant, isJudged }: Expected): void {
    this.expected.delete(plant.id);
    if (plant.kind !== 'true' || plant.state !== 'over') return;
    const what = plant.cycle === undefined ? 'difference' : 'cycle';
    if (this.found.has(plant.id)) return this.scene.reached(`${what} found`);
    if (!isJudged) return this.scene.reached(`${what} not judged`);
    this.scene.violated(
      'opportunity-is-found',
      `${plant.id} stood for ${plant.endMs - plant.startMs} ms: ${ordersOf(plant).join(', ')}`,
    );
  }
}

/** What has to be done about a plant, in order. */
function ordersOf({ cycle, pair, buyExchange, sellExchange }: Plant): string[] {
  return cycle === undefined
    ? [`buy ${buyExchange}:${pair}`, `sell ${sellExchange}:${pair}`]
    : cycle.map((trade) => `${trade.side} ${buyExchange}:${trade.pair}`);
}

const marketsOf = (plant: Plant): string[] => ordersOf(plant).map((order) => order.split(' ')[1]!);

/** While it stands, or in the grace after it. */
function isOf(plant: Plant, { legs }: Signal, worldMs: number): boolean {
  const { startMs, endMs } = plant;
  const isDuring = worldMs >= startMs && worldMs <= endMs + ORACLE_ASSUMPTIONS.graceMs;
  const orders = ordersOf(plant);
  return (
    isDuring &&
    orders.length === legs.length &&
    legs.every(({ side, instrument }) => orders.includes(`${side} ${instrument}`))
  );
}
