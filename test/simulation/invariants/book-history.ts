import type { Ladder } from '../../../src/simulator/ladder.js';
import type { SimulatedWorld } from '../../../src/simulator/world.js';

const KEPT_MS = 12_000;

export interface Moment {
  /** From here until the next moment the exchange published this ladder. */
  readonly fromMs: number;
  readonly ladder: Ladder;
}

/** What the matching engines of all exchanges showed in the last seconds; the same for all nodes of a world. */
export class BookHistory {
  private readonly world: SimulatedWorld;
  private readonly nowMs: () => number;
  private readonly moments = new Map<string, Moment[]>();

  constructor(world: SimulatedWorld, nowMs: () => number) {
    this.world = world;
    this.nowMs = nowMs;
    this.worldMoved();
  }

  /** The world has made a step. */
  worldMoved(): void {
    const nowMs = this.nowMs();
    for (const exchange of this.world.exchanges)
      for (const market of this.world.marketsOf(exchange)) {
        const key = `${exchange}:${market.listing.pair}`;
        const moments = this.moments.get(key) ?? [];
        this.moments.set(key, moments);
        const ladder = market.ladder();
        if (moments.at(-1)?.ladder === ladder) continue;
        moments.push({ fromMs: nowMs, ladder });
        // The first one kept was in force before the window.
        while (moments.length > 2 && moments[1]!.fromMs < nowMs - KEPT_MS) moments.shift();
      }
  }

  instruments(): Iterable<string> {
    return this.moments.keys();
  }

  /** Every ladder of an instrument that was in force at some time since `oldestMs`. */
  inForceSince(instrument: string, oldestMs: number): Moment[] {
    const moments = this.moments.get(instrument) ?? [];
    return moments.filter((_, at) => (moments[at + 1]?.fromMs ?? Infinity) >= oldestMs);
  }
}
