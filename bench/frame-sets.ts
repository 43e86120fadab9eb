import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Connector, FrameSink } from '../src/connectors/base.js';
import { FrameError } from '../src/connectors/frame-error.js';
import { readCapture, type Capture, type RecordedAnswer } from '../src/conformance/wire/capture-file.js';
import { wireExchange, type WireExchange } from '../src/conformance/wire/exchanges.js';
import { survey } from '../src/conformance/wire/survey.js';
import { DEFAULT_EXCHANGES, SIMULATED_EXCHANGES, type SimulatedExchange } from '../src/simulator/listings.js';
import { memoryExchanges, open, subscribeBooks } from '../test/simulator/memory-client.js';

/** Frames of one connection as a socket delivers them, each in a buffer of its own. */
export interface FrameSet {
  readonly exchange: SimulatedExchange;
  readonly title: string;
  readonly origin: string;
  /** The book channel; every symbol on it is followed. */
  readonly channel: string;
  readonly symbols: readonly string[];
  readonly frames: readonly Buffer[];
  readonly timesMs: readonly number[];
  readonly answers: readonly RecordedAnswer[];
  connector(): Connector;
}

export function bytesOf(set: FrameSet): number {
  return set.frames.reduce((sum, frame) => sum + frame.length, 0);
}

export function describe(set: FrameSet): string {
  const count = set.frames.length;
  const books = set.symbols.length === 1 ? '1 book' : `${set.symbols.length} books`;
  return `${set.origin}, ${count} distinct frames, ${Math.round(bytesOf(set) / count)} B on average, ${books}`;
}

function snapshotBytesOf(set: FrameSet): number {
  return set.answers.reduce((sum, { body }) => sum + body.length, 0);
}

const LEAST_FRAMES = 100;

/**
 * The recorded book channels of a folder in the layout `<exchange>/*.jsonl` (and `derived/<exchange>-*.jsonl`). Files with
 * few book frames are left out, since loops over them flatter everybody, and so are files in which REST snapshots outweigh the
 * frames.
 */
export async function recordedSets(folder: string): Promise<FrameSet[]> {
  const sets: FrameSet[] = [];
  for (const exchange of SIMULATED_EXCHANGES) {
    for (const file of await filesOf(folder, exchange)) {
      const capture = await readCapture(folder, file);
      sets.push(...setsOf(exchange, file.replace(/\.jsonl$/, ''), capture));
    }
  }
  if (sets.length === 0) throw new Error(`no recording with ${LEAST_FRAMES} book frames in ${folder}`);
  return sets;
}

async function filesOf(folder: string, exchange: string): Promise<string[]> {
  const names = await readdir(folder);
  const own = names.includes(exchange) ? await readdir(join(folder, exchange)) : [];
  const derived = names.includes('derived') ? await readdir(join(folder, 'derived')) : [];
  const isFrames = (name: string) => name.endsWith('.jsonl') && !/\.(rest|sent|expected)\.jsonl$/.test(name);
  return [
    ...own.filter(isFrames).map((name) => join(exchange, name)),
    ...derived
      .filter((name) => isFrames(name) && name.startsWith(`${exchange}-`))
      .map((name) => join('derived', name)),
  ].sort();
}

function setsOf(exchange: SimulatedExchange, name: string, capture: Capture): FrameSet[] {
  const wire = wireExchange(exchange);
  if (wire === null) throw new Error(`no connector for ${exchange}`);
  const sets: FrameSet[] = [];
  for (const [channel, symbols] of survey(capture, wire).symbols) {
    const found = [...symbols.values()].reduce((sum, frames) => sum + frames, 0);
    if (found < LEAST_FRAMES) continue;
    const set = (quotes: boolean) =>
      keep(exchange, wire, name, capture, channel, [...symbols.keys()], quotes);
    const books = set(false);
    if (books.frames.length < LEAST_FRAMES || snapshotBytesOf(books) > bytesOf(books)) continue;
    sets.push(books);
    // Only there do books and best quotes count with one number, so that both together have one right answer.
    if (exchange !== 'binance') continue;
    const both = set(true);
    if (both.frames.length > books.frames.length) sets.push(both);
  }
  return sets;
}

/** Only the frames of one book channel, and best quotes with it when wanted; answers move to the frame that follows them. */
function keep(
  exchange: SimulatedExchange,
  wire: WireExchange,
  name: string,
  capture: Capture,
  channel: string,
  symbols: readonly string[],
  quotes: boolean,
): FrameSet {
  const connector = wire.connector(channel, null);
  // Real price levels in an envelope that was made for them.
  const isDerived = name.startsWith('derived');
  const kept = capture.frames.flatMap((frame, index) => {
    const header = headerOf(connector, frame);
    const isBook = header?.category === 'book' && header.channel === channel;
    return isBook || (quotes && header?.category === 'bestQuote') ? [index] : [];
  });
  return {
    exchange,
    title: `${exchange} ${channel}${quotes ? ' + best quotes' : ''}${isDerived ? ' (derived)' : ''}`,
    origin: isDerived ? `derived frames ${name}` : `recording ${name}`,
    channel,
    symbols: [...symbols].sort(),
    // A copy: a slice of the file's buffer would keep neighbouring frames in one cache line.
    frames: kept.map((index) => Buffer.from(capture.frames[index]!)),
    timesMs: kept.map((index) => capture.timesMs[index]!),
    // Where the snapshot comes on the socket, a recorded answer is something else, such as the list of markets.
    answers: (connector.capabilities.snapshotSource === 'rest' ? capture.answers : []).map((answer) => {
      const at = kept.findIndex((index) => index >= answer.beforeFrame);
      return { ...answer, beforeFrame: at < 0 ? kept.length : at };
    }),
    connector: () => wire.connector(channel, null),
  };
}

const IGNORE: FrameSink = {
  book: () => undefined,
  bestQuote: () => undefined,
  trade: () => undefined,
  instrumentState: () => undefined,
  control: () => undefined,
};

function headerOf(connector: Connector, frame: Buffer) {
  try {
    return connector.decode(frame, IGNORE);
  } catch (error) {
    if (error instanceof FrameError) return null;
    throw error;
  }
}

const CHANNELS: Readonly<Record<SimulatedExchange, string>> = {
  binance: 'depth@100ms',
  okx: 'books',
  bybit: 'orderbook.50',
  gate: 'spot.obu.400',
  bitget: 'books',
  kucoin: 'obu/increment@10ms',
  upbit: 'orderbook',
  bithumb: 'orderbook',
};

/** Frames of the simulated exchanges: real protocol, synthetic prices. Equal seconds give equal bytes. */
export function simulatedSets(seconds: number): FrameSet[] {
  const exchanges = memoryExchanges({ seed: 11 });
  const recordings = DEFAULT_EXCHANGES.map((exchange) => {
    const face = exchanges.faces[exchange];
    const symbols = exchanges.world.marketsOf(exchange).map(({ listing }) => listing.symbol);
    const connection = open(face);
    subscribeBooks(exchange, connection, symbols);
    return { exchange, face, symbols, connection, frames: [] as Buffer[], times: [] as number[] };
  });
  const answers: RecordedAnswer[] = [];
  for (let second = 0; second < seconds; second++) {
    for (let step = 0; step < 10; step++) {
      exchanges.run(100);
      if (second === 0 && step === 3) answers.push(...restAnswers(recordings[0]!));
      for (const { connection, frames, times } of recordings) {
        for (const text of connection.transport.take()) {
          frames.push(Buffer.from(text));
          times.push(exchanges.world.nowMs);
        }
      }
    }
    for (const { connection } of recordings) connection.heartbeat();
  }
  return recordings.map(({ exchange, symbols, frames, times }): FrameSet => {
    const wire = wireExchange(exchange);
    if (wire === null) throw new Error(`no connector for ${exchange}`);
    const capture = { sha256: '', frames, timesMs: times, answers: exchange === 'binance' ? answers : [] };
    const set = keep(exchange, wire, '', capture, CHANNELS[exchange], symbols, false);
    return { ...set, origin: 'simulated exchange (synthetic prices)' };
  });
}

function restAnswers(binance: {
  readonly face: ReturnType<typeof memoryExchanges>['faces'][SimulatedExchange];
  readonly symbols: readonly string[];
  readonly frames: readonly Buffer[];
}): RecordedAnswer[] {
  return binance.symbols.map((symbol) => {
    const url = `/api/v3/depth?symbol=${symbol}&limit=1000`;
    const { status, body } = binance.face.handleHttp({ method: 'GET', url });
    if (status !== 200) throw new Error(`${url} answered ${status}`);
    return { symbol, body: Buffer.from(body), beforeFrame: binance.frames.length };
  });
}
