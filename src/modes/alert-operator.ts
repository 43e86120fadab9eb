import type { Action } from '../alerts/commands.js';
import type { Operator } from '../alerts/operator.js';
import type { InspectionActions, InspectionSource } from '../http/source.js';
import type { Logger } from '../ports/log.js';
import { audited } from '../runtime/audit.js';
import { actorsText, pnlText, positionsText, statusText } from './alert-answers.js';

export interface AlertOperatorParts {
  readonly source: InspectionSource;
  /** The same that the HTTP API acts through. */
  readonly actions: InspectionActions;
  readonly log: Logger;
}

/** The node as the bot sees it. What it does is audited as an action over HTTP is. */
export function alertOperator({ source, actions, log }: AlertOperatorParts): Operator {
  return {
    status: () => statusText(source, source.nowMs()),
    actors: async () => actorsText(source.actors()),
    pnl: () => pnlText(source),
    positions: async () => positionsText(await source.portfolio()),
    act: (action, by) => (action.kind === 'kill' ? kill(action, by) : control(action, by)),
  };

  async function kill({ reason }: Extract<Action, { kind: 'kill' }>, by: string): Promise<string> {
    await audited(log, { action: 'kill-switch', by, engaged: true, reason }, () =>
      actions.setKillSwitch(true, reason, by),
    );
    return 'The kill switch is engaged. It is cleared at the page or over HTTP.';
  }

  async function control(
    { kind, exchange }: Extract<Action, { kind: 'pause' | 'resume' }>,
    by: string,
  ): Promise<string> {
    const command = kind === 'pause' ? ('trip-breaker' as const) : ('reset-breaker' as const);
    const reason = `/${kind} over Telegram`;
    const whose = exchange === null ? {} : { exchange };
    await audited(log, { action: 'risk.control', by, command, ...whose }, () =>
      actions.controlRisk({ action: command, reason, by, ...whose }),
    );
    const where = exchange ?? 'Everything';
    if (kind === 'pause') return `${where} is paused: no new arbitrage begins. /resume takes it back.`;
    const { engaged } = source.killSwitch();
    const but = engaged
      ? ' But the kill switch is engaged: it is cleared at the page or over HTTP only.'
      : '';
    return `${where} is resumed.${but}`;
  }
}
