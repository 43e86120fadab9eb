import type { Instrument } from '../market/instrument.js';
import type { LegResult } from '../messages/order.js';
import { PaperExchange, type PaperAccount, type PaperExecution, type PaperFaults } from './paper-exchange.js';

const REMEMBERED_RESULTS = 16_384;

/**
 * What a real exchange would remember while a gateway to it restarts: the account, the liquidity we consumed and what became
 * of each order. A gateway that forgot a fill already told would deny it, and its arbitrage would be settled without it.
 * With the process all of this ends: the next one opens the account from the ledger, so that a fill that was matched and
 * never booked has never happened for either.
 */
export class PaperVenue {
  private readonly faults: PaperFaults;
  private readonly results = new Map<string, LegResult>();
  private exchange: PaperExchange | null = null;

  constructor(faults: PaperFaults) {
    this.faults = faults;
  }

  /** False until the first opening: then the account must be told. */
  get isOpen(): boolean {
    return this.exchange !== null;
  }

  /** Opens with the ledger's holdings the first time; afterwards only the markets are taken. */
  open(instruments: readonly Instrument[], account: readonly PaperAccount[]): void {
    if (this.exchange === null) this.exchange = new PaperExchange(instruments, account, this.faults);
    else this.exchange.replaceInstruments(instruments);
  }

  /** What became of an order; undefined for one that was never matched. */
  resultOf(clientOrderId: string): LegResult | undefined {
    return this.results.get(clientOrderId);
  }

  /** Matches an order once and remembers the result. Null before the venue was opened. */
  execute(execution: PaperExecution): LegResult | null {
    if (this.exchange === null) return null;
    const result = this.exchange.execute(execution);
    this.results.set(result.clientOrderId, result);
    const oldest = this.results.keys().next();
    if (this.results.size > REMEMBERED_RESULTS && oldest.done !== true) this.results.delete(oldest.value);
    return result;
  }
}
