import type { HaltChanged } from '../messages/risk.js';
import type { Bus } from '../ports/bus.js';
import type { SettingsStore } from '../ports/stores.js';
import { encodeKillSwitch, KILL_SWITCH_KEY } from '../risk/kill-switch.js';

export interface KillSwitchPorts {
  readonly bus: Bus;
  /** Null while recording: nothing trades and nothing is stored. */
  readonly settings: SettingsStore | null;
  /** The newest change that this process knows of; absent = nobody else changes it. */
  readonly newest?: () => HaltChanged;
}

/**
 * Changes the kill switch so that neither a gate that is down nor a store that is away loses it. Engaging acts first and is
 * written next; clearing is written first, so that what a restart would find is never more daring than what was answered.
 * Told again at the end: who read the settings before the change was written has subscribed by then. Resolves once it is
 * written; rejects with what the store said, and then engaging is in force until a restart and clearing is not at all. What was
 * changed again while a slow store still wrote is written once more, so that the older does not come last.
 */
export async function changeKillSwitch(ports: KillSwitchPorts, halt: HaltChanged): Promise<void> {
  const { bus, settings, newest = () => halt } = ports;
  const tell = async () => {
    bus.publish('risk.halt', 'haltChanged', halt, { traceId: 'kill-switch' });
    await bus.flush();
  };
  if (halt.engaged) await tell();
  await settings?.set(KILL_SWITCH_KEY, encodeKillSwitch(halt));
  for (let last = halt; newest().atMs > last.atMs;) {
    last = newest();
    await settings?.set(KILL_SWITCH_KEY, encodeKillSwitch(last));
  }
  await tell();
}
