import type { AssetId, DecimalText, ExchangeId } from '../messages/primitives.js';
import { Decimal, ZERO } from '../market/decimal.js';

/** Of one asset on one exchange. */
export interface AmountAt {
  readonly exchange: ExchangeId;
  readonly asset: AssetId;
  readonly amount: DecimalText;
}

const keyOf = (exchange: ExchangeId, asset: AssetId): string => `${exchange} ${asset}`;

/** Amounts by exchange and asset, exact and in float64. */
export class Amounts {
  private readonly exact = new Map<string, Decimal>();
  private readonly near = new Map<string, number>();

  constructor(amounts: readonly AmountAt[] = []) {
    for (const { exchange, asset, amount } of amounts) {
      const value = new Decimal(amount);
      this.exact.set(keyOf(exchange, asset), value);
      this.near.set(keyOf(exchange, asset), value.toNumber());
    }
  }

  /** 0 where nothing was named. */
  of(exchange: ExchangeId, asset: AssetId): Decimal {
    return this.exact.get(keyOf(exchange, asset)) ?? ZERO;
  }

  /** As `of`, in float64. */
  nearOf(exchange: ExchangeId, asset: AssetId): number {
    return this.near.get(keyOf(exchange, asset)) ?? 0;
  }
}
