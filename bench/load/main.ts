import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { binance } from '../../src/connectors/binance.js';
import { connectorOf } from '../../src/modes/connectors.js';
import { machineLine } from '../report.js';
import { Delays } from './delays.js';
import type { LoadFault, LoadOrder, LoadReport } from './exchange-servers.js';
import { LOAD_EXCHANGES, type LoadExchange } from './frame-smith.js';
import { LoadReceiver } from './receiver.js';

/**
 * `npm run load -- [--symbols 200] [--rate 20000] [--seconds 60] [--faults [--fault mute]]`: another process plays the exchanges over real
 * sockets, this one follows them with the real feed actors. Prints delay, queues and memory; with `--faults` each exchange in
 * turn is killed, muted, half-opened and fed garbage, and the others are watched.
 */

/** Binance's snapshots of 100 levels weigh a tenth, so that 200 books are there within the minute's budget. */
const connectorFor = (exchange: LoadExchange) =>
  exchange === 'binance' ? binance({ snapshotLevels: 100 }) : connectorOf(exchange, {});
const FAULTS = ['kill', 'mute', 'half-open', 'garbage'] as const satisfies readonly LoadFault[];
const CONNECT_MS = 120_000;

interface Options {
  readonly symbols: number;
  readonly rate: number;
  readonly seconds: number;
  readonly faults: boolean;
  /** Only this one; null = all in turn. */
  readonly fault: string | null;
}

async function main(options: Options): Promise<void> {
  console.log(`${machineLine()}\n`);
  const child = fork(new URL('./exchange-servers.ts', import.meta.url), { execArgv: process.execArgv });
  const ports = await heard(child, 'ports');
  const exchanges = [...LOAD_EXCHANGES];
  const receiver = new LoadReceiver(options.symbols * exchanges.length);
  try {
    for (const exchange of exchanges)
      receiver.follow(connectorFor(exchange), options.symbols, ports.ports[exchange]);
    await receiver.start();
    order(child, { kind: 'run', framesPerSecond: options.rate });
    await connected(receiver, exchanges, options.symbols);
    if (options.faults) await faults(child, receiver, exchanges, options);
    else await steady(child, receiver, exchanges, options);
  } finally {
    await receiver.close();
    child.disconnect();
  }
}

/** Waits until every book of every exchange is trusted. */
async function connected(receiver: LoadReceiver, exchanges: readonly LoadExchange[], symbols: number) {
  const deadlineMs = Date.now() + CONNECT_MS;
  const missing = () => exchanges.filter((exchange) => receiver.trusted(exchange) < symbols);
  while (missing().length > 0) {
    if (Date.now() > deadlineMs) throw new Error(`books are missing: ${missing().join(', ')}`);
    await sleep(100);
  }
}

async function steady(
  child: ChildProcess,
  receiver: LoadReceiver,
  exchanges: readonly LoadExchange[],
  { rate, seconds, symbols }: Options,
): Promise<void> {
  console.log(`${symbols} symbols x ${exchanges.length} exchanges, ${rate} frames/s for ${seconds} s`);
  await sleep(5_000);
  receiver.reset();
  const before = sumOf(receiver, exchanges, 'frames');
  const cpu = process.cpuUsage();
  const memory: number[] = [];
  for (let second = 0; second < seconds; second += 5) {
    await sleep(5_000);
    memory.push(process.memoryUsage().rss / 2 ** 20);
  }
  const used = process.cpuUsage(cpu);
  const frames = sumOf(receiver, exchanges, 'frames') - before;
  order(child, { kind: 'stop' });
  const done = await heard(child, 'done');
  const all = new Delays();
  for (const delays of receiver.delays.values()) all.join(delays);
  console.log(`received ${frames} frames, ${Math.round(frames / seconds)}/s; published ${all.count} books`);
  console.log(
    `delay due -> board, ms: p50 ${all.at(0.5)} p99 ${all.at(0.99)} p99.9 ${all.at(0.999)} max ${all.at(1)}`,
  );
  console.log(`event loop delay, ms: p99 ${(receiver.loop.percentile(99) / 1e6).toFixed(1)}`);
  console.log(`cpu ${((used.user + used.system) / seconds / 10_000).toFixed(0)} % of one core`);
  const third = Math.max(1, Math.floor(memory.length / 3));
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  console.log(
    `rss MiB: first third ${mean(memory.slice(0, third)).toFixed(0)}, last third ${mean(memory.slice(-third)).toFixed(0)}, most ${Math.max(...memory).toFixed(0)}`,
  );
  console.log(
    `sender: sent ${done.sent}, withheld ${done.withheld}, at most ${done.lateMs.toFixed(0)} ms late`,
  );
  for (const exchange of exchanges) {
    const own = receiver.delays.get(exchange)!;
    const spread = `p50 ${own.at(0.5)} p99 ${own.at(0.99)} ms`;
    console.log(
      `  ${exchange}: ${own.count} books, ${spread}, fallbacks ${JSON.stringify(receiver.fallbacks(exchange))}`,
    );
  }
  for (const name of ['gaps', 'invalid', 'resyncs', 'reconnects'] as const)
    console.log(`${name} ${sumOf(receiver, exchanges, name)}`);
}

async function faults(
  child: ChildProcess,
  receiver: LoadReceiver,
  exchanges: readonly LoadExchange[],
  { seconds, symbols, fault: only }: Options,
): Promise<void> {
  const HEAL_MS = 90_000;
  await sleep(5_000);
  receiver.reset();
  await sleep(10_000);
  const calm = new Map(exchanges.map((exchange) => [exchange, receiver.delays.get(exchange)!.at(0.99)]));
  for (const exchange of exchanges) {
    for (const fault of FAULTS.filter((one) => only === null || one === only)) {
      const others = exchanges.filter((other) => other !== exchange);
      const before = new Map(others.map((other) => [other, receiver.counts(other)]));
      receiver.reset();
      order(child, { kind: 'fault', exchange, fault });
      const startMs = Date.now();
      let untrustedMs: number | null = null;
      while (Date.now() - startMs < seconds * 1_000) {
        if (untrustedMs === null && receiver.trusted(exchange) === 0) untrustedMs = Date.now() - startMs;
        await sleep(20);
      }
      const spread = Math.max(
        ...others.map((other) => receiver.delays.get(other)!.at(0.99) - calm.get(other)!),
      );
      order(child, { kind: 'fault', exchange, fault: 'none' });
      const healStartMs = Date.now();
      while (receiver.trusted(exchange) < symbols && Date.now() - healStartMs < HEAL_MS) await sleep(50);
      const healed = receiver.trusted(exchange) === symbols ? `${Date.now() - healStartMs} ms` : 'NOT HEALED';
      const missed = others.reduce((sum, other) => {
        const now = receiver.counts(other);
        const then = before.get(other)!;
        return sum + now.gaps - then.gaps + now.resyncs - then.resyncs + now.reconnects - then.reconnects;
      }, 0);
      console.log(
        `${exchange} ${fault}: untrusted after ${untrustedMs ?? '-'} ms, trusted again ${healed}; others: gaps+resyncs+reconnects ${missed}, p99 ${spread >= 0 ? '+' : ''}${spread.toFixed(1)} ms`,
      );
    }
  }
}

function sumOf(
  receiver: LoadReceiver,
  exchanges: readonly LoadExchange[],
  name: 'frames' | 'gaps' | 'invalid' | 'resyncs' | 'reconnects',
): number {
  return exchanges.reduce((sum, exchange) => sum + receiver.counts(exchange)[name], 0);
}

const order = (child: ChildProcess, message: LoadOrder): boolean => child.send(message);

async function heard<K extends LoadReport['kind']>(
  child: ChildProcess,
  kind: K,
): Promise<Extract<LoadReport, { kind: K }>> {
  for (;;) {
    const [message] = (await once(child, 'message')) as [LoadReport];
    if (message.kind === kind) return message as Extract<LoadReport, { kind: K }>;
  }
}

const { values } = parseArgs({
  options: {
    symbols: { type: 'string', default: '200' },
    rate: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '60' },
    faults: { type: 'boolean', default: false },
    fault: { type: 'string' },
  },
});
await main({
  symbols: Number(values.symbols),
  rate: Number(values.rate),
  seconds: Number(values.seconds),
  faults: values.faults,
  fault: values.fault ?? null,
});
