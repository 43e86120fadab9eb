import type { InspectionActions } from '../http/source.js';
import type { HaltChanged } from '../messages/risk.js';
import { ArbotError } from '../messages/errors.js';
import type { SettingsStore } from '../ports/stores.js';
import type { Clock } from '../ports/time.js';
import type { TradingNode } from './assemble.js';
import { changeKillSwitch } from './kill-switch.js';

const CONTROL_TIMEOUT_MS = 2_000;

/** What a person may do through the API. The kill switch is answered for once it is in force and written. */
export function actionsOf(
  node: TradingNode,
  clock: Clock,
  settings: SettingsStore | null,
): InspectionActions {
  return {
    restartActor: (path) => node.tree.restart(path),
    crashActor: (path, reason) => node.tree.crash(path, reason),
    setKillSwitch: (engaged, reason, by) => {
      // The newer one counts, and replayed or simulated time may stand before the last change.
      const atMs = Math.max(clock.nowMs(), (node.inspection.killSwitch().atMs ?? 0) + 1);
      const newest = (): HaltChanged => node.halts.current;
      return changeKillSwitch({ bus: node.bus, settings, newest }, { engaged, reason, by, atMs });
    },
    changeLimits: async (request) => {
      if (node.limitChanges === null) throw nothingTrades();
      return node.limitChanges.change(request);
    },
    controlRisk: async (command) => {
      if (node.limitChanges === null) throw nothingTrades();
      const atMs = clock.nowMs();
      await node.bus.request('risk.control', 'controlRisk', { ...command, atMs }, 'controlRisk', {
        traceId: 'risk-control',
        timeoutMs: CONTROL_TIMEOUT_MS,
      });
    },
  };
}

const nothingTrades = (): ArbotError =>
  new ArbotError('ARB_ACTOR_UNKNOWN', 'nothing trades here, so there is no risk gate');
