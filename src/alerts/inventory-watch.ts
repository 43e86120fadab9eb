import { Decimal } from '../market/decimal.js';
import type { AssetId, DecimalText, ExchangeId } from '../messages/primitives.js';
import type { Alert } from './alert.js';
import { alertOf } from './from-trading.js';

export interface Amount {
  readonly exchange: ExchangeId;
  readonly asset: AssetId;
  readonly amount: DecimalText;
}

/** Above the bound by this much, what was low is no longer: a balance that wavers is told once. */
const AGAIN = new Decimal('1.05');

/**
 * Balances that come near what `trading.config.ts` keeps back (`exchanges.<id>.reserve`): nothing below a reserve is traded, so a
 * market with little left above it trades no more in that direction.
 */
export class InventoryWatch {
  private readonly bounds: readonly { readonly at: Amount; readonly bound: Decimal }[];
  private readonly low = new Set<string>();

  /** Told at `factor` times the reserve. */
  constructor(reserves: readonly Amount[], factor: number) {
    this.bounds = reserves
      .map((at) => ({ at, bound: new Decimal(at.amount).times(factor) }))
      .filter(({ bound }) => bound.gt(0));
  }

  get isEmpty(): boolean {
    return this.bounds.length === 0;
  }

  /** What is held now; what is not named is not held. */
  take(holdings: readonly Amount[], atMs: number): Alert[] {
    const held = new Map(holdings.map((one) => [keyOf(one), one.amount]));
    return this.bounds.flatMap(({ at, bound }) => {
      const key = keyOf(at);
      const amount = new Decimal(held.get(key) ?? '0');
      const wasLow = this.low.has(key);
      if (!wasLow && amount.lt(bound)) {
        this.low.add(key);
        return [this.alert(at, amount, 'warning', atMs)];
      }
      if (wasLow && amount.gte(bound.times(AGAIN))) {
        this.low.delete(key);
        return [this.alert(at, amount, 'info', atMs)];
      }
      return [];
    });
  }

  private alert(at: Amount, amount: Decimal, severity: 'warning' | 'info', atMs: number): Alert {
    const { exchange, asset, amount: reserve } = at;
    const says = severity === 'warning' ? 'is low' : 'is enough again';
    return alertOf({
      id: `inventory:${keyOf(at)}:${severity}:${atMs}`,
      event: 'inventory',
      severity,
      subject: `${exchange} ${asset} ${severity === 'warning' ? 'low' : 'enough'}`,
      text: `${asset} on ${exchange} ${says}: ${amount.toFixed()} held, ${reserve} kept back`,
      atMs,
    });
  }
}

const keyOf = ({ exchange, asset }: Pick<Amount, 'exchange' | 'asset'>): string => `${exchange}:${asset}`;
