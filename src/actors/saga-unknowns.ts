import type { Order } from '../execution/order.js';
import type { SagaState, SagaTerms } from '../execution/saga-state.js';
import type { Instrument } from '../market/instrument.js';
import { legAssets } from '../market/leg-assets.js';
import { subjectOf } from '../messages/catalogue.js';
import type { AssetId } from '../messages/primitives.js';
import type { Bus } from '../ports/bus.js';
import type { Clock } from '../ports/time.js';

/** Of one pair its base; of several what the unknown orders give and bring, but for what the money is counted in. */
function assetsIn({ shape, base, quote }: SagaTerms, unknown: readonly Order[]): readonly AssetId[] {
  if (shape.kind === 'plain') return [base];
  const touched = unknown.map(({ submit }) => legAssets(submit)).flatMap(({ from, to }) => [from, to]);
  return [...new Set(touched)].filter((asset) => asset !== quote);
}

/** Everything that may be held here: what is traded, and a quote that is itself traded for another one. */
export function heldAssets(instruments: readonly Pick<Instrument, 'base' | 'quote'>[]): AssetId[] {
  const quotes = new Set(instruments.map(({ quote }) => quote));
  return instruments.flatMap(({ base, quote }) => (quotes.has(base) ? [base, quote] : [base]));
}

/**
 * A release is told again with so many announcements: what is said while the connection to a bus breaks is lost, and its asset would
 * stay held for as long as the gate lives.
 */
const RELEASES = 15;

const sourceOf = (asset: AssetId): string => `unknown:${asset}`;

/** While an order of it is unknown, nobody knows how much of an asset is held: it stops (TRADING §4). */
export class UnknownHolds {
  private readonly bus: Bus;
  private readonly clock: Clock;
  /** Assets by arbitrage. */
  private readonly unknown = new Map<string, readonly AssetId[]>();
  private held = new Set<AssetId>();
  /** How often each is still to be told. */
  private readonly released = new Map<AssetId, number>();

  constructor(bus: Bus, clock: Clock) {
    this.bus = bus;
    this.clock = clock;
  }

  /** A gate may have heard of holds of a life before: whatever is not held is let go once. */
  begin(assets: Iterable<AssetId>): void {
    for (const asset of new Set(assets)) if (!this.held.has(asset)) this.tell(asset);
  }

  /** An arbitrage as it stands now. */
  see({ terms, orders }: SagaState): void {
    const out = orders.filter((order) => order.status === 'unknown');
    if (out.length > 0) this.unknown.set(terms.arbitrageId, assetsIn(terms, out));
    else if (!this.unknown.delete(terms.arbitrageId)) return;
    this.compare();
  }

  forget(arbitrageId: string): void {
    if (this.unknown.delete(arbitrageId)) this.compare();
  }

  /** Told again and again, so that a gate that started later knows too. */
  announce(): void {
    for (const asset of this.held) this.tell(asset);
    for (const [asset, left] of this.released) {
      if (left <= 1) this.released.delete(asset);
      else this.released.set(asset, left - 1);
      this.tell(asset);
    }
  }

  assets(): AssetId[] {
    return [...this.held];
  }

  private compare(): void {
    const before = this.held;
    this.held = new Set([...this.unknown.values()].flat());
    for (const asset of new Set([...before, ...this.held])) {
      const isHeld = this.held.has(asset);
      if (before.has(asset) === isHeld) continue;
      if (isHeld) this.released.delete(asset);
      else this.released.set(asset, RELEASES);
      this.tell(asset);
    }
  }

  private tell(asset: AssetId): void {
    const held = this.held.has(asset);
    const count = [...this.unknown.values()].filter((assets) => assets.includes(asset)).length;
    const reason = held ? `${count} arbitrages have an order of which nobody knows whether it traded` : '';
    const body = { source: sourceOf(asset), held, asset, reason, atMs: this.clock.nowMs() };
    this.bus.publish(subjectOf('riskHold'), 'riskHold', body, { traceId: 'unknown' });
  }
}
