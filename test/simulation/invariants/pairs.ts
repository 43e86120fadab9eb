import type { MessageKind } from '../../../src/messages/catalogue.js';
import type { ArbitrageClosed } from '../../../src/messages/order.js';
import type { PairAction, Signal } from '../../../src/messages/signal.js';
import { BOARD_DEPTH } from '../../../src/market/quote-board.js';
import { pairModel, type SimulatedExchange } from '../../../src/simulator/listings.js';
import type { PriceTie } from '../../../src/simulator/price-ties.js';
import { Exact } from '../cycle-fill.js';
import type { MoneyAuditor } from './money.js';
import type { Auditor, Scene } from './scene.js';

/** Legs against each other, beside lots. */
const HEDGE_TOLERANCE = 0.03;
/** Of a hedge ratio that is learned from a hundred bars. */
const RATIO_BETWEEN = [0.4, 2.5] as const;
/** A way out may wait for books, its answer and a retry. */
const LEAVE_MS = 15_000;
const QUIET_MS = 20_000;
/** So long a world has to run in quiet after its window is full for its tie to be entered. */
const FOUND_WITHIN_BARS = 120;

interface Held {
  readonly action: PairAction;
  readonly sinceMs: number;
  isTraded: boolean;
}

/**
 * The detector of pairs: a tie is found and entered, on the side from which its spread returns, both legs of the size that the hedge says and no more
 * than is there; and what is entered is left in time.
 */
export class PairAuditor implements Auditor {
  private readonly scene: Scene;
  private readonly money: MoneyAuditor;
  private readonly held = new Map<string, Held>();
  /** Signal → its position. */
  private readonly entries = new Map<string, string>();
  private enteredTies = 0;

  constructor(scene: Scene, money: MoneyAuditor) {
    this.scene = scene;
    this.money = money;
  }

  told(kind: MessageKind, body: unknown): void {
    if (kind === 'arbitrageClosed') return this.closed(body as ArbitrageClosed);
    const signal = kind === 'signal' ? (body as Signal) : null;
    if (signal?.position === undefined) return;
    const { position } = signal;
    if (position.action !== 'enter') {
      this.scene.reached('pair left');
      this.held.delete(position.positionId);
      return;
    }
    this.held.set(position.positionId, { action: position, sinceMs: this.scene.nowMs(), isTraded: false });
    this.entries.set(signal.signalId, position.positionId);
    this.checkHedge(signal, position);
    this.checkMeans(signal);
    this.checkSide(signal.signalId, position);
  }

  private closed({ signalId, outcome }: ArbitrageClosed): void {
    const held = this.held.get(this.entries.get(signalId) ?? '');
    if (held !== undefined && outcome === 'completed') held.isTraded = true;
  }

  /** What a process had in hand is its successor's, which counts anew. */
  processEnded(): void {
    this.held.clear();
  }

  sometimes(): void {
    if (!this.scene.isQuietFor(QUIET_MS) || this.scene.process()?.state !== 'running') return;
    const { maxHoldHalfLives, barMs } = this.scene.trading.statistical;
    for (const [id, { action, sinceMs, isTraded }] of this.held) {
      const longestMs = maxHoldHalfLives * (action.halfLifeMs ?? 0) + 2 * barMs + LEAVE_MS;
      if (!isTraded || this.scene.nowMs() - sinceMs < longestMs) continue;
      this.held.delete(id);
      this.scene.violated('position-is-left', `${id} is held since ${sinceMs.toFixed(0)} ms`);
    }
  }

  audit(): void {
    const { strategies } = this.scene.knobs;
    const { windowBars, barMs } = this.scene.trading.statistical;
    const isLong = this.scene.nowMs() > (windowBars + FOUND_WITHIN_BARS) * barMs;
    if (strategies?.kind !== 'pairs' || !isLong || !this.scene.isQuietFor(this.scene.nowMs())) return;
    if (this.enteredTies === 0)
      this.scene.violated('pair-is-found', 'nothing was entered on prices that belong together');
  }

  /** What is sold is worth what the hedge says for what is bought. */
  private checkHedge({ signalId, legs, quantity }: Signal, { hedgeRatio, direction }: PairAction): void {
    const [buy, sell] = [legs[0]!, legs[1]!];
    const [bought, sold] = [
      Number(quantity) * (this.midOf(buy.instrument) ?? NaN),
      Number(sell.quantity) * (this.midOf(sell.instrument) ?? NaN),
    ];
    const ratio = direction === 'long' ? sold / bought : bought / sold;
    // Between the detector's look and the journal a mid moves by little.
    if (Math.abs(ratio / hedgeRatio - 1) > HEDGE_TOLERANCE)
      this.scene.violated('pair-is-hedged', `${signalId}: legs as ${ratio}, the hedge is ${hedgeRatio}`);
  }

  /** Sold is what is held above the reserve, spent what is there, and neither leg is larger than one may be. */
  private checkMeans({ signalId, legs, notional }: Signal): void {
    const { exchanges, sizes, statistical } = this.scene.trading;
    const most = statistical.maxNotional ?? sizes.maxNotional;
    if (new Exact(notional).gt(most))
      this.scene.violated('signal-sized-right', `${signalId}: ${notional} are spent, ${most} may be`);
    for (const { exchange, instrument, side, quantity } of legs) {
      if (side === 'buy') continue;
      const [base = ''] = instrument.slice(exchange.length + 1).split('-');
      const worth = Number(quantity) * (this.midOf(instrument) ?? 0);
      const reserve = exchanges[exchange]?.reserve[base] ?? '0';
      const held = new Exact(this.money.holdings.get(`${exchange} ${base}`) ?? 0).minus(reserve);
      if (held.lt(quantity) || worth > Number(most) * (1 + HEDGE_TOLERANCE))
        this.scene.violated('signal-sized-right', `${signalId}: ${quantity} ${base} of ${held.toFixed()}`);
    }
  }

  /** y is dear while its true spread is above 0: then it is sold. */
  private checkSide(signalId: string, { positionId, direction, hedgeRatio }: PairAction): void {
    const [first = '', second = ''] = positionId.split('~');
    const [exchange = '', pair = ''] = first.split(':');
    const [, other = ''] = second.split(':');
    const tie = this.scene.world.oracle.tieOf(pair, other);
    if (tie === null) return this.scene.reached('pair by chance');
    this.enteredTies++;
    this.scene.reached('pair entered');
    const ratio = tie.y === pair ? hedgeRatio : 1 / hedgeRatio;
    const [least, largest] = RATIO_BETWEEN;
    if (!(ratio / tie.beta > least && ratio / tie.beta < largest))
      this.scene.violated('pair-is-hedged', `${signalId}: a hedge of ${ratio}, the tie has ${tie.beta}`);
    const spreadBps = this.spreadOf(tie, exchange as SimulatedExchange);
    const isSold = (direction === 'short') === (tie.y === pair);
    if (spreadBps > 0 !== isSold)
      this.scene.violated(
        'pair-on-its-side',
        `${signalId}: ${tie.y} is ${isSold ? 'sold' : 'bought'} at a spread of ${spreadBps.toFixed(1)} bps`,
      );
  }

  /** By the fair prices that the makers follow. */
  private spreadOf({ y, x, beta }: PriceTie, exchange: SimulatedExchange): number {
    const relative = (pair: string) => this.scene.world.fair(exchange, pair) / pairModel(pair).referencePrice;
    return (Math.log(relative(y)) - beta * Math.log(relative(x))) * 1e4;
  }

  private midOf(instrument: string): number | null {
    const board = this.scene.process()?.node?.board;
    if (board === undefined) return null;
    const at = board.slotOf(instrument) * BOARD_DEPTH;
    return (board.bidPrices[at]! + board.askPrices[at]!) / 2;
  }
}
