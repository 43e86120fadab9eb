import { join } from 'node:path';
import { linesOf, readCapture, type Capture } from '../../src/conformance/wire/capture-file.js';
import type { Connector } from '../../src/connectors/base.js';
import type { FeedEffects, FeedRequest } from '../../src/connectors/feed-effects.js';
import { plainText } from '../../src/connectors/level-texts.js';
import { MarketFeed } from '../../src/connectors/market-feed.js';
import { RateLimiter } from '../../src/connectors/rate-limiter.js';
import type { OrderBook } from '../../src/market/order-book.js';
import { QuoteBoard, TRUST_OK } from '../../src/market/quote-board.js';

/** What the order of frames, or a number in each, can show. */
export const DAMAGE = ['drop', 'duplicate', 'repeat-later', 'swap', 'truncate'] as const;

/** A fault put into a stream of frames. */
export interface Fault {
  readonly kind: (typeof DAMAGE)[number] | 'flip';
  /** 0..1: where. */
  readonly at: number;
}

/** One line of the damaged stream: the frame, and how many clean frames lie behind it. */
interface Line {
  readonly data: Buffer;
  readonly position: number;
}

export function damage(frames: readonly Buffer[], faults: readonly Fault[]): Line[] {
  const lines: (Line | null)[] = frames.map((data, position) => ({ data, position }));
  for (const { kind, at } of faults) {
    const index = Math.floor(at * (lines.length - 12));
    const line = lines[index];
    if (line === null || line === undefined) continue;
    if (kind === 'drop') lines[index] = null;
    else if (kind === 'duplicate') lines.splice(index, 0, line);
    else if (kind === 'repeat-later') lines.splice(index + 10, 0, line);
    else if (kind === 'swap') [lines[index], lines[index + 1]] = [lines[index + 1]!, line];
    else if (kind === 'flip') lines[index] = { ...line, data: flipped(line.data) };
    else lines[index] = { ...line, data: line.data.subarray(0, Math.floor(line.data.length * 0.6)) };
  }
  return lines.filter((line) => line !== null);
}

/** One digit of one size is another: only a checksum can tell. */
function flipped(data: Buffer): Buffer {
  const flip = (_: string, start: string, digit: string) => start + String((Number(digit) % 9) + 1);
  return Buffer.from(data.toString().replace(/(\["[\d.]+",")([1-9])/, flip));
}

/** Reads the first `limit` frames of a capture. */
export async function captureOf(folder: string, file: string, limit: number): Promise<Capture> {
  const capture = await readCapture(folder, join(file));
  return { ...capture, frames: capture.frames.slice(0, limit), timesMs: capture.timesMs.slice(0, limit) };
}

export const splitLines = linesOf;

/** Order-sensitive sum over every level: equal books give equal numbers, and a wrong level changes it. */
export function fingerprint(book: OrderBook, levels = Infinity): number {
  let sum = 0;
  for (let i = 0; i < Math.min(levels, book.bidCount); i++)
    sum += book.price('bid', i) * (i + 1) + book.size('bid', i) * (i + 7.3);
  for (let i = 0; i < Math.min(levels, book.askCount); i++)
    sum -= book.price('ask', i) * (i + 2) + book.size('ask', i) * (i + 11.7);
  return sum;
}

/** How an exchange would answer a request for a snapshot of a book that is true at this moment. */
export type SnapshotWriter = (symbol: string, book: OrderBook, timeMs: number) => Buffer;

export function levelRows(book: OrderBook, side: 'bid' | 'ask'): string[][] {
  const count = side === 'bid' ? book.bidCount : book.askCount;
  return Array.from({ length: count }, (_, i) => [
    plainText(book.price(side, i)),
    plainText(book.size(side, i)),
    '0',
    '1',
  ]);
}

export interface Outcome {
  /** Descriptions of moments at which a trusted book was not what it should have been. */
  readonly wrong: readonly string[];
  readonly untrustedAtEnd: readonly string[];
  /** How often a book was found untrusted that had been trusted before. */
  readonly distrusted: number;
  readonly invalid: number;
}

export interface Scenario {
  readonly capture: Capture;
  readonly connector: () => Connector;
  readonly symbols: readonly string[];
  readonly writeSnapshot: SnapshotWriter;
  /** What identifies a state of a book: its number, or its time where there is none. */
  readonly keyOf: (symbol: string, book: OrderBook, timeMs: number) => string;
  readonly levels: number;
  /** `DAMAGE` where it is absent. */
  readonly kinds?: readonly Fault['kind'][];
  /** Share of damaged streams that must cost some book its trust for a while; a quarter where it is absent. */
  readonly noticed?: number;
}

/**
 * Runs a clean feed and a damaged one side by side. The exchange is played from the clean one: whoever asks for a snapshot
 * gets the true book of that moment.
 */
export function runDamaged(scenario: Scenario, faults: readonly Fault[]): Outcome {
  const truth = new Map<string, Set<number>>();
  const clean = new Side(scenario, (symbol, book, timeMs) => {
    const key = scenario.keyOf(symbol, book, timeMs);
    truth.set(key, (truth.get(key) ?? new Set()).add(fingerprint(book, scenario.levels)));
  });
  const damaged = new Side(scenario, () => undefined);
  const lines = damage(scenario.capture.frames, faults);
  const wrong: string[] = [];
  let position = -1;
  for (const [index, line] of lines.entries()) {
    while (position < line.position) {
      clean.hear(scenario.capture.frames[++position]!, position);
      clean.settle(null);
    }
    damaged.hear(line.data, index);
    wrong.push(...damaged.check(truth, index));
    damaged.settle(clean);
    wrong.push(...damaged.check(truth, index));
  }
  for (let i = 0; i < 12; i++) damaged.wait(1000, clean);
  wrong.push(...damaged.check(truth, lines.length));
  return {
    wrong,
    untrustedAtEnd: scenario.symbols.filter((name) => !damaged.feed.follow(name)!.depth.trusted),
    distrusted: damaged.distrusted,
    invalid: Number(damaged.feed.summary(0)['invalid']),
  };
}

class Side {
  readonly feed: MarketFeed;
  readonly board: QuoteBoard;
  distrusted = 0;
  private readonly scenario: Scenario;
  private readonly requests: FeedRequest[] = [];
  private readonly newest = new Map<string, number>();
  private readonly resubscribed = new Set<string>();
  private nowMs = 0;
  private answers: Capture['answers'];

  constructor(scenario: Scenario, onApplied: (symbol: string, book: OrderBook, timeMs: number) => void) {
    this.scenario = scenario;
    this.answers = scenario.capture.answers;
    this.board = new QuoteBoard(scenario.symbols.length);
    this.feed = new MarketFeed({
      connector: scenario.connector(),
      instruments: scenario.symbols.map((symbol) => ({ id: `x:${symbol}`, symbol })),
      board: this.board,
      effects: this.effects(),
      limiter: new RateLimiter([]),
      random: () => 0.5,
      epoch: 1,
      // The streams are short: a book must get its next chance within them.
      heal: { backoffMaxMs: 1000 },
      onApplied: (symbol) => {
        const { book, exchangeTimeMs } = this.feed.follow(symbol)!.depth;
        onApplied(symbol, book, exchangeTimeMs);
      },
    });
    this.feed.opened(1_700_000_000_000, 0);
  }

  /** One frame arrives. */
  hear(data: Buffer, index: number): void {
    this.nowMs = Math.max(this.nowMs, index * 20);
    this.feed.frame(data, 1_700_000_000_000 + this.nowMs, this.nowMs);
  }

  /** The exchange answers what the feed has asked for; `truth` null: from the recording. */
  settle(truth: Side | null): void {
    this.answer(truth);
    this.feed.tick(1_700_000_000_000 + this.nowMs, this.nowMs);
    this.answer(truth);
  }

  wait(ms: number, truth: Side): void {
    this.nowMs += ms;
    this.feed.tick(1_700_000_000_000 + this.nowMs, this.nowMs);
    this.answer(truth);
  }

  /** Snapshots: the recorded ones for the clean side, the clean side's books for the damaged one. */
  private answer(truth: Side | null): void {
    const now = 1_700_000_000_000 + this.nowMs;
    for (const request of this.requests.splice(0)) {
      const book = truth?.feed.follow(request.symbol)!.depth;
      const recorded = this.answers.find(({ symbol }) => symbol === request.symbol || symbol === '');
      const body =
        truth === null
          ? recorded?.body
          : book!.trusted
            ? this.scenario.writeSnapshot(request.symbol, book!.book, 0)
            : recorded?.body;
      if (body !== undefined) this.feed.httpAnswer(request.id, 200, {}, body, now, this.nowMs);
    }
    for (const symbol of [...this.resubscribed]) {
      this.resubscribed.delete(symbol);
      const depth = truth?.feed.follow(symbol)!.depth;
      if (depth?.trusted !== true) continue;
      this.feed.frame(
        this.scenario.writeSnapshot(symbol, depth.book, depth.exchangeTimeMs + 1),
        now,
        this.nowMs,
      );
    }
  }

  /** Every trusted book must be a state that the true book went through under the same key, and never an older one. */
  check(truth: ReadonlyMap<string, ReadonlySet<number>>, index: number): string[] {
    const wrong: string[] = [];
    for (const symbol of this.scenario.symbols) {
      const { depth, slot } = this.feed.follow(symbol)!;
      if (depth.trusted) {
        const key = this.scenario.keyOf(symbol, depth.book, depth.exchangeTimeMs);
        const states = truth.get(key);
        if (states?.has(fingerprint(depth.book, this.scenario.levels)) !== true)
          wrong.push(`frame ${index}: ${key}`);
        const at = depth.book.sequence > 0 ? depth.book.sequence : depth.exchangeTimeMs;
        if (at < (this.newest.get(symbol) ?? -Infinity))
          wrong.push(`frame ${index}: ${key} is older than what was shown`);
        this.newest.set(symbol, at);
      } else {
        if (this.newest.has(symbol)) this.distrusted++;
        if (this.board.trust[slot] === TRUST_OK)
          wrong.push(`frame ${index}: the board still shows ${symbol}`);
      }
    }
    return wrong;
  }

  private effects(): FeedEffects {
    return {
      send: (frame) => {
        for (const symbol of this.scenario.symbols) {
          // Upbit's and Bithumb's requests have no verb.
          if (/"subscribe"|"ticket"/i.test(frame) && frame.includes(symbol) && this.nowMs > 0)
            this.resubscribed.add(symbol);
        }
      },
      request: (request) => this.requests.push(request),
      reconnect: () => undefined,
      instrumentState: () => undefined,
      status: () => undefined,
      trade: () => undefined,
      fail: (error) => {
        throw error;
      },
    };
  }
}
