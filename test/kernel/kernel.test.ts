import t from 'tap';
import fc from 'fast-check';
import { Decimal } from '../../src/market/decimal.js';
import type { BookTop } from '../../src/messages/feed.js';
import type { LegResult } from '../../src/messages/order.js';
import { DEFAULT_SPATIAL_PARAMETERS } from '../../src/detectors/spatial-parameters.js';
import { ORDER_NOT_FOUND } from '../../src/execution/inquiry.js';
import { OrderAdmission } from '../../src/execution/order-admission.js';
import { latencyMs, PaperExchange, refusedResult } from '../../src/execution/paper-exchange.js';
import { DEFAULT_TRIANGULAR_PARAMETERS } from '../../src/detectors/triangular/triangular-parameters.js';
import { detectorStage, triangularStage, type DetectorEvent } from '../../src/kernel/detector-stage.js';
import { gateStage } from '../../src/kernel/gate-stage.js';
import { statisticalStage, type StatisticalEvent } from '../../src/kernel/statistical-stage.js';
import { runPairTest } from '../../src/detectors/statistical/pair-test.js';
import type { Signal } from '../../src/messages/signal.js';
import { BAR_MS, PAIR_PARAMETERS, PairPrices, pairInstrument } from '../detectors/pair-world.js';
import { ledgerStage } from '../../src/kernel/ledger-stage.js';
import { sagaStage } from '../../src/kernel/saga-stage.js';
import { replayStage, StageRun, type Stage } from '../../src/kernel/stage.js';
import { TradingKernel, type KernelExchange } from '../../src/kernel/trading-kernel.js';
import {
  HOLDINGS,
  INSTRUMENTS,
  LIMITS,
  NOW,
  POLICY,
  SEAL,
  sealed,
  signalEvent,
  signalOf,
} from '../risk/fixtures.js';

interface Fate {
  readonly silent: boolean;
  readonly reject: number;
  readonly thin: number;
  readonly share: number;
  readonly latencyMs: number;
}

/** The paper exchanges behind the kernel, with a fate for each order in turn. */
function exchangeOf(fates: readonly Fate[]): KernelExchange {
  const venues = new Map(
    ['alpha', 'beta', 'gamma'].map((id) => [
      id,
      new PaperExchange(
        INSTRUMENTS.filter((i) => i.exchange === id),
        HOLDINGS.filter((h) => h.exchange === id),
        { rejectShare: 0.2, thinShare: 0.4 },
      ),
    ]),
  );
  const admission = new OrderAdmission(
    { recoveryWindowMs: 60_000, recoveryCollarBps: 1_000, recoverWhileHalted: false },
    SEAL,
  );
  const results = new Map<string, LegResult>();
  let orders = 0;
  let tradeIds = 0;
  const level = (price: string) => [new Decimal(price), new Decimal(50)] as const;
  const book = (id: string) => {
    const btc = id.includes('BTC');
    const bid = id.startsWith('beta') ? '1010' : '999';
    return {
      timeMs: NOW,
      bids: [level(btc ? bid : '101')],
      asks: [level(btc ? (id.startsWith('beta') ? '1011' : '1000') : '100')],
    };
  };
  return {
    onVerdict: (verdict) => void admission.onVerdict(sealed(verdict)),
    submit: (leg, nowMs) => {
      const fate = fates[orders++ % fates.length]!;
      if (results.has(leg.clientOrderId)) throw new Error('the same order was sent twice');
      const refusal = admission.admit(leg, nowMs);
      const execution = {
        leg,
        book: book(leg.instrument),
        draws: fate,
        nextTradeId: () => `k${++tradeIds}`,
        nowMs,
      };
      const result =
        refusal === null ? venues.get(leg.exchange)!.execute(execution) : refusedResult(leg, refusal, nowMs);
      results.set(leg.clientOrderId, result);
      return { result: fate.silent ? null : result, latencyMs: fate.latencyMs };
    },
    query: (query, nowMs) => {
      const absent: LegResult = {
        clientOrderId: query.clientOrderId,
        arbitrageId: query.arbitrageId,
        legIndex: query.legIndex,
        status: 'unknown',
        filledQuantity: '0',
        averagePrice: null,
        fills: [],
        reason: ORDER_NOT_FOUND,
        acknowledgedAtMs: nowMs,
      };
      return { result: results.get(query.clientOrderId) ?? absent, latencyMs: 5 };
    },
    quotes: (ids) =>
      ids.map((instrument) => ({
        instrument,
        trusted: true,
        bid: book(instrument).bids[0]![0].toNumber(),
        ask: book(instrument).asks[0]![0].toNumber(),
      })),
  };
}

const GATE = { limits: LIMITS, instruments: INSTRUMENTS, nowMs: NOW };
const SAGA = { instruments: INSTRUMENTS, feeMarks: [], policy: POLICY };

function sameEffects<S, E, F>(stage: Stage<S, E, F>, run: StageRun<S, E, F>): void {
  // Through JSON: what was recorded to a file must do, not only what is still in memory.
  const inputs = JSON.parse(JSON.stringify(run.inputs)) as typeof run.inputs;
  const replayed = JSON.stringify(replayStage(stage, inputs));
  if (replayed !== JSON.stringify(run.effects)) throw new Error(`${stage.name} is no function of its inputs`);
}

t.test(
  'every stage gives the same effects for its recorded inputs, and a run of the kernel ends with all money accounted for',
  async () => {
    const fate = fc.record({
      silent: fc.boolean(),
      reject: fc.double({ min: 0, max: 1, noNaN: true }),
      thin: fc.double({ min: 0, max: 1, noNaN: true }),
      share: fc.double({ min: 0, max: 0.05, noNaN: true }),
      latencyMs: fc.integer({ min: 0, max: 900 }),
    });
    const arrival = fc.record({
      quantity: fc.integer({ min: 1, max: 4_000 }),
      gapMs: fc.integer({ min: 0, max: 1_500 }),
    });
    fc.assert(
      fc.property(
        fc.array(arrival, { minLength: 1, maxLength: 12 }),
        fc.array(fate, { minLength: 1, maxLength: 8 }),
        (arrivals, fates) => {
          const kernel = new TradingKernel({
            gate: GATE,
            saga: SAGA,
            openings: HOLDINGS,
            exchange: exchangeOf(fates),
            recordCapacity: 100_000,
          });
          let now = NOW;
          arrivals.forEach(({ quantity, gapMs }, i) => {
            now += gapMs;
            const signal = signalOf(
              { id: `k-${i}`, quantity: new Decimal(quantity).div(1_000).toFixed() },
              { expiresAtMs: now + 1_000 },
            );
            kernel.onSignal(signalEvent(signal), now);
          });
          for (let steps = 0; kernel.nextDueMs !== null; steps++) {
            if (steps > 10_000) throw new Error('the kernel does not come to rest');
            kernel.advance(kernel.nextDueMs);
          }
          sameEffects(gateStage(GATE), kernel.gate);
          sameEffects(sagaStage(SAGA), kernel.sagas);
          sameEffects(ledgerStage, kernel.ledger);
          for (const saga of kernel.sagas.state.values())
            if (saga.closed === null) throw new Error('an arbitrage never ended');
          if (kernel.gate.state.exposure.reservationCount !== 0) throw new Error('a reservation leaks');
          for (const asset of ['BTC', 'USDT'])
            if (!kernel.ledger.state.totalOf(asset).isZero()) throw new Error('ledger');
          const net = [...kernel.sagas.state.values()].reduce(
            (sum, s) => sum.plus(s.closed!.residualBase),
            new Decimal(0),
          );
          const held = kernel.ledger.state
            .holdings()
            .filter((h) => h.asset === 'BTC')
            .reduce((sum, h) => sum.plus(h.amount), new Decimal(0));
          if (!held.minus(30).eq(net))
            throw new Error(`holdings moved by ${held.minus(30).toFixed()}, residues say ${net.toFixed()}`);
        },
      ),
      { numRuns: 25 },
    );
  },
);

t.test('the detector as a stage is a function of the books it was told', async (t) => {
  const markets = INSTRUMENTS.filter((i) => i.base === 'BTC');
  const stage = detectorStage(markets, {
    ...DEFAULT_SPATIAL_PARAMETERS,
    limits: new Map([['USDT', { minNetProfit: '0.5', maxNotional: '5000' }]]),
  });
  const run = new StageRun(stage, 1_000);
  const top = (instrument: string, bid: number, sequence: number): BookTop => ({
    instrument,
    epoch: 1,
    sequence,
    trusted: true,
    bids: [[bid, 3]],
    asks: [[bid + 1, 3]],
    exchangeTimeMs: NOW + sequence,
    receiveTimeMs: NOW + sequence,
  });
  const events: DetectorEvent[] = [];
  for (let i = 0; i < 40; i++)
    events.push({
      kind: 'book',
      top: top(markets[i % 3]!.id, 1_000 + ((i * 7) % 23), i + 1),
      monotonicMs: i + 1,
    });
  events.push({ kind: 'sweep', monotonicMs: 300 });
  let signals = 0;
  events.forEach((event, i) => {
    for (const effect of run.step(event, NOW + i + 1)) if (effect.kind === 'signal') signals++;
  });
  t.ok(signals > 0, 'the books do hold opportunities');
  sameEffects(stage, run);
});

t.test(
  'the cycles of an exchange as a stage are a function of the books and answers they were told',
  async (t) => {
    const [btc] = INSTRUMENTS;
    const market = (pair: string) => {
      const [base = '', quote = ''] = pair.split('-');
      const steps = { tickSize: '0.000001', lotSize: '0.0001', minQuantity: '0.0001', minNotional: '0' };
      return {
        ...btc!,
        ...steps,
        exchange: 'alpha',
        id: `alpha:${pair}`,
        pair,
        base,
        quote,
        symbol: base + quote,
      };
    };
    const stage = triangularStage(['BTC-USDT', 'ETH-BTC', 'ETH-USDT'].map(market), {
      ...DEFAULT_TRIANGULAR_PARAMETERS,
      limits: new Map([['USDT', { minNetProfit: '0.5', maxNotional: '5000' }]]),
    });
    const run = new StageRun(stage, 1_000);
    const top = (instrument: string, mid: number, sequence: number): BookTop => ({
      instrument,
      epoch: 1,
      sequence,
      trusted: sequence % 17 !== 0,
      bids: [[mid * 0.9999, 30]],
      asks: [[mid * 1.0001, 30]],
      exchangeTimeMs: NOW + sequence,
      receiveTimeMs: NOW + sequence,
    });
    const mids = [
      ['alpha:BTC-USDT', 1_000],
      ['alpha:ETH-BTC', 0.05],
      ['alpha:ETH-USDT', 50],
    ] as const;
    const offered: string[] = [];
    const step = (event: DetectorEvent, nowMs: number) => {
      for (const effect of run.step(event, nowMs))
        if (effect.kind === 'signal') offered.push(effect.signal.opportunityId);
    };
    for (let i = 0; i < 90; i++) {
      const [id, mid] = mids[i % 3]!;
      const share = 1 + (((i * 7) % 23) - 11) / 1_000;
      step({ kind: 'book', top: top(id, mid * share, i + 1), monotonicMs: i + 1 }, NOW + i + 1);
      const answered = offered.at(-1);
      if (answered === undefined || i % 10 !== 0) continue;
      if (i % 20 === 0) step({ kind: 'executed', opportunityId: answered }, NOW + i + 1);
      else step({ kind: 'refused', opportunityId: answered, reason: 'TEST', detail: 'a test' }, NOW + i + 1);
    }
    step({ kind: 'sweep', monotonicMs: 3_000 }, NOW + 3_000);
    t.ok(offered.length > 2, `${offered.length} offers`);
    sameEffects(stage, run);
  },
);

t.test('statistical pairs as a stage are a function of books, tests, balances and ends', async (t) => {
  const instruments = ['X', 'Y', 'Z'].map((asset) => pairInstrument('alpha', asset));
  const start = { instruments, parameters: PAIR_PARAMETERS, positions: [], nowMs: NOW };
  const stage = statisticalStage(start);
  const run = new StageRun(stage, 20_000);
  const prices = new PairPrices(2);
  let nowMs = NOW;
  const offered: Signal[] = [];
  const step = (event: StatisticalEvent): void => {
    for (const effect of run.step(event, nowMs)) {
      if (effect.kind === 'test') step({ kind: 'tested', result: runPairTest(effect.test) });
      if (effect.kind !== 'signal') continue;
      const { signal } = effect;
      const { signalId, opportunityId } = offered[offered.push(signal) - 1]!;
      if (offered.length % 5 === 1)
        step({ kind: 'refused', opportunityId, reason: 'TEST', detail: 'a test' });
      else
        step({
          kind: 'settled',
          signalId,
          traded: offered.length % 5 === 2 ? null : tradedAsPlanned(signal),
        });
    }
  };
  const holdings = ['USDT', 'X', 'Y', 'Z'].map((asset) => ({ exchange: 'alpha', asset, amount: '100000' }));
  step({ kind: 'balances', holdings });
  const past = Array.from({ length: 250 }, (_, back) => {
    prices.step();
    const atMs = NOW - (250 - back) * BAR_MS;
    return { atMs, X: prices.of('X'), Y: prices.of('Y'), Z: prices.of('Z') };
  });
  for (const { id, base } of instruments)
    step({
      kind: 'past',
      instrument: id,
      mids: past.map((row) => ({ atMs: row.atMs, mid: row[base as 'X' | 'Y' | 'Z'] })),
    });
  step({ kind: 'learned' });
  for (let bar = 1; bar <= 700; bar++) {
    prices.step();
    nowMs += BAR_MS;
    for (const { id, base } of instruments) {
      const mid = prices.of(base);
      const top: BookTop = {
        ...{ instrument: id, epoch: 1, sequence: bar, trusted: bar % 97 !== 0 },
        ...{ bids: [[mid * 0.9999, 90]], asks: [[mid * 1.0001, 90]] },
        ...{ exchangeTimeMs: nowMs, receiveTimeMs: nowMs },
      };
      step({ kind: 'book', top, monotonicMs: nowMs });
    }
    step({ kind: 'sweep', monotonicMs: nowMs });
  }
  t.ok(offered.length > 8, `${offered.length} offers`);
  t.ok(offered.some(({ position }) => position!.action !== 'enter'));
  sameEffects(stage, run);
});

function tradedAsPlanned({ legs, position }: Signal) {
  const [first, second] = position!.positionId.split('~');
  const of = (id: string | undefined) => {
    const { side, quantity } = legs.find(({ instrument }) => instrument === id)!;
    return side === 'buy' ? quantity : `-${quantity}`;
  };
  return { first: of(first), second: of(second), quote: '0' };
}

t.test('a full record refuses to go on instead of leaving a hole', async (t) => {
  const run = new StageRun(ledgerStage, 1);
  run.step({ kind: 'open', balances: HOLDINGS }, NOW);
  t.throws(() => run.step({ kind: 'open', balances: [] }, NOW), { code: 'ARB_INVARIANT' });
});

t.test('paper latency is log-normal through its median and its 99th percentile', async (t) => {
  const spec = { medianMs: 15, p99Ms: 60 };
  t.equal(latencyMs(spec, 0, 0.3), 15);
  t.equal(latencyMs({ medianMs: 15, p99Ms: 0 }, 0.9, 0), 15, 'no p99: constant');
  t.equal(latencyMs({ medianMs: 0, p99Ms: 60 }, 0.9, 0), 0);
  let seed = 7;
  const next = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  const draws = Array.from({ length: 20_000 }, () => latencyMs(spec, next(), next())).sort((a, b) => a - b);
  t.ok(Math.abs(draws[10_000]! - 15) < 1, `median ${draws[10_000]}`);
  t.ok(Math.abs(draws[19_800]! - 60) < 6, `p99 ${draws[19_800]}`);
});
