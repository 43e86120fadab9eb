import type { Instrument } from '../market/instrument.js';
import type { QuoteBoard } from '../market/quote-board.js';
import { Decimal, ONE, ZERO } from '../market/decimal.js';
import {
  dayNet,
  dayNumber,
  moneyText,
  valueHoldings,
  type MarkedHolding,
  type Valuation,
} from '../execution/portfolio.js';
import { ResidueLedger, type Residue } from '../execution/residue.js';
import { errorText } from '../messages/errors.js';
import type { BalancesChanged } from '../messages/ledger.js';
import type { ArbitrageClosed } from '../messages/order.js';
import type { AssetId, DecimalText } from '../messages/primitives.js';
import type { Bus } from '../ports/bus.js';
import type { PortfolioSnapshot, Stores } from '../ports/stores.js';
import type { ActorBehaviour, ActorContext, ActorDefinition, Reply } from '../runtime/actor.js';
import { marksOf } from './board-reading.js';

/**
 * What the trader sees: holdings at mid prices, what trading made today without the revaluation of what is held on
 * purpose, and each arbitrage's realised against expected. It decides nothing.
 */
export interface PortfolioActorOptions {
  readonly bus: Bus;
  readonly board: QuoteBoard;
  readonly instruments: readonly Instrument[];
  readonly stores: Pick<Stores, 'portfolio' | 'trades' | 'settings'>;
  readonly currency: AssetId;
  readonly baseline: readonly { readonly asset: AssetId; readonly amount: DecimalText }[];
  readonly snapshotIntervalMs: number;
  /** When the trading day begins, ms after midnight UTC; KST: −9 h. */
  readonly dayBoundaryOffsetMs: number;
}

export interface PortfolioView {
  readonly atMs: number;
  readonly currency: AssetId;
  readonly equity: DecimalText;
  readonly todayNet: DecimalText;
  readonly realisedNet: DecimalText;
  readonly expectedNet: DecimalText;
  readonly arbitrages: number;
  /** Of arbitrages that closed since the day boundary. */
  readonly realisedToday: DecimalText;
  readonly arbitragesToday: number;
  readonly holdings: readonly MarkedHolding[];
  readonly unmarked: readonly AssetId[];
  readonly residues: readonly Residue[];
}

export type PortfolioMessage =
  | { readonly kind: 'balances'; readonly changed: BalancesChanged }
  | { readonly kind: 'closed'; readonly closed: ArbitrageClosed }
  | { readonly kind: 'snapshot' }
  | { readonly kind: 'saved'; readonly error: string | null }
  | { readonly kind: 'view'; readonly reply: Reply<PortfolioView> };

const MAILBOX = 4_096;
const LOOK_BACK = 10_000;
const HANDLER_TIMEOUT_MS = 5_000;
const DAY_KEY = 'portfolio-day';

export function portfolioActor(options: PortfolioActorOptions): ActorDefinition<PortfolioMessage> {
  return {
    kind: 'portfolio',
    mailbox: {
      capacity: MAILBOX,
      policyOf: (message) =>
        message.kind === 'balances' ? { kind: 'conflate', key: 'balances' } : { kind: 'reject' },
    },
    handlerTimeoutMs: HANDLER_TIMEOUT_MS,
    create: async (context) => {
      const past = await options.stores.trades.recentArbitrages(LOOK_BACK);
      const day = await options.stores.settings.get(DAY_KEY);
      context.assertCurrent();
      const actor = new PortfolioActor(options, context, parseDay(day));
      for (const closed of past) actor.count(closed);
      actor.subscribe();
      actor.awaitGrid();
      return actor;
    },
  };
}

interface DayStart {
  readonly day: number;
  readonly tradingValue: DecimalText;
}

/** `<day number> <value>`; anything else counts as never written, and the day begins anew. */
function parseDay(text: string | null): DayStart | null {
  const match = /^(\d{1,9}) (-?\d+(?:\.\d+)?)$/.exec(text ?? '');
  return match === null ? null : { day: Number(match[1]), tradingValue: match[2]! };
}

class PortfolioActor implements ActorBehaviour<PortfolioMessage> {
  private readonly options: PortfolioActorOptions;
  private readonly context: ActorContext<PortfolioMessage>;
  private readonly baseline: ReadonlyMap<AssetId, Decimal>;
  private readonly marks = new Map<AssetId, Decimal>();
  private readonly residues = new ResidueLedger();
  private balances: BalancesChanged | null = null;
  private dayStart: DayStart | null;
  private realised = ZERO;
  private expected = ZERO;
  private arbitrages = 0;
  private unsavedDay: DayStart | null = null;
  private today = { day: NaN, realised: ZERO, arbitrages: 0 };
  private snapshots = 0;
  private lastError: string | null = null;

  constructor(
    options: PortfolioActorOptions,
    context: ActorContext<PortfolioMessage>,
    dayStart: DayStart | null,
  ) {
    this.options = options;
    this.context = context;
    this.dayStart = dayStart;
    this.baseline = new Map(options.baseline.map((b) => [b.asset, new Decimal(b.amount)]));
  }

  subscribe(): void {
    const { bus } = this.options;
    const { self } = this.context;
    const subscriptions = [
      bus.subscribe(
        'ledger.balances',
        'balancesChanged',
        (d) => void self.tell({ kind: 'balances', changed: d.message }),
      ),
      bus.subscribe(
        'arbitrage.closed.*',
        'arbitrageClosed',
        (d) => void self.tell({ kind: 'closed', closed: d.message }),
      ),
    ];
    this.context.onEnd(() => subscriptions.forEach((subscription) => subscription.unsubscribe()));
  }

  handle(message: PortfolioMessage): void {
    switch (message.kind) {
      case 'balances':
        this.balances = message.changed;
        return this.startDay();
      case 'closed':
        return this.count(message.closed);
      case 'snapshot':
        this.awaitGrid();
        return this.snapshot();
      case 'saved':
        this.lastError = message.error;
        if (message.error === null) this.snapshots++;
        else this.context.log.warn({ error: message.error }, 'portfolio snapshot not saved');
        return;
      case 'view':
        return message.reply.resolve(this.view());
    }
  }

  /**
   * Snapshots are due at whole multiples of the interval, whenever the node started. A timer that comes a little early is the
   * one of the coming point, not another.
   */
  awaitGrid(): void {
    const { snapshotIntervalMs: intervalMs } = this.options;
    const nowMs = this.context.clock.nowMs();
    const due = Math.ceil((nowMs + intervalMs / 10) / intervalMs) * intervalMs;
    this.context.timer('snapshot', due - nowMs, { kind: 'snapshot' });
  }

  /** Each arbitrage counts once, however often its end is told. */
  count(closed: ArbitrageClosed): void {
    if (!this.residues.add(closed)) return;
    this.arbitrages++;
    const rate = this.rateOf(closed);
    const realised = rate.times(closed.realisedNet);
    this.realised = this.realised.plus(realised);
    this.expected = this.expected.plus(rate.times(closed.expectedNet));
    this.beginCount();
    if (dayNumber(closed.closedAtMs, this.options.dayBoundaryOffsetMs) !== this.today.day) return;
    this.today.arbitrages++;
    this.today.realised = this.today.realised.plus(realised);
  }

  /** What the money of an arbitrage is worth now; 0 while another quote has no price, since 700 won are not 700 dollars. */
  private rateOf({ quote, pair }: ArbitrageClosed): Decimal {
    const asset = quote ?? pair.slice(pair.indexOf('-') + 1);
    if (asset === this.options.currency) return ONE;
    this.value();
    const mark = this.marks.get(asset);
    if (mark === undefined)
      this.context.log.warn({ asset }, 'what an arbitrage made is not counted: no price');
    return mark ?? ZERO;
  }

  private beginCount(): void {
    const day = dayNumber(this.context.clock.nowMs(), this.options.dayBoundaryOffsetMs);
    if (this.today.day !== day) this.today = { day, realised: ZERO, arbitrages: 0 };
  }

  private value(): Valuation {
    const { board, instruments, currency } = this.options;
    for (const { asset, price } of marksOf(board, instruments, currency))
      this.marks.set(asset, new Decimal(price));
    return valueHoldings(this.balances?.holdings ?? [], this.marks, this.baseline, currency);
  }

  /** Saved only once there are balances and a price for each: a snapshot that misses something would look like a loss. */
  private snapshot(): void {
    const valuation = this.value();
    if (this.balances === null || valuation.unmarked.length > 0) return;
    const { portfolio, settings } = this.options.stores;
    const snapshot: PortfolioSnapshot = {
      atMs: this.context.clock.nowMs(),
      currency: this.options.currency,
      equity: moneyText(valuation.equity),
      realisedNet: moneyText(this.realised),
      holdings: valuation.holdings,
      baseline: this.markedBaseline(),
    };
    this.beginDay(valuation);
    const begun = this.unsavedDay;
    this.unsavedDay = null;
    const save = async () => {
      if (begun !== null) await settings.set(DAY_KEY, `${begun.day} ${begun.tradingValue}`);
      await portfolio.saveSnapshot(snapshot);
    };
    this.context.pipe(
      save(),
      () => ({ kind: 'saved', error: null }),
      (error) => ({ kind: 'saved', error: errorText(error) }),
    );
  }

  /** With prices of its own: an asset that is all sold is in no holding, and still held on purpose. */
  private markedBaseline() {
    const { baseline, currency } = this.options;
    return baseline.map(({ asset, amount }) => {
      const mark = asset === currency ? '1' : this.marks.get(asset);
      return { asset, amount, mark: mark === undefined ? null : moneyText(new Decimal(mark)) };
    });
  }

  /** Told with the balances, so that what is traded before the first snapshot belongs to the day. */
  private startDay(): void {
    const valuation = this.value();
    if (valuation.unmarked.length === 0) this.beginDay(valuation);
  }

  /** The first complete valuation of a day is what the day is measured from; written down with the next snapshot. */
  private beginDay(valuation: Valuation): void {
    const day = dayNumber(this.context.clock.nowMs(), this.options.dayBoundaryOffsetMs);
    if (this.dayStart?.day === day) return;
    this.dayStart = { day, tradingValue: moneyText(valuation.tradingValue) };
    this.unsavedDay = this.dayStart;
  }

  private view(): PortfolioView {
    this.beginCount();
    const valuation = this.value();
    const start = new Decimal(this.dayStart?.tradingValue ?? valuation.tradingValue);
    return {
      atMs: this.context.clock.nowMs(),
      currency: this.options.currency,
      equity: moneyText(valuation.equity),
      todayNet: moneyText(dayNet(valuation, start)),
      realisedNet: moneyText(this.realised),
      expectedNet: moneyText(this.expected),
      arbitrages: this.arbitrages,
      realisedToday: moneyText(this.today.realised),
      arbitragesToday: this.today.arbitrages,
      holdings: valuation.holdings,
      unmarked: valuation.unmarked,
      residues: this.residues.list(),
    };
  }

  summary() {
    return {
      arbitrages: this.arbitrages,
      realisedNet: moneyText(this.realised),
      expectedNet: moneyText(this.expected),
      snapshots: this.snapshots,
      lastError: this.lastError,
    };
  }
}
