import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { available } from '../test/servers/nats.js';
import { findBinary, freePort } from '../test/servers/server-process.js';

/** `bench -- cluster`: books from one process to others over one NATS server on loopback, beside the bare client in the same run. */

export interface ClusterSize {
  readonly warmUpMs: number;
  readonly measureMs: number;
  readonly symbols: number;
  /** Updates per second. */
  readonly rates: readonly number[];
  readonly processes: readonly number[];
  readonly perProcess: number;
}

export const CLUSTER_SIZES = {
  full: size(5_000, 20_000),
  quick: size(2_000, 5_000),
  tiny: { ...size(300, 400), rates: [2_000], processes: [1, 2], perProcess: 1_000 },
} as const satisfies Record<string, ClusterSize>;

function size(warmUpMs: number, measureMs: number): ClusterSize {
  const rates = [20_000, 100_000, 200_000];
  return { warmUpMs, measureMs, symbols: 500, rates, processes: [1, 2, 4], perProcess: 20_000 };
}

export interface NodeTask {
  readonly work: 'publish' | 'follow' | 'raw publish' | 'raw follow';
  readonly node: string;
  readonly url: string;
  readonly exchanges: readonly string[];
  readonly symbols: number;
  readonly perSecond: number;
}

/** What one process did while it was measured. */
export interface NodeFigures {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Published, or told of by what was handled. */
  readonly updates: number;
  /** Books handled. */
  readonly records: number;
  readonly bytes: number;
  /** Messages sent. */
  readonly batches: number;
  /** Of each update from when it was due: with what its sender, the line and the receiver were late. Null = none was measured. */
  readonly due: DelayFigures | null;
  /** Of each book from when its newest update was written on the sender's board. */
  readonly written: DelayFigures | null;
  /** By how much the sender was late at its beat. */
  readonly late: DelayFigures | null;
  /** Updates that were due and never made: the sender stood still for too long. */
  readonly leftOut: number;
  /** Of the process's event loop. */
  readonly loopP99Ms: number;
  /** How often the machine gave its processor to something else, per second. */
  readonly pushedAsidePerSecond: number;
}

export interface DelayFigures {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

interface Server {
  readonly url: string;
  cpuSeconds(): number;
  stop(): Promise<void>;
}

/** The report as text. Throws when books do not arrive. */
export async function clusterReport(size: ClusterSize): Promise<string> {
  const missing = available() ?? (findBinary('nats-server') === null ? 'no nats-server on PATH' : null);
  if (missing !== null) return `## cluster\nskipped: ${missing}\n`;
  const server = await startServer();
  try {
    return [await rateTable(server, size), '', await processTable(server, size), ''].join('\n');
  } finally {
    await server.stop();
  }
}

async function rateTable(server: Server, size: ClusterSize): Promise<string> {
  const lines = [
    '## books over NATS: one publishing and one following process, one server, all on this machine',
    `input: ${size.symbols} books of 20 levels per side, each as likely to change; bare client: one message of 696 bytes per update`,
    row(
      '',
      'offered/s',
      'published/s',
      'consumed/s',
      'books/s',
      'p50 ms',
      'p99 ms',
      'p99.9 ms',
      'of written',
      'MB/s',
      'CPU % out',
      'CPU % in',
      'CPU % server',
    ),
  ];
  const bounds: string[] = [];
  for (const perSecond of size.rates) {
    for (const raw of [false, true]) {
      const before = server.cpuSeconds();
      const tasks = pairOf(server, { ...size, perSecond, raw });
      const busy = machineSeconds();
      const [out, into] = (await measure(tasks, size)) as [NodeFigures, NodeFigures];
      if (into.updates === 0) throw new Error('nothing arrived');
      const name = raw ? 'bare NATS client' : 'board over the bus';
      const serverSeconds = server.cpuSeconds() - before;
      bounds.push(boundLine(name, perSecond, { out, into, others: busy(serverSeconds, [out, into], size) }));
      const serverShare = serverSeconds / (into.seconds + size.warmUpMs / 1e3);
      lines.push(rateRow(name, perSecond, { out, into, serverShare }));
    }
  }
  return [...lines, '', ...boundsHead(), ...bounds].join('\n');
}

function pairOf(
  { url }: Server,
  {
    perSecond,
    raw,
    symbols,
  }: { readonly perSecond: number; readonly raw: boolean; readonly symbols: number },
): NodeTask[] {
  const shared = { url, exchanges: ['binance'], symbols, perSecond };
  return [
    { ...shared, work: raw ? 'raw publish' : 'publish', node: 'out' },
    { ...shared, work: raw ? 'raw follow' : 'follow', node: 'in' },
  ];
}

function rateRow(
  name: string,
  perSecond: number,
  { out, into, serverShare }: { out: NodeFigures; into: NodeFigures; serverShare: number },
): string {
  const per = (count: number, of: NodeFigures): string =>
    Math.round(count / of.seconds).toLocaleString('en-US');
  const share = (of: NodeFigures): string => ((of.cpuSeconds / of.seconds) * 100).toFixed(0);
  return row(
    ...[name, perSecond.toLocaleString('en-US'), per(out.updates, out), per(into.updates, into)],
    ...[per(into.records, into), ms(into.due?.p50Ms), ms(into.due?.p99Ms), ms(into.due?.p999Ms)],
    ...[ms(into.written?.p99Ms), (out.bytes / out.seconds / 1e6).toFixed(1)],
    ...[share(out), share(into), (serverShare * 100).toFixed(0)],
  );
}

const boundsHead = (): readonly string[] => [
  'delays are from when an update was due, on a beat of 1 ms that nobody shifts, until it was handled, also of an update that another one',
  'replaced; "of written": p99 from when the newest was written. What they are made of:',
  row(
    '',
    'offered/s',
    'late p99 ms',
    'left out',
    'messages/s',
    'loop out p99',
    'loop in p99',
    'aside out/s',
    'aside in/s',
    'CPU % others',
  ),
];

/** Where the time goes: the sender's own lateness, its pauses between messages, event loops, and other programs on the machine. */
function boundLine(
  name: string,
  perSecond: number,
  { out, into, others }: { out: NodeFigures; into: NodeFigures; others: number | null },
): string {
  return row(
    ...[name, perSecond.toLocaleString('en-US'), ms(out.late?.p99Ms), out.leftOut.toLocaleString('en-US')],
    ...[Math.round(out.batches / out.seconds).toLocaleString('en-US'), ms(out.loopP99Ms), ms(into.loopP99Ms)],
    ...[out.pushedAsidePerSecond.toFixed(0), into.pushedAsidePerSecond.toFixed(0)],
    others === null ? '–' : (others * 100).toFixed(0),
  );
}

/** Begins to count what all processors do; returns the share of one processor that went to programs which are none of these. */
function machineSeconds(): (server: number, own: readonly NodeFigures[], size: ClusterSize) => number | null {
  const busySeconds = (): number => {
    const [, user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8').split(/\s+/);
    return [user, nice, system, irq, softirq, steal].reduce((sum, one) => sum + Number(one), 0) / 100;
  };
  if (!existsSync('/proc/stat')) return () => null;
  const [before, fromMs] = [busySeconds(), performance.now()];
  return (server, own, { warmUpMs, measureMs }) => {
    const seconds = (performance.now() - fromMs) / 1e3;
    // Our own used as much while they warmed up.
    const ours = server + sum(own, ({ cpuSeconds }) => cpuSeconds) * (1 + warmUpMs / measureMs);
    return Math.max(0, (busySeconds() - before - ours) / seconds);
  };
}

async function processTable(server: Server, size: ClusterSize): Promise<string> {
  const lines = [
    '## updates handled per CPU-second by 1, 2 and 4 following processes',
    `input: each process follows an exchange of its own, ${size.symbols} books, ${size.perProcess.toLocaleString('en-US')} updates/s; one process publishes all`,
    row(
      'processes',
      'handled/s',
      'CPU s',
      'handled per CPU-second',
      'of one process',
      'with server and publisher',
    ),
  ];
  let first: { own: number; all: number } | null = null;
  for (const processes of size.processes) {
    const exchanges = Array.from({ length: processes }, (_, i) => `ex${i}`);
    const shared = { url: server.url, symbols: size.symbols };
    const before = server.cpuSeconds();
    const [out, ...into] = await measure(
      [
        { ...shared, work: 'publish', node: 'out', exchanges, perSecond: size.perProcess * processes },
        ...exchanges.map((exchange): NodeTask => ({
          ...shared,
          work: 'follow',
          node: `in-${exchange}`,
          exchanges: [exchange],
          perSecond: 0,
        })),
      ],
      size,
    );
    const updates = sum(into, (one) => one.updates);
    const cpu = sum(into, (one) => one.cpuSeconds);
    const share = size.measureMs / (size.measureMs + size.warmUpMs);
    const figures = {
      own: updates / cpu,
      all: updates / (cpu + out!.cpuSeconds + (server.cpuSeconds() - before) * share),
    };
    first ??= figures;
    const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
    lines.push(
      row(
        ...[String(processes), whole(updates / into[0]!.seconds), cpu.toFixed(2), whole(figures.own)],
        ...[(figures.own / first.own).toFixed(2), (figures.all / first.all).toFixed(2)],
      ),
    );
  }
  return lines.join('\n');
}

/** Starts a process per task, the receiving ones first, and takes their figures over the same stretch of time. */
async function measure(
  tasks: readonly NodeTask[],
  { warmUpMs, measureMs }: ClusterSize,
): Promise<NodeFigures[]> {
  const script = new URL('./cluster-node.ts', import.meta.url);
  const children = tasks.map((task) => ({ task, child: fork(script, { execArgv: withoutGc() }) }));
  try {
    for (const { task, child } of [...children].reverse()) await answer(child, task);
    await sleep(warmUpMs);
    for (const { child } of children) child.send('measure');
    await sleep(measureMs);
    return await Promise.all(children.map(({ child }) => answer(child, 'report') as Promise<NodeFigures>));
  } finally {
    for (const { child } of children) child.kill('SIGKILL');
  }
}

const withoutGc = (): string[] => process.execArgv.filter((flag) => flag !== '--expose-gc');

async function answer(child: ChildProcess, message: NodeTask | string): Promise<unknown> {
  const answered = once(child, 'message');
  child.send(message);
  const [value] = (await answered) as [unknown];
  return value;
}

async function startServer(): Promise<Server> {
  const port = await freePort();
  const child = spawn(findBinary('nats-server')!, ['-a', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
  });
  while (!(await isListening(port))) await sleep(25);
  return {
    url: `nats://127.0.0.1:${port}`,
    cpuSeconds: () => cpuSecondsOf(child.pid!),
    stop: async () => {
      const exited = once(child, 'exit');
      child.kill();
      await exited;
    },
  };
}

/** User and system time of a process, in hundredths of a second by the kernel. 0 where there is no /proc. */
function cpuSecondsOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTcp(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

const sum = (all: readonly NodeFigures[], of: (one: NodeFigures) => number): number =>
  all.reduce((total, one) => total + of(one), 0);
const ms = (value: number | null | undefined): string => value?.toFixed(2) ?? '–';
const row = (first: string, ...cells: readonly string[]): string =>
  [first.padEnd(20), ...cells.map((cell) => cell.padStart(12))].join('  ');
