import { Decimal } from '../../src/market/decimal.js';
import type { Instrument } from '../../src/market/instrument.js';
import { OrderBook } from '../../src/market/order-book.js';
import { QuoteBoard } from '../../src/market/quote-board.js';
import type { PairPosition } from '../../src/messages/pair-positions.js';
import type { Signal } from '../../src/messages/signal.js';
import type { StatisticalEffect } from '../../src/detectors/statistical/pair-effects.js';
import { runPairTest } from '../../src/detectors/statistical/pair-test.js';
import { StatisticalDetector } from '../../src/detectors/statistical/statistical.js';
import {
  DEFAULT_STATISTICAL_PARAMETERS,
  type StatisticalParameters,
} from '../../src/detectors/statistical/statistical-parameters.js';
import { normals } from '../statistics/random-series.js';

/** Markets whose prices the test writes bar by bar, and a trader who fills what is offered. */

export const BAR_MS = 1_000;
export const START_MS = 1_700_000_000_000;

export function pairInstrument(exchange: string, base: string, more: Partial<Instrument> = {}): Instrument {
  return {
    id: `${exchange}:${base}-USDT`,
    exchange,
    symbol: `${base}USDT`,
    pair: `${base}-USDT`,
    base,
    quote: 'USDT',
    identityKnown: true,
    unitMultiplier: '1',
    tickSize: '0.001',
    lotSize: '0.001',
    minQuantity: '0.001',
    maxQuantity: null,
    minNotional: '5',
    state: 'trading',
    takerFeeRate: '0.0005',
    makerFeeRate: '0.0005',
    feeMode: 'quote',
    ...more,
  };
}

export const PAIR_PARAMETERS: StatisticalParameters = {
  ...DEFAULT_STATISTICAL_PARAMETERS,
  limits: new Map([['USDT', { minNetProfit: '0.1', maxNotional: '5000' }]]),
  barMs: BAR_MS,
  windowBars: 300,
  retestBars: 60,
  entryRetryMs: 5_000,
};

/** Fair prices by asset: X walks, Y = X^0.8 and a spread that returns, Z walks alone. */
export class PairPrices {
  private readonly normal: () => number;
  private x = Math.log(100);
  private z = Math.log(50);
  spread = 0;
  /** A step of the spread is this share of what is left, and a shock. */
  memory = 0.9;
  shock = 0.003;

  constructor(seed: number) {
    this.normal = normals(seed);
  }

  step(): void {
    this.x += 0.002 * this.normal();
    this.z += 0.002 * this.normal();
    this.spread = this.memory * this.spread + this.shock * this.normal();
  }

  of(asset: string): number {
    if (asset === 'X') return Math.exp(this.x);
    return Math.exp(asset === 'Z' ? this.z : 0.8 * this.x + this.spread);
  }
}

export interface PairWorldOptions {
  readonly seed?: number;
  /** In place of those of the seed. */
  readonly prices?: PairPrices;
  /** Decimals of a price; absent = 3. */
  readonly digits?: number;
  readonly exchanges?: readonly string[];
  readonly assets?: readonly string[];
  readonly parameters?: Partial<StatisticalParameters>;
  readonly instrument?: Partial<Instrument>;
  readonly holdings?: Readonly<Record<string, string>>;
  /** Base per level; ten levels of one basis point each. */
  readonly levelSize?: number;
  /** What becomes of a signal: its share that fills, or a refusal. */
  readonly fate?: (signal: Signal) => number | 'refused' | 'silent';
}

const PLENTY = { USDT: '1000000', X: '10000', Y: '10000', Z: '10000' };

export class PairWorld {
  readonly instruments: readonly Instrument[];
  readonly board: QuoteBoard;
  readonly prices: PairPrices;
  readonly effects: StatisticalEffect[] = [];
  detector: StatisticalDetector;
  /** As the journal has it. */
  positions: readonly PairPosition[] = [];
  nowMs = START_MS;
  private readonly options: PairWorldOptions;
  private sequence = 0;
  private ids = 0;
  /** Instruments whose book is not published. */
  readonly silent = new Set<string>();

  constructor(options: PairWorldOptions = {}) {
    this.options = options;
    const { exchanges = ['alpha'], assets = ['X', 'Y', 'Z'] } = options;
    this.instruments = exchanges.flatMap((exchange) =>
      assets.map((asset) => pairInstrument(exchange, asset, options.instrument)),
    );
    this.board = new QuoteBoard(this.instruments.length);
    this.prices = options.prices ?? new PairPrices(options.seed ?? 1);
    this.detector = this.newDetector();
  }

  get parameters(): StatisticalParameters {
    return { ...PAIR_PARAMETERS, ...this.options.parameters };
  }

  private newDetector(): StatisticalDetector {
    const { instruments, board, parameters, nowMs } = this;
    const { positions } = this;
    const nextId = (prefix: string) => `${prefix}-${++this.ids}`;
    const detector = new StatisticalDetector({ instruments, board, parameters, nextId, positions, nowMs });
    const exchanges = this.options.exchanges ?? ['alpha'];
    detector.balances(
      exchanges.flatMap((exchange) =>
        Object.entries({ ...PLENTY, ...this.options.holdings }).map(([asset, amount]) => ({
          ...{ exchange, asset, amount },
        })),
      ),
    );
    return detector;
  }

  /** The detector ends, and another one learns from the journal alone. */
  restart(): void {
    this.detector = this.newDetector();
  }

  publish(): void {
    this.sequence++;
    for (const { id, base } of this.instruments) {
      if (this.silent.has(id)) continue;
      const fair = this.prices.of(base);
      const book = new OrderBook();
      for (let level = 0; level < 10; level++) {
        const away = 0.0001 * (level + 0.5);
        book.setBid(
          Number((fair * (1 - away)).toFixed(this.options.digits ?? 3)),
          this.options.levelSize ?? 20,
        );
        book.setAsk(
          Number((fair * (1 + away)).toFixed(this.options.digits ?? 3)),
          this.options.levelSize ?? 20,
        );
      }
      book.sequence = this.sequence;
      this.board.publish(this.board.slotOf(id), book, 1, this.nowMs - 5, this.nowMs, this.nowMs);
    }
  }

  /** One bar: prices move, books are published, the detector looks, and what it asks for is done. */
  bar(): readonly StatisticalEffect[] {
    this.prices.step();
    this.nowMs += BAR_MS;
    this.publish();
    return this.look();
  }

  bars(count: number): StatisticalEffect[] {
    return Array.from({ length: count }, () => this.bar()).flat();
  }

  look(): readonly StatisticalEffect[] {
    return this.carryOut(this.detector.sweep(this.nowMs, this.nowMs));
  }

  private carryOut(effects: readonly StatisticalEffect[]): readonly StatisticalEffect[] {
    this.effects.push(...effects);
    const more = effects.flatMap((effect) => [...this.done(effect)]);
    return [...effects, ...more];
  }

  private done(effect: StatisticalEffect): readonly StatisticalEffect[] {
    if (effect.kind === 'positions') this.positions = structuredClone(effect.positions);
    if (effect.kind === 'test')
      this.detector.tested(structuredClone(runPairTest(structuredClone(effect.test))));
    if (effect.kind !== 'signal') return [];
    const { signal } = effect;
    const fate = this.options.fate?.(signal) ?? 1;
    if (fate === 'silent') return [];
    if (fate === 'refused')
      return this.carryOut(this.detector.markRefused(signal.opportunityId, 'TEST', 'planted', this.nowMs));
    return this.carryOut(this.detector.settled(signal.signalId, this.fill(signal, fate), this.nowMs));
  }

  /** At the limit prices, fees in quote. */
  fill(signal: Signal, share = 1) {
    const [first, second] = signal.position!.positionId.split('~') as [string, string];
    const traded = { first: new Decimal(0), second: new Decimal(0), quote: new Decimal(0) };
    for (const leg of signal.legs) {
      const sign = leg.side === 'buy' ? 1 : -1;
      const quantity = new Decimal(leg.quantity).times(share).toDecimalPlaces(3).times(sign);
      const value = quantity.times(leg.expectedVwap);
      const fee = value.abs().times(leg.feeRate);
      if (leg.instrument === first) traded.first = traded.first.plus(quantity);
      if (leg.instrument === second) traded.second = traded.second.plus(quantity);
      traded.quote = traded.quote.minus(value).minus(fee);
    }
    return share === 0 ? null : traded;
  }

  get signals(): Signal[] {
    return this.effects.flatMap((effect) => (effect.kind === 'signal' ? [effect.signal] : []));
  }

  /** Reasons told of opportunities, in order. */
  reasons(phase?: string): string[] {
    return this.effects.flatMap((effect) =>
      effect.kind === 'opportunity' && (phase === undefined || effect.event.phase === phase)
        ? [effect.event.reason]
        : [],
    );
  }
}
