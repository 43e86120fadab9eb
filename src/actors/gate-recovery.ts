import { errorText } from '../messages/errors.js';
import type { RecoveryAnswer, SubmitLeg } from '../messages/order.js';
import type { VerdictSeal } from '../ports/verdict-seal.js';
import type { KillSwitch } from '../risk/kill-switch.js';
import {
  permitText,
  RECOVERY_PERMIT_LIMITS,
  recoveryRefusal,
  type RecoveryFacts,
} from '../risk/recovery-permit.js';
import type { ActorContext, Reply } from '../runtime/actor.js';
import type { GateActorOptions, GateMessage } from './gate-messages.js';

/** What the stores say of the arbitrage of an order. Rejects when they do not answer. */
async function factsOf({ trades, signals, ledger }: Stores, leg: SubmitLeg): Promise<RecoveryFacts> {
  const ids = [leg.arbitrageId];
  const [orders, fills, closed, decisions] = await Promise.all([
    trades.ordersOf(ids),
    ledger.fillsOf(ids),
    trades.arbitragesOf(ids),
    signals.signalsOf([leg.verdictId]),
  ]);
  const hedges = decisions.flatMap(({ verdict }) =>
    verdict.decision === 'approved' ? (verdict.hedges ?? []) : [],
  );
  return { orders, fills, hedges, closed: closed[0] ?? null };
}

type Stores = Pick<GateActorOptions, 'trades' | 'signals' | 'ledger'>;

/** The gate's leave for recovery orders of a life before: judged by the journal, sealed for one order. */
export class RecoveryPermits {
  private readonly options: Stores & { readonly seal: VerdictSeal };
  private readonly context: ActorContext<GateMessage>;
  private given = 0;
  private readonly refused = new Map<string, number>();

  constructor(options: RecoveryPermits['options'], context: ActorContext<GateMessage>) {
    this.options = options;
    this.context = context;
  }

  ask(leg: SubmitLeg, answer: Reply<RecoveryAnswer>): void {
    this.context.pipe(
      factsOf(this.options, leg),
      (facts) => ({ kind: 'recoveryFacts', leg, facts, answer }),
      (error) => {
        this.context.log.warn({ error: errorText(error) }, 'a recovery order could not be judged');
        return { kind: 'recoveryFacts', leg, facts: null, answer };
      },
    );
  }

  judge(
    { leg, facts, answer }: Extract<GateMessage, { kind: 'recoveryFacts' }>,
    killSwitch: KillSwitch,
  ): void {
    const { clientOrderId } = leg;
    const reason = facts === null ? 'JOURNAL_AWAY' : recoveryRefusal(leg, facts, killSwitch);
    if (reason !== null) {
      this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1);
      return answer.resolve({ clientOrderId, permit: null, reason });
    }
    this.given++;
    const permit = {
      permitId: this.context.ids.next('permit'),
      expiresAtMs: this.context.clock.nowMs() + RECOVERY_PERMIT_LIMITS.lifeMs,
    };
    const seal = this.options.seal.sign(permitText(leg, permit));
    answer.resolve({ clientOrderId, permit: { ...permit, seal }, reason: '' });
  }

  summary() {
    return { given: this.given, refused: Object.fromEntries(this.refused) };
  }
}
