import type { SagaState } from '../execution/saga-state.js';
import type { ArbitrageClosed } from '../messages/order.js';
import type { HaltChanged } from '../messages/risk.js';
import type { Logger } from '../ports/log.js';
import { clearedSwitch, newerSwitch, type KillSwitch } from '../risk/kill-switch.js';

/** What `flatten` has come to: every arbitrage that was under way, and what stayed open of it. */
export interface FlattenReport {
  readonly sinceMs: number;
  /** Not ended yet. */
  readonly underWay: number;
  readonly ended: Readonly<Record<string, number>>;
  /** Handed to a person, with what was left over in base. */
  readonly open: readonly { readonly arbitrageId: string; readonly residualBase: string }[];
}

const MAX_OPEN = 64;

/**
 * Follows what a kill switch with the policy `flatten` asks of the saga. The sagas themselves do the work, since bringing an
 * imbalance home is what they do anyway and the gateways let such orders pass; this says when nothing is half done any more.
 */
export class FlattenWatch {
  private readonly log: Logger;
  private killSwitch: KillSwitch = clearedSwitch(0);
  private sinceMs: number | null = null;
  private waiting = new Set<string>();
  private ended: Record<string, number> = {};
  private open: { arbitrageId: string; residualBase: string }[] = [];

  constructor(log: Logger) {
    this.log = log;
  }

  /** The switch as it was told, with every arbitrage of the moment. */
  halt(halt: HaltChanged, sagas: Iterable<SagaState>, nowMs: number): void {
    const before = this.killSwitch;
    this.killSwitch = newerSwitch(before, halt);
    if (this.killSwitch === before) return;
    const flattens = this.killSwitch.engaged && this.killSwitch.policy === 'flatten';
    this.sinceMs = flattens ? nowMs : null;
    this.waiting = new Set();
    this.ended = {};
    this.open = [];
    if (!flattens) return;
    for (const { phase, terms } of sagas) if (phase !== 'closed') this.waiting.add(terms.arbitrageId);
    if (this.waiting.size === 0) this.done();
    else this.log.warn({ underWay: this.waiting.size }, 'flatten: unfinished arbitrages are brought home');
  }

  /** An arbitrage has its end. */
  closed({ arbitrageId, outcome, residualBase }: ArbitrageClosed): void {
    if (this.sinceMs === null || !this.waiting.delete(arbitrageId)) return;
    this.ended[outcome] = (this.ended[outcome] ?? 0) + 1;
    if (outcome === 'flagged' && this.open.length < MAX_OPEN) this.open.push({ arbitrageId, residualBase });
    if (this.waiting.size === 0) this.done();
  }

  private done(): void {
    const { ended, open } = this;
    if (open.length === 0) return this.log.warn({ ended }, 'flatten: no arbitrage is half done any more');
    this.log.error({ ended, open }, 'flatten: what no market took within the loss cap is left to a person');
  }

  /** Null unless the switch is engaged with this policy. */
  report(): FlattenReport | null {
    const { sinceMs, waiting, ended, open } = this;
    return sinceMs === null
      ? null
      : { sinceMs, underWay: waiting.size, ended: { ...ended }, open: [...open] };
  }
}
