import { changedRules } from '../../market/instrument-changes.js';
import type { Instrument } from '../../market/instrument.js';
import type { AmountAt } from '../holdings.js';
import type { Detector } from '../detector.js';
import type { OpportunityLife } from '../opportunity-life.js';
import { SpatialDetector, type SpatialDetectorOptions, type SpatialEffect } from '../spatial.js';
import { BridgeDetector } from './bridge-detector.js';

/**
 * All spatial routes of a node: between markets of equal base and quote, and bridged ones where `parameters.bridge` asks for them. Every call goes
 * to both, in this order; an answer is for the one that knows its opportunity.
 */
export class BridgedSpatialDetector implements Detector {
  private readonly spatial: SpatialDetector;
  private readonly bridge: BridgeDetector | null;
  private instruments: readonly Instrument[];

  /** @throws ArbotError ARB_CONFIG_INVALID or ARB_DECIMAL_INVALID naming what is wrong. */
  constructor(options: SpatialDetectorOptions) {
    this.spatial = new SpatialDetector(options);
    this.bridge = options.parameters.bridge === undefined ? null : new BridgeDetector(options);
    this.instruments = options.instruments;
  }

  get routeCount(): number {
    return this.spatial.routeCount + (this.bridge?.routeCount ?? 0);
  }

  get openLives(): number {
    return this.spatial.openLives + (this.bridge?.openLives ?? 0);
  }

  current(): readonly OpportunityLife[] {
    return [...this.spatial.current(), ...(this.bridge?.current() ?? [])];
  }

  get slots(): readonly number[] {
    if (this.bridge === null) return this.spatial.slots;
    return [...new Set([...this.spatial.slots, ...this.bridge.slots])];
  }

  onSlotDirty(slot: number, nowMs: number, monotonicMs: number): readonly SpatialEffect[] {
    const found = this.spatial.onSlotDirty(slot, nowMs, monotonicMs);
    if (this.bridge === null) return found;
    return both(found, this.bridge.onSlotDirty(slot, nowMs, monotonicMs));
  }

  /** What is held has changed: it counts from the next look on. */
  holdingsChanged(holdings: readonly AmountAt[]): void {
    this.spatial.holdingsChanged(holdings);
  }

  sweep(nowMs: number, monotonicMs: number): readonly SpatialEffect[] {
    const found = this.spatial.sweep(nowMs, monotonicMs);
    return this.bridge === null ? found : both(found, this.bridge.sweep(nowMs, monotonicMs));
  }

  replaceInstruments(instruments: readonly Instrument[], nowMs: number): readonly SpatialEffect[] {
    this.instruments = instruments;
    const found = this.spatial.replaceInstruments(instruments, nowMs);
    return this.bridge === null ? found : both(found, this.bridge.replaceInstruments(instruments, nowMs));
  }

  /** As `SpatialDetector`: a state is obeyed at once, other rules build the routes anew, and what is not followed is ignored. */
  instrumentChanged(instrument: Instrument, nowMs: number, monotonicMs: number): readonly SpatialEffect[] {
    const found = this.spatial.instrumentChanged(instrument, nowMs, monotonicMs);
    const known = this.instruments.find(({ id }) => id === instrument.id);
    if (this.bridge === null || known === undefined) return found;
    this.instruments = this.instruments.map((one) => (one === known ? instrument : one));
    const also =
      changedRules(known, instrument).length > 0
        ? this.bridge.replaceInstruments(this.instruments, nowMs)
        : this.bridge.stateChanged(instrument, nowMs, monotonicMs);
    return both(found, also);
  }

  markExecuted(opportunityId: string, nowMs: number): readonly SpatialEffect[] {
    const found = this.spatial.markExecuted(opportunityId, nowMs);
    return this.bridge === null ? found : both(found, this.bridge.markExecuted(opportunityId, nowMs));
  }

  markRefused(id: string, reason: string, detail: string, nowMs: number): readonly SpatialEffect[] {
    const found = this.spatial.markRefused(id, reason, detail, nowMs);
    if (this.bridge === null) return found;
    return both(found, this.bridge.markDeclined('refused', id, { reason, detail }, nowMs));
  }

  markMissed(id: string, reason: string, detail: string, nowMs: number): readonly SpatialEffect[] {
    const found = this.spatial.markMissed(id, reason, detail, nowMs);
    if (this.bridge === null) return found;
    return both(found, this.bridge.markDeclined('missed', id, { reason, detail }, nowMs));
  }
}

const both = (a: readonly SpatialEffect[], b: readonly SpatialEffect[]): readonly SpatialEffect[] =>
  a.length === 0 ? b : b.length === 0 ? a : [...a, ...b];
