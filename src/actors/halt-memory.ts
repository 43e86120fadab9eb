import type { HaltChanged } from '../messages/risk.js';
import type { Bus, Subscription } from '../ports/bus.js';
import { newerSwitch, type KillSwitch } from '../risk/kill-switch.js';

/**
 * The newest word about the kill switch that this process has heard. It outlives every actor: one that starts while the store
 * could not write the switch, or after it was told and before anybody of its path listened, still knows it. Whoever engages
 * the switch in this process tells it here, so that the order gateways stop whatever became of the bus.
 */
export class HaltMemory {
  private newest: KillSwitch;
  private readonly subscription: Subscription;
  private readonly listeners = new Set<(halt: HaltChanged) => void>();

  /** `known` is what the store said when the process began. */
  constructor(bus: Bus, known: KillSwitch) {
    this.newest = known;
    this.subscription = bus.subscribe('risk.halt', 'haltChanged', ({ message }) => this.tell(message));
  }

  get current(): KillSwitch {
    return this.newest;
  }

  /** In the same turn for all who listen here; what is not newer is told all the same and changes nothing. */
  tell(halt: HaltChanged): void {
    this.newest = newerSwitch(this.newest, halt);
    for (const listener of this.listeners) listener(halt);
  }

  /** Returns what ends it. */
  onChange(listener: (halt: HaltChanged) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /**
   * What an actor that starts goes by. A switch that is written as cleared and was never told so was not cleared: whoever asked
   * for it was answered that the store had failed, and its acknowledgement alone was lost.
   */
  over(written: KillSwitch): KillSwitch {
    return written.engaged ? newerSwitch(this.newest, written) : this.newest;
  }

  close(): void {
    this.subscription.unsubscribe();
    this.listeners.clear();
  }
}
