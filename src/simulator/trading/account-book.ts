import { invariant } from '../../messages/errors.js';
import type { Atoms } from './atoms.js';

interface Holding {
  free: Atoms;
  locked: Atoms;
}

/** What is held of one asset at one moment. */
export interface HoldingView {
  readonly asset: string;
  readonly free: Atoms;
  readonly locked: Atoms;
}

/** Free and locked amounts of one account, exact. No amount ever falls below zero: what would, is a defect. */
export class AccountBook {
  private readonly holdings = new Map<string, Holding>();

  /** Forgets everything and starts anew. Throws ARB_INVARIANT for a negative amount. */
  reset(balances: readonly { readonly asset: string; readonly amount: Atoms }[]): void {
    this.holdings.clear();
    for (const { asset, amount } of balances) this.credit(asset, amount);
  }

  free(asset: string): Atoms {
    return this.holdings.get(asset)?.free ?? 0n;
  }

  view(asset: string): HoldingView {
    const held = this.holdings.get(asset);
    return { asset, free: held?.free ?? 0n, locked: held?.locked ?? 0n };
  }

  /** Every asset that was ever held, in the order in which it came. */
  views(): HoldingView[] {
    return [...this.holdings.keys()].map((asset) => this.view(asset));
  }

  credit(asset: string, amount: Atoms): void {
    invariant(amount >= 0n, `a credit of ${amount} ${asset}`);
    this.holding(asset).free += amount;
  }

  /** Takes from what is free. */
  debit(asset: string, amount: Atoms): void {
    const held = this.holding(asset);
    invariant(amount >= 0n && held.free >= amount, `a debit of ${amount} ${asset} from ${held.free}`);
    held.free -= amount;
  }

  lock(asset: string, amount: Atoms): void {
    this.debit(asset, amount);
    this.holding(asset).locked += amount;
  }

  unlock(asset: string, amount: Atoms): void {
    const held = this.holding(asset);
    invariant(amount >= 0n && held.locked >= amount, `an unlock of ${amount} ${asset} from ${held.locked}`);
    held.locked -= amount;
    held.free += amount;
  }

  private holding(asset: string): Holding {
    let held = this.holdings.get(asset);
    if (held === undefined) this.holdings.set(asset, (held = { free: 0n, locked: 0n }));
    return held;
  }
}
