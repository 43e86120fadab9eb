import type { HaltChanged } from '../messages/risk.js';
import type { Bus } from '../ports/bus.js';
import type { SettingsStore } from '../ports/stores.js';
import { encodeKillSwitch, KILL_SWITCH_KEY } from '../risk/kill-switch.js';

export interface KillSwitchPorts {
  readonly bus: Bus;
  /** Null while recording: nothing trades and nothing is stored. */
  readonly settings: SettingsStore | null;
}

/**
 * Changes the kill switch so that neither a gate that is down nor a store that is away loses it. Engaging acts first and is
 * written next; clearing is written first, so that what a restart would find is never more daring than what was answered.
 * Told again at the end: who read the settings before the change was written has subscribed by then. Resolves once it is
 * written; rejects with what the store said, and then engaging is in force until a restart and clearing is not at all.
 */
export async function changeKillSwitch({ bus, settings }: KillSwitchPorts, halt: HaltChanged): Promise<void> {
  const tell = async () => {
    bus.publish('risk.halt', 'haltChanged', halt, { traceId: 'kill-switch' });
    await bus.flush();
  };
  if (halt.engaged) await tell();
  if (settings !== null) await settings.set(KILL_SWITCH_KEY, encodeKillSwitch(halt));
  await tell();
}
