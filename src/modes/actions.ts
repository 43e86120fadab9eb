import type { InspectionActions } from '../http/source.js';
import { ArbotError } from '../messages/errors.js';
import type { HaltChanged, HaltPolicy } from '../messages/risk.js';
import type { Logger } from '../ports/log.js';
import type { SettingsStore } from '../ports/stores.js';
import type { Clock } from '../ports/time.js';
import type { TradingNode } from './assemble.js';
import { changeKillSwitch, type KillFlag } from './kill-switch.js';

export interface ActionPorts {
  readonly settings: SettingsStore | null;
  /** Absent = the store alone keeps the switch. */
  readonly flag?: KillFlag;
  readonly log?: Logger;
}

const CONTROL_TIMEOUT_MS = 2_000;

/** What a person may do through the API. The kill switch is answered for once it is in force and written. */
export function actionsOf(node: TradingNode, clock: Clock, ports: ActionPorts): InspectionActions {
  return {
    restartActor: (path) => node.tree.restart(path),
    crashActor: (path, reason) => node.tree.crash(path, reason),
    setKillSwitch: (engaged, reason, by, policy) =>
      changeKillSwitch(
        { bus: node.bus, halts: node.halts, ...ports },
        haltOf(node, clock, { engaged, reason, by, policy }),
      ),
    adoptBalance: (exchange, asset, by) => node.adopt(exchange, asset, by),
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

/** The newer one counts, and replayed or simulated time may stand before the last change. */
function haltOf(
  node: TradingNode,
  clock: Clock,
  {
    policy,
    ...asked
  }: Pick<HaltChanged, 'engaged' | 'reason' | 'by'> & { readonly policy: HaltPolicy | undefined },
): HaltChanged {
  const atMs = Math.max(
    clock.nowMs(),
    node.halts.current.atMs + 1,
    (node.inspection.killSwitch().atMs ?? 0) + 1,
  );
  return { ...asked, ...(policy !== undefined && { policy }), atMs };
}

const nothingTrades = (): ArbotError =>
  new ArbotError('ARB_ACTOR_UNKNOWN', 'nothing trades here, so there is no risk gate');
