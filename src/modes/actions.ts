import type { InspectionActions } from '../http/source.js';
import type { Clock } from '../ports/time.js';
import type { TradingNode } from './assemble.js';

/** What a person may do through the API. The kill switch travels on the bus: gate and gateways hear it and the gate persists it. */
export function actionsOf(node: TradingNode, clock: Clock): InspectionActions {
  return {
    restartActor: (path) => node.tree.restart(path),
    crashActor: (path, reason) => node.tree.crash(path, reason),
    setKillSwitch: async (engaged, reason, by) => {
      // The newer one counts, and replayed or simulated time may stand before the last change.
      const atMs = Math.max(clock.nowMs(), (node.inspection.killSwitch().atMs ?? 0) + 1);
      const halt = { engaged, reason, by, atMs };
      node.bus.publish('risk.halt', 'haltChanged', halt, { traceId: 'kill-switch' });
      await node.bus.flush();
    },
  };
}
