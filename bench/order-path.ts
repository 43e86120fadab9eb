import { resolve } from 'node:path';
import { bookConditionOf, marksOf } from '../src/actors/board-reading.js';
import { loadConfig, type TradingConfig } from '../src/config/index.js';
import type { Connector, FrameSink } from '../src/connectors/base.js';
import type { FeedEffects } from '../src/connectors/feed-effects.js';
import { MarketFeed } from '../src/connectors/market-feed.js';
import type { OrderEntry } from '../src/connectors/order-entry.js';
import { RateLimiter } from '../src/connectors/rate-limiter.js';
import { SpatialDetector } from '../src/detectors/spatial.js';
import { OrderAdmission } from '../src/execution/order-admission.js';
import { startSaga, type SagaSetting } from '../src/execution/saga-start.js';
import { stepSaga } from '../src/execution/saga.js';
import type { Instrument } from '../src/market/instrument.js';
import { QuoteBoard } from '../src/market/quote-board.js';
import type { SubmitLeg } from '../src/messages/order.js';
import type { ApprovedVerdict } from '../src/messages/risk.js';
import type { Signal } from '../src/messages/signal.js';
import { connectorOf } from '../src/modes/connectors.js';
import { readMarketList } from '../src/modes/market-list.js';
import {
  ADMISSION,
  openingsOf,
  riskLimitsOf,
  SAGA_POLICY,
  spatialParametersOf,
  withConfiguredFee,
} from '../src/modes/parameters.js';
import { approve, type Approved } from '../src/risk/approval.js';
import { startGate, stepGate, type GateState } from '../src/risk/gate.js';
import { verdictText } from '../src/risk/verdict-text.js';
import { HmacSeal } from '../src/security/hmac-seal.js';
import { DEFAULT_EXCHANGES, DEFAULT_PAIRS, type SimulatedExchange } from '../src/simulator/listings.js';
import { DEFAULT_PLANTS } from '../src/simulator/plants.js';
import {
  memoryExchanges,
  open,
  type Connection,
  type MemoryExchanges,
} from '../test/simulator/memory-client.js';
import { timeText } from './report.js';

/**
 * `npm run bench -- order-path`: from the bytes of a frame to the bytes of two signed orders, in one process and one turn, with
 * each stage timed by itself. The stages are those of a node; what lies between them there (mailboxes, the bus, the journal's commit)
 * is the business of the other tables.
 */

export const HOPS = [
  'frame → decoded',
  'decoded → book, board',
  'board → detector → signal',
  'signal → gate → verdict',
  'verdict → sealed',
  'sealed → saga → two legs',
  'legs → gateway: seal and limits checked',
  'admitted → signed request bytes',
] as const;

export interface ChainReport {
  /** Of each hop and, last, of their sum: ns of every arbitrage. */
  readonly hops: readonly { readonly name: string; readonly ns: readonly number[] }[];
  readonly arbitrages: number;
  readonly refused: number;
  /** Length of all signed requests: the output that proves the work. */
  readonly bytes: number;
}

const NOTHING: FrameSink = {
  book: () => undefined,
  bestQuote: () => undefined,
  trade: () => undefined,
  instrumentState: () => undefined,
  control: () => undefined,
};

/** Edges come one after the other; each pair rests a second on both sides of one. */
const PLANTS = {
  ...DEFAULT_PLANTS,
  firstAfterMs: 1_500,
  quietMs: [1_050, 1_200],
  durationMs: [300, 500],
  weights: { true: 1, stale: 0, crossed: 0, too_thin: 0, below_minimum: 0, eaten_by_fees: 0, too_good: 0 },
} as const;

type Signing = Connector & { readonly orders: OrderEntry };

/** One exchange of the chain: its face, a connection, and the feed that reads it. */
interface Line {
  readonly exchange: SimulatedExchange;
  readonly connector: Signing;
  /** Decodes once more for itself, so that decoding can be told from the book. */
  readonly decoder: Connector;
  readonly feed: MarketFeed;
  readonly connection: Connection;
  readonly sendLater: string[];
}

export async function tradingOf(): Promise<TradingConfig> {
  const folder = resolve(import.meta.dirname, '..');
  return (await loadConfig({ folder, environment: {}, flags: [] })).trading;
}

class Chain {
  readonly ns = new Map<string, number[]>([...HOPS, 'all'].map((name) => [name, []]));
  arbitrages = 0;
  refused = 0;
  bytes = 0;
  private readonly exchanges: MemoryExchanges;
  private readonly board = new QuoteBoard(64);
  private readonly lines: readonly Line[];
  private readonly instruments: readonly Instrument[];
  private readonly detector: SpatialDetector;
  private readonly gate: GateState;
  private readonly seal = new HmacSeal(new Uint8Array(32).fill(5));
  private readonly admissions: ReadonlyMap<string, OrderAdmission>;
  private readonly saga: SagaSetting;
  private readonly dirty: number[] = [];
  private readonly startMs: number;
  /** Time of the hops, ms. */
  private readonly now: () => number;
  private ids = 0;

  constructor(trading: TradingConfig, now: () => number) {
    this.now = now;
    this.exchanges = memoryExchanges({ seed: 5, plants: PLANTS });
    this.startMs = this.exchanges.world.nowMs;
    this.lines = DEFAULT_EXCHANGES.map((exchange) => this.lineOf(exchange));
    this.instruments = this.lines
      .flatMap((line) => this.instrumentsOf(line))
      .map((one) => withConfiguredFee(trading, one));
    const nextId = (prefix: string) => `${prefix}-${++this.ids}`;
    const parameters = spatialParametersOf(trading, () => 0);
    const { instruments, board, startMs: nowMs } = this;
    this.detector = new SpatialDetector({ instruments, board, parameters, nextId });
    this.gate = startGate({ limits: riskLimitsOf(trading, 'SIMULATED'), instruments, nowMs });
    stepGate(this.gate, { kind: 'balances', changed: { version: 1, holdings: openingsOf(trading) } }, nowMs);
    this.admissions = new Map(
      DEFAULT_EXCHANGES.map((one) => [one, new OrderAdmission(ADMISSION, this.seal)]),
    );
    this.saga = { instruments, feeMarks: [], policy: SAGA_POLICY };
    this.board.onDirty((slot) => this.dirty.push(slot));
    for (const { feed } of this.lines) feed.opened(nowMs, 0);
  }

  private lineOf(exchange: SimulatedExchange): Line {
    const connector = connectorOf(exchange, {}) as Signing;
    const face = this.exchanges.faces[exchange];
    const connection = open(face, new URL(connector.endpoints.websocketUrl).pathname);
    const sendLater: string[] = [];
    const markets = this.exchanges.world.marketsOf(exchange).map(({ listing }) => listing);
    const line: Line = {
      ...{ exchange, connector, connection, sendLater, decoder: connectorOf(exchange, {}) },
      feed: new MarketFeed({
        ...{ connector, board: this.board, limiter: new RateLimiter([]), random: () => 0.5, epoch: 1 },
        instruments: markets.map(({ pair, symbol }) => ({ id: `${exchange}:${pair}`, symbol })),
        effects: this.effectsOf(exchange, sendLater),
      }),
    };
    line.decoder.subscribe(
      markets.map(({ symbol }) => symbol),
      'all',
      1,
      this.exchanges.world.nowMs,
    );
    return line;
  }

  private effectsOf(exchange: SimulatedExchange, sendLater: string[]): FeedEffects {
    return {
      send: (frame) => void sendLater.push(frame),
      request: ({ id, request }) => {
        // Answered in a later turn, as a network would.
        queueMicrotask(() => {
          const { status, body } = this.exchanges.faces[exchange].handleHttp({
            method: 'GET',
            url: request.path,
          });
          const line = this.lines.find((one) => one.exchange === exchange)!;
          line.feed.httpAnswer(id, status, {}, Buffer.from(body), ...this.moments());
        });
      },
      reconnect: (reason) => {
        throw new Error(`${exchange} gave up its connection: ${reason}`);
      },
      fail: (error) => {
        throw error;
      },
      instrumentState: () => undefined,
      status: () => undefined,
      trade: () => undefined,
    };
  }

  private instrumentsOf({ exchange, connector }: Line): Instrument[] {
    const { path } = connector.rest.instruments(null);
    const { body } = this.exchanges.faces[exchange].handleHttp({ method: 'GET', url: path });
    const wanted = { by: 'pair', pairs: DEFAULT_PAIRS } as const;
    return [
      ...readMarketList(connector, { list: Buffer.from(body), asked: null, details: [] }, wanted).wanted,
    ];
  }

  private moments(): readonly [wallMs: number, nowMs: number] {
    const { nowMs } = this.exchanges.world;
    return [nowMs, nowMs - this.startMs];
  }

  /** 100 ms of the market: every frame is read, and what it makes possible is traded. */
  async step(): Promise<void> {
    this.exchanges.run(100);
    const [wallMs, nowMs] = this.moments();
    for (const line of this.lines) {
      for (const frame of line.sendLater.splice(0)) line.connection.send(frame);
      if (nowMs % 1_000 < 100) line.connection.heartbeat();
      for (const text of line.connection.transport.take()) this.frame(line, Buffer.from(text), wallMs, nowMs);
      if (nowMs % 1_000 < 100) line.feed.tick(wallMs, nowMs);
    }
    // Books are asked for in microtasks.
    await Promise.resolve();
  }

  private frame(line: Line, bytes: Buffer, wallMs: number, nowMs: number): void {
    const t0 = this.now();
    line.decoder.decode(bytes, NOTHING);
    const t1 = this.now();
    line.feed.frame(bytes, wallMs, nowMs);
    line.feed.flush();
    const t2 = this.now();
    for (const slot of new Set(this.dirty.splice(0))) {
      const from = this.now();
      for (const effect of this.detector.onSlotDirty(slot, wallMs, nowMs)) {
        if (effect.kind !== 'signal') continue;
        // Decoding is part of what the feed did after it.
        const spent = [t1 - t0, Math.max(0, t2 - t1 - (t1 - t0)), this.now() - from];
        this.trade(effect.signal, spent, wallMs, nowMs);
      }
    }
  }

  private trade(signal: Signal, spent: number[], wallMs: number, nowMs: number): void {
    const t0 = this.now();
    const books = signal.legs.map((leg) => bookConditionOf(this.board, leg.instrument, nowMs, 0));
    const clocks = signal.legs.map(({ exchange }) => ({ exchange, skewMs: 0 }));
    const marks = marksOf(this.board, this.instruments, 'USDT');
    const verdictId = `v-${++this.ids}`;
    const nonce = 'ab'.repeat(16);
    const effects = stepGate(
      this.gate,
      { kind: 'signal', signal, books, clocks, marks, verdictId, nonce },
      wallMs,
    );
    const t1 = this.now();
    const approved = effects.find((effect) => effect.kind === 'approved');
    if (approved === undefined) return void this.refused++;
    const verdict: Approved<ApprovedVerdict> = approve({
      ...approved.verdict,
      seal: this.seal.sign(verdictText(approved.verdict)),
    });
    const t2 = this.now();
    const legs = this.legsOf(verdict, wallMs);
    const t3 = this.now();
    for (const leg of legs) this.admit(verdict, leg, wallMs);
    const t4 = this.now();
    for (const leg of legs) this.bytes += this.sign(leg, wallMs);
    const t5 = this.now();
    this.arbitrages++;
    const all = [...spent, t1 - t0, t2 - t1, t3 - t2, t4 - t3, t5 - t4];
    HOPS.forEach((name, at) => this.ns.get(name)!.push(all[at]! * 1e6));
    this.ns.get('all')!.push(all.reduce((sum, one) => sum + one, 0) * 1e6);
    const { opportunityId } = signal;
    const end = {
      arbitrageId: `arb-${verdictId}`,
      opportunityId,
      filled: true,
      flagged: false,
      realisedNet: '0',
    };
    stepGate(this.gate, { kind: 'closed', ...end }, wallMs);
  }

  private legsOf(verdict: Approved<ApprovedVerdict>, wallMs: number): SubmitLeg[] {
    const { state, effects: first } = startSaga(verdict, this.saga, wallMs);
    const journalled = first.flatMap((effect) => (effect.kind === 'journal' ? effect.legs : []));
    const clientOrderIds = journalled.map(({ clientOrderId }) => clientOrderId);
    const { effects } = stepSaga(state, { kind: 'journalled', clientOrderIds }, wallMs);
    return effects.flatMap((effect) => (effect.kind === 'submit' ? [effect.leg] : []));
  }

  private admit(verdict: Approved<ApprovedVerdict>, leg: SubmitLeg, wallMs: number): void {
    const admission = this.admissions.get(leg.exchange)!;
    const refusal = admission.onVerdict(verdict) ? admission.admit(leg, wallMs) : 'SEAL_WRONG';
    if (refusal !== null) throw new Error(`the last gate refused ${leg.clientOrderId}: ${refusal}`);
  }

  private sign({ exchange, instrument, ...leg }: SubmitLeg, wallMs: number): number {
    const { connector } = this.lines.find((one) => one.exchange === exchange)!;
    const { symbol } = this.instruments.find(({ id }) => id === instrument)!;
    const { clientOrderId, side, quantity, limitPrice } = leg;
    const call = connector.orders.place({ clientOrderId, symbol, side, quantity, limitPrice });
    const { credentials } = this.exchanges.faces[exchange as SimulatedExchange].account!;
    const moment = { timeMs: wallMs, validForMs: 1_000, nonce: '00000000-0000-4000-8000-000000000000' };
    const { path, body, headers } = connector.orders.sign(call, credentials, moment);
    return path.length + (body?.length ?? 0) + Object.keys(headers).length;
  }
}

/** CPU time of the whole process, ms: on a busy machine what a hop costs, where its wall time says how long it waited. */
export function cpuNow(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Trades until so many arbitrages were carried to their signed bytes; the first `warmUp` are not in the figures. */
export async function measureChain(
  arbitrages: number,
  warmUp: number,
  now: () => number = () => performance.now(),
): Promise<ChainReport> {
  const chain = new Chain(await tradingOf(), now);
  const isOver = () => chain.arbitrages >= arbitrages + warmUp;
  for (let steps = 0; !isOver(); steps++) {
    if (steps > 100 * (arbitrages + warmUp) + 1_000)
      throw new Error(`only ${chain.arbitrages} arbitrages and ${chain.refused} refusals in ${steps} steps`);
    await chain.step();
  }
  const hops = [...chain.ns].map(([name, ns]) => ({ name, ns: ns.slice(warmUp) }));
  return { hops, arbitrages: chain.arbitrages - warmUp, refused: chain.refused, bytes: chain.bytes };
}

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;

/** Rows of p50, p99, p99.9 and worst, as text. */
export function percentiles(
  title: string,
  rows: readonly { readonly name: string; readonly ns: readonly number[] }[],
): string {
  const cells = rows.map(({ name, ns }) => {
    const sorted = [...ns].sort((a, b) => a - b);
    return [name, ...[0.5, 0.99, 0.999, 1].map((share) => timeText(at(sorted, share)))];
  });
  const all = [['', 'p50', 'p99', 'p99.9', 'worst'], ...cells];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ');
  return [`## ${title}`, ...all.map(line), ''].join('\n');
}

export async function chainReport(arbitrages: number, warmUp: number): Promise<string> {
  const tables: string[] = [];
  for (const [name, now] of [
    ['wall time', () => performance.now()],
    ['CPU time', cpuNow],
  ] as const) {
    const { hops, refused } = await measureChain(arbitrages, warmUp, now);
    const what = `${arbitrages} arbitrages of two legs on three exchanges, ${refused} signals refused`;
    tables.push(percentiles(`order path: ${what}; ${name}`, hops));
  }
  return tables.join('\n');
}
