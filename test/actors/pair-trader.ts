import { statisticalActor, type StatisticalMessage } from '../../src/actors/statistical-detector.js';
import { InProcessBus } from '../../src/cluster/in-process-bus.js';
import { runPairTest } from '../../src/detectors/statistical/pair-test.js';
import { ArbotError } from '../../src/messages/errors.js';
import type { ArbitrageClosed, Fill, LegResult, SubmitLeg } from '../../src/messages/order.js';
import type { OpportunityEvent, Signal } from '../../src/messages/signal.js';
import type { Verdict } from '../../src/messages/risk.js';
import type { Compute } from '../../src/ports/compute.js';
import type { JournalledOrder } from '../../src/ports/stores.js';
import type { MidBucket } from '../../src/ports/tick-store.js';
import { PlainEngine } from '../../src/runtime/engine-plain.js';
import { InlineCompute } from '../../src/runtime/platform/compute.js';
import { SeededRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { ActorSystem } from '../../src/runtime/system.js';
import type { TimeRange } from '../../src/ports/tick-store.js';
import { PairWorld, type PairWorldOptions } from '../detectors/pair-world.js';
import { KeptLog } from '../runtime/harness.js';
import { ManualTime } from '../runtime/manual-time.js';

/** The actor of statistical pairs, and around it everybody who answers: gate, saga, stores, compute. */

const PATH = '/statistical';
const ZERO_PARTS = { priceMove: '0', fees: '0', slippage: '0', latency: '0', legFailure: '0' };

export interface TraderOptions extends PairWorldOptions {
  readonly compute?: Compute;
  readonly mids?: (instrument: string, range: TimeRange, bucketMs: number) => Promise<readonly MidBucket[]>;
}

export class PairTraderWorld {
  readonly time: ManualTime;
  readonly log = new KeptLog();
  readonly bus: InProcessBus;
  readonly system: ActorSystem;
  readonly markets: PairWorld;
  /** What survives a kill. */
  readonly settings = new Map<string, string>();
  readonly arbitrages: ArbitrageClosed[] = [];
  readonly orders = new Map<string, JournalledOrder[]>();
  readonly stored: { signal: Signal; verdict: Verdict }[] = [];
  readonly signals: Signal[] = [];
  readonly events: OpportunityEvent[] = [];
  /** Switches of what answers. */
  readonly away = { settings: false, trades: false };
  tradesAs: 'filled' | 'refused' | 'silent' = 'filled';
  /** What the journal held when each signal left. */
  readonly journalAtSignal: string[] = [];
  private readonly options: TraderOptions;
  private fills = 0;

  constructor(options: TraderOptions = {}) {
    this.options = options;
    this.markets = new PairWorld({ seed: 2, ...options });
    this.time = new ManualTime(this.markets.nowMs);
    const { time, log } = this;
    const random = new SeededRandom('pairs');
    const ids = new TimeOrderedIds(time, random);
    this.bus = new InProcessBus({ clock: time, timers: time, ids, log, sender: 'test' });
    const engine = new PlainEngine(time, () => undefined);
    this.system = new ActorSystem({ node: 'test', engine, clock: time, timers: time, random, ids, log });
    this.bus.subscribe('opportunity.*', 'opportunityEvent', ({ message }) => void this.events.push(message));
    this.bus.subscribe('signal.*', 'signal', ({ message }) => this.judged(message));
  }

  async start(): Promise<void> {
    const outcome = this.system.spawn<StatisticalMessage>(PATH, this.definition());
    await this.time.settle();
    const started = await outcome;
    if (!started.ok) throw started.error;
  }

  private definition() {
    const { bus, markets, options } = this;
    const answers = <T>(isAway: () => boolean, value: () => T): Promise<T> =>
      isAway()
        ? Promise.reject(new ArbotError('ARB_STORE_UNAVAILABLE', 'planted'))
        : Promise.resolve(value());
    const settingsAway = () => this.away.settings;
    const tradesAway = () => this.away.trades;
    return statisticalActor({
      ...{ bus, board: markets.board, instruments: markets.instruments, parameters: markets.parameters },
      stores: {
        settings: {
          claimMode: () => Promise.resolve(),
          get: (key: string) => answers(settingsAway, () => this.settings.get(key) ?? null),
          set: (key: string, value: string) =>
            answers(settingsAway, () => void this.settings.set(key, value)),
        },
        trades: {
          recentArbitrages: () => answers(tradesAway, () => [...this.arbitrages].reverse()),
          openLegs: () => answers(tradesAway, () => this.openLegs()),
          ordersOf: ([id = '']: readonly string[]) => answers(tradesAway, () => this.orders.get(id) ?? []),
        },
        signals: { recentSignals: () => answers(tradesAway, () => [...this.stored].reverse()) },
        ledger: {
          holdings: () =>
            Promise.resolve(
              ['USDT', 'X', 'Y', 'Z'].map((asset) => ({ exchange: 'alpha', asset, amount: '100000' })),
            ),
        },
      } as unknown as Parameters<typeof statisticalActor>[0]['stores'],
      ticks: options.mids === undefined ? null : { mids: options.mids },
      compute: options.compute ?? new InlineCompute({ testPairs: runPairTest }),
      retry: { minMs: 100, maxMs: 1_000 },
    });
  }

  private openLegs(): SubmitLeg[] {
    return [...this.orders.values()].flat().flatMap(({ leg, result }) => (result === null ? [leg] : []));
  }

  /** The process is gone and another one begins with what is stored. */
  async kill(): Promise<void> {
    this.system.crash(PATH, new Error('killed'));
    await this.time.settle();
    await this.start();
  }

  /** Bars of prices, books and time. */
  async bars(count: number, until: () => boolean = () => false): Promise<void> {
    for (let bar = 0; bar < count && !until(); bar++) {
      this.markets.prices.step();
      this.markets.nowMs = this.time.nowMs();
      this.markets.publish();
      await this.time.advance(1_000);
    }
  }

  get summary(): Record<string, unknown> {
    return { ...this.system.inspect(PATH)?.summary };
  }

  get state(): string | undefined {
    return this.system.inspect(PATH)?.state;
  }

  /** Positions as the journal holds them. */
  journal(): string[] {
    return [...this.settings].flatMap(([key, value]) =>
      key.startsWith('pair-position.') && value !== 'null' ? [value] : [],
    );
  }

  private judged(signal: Signal): void {
    this.signals.push(signal);
    this.journalAtSignal.push(this.journal().join('\n'));
    if (this.tradesAs === 'silent') return;
    const verdict = this.verdictOn(signal);
    this.stored.push({ signal, verdict });
    this.bus.publish('risk.verdict.x', 'verdict', verdict, { traceId: 'test' });
    if (this.tradesAs === 'filled') this.trade(signal);
  }

  private verdictOn({ signalId, opportunityId, ...rest }: Signal): Verdict {
    const base = { verdictId: `v-${signalId}`, signalId, opportunityId, decidedAtMs: this.time.nowMs() };
    if (this.tradesAs === 'refused')
      return {
        ...base,
        decision: 'refused',
        refusals: [{ rule: 'KILL_SWITCH', limit: 'off', actual: 'on', unit: '', subject: 'all' }],
      };
    return {
      ...base,
      decision: 'approved',
      signal: { signalId, opportunityId, ...rest },
      expiresAtMs: base.decidedAtMs + 1_000,
      nonce: '0'.repeat(32),
    };
  }

  /** All legs fill as planned; `told` = the end is published. */
  trade(signal: Signal, told = true): void {
    const arbitrageId = `arb-v-${signal.signalId}`;
    this.orders.set(
      arbitrageId,
      signal.legs.map((_, legIndex) => this.order(signal, arbitrageId, legIndex)),
    );
    const [buy, sell] = signal.legs as [Signal['legs'][0], Signal['legs'][0]];
    const closed: ArbitrageClosed = {
      ...{ arbitrageId, opportunityId: signal.opportunityId, signalId: signal.signalId, pair: signal.pair },
      ...{ buyExchange: buy.exchange, sellExchange: sell.exchange, outcome: 'completed' },
      ...{ boughtQuantity: buy.quantity, soldQuantity: sell.quantity, residualBase: '0' },
      ...{ expectedNet: signal.edge.net, realisedNet: signal.edge.net, fees: '0', attribution: ZERO_PARTS },
      ...{ openedAtMs: this.time.nowMs(), closedAtMs: this.time.nowMs() },
    };
    this.arbitrages.push(closed);
    if (told) this.bus.publish('arbitrage.closed.x', 'arbitrageClosed', closed, { traceId: 'test' });
  }

  private order(signal: Signal, arbitrageId: string, legIndex: number): JournalledOrder {
    const { instrument, exchange, side, quantity, limitPrice } = signal.legs[legIndex]!;
    const clientOrderId = `${arbitrageId}-${legIndex}`;
    const nowMs = this.time.nowMs();
    const fill: Fill = {
      ...{ exchange, instrument, clientOrderId, arbitrageId, side, quantity, price: limitPrice },
      ...{ tradeId: `t${++this.fills}`, fee: '0.01', feeAsset: 'USDT', liquidity: 'taker' },
      exchangeTimeMs: nowMs,
    };
    const result: LegResult = {
      ...{ clientOrderId, arbitrageId, legIndex, status: 'filled', filledQuantity: quantity },
      ...{ averagePrice: limitPrice, fills: [fill, fill], reason: '', acknowledgedAtMs: nowMs },
    };
    const leg = { clientOrderId, arbitrageId, legIndex, instrument, exchange, side } as SubmitLeg;
    return { leg, result };
  }
}
