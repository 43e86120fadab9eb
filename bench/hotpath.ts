import type { FrameSink } from '../src/connectors/base.js';
import { BOARD_DEPTH, TRUST_OK } from '../src/market/quote-board.js';
import { FeedPlayer } from './feed-player.js';
import { bytesOf, describe, recordedSets, simulatedSets, type FrameSet } from './frame-sets.js';
import { profileOf, type Steps } from './frame-profile.js';
import type { Series } from './harness.js';
import type { Peer, PeerOrReason } from './peers/peer.js';
import { PlainBooks } from './plain-books.js';
import { timeText } from './report.js';

/** How many seconds of simulated market make the fixture. */
const FIXTURE_SECONDS = 60;

export interface HotpathOptions {
  /** Folder of recordings; null = frames of the simulated exchanges. */
  readonly frames: string | null;
  readonly fixtureSeconds?: number;
}

export function hotpathSets(options: HotpathOptions): Promise<FrameSet[]> {
  if (options.frames !== null) return recordedSets(options.frames);
  return Promise.resolve(simulatedSets(options.fixtureSeconds ?? FIXTURE_SECONDS));
}

/**
 * Frame bytes to the best quote of a trusted, published book, against parsing the same bytes and doing nothing with them; beside it
 * the JSON decoder that the byte scanner stands in front of, and the libraries that people would use instead.
 */
export function hotpathSeries(set: FrameSet, peers: readonly PeerOrReason[] = []): Series {
  const player = new FeedPlayer(set);
  const scanned = set.connector().decodeJson !== undefined;
  const previous = scanned ? [new FeedPlayer(set, true)] : [];
  const others = peers.filter((peer) => typeof peer !== 'string');
  const work = { units: set.frames.length, bytes: bytesOf(set) };
  const row = (name: string, run: () => number) => ({ name, ...work, run });
  return {
    title: `hot path: ${set.title}`,
    input: describe(set),
    unit: 'frame',
    candidates: [
      row('JSON.parse(buffer.toString())', () => parseAll(set)),
      row('decode: validated event', decoderOf(set)),
      row(FEED_ROW, () => player.pass()),
      ...previous.map((json) => row('feed with the JSON decoder alone', () => json.pass())),
      ...others.map((peer) => row(peer.name, () => passOf(peer, set))),
    ],
    check: () => {
      for (const feed of [player, ...previous]) checkPlayer(feed);
      for (const peer of others) checkPeer(peer, set);
    },
    notes: () => [
      ...notesOf(set),
      ...peers.map((peer) => (typeof peer === 'string' ? `no row: ${peer}` : peer.leavesOut)),
      profileText(FEED_ROW, {
        frames: set.frames.length,
        begin: () => player.begin(),
        step: (i) => player.step(i),
      }),
      ...others.map((peer) =>
        profileText(peer.name, {
          frames: set.frames.length,
          begin: () => peer.begin(),
          step: (i) => peer.step(i),
        }),
      ),
    ],
  };
}

const FEED_ROW = 'feed: trusted book, published best quote';

function profileText(name: string, steps: Steps): string {
  const { p50Ns, p99Ns, bytesPerFrame } = profileOf(steps);
  return `${name}: per frame p50 ${timeText(p50Ns)}, p99 ${timeText(p99Ns)} (wall), ${Math.round(bytesPerFrame)} bytes allocated`;
}

function passOf(peer: Peer, set: FrameSet): number {
  peer.begin();
  let sum = 0;
  for (let index = 0; index < set.frames.length; index++) sum += peer.step(index);
  return sum;
}

/** Levels of every book that a peer must have right after the last frame. */
const PEER_LEVELS = 10;

/** @throws Error naming the symbol where a peer's book differs from the slow books. */
function checkPeer(peer: Peer, set: FrameSet): void {
  const plain = new PlainBooks(set);
  for (const frame of set.frames) plain.apply(frame);
  passOf(peer, set);
  for (const symbol of set.symbols) {
    for (const side of ['bids', 'asks'] as const) {
      const wanted = JSON.stringify(plain.top(symbol, side, PEER_LEVELS));
      const found = JSON.stringify(peer.top(symbol, side, PEER_LEVELS));
      if (found !== wanted)
        throw new Error(`${peer.name}, ${set.title} ${symbol} ${side}: ${found}, plain books ${wanted}`);
    }
  }
}

/** All sets in one thread, frame by frame in turn: what single feeds hide in caches and type feedback shows here. */
export function mixedSeries(sets: readonly FrameSet[]): Series {
  const players = sets.map((set) => new FeedPlayer(set));
  const order = interleaved(sets);
  const frames = order.map(([player, index]) => sets[player]!.frames[index]!);
  const work = { units: order.length, bytes: sets.reduce((sum, set) => sum + bytesOf(set), 0) };
  return {
    title: 'hot path: all feeds interleaved',
    input: `${sets.map(describe).join(' | ')}`,
    unit: 'frame',
    candidates: [
      {
        name: 'JSON.parse(buffer.toString())',
        ...work,
        run: () => {
          let sum = 0;
          for (const frame of frames) sum += consume(JSON.parse(frame.toString()));
          return sum;
        },
      },
      {
        name: 'feeds: trusted books, published best quotes',
        ...work,
        run: () => {
          let sum = 0;
          for (const player of players) player.begin();
          for (const [player, index] of order) sum += players[player]!.step(index);
          return sum;
        },
      },
    ],
    check: () => players.forEach(checkPlayer),
  };
}

function parseAll(set: FrameSet): number {
  let sum = 0;
  for (const frame of set.frames) sum += consume(JSON.parse(frame.toString()));
  for (const answer of set.answers) sum += consume(JSON.parse(answer.body.toString()));
  return sum;
}

function consume(value: unknown): number {
  return typeof value === 'object' && value !== null ? 1 : 0;
}

/** Decodes every frame with one connector, as a connection that lasts does. */
function decoderOf(set: FrameSet): () => number {
  const connector = set.connector();
  connector.subscribe(set.symbols, 'all', 1, set.timesMs[0]!);
  // It lives as long as the connector: a sink that the collections between slots find dead takes compiled code with it.
  const sink = new SummingSink();
  return () => {
    sink.sum = 0;
    for (const frame of set.frames) connector.decode(frame, sink);
    for (const { body, symbol } of set.answers) {
      connector.rest.parseDepth(body, symbol === '' ? set.symbols[0]! : symbol, sink);
    }
    return sink.sum;
  };
}

class SummingSink implements FrameSink {
  sum = 0;
  book(event: Parameters<FrameSink['book']>[0]): void {
    this.sum += event.bids.count + event.asks.count;
  }
  bestQuote(event: Parameters<FrameSink['bestQuote']>[0]): void {
    this.sum += event.bid;
  }
  trade(): void {
    this.sum++;
  }
  instrumentState(): void {
    // Not compared.
  }

  control(): void {
    this.sum++;
  }
}

/** Share of the frames after which the board must have been usable and equal to the plain book. */
const LEAST_TRUSTED_SHARE = 0.8;

/** @throws Error naming frame and symbol where the board differs from the slow books. */
function checkPlayer(player: FeedPlayer): void {
  const { set, board } = player;
  const plain = new PlainBooks(set);
  let compared = 0;
  player.pass((index) => {
    const symbol = plain.apply(set.frames[index]!);
    const slot = board.slotOf(`${set.exchange}:${symbol}`);
    if (board.trust[slot] !== TRUST_OK) return;
    compared++;
    const at = slot * BOARD_DEPTH;
    const [bid, ask] = plain.best(symbol);
    const equal = board.bidPrices[at] === bid && board.askPrices[at] === ask;
    if (!equal) {
      const shown = `${board.bidPrices[at]}/${board.askPrices[at]}`;
      throw new Error(`${set.title} frame ${index}, ${symbol}: board ${shown}, plain books ${bid}/${ask}`);
    }
  });
  if (compared < set.frames.length * LEAST_TRUSTED_SHARE) {
    throw new Error(
      `${set.title}: only ${compared} of ${set.frames.length} frames left a trusted book: ${JSON.stringify(player.summary())}`,
    );
  }
  for (const symbol of set.symbols) checkTop(player, plain, symbol);
}

/** After the last frame all levels that the board keeps must be equal. */
function checkTop({ set, board }: FeedPlayer, plain: PlainBooks, symbol: string): void {
  const slot = board.slotOf(`${set.exchange}:${symbol}`);
  if (plain.isQuoted(symbol) || board.trust[slot] !== TRUST_OK) return;
  const sides = [
    ['bids', board.bidPrices, board.bidSizes],
    ['asks', board.askPrices, board.askSizes],
  ] as const;
  for (const [side, prices, sizes] of sides) {
    plain.top(symbol, side, BOARD_DEPTH).forEach(([price, size], level) => {
      const at = slot * BOARD_DEPTH + level;
      if (prices[at] !== price || sizes[at] !== size) {
        throw new Error(`${set.title} ${symbol} ${side}[${level}]: ${prices[at]} × ${sizes[at]}`);
      }
    });
  }
}

function notesOf(set: FrameSet): string[] {
  const player = new FeedPlayer(set);
  player.pass();
  const { gaps, resyncs, invalid, fallbacks } = player.summary() as Record<string, number> & {
    readonly fallbacks: Readonly<Record<string, number>>;
  };
  const left = Object.values(fallbacks).reduce((sum, count) => sum + count, 0);
  return [
    `every row also reads the ${set.answers.length} REST snapshots of the set in each pass; gaps ${gaps}, resyncs ${resyncs}, bad frames ${invalid}, frames left to the JSON decoder ${left} per pass`,
  ];
}

/** (set, frame) pairs such that each set advances evenly from its first to its last frame. */
function interleaved(sets: readonly FrameSet[]): [number, number][] {
  const all = sets.flatMap((set, player) =>
    set.frames.map((_, index) => ({ player, index, at: index / set.frames.length })),
  );
  return all.sort((a, b) => a.at - b.at).map(({ player, index }) => [player, index]);
}
