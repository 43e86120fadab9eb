import type { BookEvent, Connector } from '../../../src/connectors/base.js';
import type { OrderBook } from '../../../src/market/order-book.js';
import type { Check, Kit } from './check.js';
import type { FeedRig } from './rig.js';
import { begin, changed, load, needsDeltas, type Levels, type Subject } from './subject.js';
import { keepLevels, withBooks, withDecode, withSink } from './tamper.js';
import { FrameError } from '../../../src/connectors/frame-error.js';

/** Books and best quotes: C01 to C09. */

const started = (kit: Kit): FeedRig => {
  const rig = kit.rig();
  begin(rig, kit.subject, kit.capabilities.snapshotSource);
  kit.that(rig.trusted, 'a snapshot and its first change are trusted');
  return rig;
};

const levels = (rig: FeedRig): number[][][] => {
  const { book } = rig.feed.follow(rig.symbol)!.depth;
  const side = (name: 'bid' | 'ask', count: number) =>
    Array.from({ length: count }, (_, i) => [book.price(name, i), book.size(name, i)]);
  return [side('bid', book.bidCount), side('ask', book.askCount)];
};

const bestBid = (book: OrderBook): number[] => [book.bestBid, book.bestBidSize];

/** Is the frame further from the last one than its successor would be, by at least `least` and at most `most`? */
function holeOf(event: BookEvent, last: number, least: number, most: number): boolean {
  const missing = event.last - last - 1;
  return !event.snapshot && missing >= least && missing <= most;
}

/** Frames with a hole before them look like successors. */
function hidingHoles(connector: Connector, least: number, most: number): Connector {
  let last = NaN;
  return withBooks(connector, (event) => {
    if (holeOf(event, last, least, most)) {
      event.first = Math.min(event.first, last + 1);
      // Where frames are counted, the number itself proves the hole.
      if (connector.capabilities.syncRule === 'linked') event.previous = last;
    }
    if (event.snapshot || event.last > last) last = event.last;
  });
}

const give = (rig: FeedRig, subject: Subject, n: number, bids: Levels, asks: Levels = []) =>
  rig.give(subject.delta!(n, bids, asks));

export const BOOK_CHECKS: readonly Check[] = [
  {
    id: 'C01',
    title: 'a snapshot and what follows it give exactly the book',
    run: (kit) => {
      const { subject } = kit;
      const rig = started(kit);
      if (subject.delta === null) {
        rig.give(
          subject.snapshot(
            102,
            [['99.5', '1']],
            [
              ['101', '3'],
              ['101.25', '9'],
            ],
          ),
        );
        kit.equal(
          levels(rig),
          [
            [[99.5, 1]],
            [
              [101, 3],
              [101.25, 9],
            ],
          ],
          'the next book replaces',
        );
      } else {
        give(
          rig,
          subject,
          102,
          [['99.5', '1']],
          [
            ['101', '3'],
            ['103', '4'],
          ],
        );
        give(rig, subject, 103, [['100', '2']], [['101.25', '9']]);
        const bids = [
          [100, 2],
          [99.5, 1],
          [99, 6],
        ];
        kit.equal(
          levels(rig),
          [
            bids,
            [
              [101, 3],
              [101.25, 9],
              [102, 8],
              [103, 4],
            ],
          ],
          'levels',
        );
      }
      kit.that(rig.trusted, 'trusted');
    },
    // Prices of a quarter get lost.
    broken: (connector) =>
      withBooks(connector, ({ asks }) => keepLevels(asks, (price) => Number.isInteger(price * 2))),
  },
  {
    id: 'C02',
    title: 'size 0 removes a level, and sizes are absolute',
    applies: needsDeltas,
    run: (kit) => {
      const rig = started(kit);
      give(rig, kit.subject, 102, [
        ['100', '0'],
        ['98', '0'],
      ]);
      kit.that(rig.trusted, 'trusted');
      kit.equal(levels(rig)[0], [[99, 6]], 'bids');
    },
    broken: (connector) => withBooks(connector, ({ bids }) => keepLevels(bids, (_, size) => size > 0)),
  },
  {
    id: 'C03',
    title: 'a hole distrusts at once and asks anew, and a new book heals (F4)',
    applies: needsDeltas,
    run: (kit) => {
      const rig = started(kit);
      const [sent, { snapshotSource }] = [rig.sent.length, kit.capabilities];
      give(rig, kit.subject, 122, [['100', '1']]);
      kit.that(!rig.trusted, 'distrusted');
      if (snapshotSource === 'socket') kit.that(rig.sent.length > sent, 'subscribes anew');
      load(rig, kit.subject, snapshotSource, 130, [['90', '1']], [['91', '2']]);
      kit.that(rig.trusted, 'healed');
      kit.equal(levels(rig), [[[90, 1]], [[91, 2]]], 'levels after it');
    },
    broken: (connector) => hidingHoles(connector, 10, Infinity),
  },
  {
    id: 'C04',
    title: 'a duplicate changes nothing (F4)',
    applies: needsDeltas,
    run: (kit) => {
      const rig = started(kit);
      const frame = kit.subject.delta!(102, [['100', '3']], []);
      rig.give(frame, frame);
      const { book } = rig.feed.follow(rig.symbol)!.depth;
      kit.that(rig.trusted, 'still trusted');
      kit.equal(bestBid(book), [100, 3], 'best bid');
      give(rig, kit.subject, 103, [['100', '2']]);
      kit.equal([rig.trusted, ...bestBid(book)], [true, 100, 2], 'the next change');
      kit.equal(rig.count('invalid'), 0, 'no bad frame');
    },
    broken: (connector) => {
      let before = '';
      return withDecode(connector, (data, sink) => {
        const text = data.toString();
        const isRepeated = text === before;
        before = text;
        const header = connector.decode(data, sink);
        if (isRepeated && header.category === 'book') throw new FrameError('frame', 'a new one', text);
        return header;
      });
    },
  },
  {
    id: 'C05',
    title: 'swapped frames are never a wrong trusted book (F4)',
    applies: needsDeltas,
    run: (kit) => {
      const rig = started(kit);
      give(rig, kit.subject, 103, [['99', '9']]);
      kit.that(!rig.trusted, 'distrusted between the two');
      give(rig, kit.subject, 102, [['100', '3']]);
      kit.that(rig.trusted, 'the late frame heals');
      kit.equal(
        levels(rig)[0],
        [
          [100, 3],
          [99, 9],
        ],
        'bids',
      );
    },
    broken: (connector) => hidingHoles(connector, 1, 1),
  },
  {
    id: 'C06',
    title: 'a checksum that is not 0 is verified, 0 is not (F5)',
    applies: ({ checksum }) => checksum !== 'none',
    run: (kit) => {
      const checked = kit.subject.checked!;
      const rig = kit.rig();
      const [bids, asks]: [Levels, Levels] = [
        [
          ['100.0', '5.00'],
          ['99', '6'],
        ],
        [
          ['101.50', '7'],
          ['102', '8'],
        ],
      ];
      // CRC32 of 100.0:5.00:101.50:7:99:6:102:8, from an independent implementation.
      rig.give(checked(100, bids, asks, 1_150_525_893));
      kit.that(rig.trusted, 'the right one');
      rig.give(checked(100, bids, asks, 0));
      kit.that(rig.trusted, 'none');
      rig.give(checked(101, bids, asks, 12_345));
      kit.that(!rig.trusted, 'a wrong one distrusts');
    },
    broken: (connector) =>
      withBooks(connector, (event) => {
        event.checksum = 0;
      }),
  },
  {
    id: 'C07',
    title: 'a crossed or locked book is never trusted (F6)',
    run: (kit) => {
      const rig = started(kit);
      const asked = rig.sent.length;
      rig.give(changed(kit.subject, 102, { bids: [['101', '1']] }));
      kit.that(!rig.trusted, 'locked');
      rig.wait(2000);
      if (kit.capabilities.snapshotSource === 'socket')
        kit.that(rig.sent.length > asked, 'a new book is asked for');
      load(rig, kit.subject, kit.capabilities.snapshotSource, 110, [['90', '1']], [['91', '2']]);
      kit.that(rig.trusted, 'a new book heals');
    },
    broken: (connector) => withBooks(connector, ({ bids }) => keepLevels(bids, (price) => price !== 101)),
  },
  {
    id: 'C08',
    title: 'a newer best quote corrects the published top, an older one does not',
    applies: (_, { quote }) => quote !== null,
    run: (kit) => {
      const { subject } = kit;
      const rig = started(kit);
      rig.give(subject.quote!(103, ['100.5', '2'], ['101', '7']));
      kit.equal(rig.top(), [100.5, 2, 101, 7], 'newer than the book');
      rig.give(changed(subject, 102, { bids: [['100', '4']] }));
      kit.equal(rig.top(), [100.5, 2, 101, 7], 'still newer');
      rig.give(changed(subject, 103, { bids: [['100.5', '2']] }));
      rig.give(changed(subject, 104, { bids: [['100.5', '6']] }));
      kit.equal(rig.top(), [100.5, 6, 101, 7], 'the book is newer');
      rig.give(subject.quote!(103, ['100.5', '1'], ['101', '7']));
      kit.equal([rig.trusted, ...rig.top()], [true, 100.5, 6, 101, 7], 'an older quote');
    },
    broken: (connector) =>
      withSink(connector, (sink) => ({
        bestQuote: (event) => {
          event.bid = Math.floor(event.bid);
          sink.bestQuote(event);
        },
        book: (event) => {
          if (event.channel === connector.capabilities.channels.bestQuote)
            event.bids.prices[0] = Math.floor(event.bids.prices[0]!);
          sink.book(event);
        },
      })),
  },
  {
    id: 'C09',
    title: 'a quote of the number of the book must equal it, where the exchange promises so',
    applies: ({ quoteOrderIsExact }) => quoteOrderIsExact,
    run: (kit) => {
      const { subject } = kit;
      const rig = started(kit);
      give(rig, subject, 102, [['100', '4']]);
      rig.give(subject.quote!(102, ['100', '4'], ['101', '7']));
      kit.that(rig.trusted, 'they agree');
      give(rig, subject, 103, [['100', '8']]);
      rig.give(subject.quote!(103, ['100', '4'], ['101', '7']));
      kit.that(!rig.trusted, 'they disagree');
    },
    broken: (connector) =>
      withSink(connector, (sink) => ({
        bestQuote: (event) => {
          event.order -= 0.5;
          sink.bestQuote(event);
        },
      })),
  },
];
