import type { ApprovedVerdict } from '../../src/messages/risk.js';
import { arbitrageIdOf } from '../../src/risk/approval.js';
import { Prng } from '../../src/simulator/prng.js';
import type { SimulatedAccount } from '../../src/simulator/trading/simulated-account.js';
import type { TradingFault } from '../../src/simulator/trading/trading-faults.js';
import type { NodeWorld } from './node-world.js';

/** One leg of each arbitrage is made to fail, at the moment of its approval. */

export const LEG_FAULTS = ['reject', 'partial', 'late', 'unknown', 'away'] as const;
export type LegFault = (typeof LEG_FAULTS)[number];

/** `lasting` faults also meet the recovery orders that go to the same market. */
const FAULTS: Readonly<Record<Exclude<LegFault, 'away'>, readonly TradingFault[]>> = {
  reject: [{ kind: 'reject' }],
  partial: [{ kind: 'partial-then-disconnect', count: 1 }],
  late: [{ kind: 'slow', delayMs: 900 }],
  unknown: [
    { kind: 'accept-then-timeout', count: 1 },
    { kind: 'lose-request', count: 1 },
    { kind: 'error-5xx-placed', count: 1 },
    { kind: 'error-5xx-not-placed', count: 1 },
  ],
};
/** How long an exchange is away. */
const AWAY_MS = [600, 3_000] as const;
/** A whole exchange stands for it, so it comes less often. */
const AWAY_SHARE = 0.04;

export class LegFaults {
  /** By arbitrage. */
  readonly planned = new Map<string, LegFault>();
  private readonly world: NodeWorld;
  private readonly prng: Prng;
  private readonly endings = new Map<string, () => void>();
  private readonly away = new Map<string, () => void>();

  constructor(world: NodeWorld, seed: number) {
    this.world = world;
    this.prng = Prng.of(seed, 'legs');
    world.node.bus.subscribe('risk.verdict.approved', 'verdict', ({ message }) => {
      if (message.decision === 'approved') this.spoil(message);
    });
  }

  private spoil({ verdictId, signal }: ApprovedVerdict): void {
    const leg = this.prng.pick(signal.legs);
    const account = this.world.accounts.find(({ exchange }) => exchange === leg.exchange)!;
    const symbol = this.world.simulated.world.market(account.exchange, signal.pair).listing.symbol;
    const arbitrageId = arbitrageIdOf(verdictId);
    if (this.away.size === 0 && this.prng.next() < AWAY_SHARE) {
      this.planned.set(arbitrageId, 'away');
      return this.closeExchange(account);
    }
    const kinds = LEG_FAULTS.filter((kind) => kind !== 'away');
    const kind = this.prng.pick(kinds);
    this.planned.set(arbitrageId, kind);
    this.endings.set(arbitrageId, account.misbehave({ ...this.prng.pick(FAULTS[kind]), symbol }));
  }

  private closeExchange(account: SimulatedAccount): void {
    const end = account.misbehave({ kind: 'maintenance' });
    const reopen = (): void => {
      end();
      this.away.delete(account.exchange);
    };
    this.away.set(account.exchange, reopen);
    this.world.time.setTimer(reopen, this.prng.between(...AWAY_MS));
  }

  /** Exchanges that nobody can trade on now. */
  get closedExchanges(): readonly string[] {
    return [...this.away.keys()];
  }

  /** What was to happen to an arbitrage that has ended; nothing more of it happens. */
  ended(arbitrageId: string): LegFault | null {
    this.endings.get(arbitrageId)?.();
    this.endings.delete(arbitrageId);
    const planned = this.planned.get(arbitrageId) ?? null;
    this.planned.delete(arbitrageId);
    return planned;
  }

  endAll(): void {
    for (const id of [...this.endings.keys()]) this.ended(id);
    for (const reopen of [...this.away.values()]) reopen();
  }
}
