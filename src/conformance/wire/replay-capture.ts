import type { Capture } from './capture-file.js';
import { ChannelReplay, type QuoteCheck } from './channel-replay.js';
import type { WireExchange } from './exchanges.js';
import { survey } from './survey.js';

/** The result of one capture, in the shape of the answers. */
export interface ReplayedCapture {
  readonly books: Readonly<Record<string, unknown>>;
  /** `neverSynced` of the answer: symbol → book frames. */
  readonly neverSynced: Readonly<Record<string, number>>;
  readonly bookTickerCheck: QuoteCheck;
  readonly trades: Readonly<Record<string, unknown>>;
  readonly frameCounts: Readonly<Record<string, number>>;
  readonly invalid: number;
}

/** Sends a capture through connector and feed and describes every book it built. */
export function replayCapture(capture: Capture, wire: WireExchange): ReplayedCapture {
  const contents = survey(capture, wire);
  const books: Record<string, unknown> = {};
  const neverSynced: Record<string, number> = {};
  const check = { equal: 0, different: 0, noEarlierBookTicker: 0 };
  let trades: Record<string, unknown> = {};
  const channels = contents.symbols.size === 0 ? [null] : [...contents.symbols.keys()];
  for (const [index, channel] of channels.entries()) {
    const replay = new ChannelReplay(capture, wire, contents, channel, check);
    replay.run();
    Object.assign(books, replay.describe());
    Object.assign(neverSynced, replay.neverSynced());
    if (index === 0) trades = replay.describeTrades();
  }
  return {
    books,
    neverSynced,
    bookTickerCheck: check,
    trades,
    frameCounts: contents.frameCounts,
    invalid: contents.invalid,
  };
}
