import type { ArbitrageClosed } from '../src/messages/order.js';
import type { Verdict } from '../src/messages/risk.js';
import { OracleReport } from '../src/modes/oracle-report.js';
import type { HttpClient, Socket, SocketHandlers, Sockets } from '../src/ports/network.js';
import { DEFAULT_PAIRS } from '../src/simulator/listings.js';
import type { SimulatedTradeRecord } from '../src/simulator/trading/simulated-account.js';
import { NodeWorld } from '../test/proofs/node-world.js';

/**
 * The same way through a whole node over real sockets, with further round trip between it and the exchanges: what market data and
 * orders become when they are late (TRADING §10). The exchanges run in the same process and take their share of it.
 */

export interface NodeFigures {
  readonly addedMs: number;
  readonly arbitrages: number;
  /** By the exchange's time, of both books of each approval, ms. */
  readonly bookAgeMs: readonly number[];
  /** Between the exchanges' own times of the two first orders, ms. */
  readonly skewMs: readonly number[];
  /** From the frame that completed the edge to the first signed order of it, ms. */
  readonly toSignedMs: readonly number[];
  readonly planted: number;
  readonly traded: number;
  /** Realised over expected net of everything that was traded. */
  readonly realisedShare: number;
  /** Of all arbitrages: what was held open on one side, times how long, quote × s. */
  readonly unhedged: readonly number[];
}

/** Half of it each way. */
const delayedSockets =
  (addedMs: number) =>
  (inner: Sockets): Sockets => ({
    connect(url, options, handlers) {
      const later = (act: () => void) => void setTimeout(act, addedMs / 2);
      const late: SocketHandlers = {
        onOpen: () => later(() => handlers.onOpen()),
        // The bytes are lent for the length of the call only.
        onFrame: (data, isBinary) => {
          const copy = Buffer.from(data);
          later(() => handlers.onFrame(copy, isBinary));
        },
        onPing: (data) => handlers.onPing?.(data),
        onPong: (data) => later(() => handlers.onPong?.(data)),
        onClose: (code, reason) => later(() => handlers.onClose(code, reason)),
      };
      const socket = inner.connect(url, options, late);
      const send: Socket['send'] = (data) => later(() => socket.send(data));
      return new Proxy(socket, {
        get: (target, name) => {
          if (name === 'send') return send;
          const value = Reflect.get(target, name) as unknown;
          return typeof value === 'function' ? (value as (...all: unknown[]) => unknown).bind(target) : value;
        },
      });
    },
  });

const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));

class Meter {
  readonly bookAgeMs: number[] = [];
  readonly toSignedMs: number[] = [];
  readonly closed: ArbitrageClosed[] = [];
  /** When the newest frame of its books came, by arbitrage. */
  readonly framesAtMs = new Map<string, number>();
  readonly signedAtMs = new Map<string, number>();

  watch(world: NodeWorld): void {
    const { bus } = world.node;
    bus.subscribe('risk.verdict.approved', 'verdict', ({ message }) => this.verdict(message));
    bus.subscribe('arbitrage.closed.*', 'arbitrageClosed', ({ message }) => void this.closed.push(message));
  }

  private verdict(verdict: Verdict): void {
    if (verdict.decision !== 'approved') return;
    const { legs } = verdict.signal;
    for (const { exchangeTimeMs } of legs) this.bookAgeMs.push(verdict.decidedAtMs - exchangeTimeMs);
    this.framesAtMs.set(
      `arb-${verdict.verdictId}`,
      Math.max(...legs.map(({ receiveTimeMs }) => receiveTimeMs)),
    );
  }
}

/** Runs a node for so long with so much of round trip added; it has stopped when this returns. */
export async function measureNode(addedMs: number, forMs: number): Promise<NodeFigures> {
  const meter = new Meter();
  const holder: { world: NodeWorld | null } = { world: null };
  const http = (inner: HttpClient): HttpClient => ({
    async request(request, signal) {
      const text = `${request.url} ${request.body ?? ''}`;
      const id = /\ba[0-9a-v]{24}\d{3}\b/.exec(text)?.[0];
      if (request.method === 'POST' && id !== undefined && holder.world !== null && !meter.signedAtMs.has(id))
        meter.signedAtMs.set(id, holder.world.time.nowMs());
      await sleep(addedMs / 2);
      const answer = await inner.request(request, signal);
      await sleep(addedMs / 2);
      return answer;
    },
  });
  const world = await NodeWorld.start({ seed: 31, sockets: delayedSockets(addedMs), http });
  holder.world = world;
  const report = new OracleReport(world.simulated, world.node.bus, DEFAULT_PAIRS);
  try {
    meter.watch(world);
    await sleep(forMs);
    return figuresOf(world, meter, report, addedMs);
  } finally {
    report.close();
    await world.close();
  }
}

function figuresOf(world: NodeWorld, meter: Meter, report: OracleReport, addedMs: number): NodeFigures {
  const orders = new Map(
    world.accounts.flatMap((account) => account.orders().map((one) => [one.clientOrderId, one] as const)),
  );
  const trades = new Map<string, SimulatedTradeRecord[]>();
  for (const trade of world.accounts.flatMap((account) => account.trades()))
    trades.set(trade.clientOrderId, [...(trades.get(trade.clientOrderId) ?? []), trade]);
  const skewMs: number[] = [];
  const unhedged: number[] = [];
  for (const { arbitrageId, closedAtMs } of meter.closed) {
    const legs = world.journal.filter(({ leg }) => leg.arbitrageId === arbitrageId).map(({ leg }) => leg);
    const times = legs.flatMap(({ attempt, clientOrderId }) =>
      attempt === 0 ? (orders.get(clientOrderId)?.createdAtMs ?? []) : [],
    );
    if (times.length === 2) skewMs.push(Math.abs(times[0]! - times[1]!));
    const own = legs.flatMap(({ clientOrderId }) => trades.get(clientOrderId) ?? []);
    if (own.length > 0) unhedged.push(openNotionalSeconds(own, closedAtMs));
    const signed = legs.flatMap(({ clientOrderId }) => meter.signedAtMs.get(clientOrderId) ?? []);
    const frameAtMs = meter.framesAtMs.get(arbitrageId);
    if (signed.length > 0 && frameAtMs !== undefined) meter.toSignedMs.push(Math.min(...signed) - frameAtMs);
  }
  const sum = (of: (one: ArbitrageClosed) => string) =>
    meter.closed.reduce((total, one) => total + Number(of(one)), 0);
  const { matched, missed } = report.judge();
  const traded = new Set(matched.map(({ plantId }) => plantId)).size;
  return {
    ...{ addedMs, skewMs, unhedged, arbitrages: meter.closed.length },
    bookAgeMs: meter.bookAgeMs,
    toSignedMs: meter.toSignedMs,
    planted: traded + missed.length,
    traded,
    realisedShare: sum(({ realisedNet }) => realisedNet) / sum(({ expectedNet }) => expectedNet),
  };
}

/** What is bought and not yet sold, or the other way round, over time; until the end of the arbitrage. */
export function openNotionalSeconds(trades: readonly SimulatedTradeRecord[], untilMs: number): number {
  const sorted = [...trades].sort((a, b) => a.timeMs - b.timeMs);
  let [net, sum] = [0, 0];
  for (const [at, trade] of sorted.entries()) {
    net += Number(trade.quantity) * (trade.side === 'buy' ? 1 : -1);
    const nextMs = sorted[at + 1]?.timeMs ?? Math.max(trade.timeMs, untilMs);
    // Fees in the coin that was received leave a rest of a thousandth, which is no open leg.
    const isOpen = Math.abs(net) > Number(trade.quantity) * 0.002;
    if (isOpen) sum += (Math.abs(net) * Number(trade.price) * (nextMs - trade.timeMs)) / 1_000;
  }
  return sum;
}

const at = (values: readonly number[], share: number): string => {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN).toFixed(1);
};

export async function nodeReport(forMs: number): Promise<string> {
  const lines: string[] = ['## whole node over loopback sockets, exchanges in the same process'];
  for (const addedMs of [0, 35, 70]) {
    const one = await measureNode(addedMs, forMs);
    const both = (values: readonly number[]) => `p50 ${at(values, 0.5)}, p99 ${at(values, 0.99)}`;
    lines.push(
      `+${addedMs} ms: ${one.arbitrages} arbitrages; frame → first signed order ${both(one.toSignedMs)} ms; ` +
        `book age at decision ${both(one.bookAgeMs)} ms; skew between legs ${both(one.skewMs)} ms; ` +
        `captured ${one.traded} of ${one.planted} planted edges; realised over expected ${one.realisedShare.toFixed(3)}; ` +
        `unhedged ${both(one.unhedged)} quote × s an arbitrage, ${one.unhedged.reduce((sum, each) => sum + each, 0).toFixed(0)} in all`,
    );
  }
  return [...lines, ''].join('\n');
}
