import { Decimal } from '../market/decimal.js';

/** An exact amount and, made when it is first asked for, the float64 next to it. */
export class Amount {
  readonly exact: Decimal;
  private float = NaN;

  constructor(exact: Decimal) {
    this.exact = exact;
  }

  get near(): number {
    if (Number.isNaN(this.float)) this.float = this.exact.toNumber();
    return this.float;
  }
}

export const NOTHING: Amount = new Amount(new Decimal(0));

/** A price as it was told, with the float64 next to it; the decimal is made when it is first asked for. */
export class Price {
  readonly text: string;
  readonly near: number;
  private decimal: Decimal | null = null;

  constructor(text: string) {
    this.text = text;
    this.near = Number(text);
  }

  get exact(): Decimal {
    this.decimal ??= new Decimal(this.text);
    return this.decimal;
  }
}
