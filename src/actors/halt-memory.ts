import type { Bus, Subscription } from '../ports/bus.js';
import { newerSwitch, type KillSwitch } from '../risk/kill-switch.js';

/**
 * The newest word about the kill switch that this process has heard. It outlives every actor: one that starts while the store
 * could not write the switch, or after it was told and before anybody of its path listened, still knows it.
 */
export class HaltMemory {
  private newest: KillSwitch;
  private readonly subscription: Subscription;

  /** `known` is what the store said when the process began. */
  constructor(bus: Bus, known: KillSwitch) {
    this.newest = known;
    this.subscription = bus.subscribe('risk.halt', 'haltChanged', ({ message }) => {
      this.newest = newerSwitch(this.newest, message);
    });
  }

  get current(): KillSwitch {
    return this.newest;
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
  }
}
