import { existsSync, readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { StatisticalEffect } from '../src/detectors/statistical/pair-effects.js';
import { runPairTest, type PairTest, type PairTestResult } from '../src/detectors/statistical/pair-test.js';
import { StatisticalDetector } from '../src/detectors/statistical/statistical.js';
import {
  DEFAULT_STATISTICAL_PARAMETERS,
  type StatisticalParameters,
} from '../src/detectors/statistical/statistical-parameters.js';
import { PairTests } from '../src/actors/pair-tests.js';
import { QuoteBoard } from '../src/market/quote-board.js';
import { TASKS_URL } from '../src/modes/compute-tasks.js';
import { WorkerCompute } from '../src/runtime/platform/compute.js';
import { instrument, ladder, publish } from './detector-markets.js';
import type { Series } from './harness.js';

/** Statistical pairs: what one bar of 50 followed pairs costs the event loop, and the tests that are kept off it. */

export interface PairsSize {
  readonly windowBars: number;
  /** Bars of the run that looks for the longest turn. */
  readonly bars: number;
}

const FULL: PairsSize = { windowBars: 1_000, bars: 300 };
const ASSETS = 11;
const PAIRS = 50;
const BAR_MS = 1_000;
const START_MS = 1_700_000_000_000;

class Market {
  readonly board = new QuoteBoard(ASSETS);
  readonly instruments = Array.from({ length: ASSETS }, (_, at) => instrument('binance', `A${at}`));
  readonly detector: StatisticalDetector;
  nowMs = START_MS;
  tests: PairTest[] = [];
  private state = 1;

  constructor({ windowBars }: PairsSize, changes: Partial<StatisticalParameters> = {}) {
    const { board, instruments } = this;
    let ids = 0;
    this.detector = new StatisticalDetector({
      ...{ instruments, board, nowMs: START_MS },
      parameters: {
        ...DEFAULT_STATISTICAL_PARAMETERS,
        limits: new Map([['USDT', { minNetProfit: '0.5', maxNotional: '5000' }]]),
        ...{ barMs: BAR_MS, windowBars, maxCandidates: PAIRS, maxPairs: PAIRS },
        ...changes,
      },
      nextId: (prefix) => `${prefix}-${++ids}`,
    });
    for (const { id } of instruments) {
      let price = 100;
      const past = Array.from({ length: windowBars }, (_, back) => ({
        atMs: START_MS - (windowBars - back) * BAR_MS,
        mid: (price *= 1 + 0.001 * (this.uniform() - 0.5)),
      }));
      this.detector.learn(id, past);
    }
  }

  private uniform(): number {
    this.state = (Math.imul(this.state, 1_664_525) + 1_013_904_223) >>> 0;
    return this.state / 2 ** 32;
  }

  /** Every candidate counts as found: more pairs are never followed. */
  follow(test: PairTest): void {
    const found = test.candidates.map(([a, b]) => {
      const [y, x] = [test.series[a]!.name, test.series[b]!.name];
      const pair = { y, x, intercept: 0, beta: 1, spreadDeviation: 0.01, halfLife: 20, pValue: 1e-4 };
      return { a: y, b: x, pValue: 1e-4, found: pair, reason: null };
    });
    this.detector.tested({ quote: test.quote, bar: test.bar, verdicts: found });
  }

  publish(): void {
    for (const slot of this.instruments.keys()) {
      const mid = 100 * (1 + 0.002 * (this.uniform() - 0.5));
      publish(this.board, slot, ladder(mid - 0.01, -0.01, 10), ladder(mid + 0.01, 0.01, 10));
    }
    // Books of this moment, by the clock of the bars.
    this.board.aliveMonotonicMs.fill(this.nowMs);
    this.board.changedMonotonicMs.fill(this.nowMs);
    this.board.exchangeTimeMs.fill(this.nowMs);
    this.board.receiveTimeMs.fill(this.nowMs);
  }

  bar(): readonly StatisticalEffect[] {
    this.nowMs += BAR_MS;
    const effects = this.detector.sweep(this.nowMs, this.nowMs);
    for (const effect of effects) if (effect.kind === 'test') this.tests.push(effect.test);
    return effects;
  }
}

/** A market whose 50 pairs are all followed. */
function followed(size: PairsSize, changes: Partial<StatisticalParameters> = {}): Market {
  const market = new Market(size, changes);
  market.publish();
  market.bar();
  const [test] = market.tests;
  if (test === undefined) throw new Error('nothing was tested on a full window');
  market.follow(test);
  for (let turn = 0; turn < PAIRS; turn++) market.detector.sweep(market.nowMs, market.nowMs);
  return market;
}

export function pairsSeries(size: PairsSize = FULL): Series {
  const market = followed(size, { retestBars: 1_000_000 });
  const [test] = market.tests as [PairTest];
  return {
    title: `detectors: statistical, one bar of ${PAIRS} pairs (goal: no turn of the event loop over 10 ms)`,
    input: `${ASSETS} markets, ${PAIRS} followed pairs, window of ${size.windowBars} bars, random walks, synthetic`,
    unit: 'bar',
    candidates: [
      {
        name: `test of all ${PAIRS} candidates, off the loop`,
        units: 1,
        run: () => runPairTest(test).verdicts.length,
      },
      {
        name: `bar of ${PAIRS} pairs on the loop`,
        units: 50,
        run: () => {
          let sum = 0;
          for (let bar = 0; bar < 50; bar++) {
            market.publish();
            sum += 1 + market.bar().length;
          }
          return sum;
        },
      },
    ],
    check: () => {
      const { pairs, candidates } = market.detector.summary();
      if (pairs.length !== PAIRS || candidates !== PAIRS)
        throw new Error(`${pairs.length} pairs are followed`);
      const { verdicts } = runPairTest(structuredClone(test));
      if (verdicts.length !== PAIRS) throw new Error(`${verdicts.length} verdicts`);
    },
    notes: async () => [await longestTurn(size)],
  };
}

const SCHEDULED = `/proc/self/task/${process.pid}/schedstat`;
const CLOCK = existsSync(SCHEDULED) ? 'CPU of the loop' : 'the wall';

/** What the thread of the event loop has computed, where the system tells it: others on the machine and the worker count for nothing. */
const ownCpuMs = (): number =>
  CLOCK === 'the wall' ? performance.now() : Number(readFileSync(SCHEDULED, 'utf8').split(' ')[0]) / 1e6;

/** The whole pipeline: bars on this loop, tests on a worker thread, each turn of the detector timed. */
async function longestTurn(size: PairsSize): Promise<string> {
  const market = followed(size, { retestBars: 10 });
  const compute = new WorkerCompute({ tasksUrl: TASKS_URL, workers: 1, queueLimit: 8 });
  const turns: number[] = [];
  const timed = (turn: () => void): void => {
    const startMs = ownCpuMs();
    turn();
    turns.push(ownCpuMs() - startMs);
  };
  const tests = new PairTests({
    compute,
    tested: (result: PairTestResult) => timed(() => market.detector.tested(result)),
    notTested: (quote) => timed(() => market.detector.notTested(quote)),
  });
  try {
    for (let bar = 0; bar < size.bars; bar++) {
      market.publish();
      timed(() => {
        market.tests = [];
        market.bar();
        for (const test of market.tests) tests.ask(test);
      });
      do await nextTurn();
      while (tests.depth > 0);
    }
    while (tests.done + tests.failed === 0) await nextTurn();
  } finally {
    await compute.close();
  }
  turns.sort((a, b) => a - b);
  const at = (share: number) =>
    turns[Math.min(turns.length - 1, Math.floor(share * turns.length))]!.toFixed(2);
  return `longest turn of ${turns.length}: ${at(1)} ms by ${CLOCK} (p99 ${at(0.99)}, median ${at(0.5)}), with ${tests.done} tests of ${PAIRS} candidates on a worker thread, ${tests.dropped} dropped for newer ones.`;
}
