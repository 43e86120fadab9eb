import type { ExchangeId } from '../messages/primitives.js';
import type { Files } from '../ports/files.js';
import { protocolOf } from './exchanges/index.js';
import { decimalsOf, splitSymbol } from './protocol.js';
import type { BookChange } from './book-change.js';
import type { ReplayProtocol, SymbolFacts } from './protocol.js';
import { findRecordings, invalidRecording, readFrames, readRest, readSent } from './recording.js';
import type { RecordingFiles } from './recording.js';

/** More symbols than any exchange lists; a recording with more is damaged. */
const MAX_SYMBOLS = 20_000;

export interface SymbolDescription extends SymbolFacts {
  readonly channels: readonly string[];
  readonly frames: number;
}

export interface RecordingDescription {
  readonly exchange: ExchangeId;
  readonly name: string;
  readonly files: RecordingFiles;
  readonly frames: number;
  readonly binaryFrames: number;
  /** Unix ms of the first and last frame; 0 in an empty recording. */
  readonly firstTimeMs: number;
  readonly lastTimeMs: number;
  readonly symbols: readonly SymbolDescription[];
  /** URLs the recorded client opened. */
  readonly urls: readonly string[];
  /** Acknowledgements in the capture: `channel:symbol`, or empty text where the exchange names neither. */
  readonly acks: readonly string[];
  /** `inferred`: the recording has no instrument list, ticks and lots follow from the decimals observed. */
  readonly instruments: 'recorded' | 'inferred';
}

interface SymbolCount {
  channels: Set<string>;
  frames: number;
  priceDecimals: number;
  sizeDecimals: number;
  firstBook: BookChange | undefined;
}

/** Describes every recording below a folder, reading each once. Throws ARB_RECORDING_INVALID naming file and line. */
export async function describe(files: Files, folder: string): Promise<RecordingDescription[]> {
  const all: RecordingDescription[] = [];
  for (const recording of await findRecordings(files, folder))
    all.push(await describeRecording(files, recording));
  return all;
}

export async function describeRecording(
  files: Files,
  recording: RecordingFiles,
): Promise<RecordingDescription> {
  const protocol = protocolOf(recording.exchange);
  const counts = new Map<string, SymbolCount>();
  const acks: string[] = [];
  let [frames, binaryFrames, firstTimeMs, lastTimeMs] = [0, 0, 0, 0];
  for await (const frame of readFrames(files, recording)) {
    if (frames++ === 0) firstTimeMs = frame.receiveTimeMs;
    lastTimeMs = frame.receiveTimeMs;
    if (frame.isBinary) binaryFrames++;
    const facts = protocol.read(frame.data.toString());
    if (facts.kind === 'ack')
      acks.push(facts.symbol === null ? '' : `${facts.channel ?? ''}:${facts.symbol}`);
    else if (facts.symbol !== null) {
      const count = countOf(counts, facts.symbol, recording, frame.index);
      count.frames++;
      if (facts.channel !== null) count.channels.add(facts.channel);
      if (facts.book !== null) observe(count, facts.book);
    }
  }
  const urls = (await readSent(files, recording)).flatMap((one) =>
    one.kind === 'connect' && one.url ? [one.url] : [],
  );
  return {
    exchange: recording.exchange,
    name: recording.name,
    files: recording,
    frames,
    binaryFrames,
    firstTimeMs,
    lastTimeMs,
    symbols: [...counts]
      .map(([symbol, count]) => symbolOf(symbol, count, protocol))
      .sort((a, b) => (a.symbol < b.symbol ? -1 : 1)),
    urls,
    acks,
    instruments: await instrumentSource(files, recording, protocol),
  };
}

function countOf(
  counts: Map<string, SymbolCount>,
  symbol: string,
  recording: RecordingFiles,
  index: number,
): SymbolCount {
  let count = counts.get(symbol);
  if (count === undefined) {
    if (counts.size >= MAX_SYMBOLS) throw invalidRecording(recording.frames, index + 1, 'too many symbols');
    count = { channels: new Set(), frames: 0, priceDecimals: 0, sizeDecimals: 0, firstBook: undefined };
    counts.set(symbol, count);
  }
  return count;
}

function observe(count: SymbolCount, book: BookChange): void {
  count.firstBook ??= book;
  for (const side of [book.bids, book.asks])
    for (const [price, size] of side) {
      count.priceDecimals = Math.max(count.priceDecimals, decimalsOf(price));
      count.sizeDecimals = Math.max(count.sizeDecimals, decimalsOf(size));
    }
}

function symbolOf(symbol: string, count: SymbolCount, protocol: ReplayProtocol): SymbolDescription {
  const { frames, priceDecimals, sizeDecimals, firstBook } = count;
  return {
    symbol,
    ...(protocol.parts?.(symbol) ?? partsOf(symbol)),
    // Kept for those whose rules are read off it.
    ...(protocol.detailsAnswer !== undefined && { firstBook }),
    channels: [...count.channels].sort(),
    frames,
    priceDecimals,
    sizeDecimals,
  };
}

/** `BTC-USDT` and `BTC_USDT` by what separates (more than one = a derivative: no spot pair), `BTCUSDT` by the known quote assets. */
function partsOf(symbol: string): { base: string | null; quote: string | null } {
  if (!/-|_[A-Z]/.test(symbol)) return splitSymbol(symbol);
  const [base = '', quote = '', more] = symbol.split(/[-_]/);
  return more === undefined && base !== '' && quote !== '' ? { base, quote } : { base: null, quote: null };
}

async function instrumentSource(
  files: Files,
  recording: RecordingFiles,
  protocol: ReplayProtocol,
): Promise<'recorded' | 'inferred'> {
  const rest = await readRest(files, recording);
  return rest.some((one) => protocol.answers(one.url, { kind: 'instruments' }, [])) ? 'recorded' : 'inferred';
}
