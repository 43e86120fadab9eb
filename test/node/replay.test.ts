import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { startOptions } from '../../src/cli/start.js';
import { BOARD_DEPTH, TRUST_OK, type QuoteBoard } from '../../src/market/quote-board.js';
import type { InstrumentId } from '../../src/messages/primitives.js';
import { startNode, type StartedNode } from '../../src/modes/start.js';
import { wireFolder } from '../shared-data.js';

/** Captured frames through a whole node: real sockets, connectors, actors, detector, gate and ledger. */

t.setTimeout(600_000);

interface AnswerBook {
  readonly topBids: readonly (readonly [string, string])[];
  readonly topAsks: readonly (readonly [string, string])[];
}

/** One capture per exchange at a time. The key of a book in the answer → symbol of the feed. */
const ROUNDS = [
  [
    { file: 'binance/cryptofeed-20211012-mixed4', symbol: (key: string) => key },
    { file: 'okx/cryptofeed-20220513-v5-books-mixed', symbol: (key: string) => key },
    {
      file: 'bybit/cryptofeed-20260809-v5-linear-ob200-trade-ticker-kline',
      symbol: (key: string) => key.split('.')[2]!,
    },
  ],
  [
    { file: 'binance/cryptofeed-20210814-mixed4', symbol: (key: string) => key },
    { file: 'okx/cryptofeed-20210722-v5-books-l2-tbt-A', symbol: (key: string) => key },
    { file: 'bybit/cryptofeed-20250613-v5-spot-orderbook1', symbol: (key: string) => key.split('.')[2]! },
  ],
];

async function stage(wire: string, file: string, folder: string): Promise<void> {
  await mkdir(join(folder, dirname(file)), { recursive: true });
  for (const extension of ['.jsonl', '.ts', '.sent.jsonl', '.rest.jsonl'])
    if (existsSync(join(wire, file + extension)))
      await copyFile(join(wire, file + extension), join(folder, file + extension));
}

async function replay(folder: string, data: string): Promise<StartedNode> {
  const terminal = {
    environment: {},
    workingFolder: join(import.meta.dirname, '../..'),
    print: () => undefined,
    complain: () => undefined,
    onSignal: () => () => undefined,
  };
  const flags = { market: 'replay', replay: folder, speed: '3', port: '0', data, quiet: true };
  return startNode(await startOptions(flags, terminal));
}

/** Best levels of a slot as plain numbers. */
function topOf(board: QuoteBoard, slot: number, side: 'bid' | 'ask', count: number): [number, number][] {
  const at = slot * BOARD_DEPTH;
  const [prices, sizes, levels] =
    side === 'bid'
      ? [board.bidPrices, board.bidSizes, board.bidLevels[slot]!]
      : [board.askPrices, board.askSizes, board.askLevels[slot]!];
  return Array.from({ length: Math.min(count, levels) }, (_, i) => [prices[at + i]!, sizes[at + i]!]);
}

const numbers = (levels: readonly (readonly [string, string])[]) =>
  levels.map(([price, size]) => [Number(price), Number(size)]);

interface Compared {
  readonly id: InstrumentId;
  readonly exchange: string;
  readonly symbol: string;
  readonly label: string;
}

/**
 * The depth book's best, as the feed reports it, and the ten best levels on the board. Where a best quote newer than the last
 * depth frame lies over the book, the board rightly shows that quote, and only the depth is compared.
 */
function compareBook(
  t: Test,
  { node }: StartedNode,
  { id, exchange, symbol, label }: Compared,
  book: AnswerBook,
) {
  const { board } = node;
  const slot = board.slotOf(id);
  const summary = node.system.inspect(`node/feeds/${exchange}`)!.summary[
    'symbols'
  ] as readonly SymbolSummary[];
  const depth = summary.find((one) => one.symbol === symbol)!;
  const [bids, asks] = [numbers(book.topBids), numbers(book.topAsks)];
  t.equal(board.trust[slot], TRUST_OK, `${label}: trusted`);
  t.same([depth.bestBid, depth.bestAsk], [bids[0]![0], asks[0]![0]], `${label}: best of the depth book`);
  const top = { bids: topOf(board, slot, 'bid', 10), asks: topOf(board, slot, 'ask', 10) };
  const isOverlaid = String([top.bids[0], top.asks[0]]) !== String([bids[0], asks[0]]);
  if (isOverlaid) t.comment(`${label}: a newer best quote lies over the depth`);
  else t.same(top, { bids, asks }, `${label}: ten best levels on the board`);
  return isOverlaid;
}

interface SymbolSummary {
  readonly symbol: string;
  readonly bestBid: number;
  readonly bestAsk: number;
  readonly sequence: number;
}

const wire = wireFolder() ?? '';
const skip = wire === '' && 'no captured frames are present';

t.test('replayed captures leave exactly the books of their answers on the board', { skip }, async (t) => {
  let [overlaid, total] = [0, 0];
  for (const round of ROUNDS) {
    const folder = await mkdtemp(join(tmpdir(), 'arbot-replay-'));
    for (const { file } of round) await stage(wire, file, folder);
    const started = await replay(folder, join(folder, 'data'));
    try {
      t.equal(started.mode, 'REPLAY', 'the mode is named');
      t.equal(await started.finished, 0, 'every frame was sent');
      for (const { file, symbol } of round) {
        const name = `${dirname(file)}--${basename(file)}.json`;
        const answer = JSON.parse(await readFile(join(wire, 'answers', name), 'utf8')) as {
          books: Record<string, AnswerBook>;
        };
        const exchange = dirname(file);
        const followed = started.node.inspection.feeds().find((feed) => feed.exchange === exchange)!;
        let compared = 0;
        for (const [key, book] of Object.entries(answer.books)) {
          const id = started.node.instrumentOf(exchange, symbol(key));
          if (id === null) continue;
          overlaid += Number(
            compareBook(t, started, { id, exchange, symbol: symbol(key), label: `${file} ${key}` }, book),
          );
          compared++;
          total++;
        }
        t.equal(compared, followed.books.length, `${file}: every followed book was compared`);
        t.ok(compared > 0, `${file}: ${compared} books`);
      }
      t.same(
        (await started.node.inspection.arbitrages(10)).length,
        0,
        'and markets of different days do not trade with each other',
      );
    } finally {
      await started.stop();
      await rm(folder, { recursive: true, force: true });
    }
  }
  t.ok(overlaid < total / 4, `${total - overlaid} of ${total} books compared level by level`);
});
