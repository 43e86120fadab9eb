import { BookSync } from '../../../src/connectors/book-sync.js';
import { OrderBook } from '../../../src/market/order-book.js';
import { QuoteBoard } from '../../../src/market/quote-board.js';
import { RateLimiter } from '../../../src/connectors/rate-limiter.js';
import { Recorder } from '../../../src/replay/recorder.js';
import { replaceMethod, type PlantedBug } from './planted-bug.js';

export const BOOK_BUGS: readonly PlantedBug[] = [
  {
    name: 'gap-ignored',
    area: 'book',
    what: 'a frame after a gap is applied as if none were missing',
    plant: () =>
      replaceMethod(
        BookSync.prototype as unknown as { continues(event: object): boolean },
        'continues',
        () => () => true,
      ),
  },
  {
    name: 'removal-ignored',
    area: 'book',
    what: 'a level that is gone stays in the book',
    plant: () =>
      replaceMethod(OrderBook.prototype, 'setAsks', () => {
        return function (this: OrderBook, prices, sizes, count) {
          for (let i = 0; i < count; i++) if (sizes[i]! > 0) this.setAsk(prices[i]!, sizes[i]!);
        };
      }),
  },
  {
    name: 'distrust-ignored',
    area: 'book',
    what: 'a book whose connection is gone is still trusted',
    plant: () => replaceMethod(QuoteBoard.prototype, 'distrust', () => () => undefined),
  },
  {
    name: 'lag-ignored',
    area: 'book',
    what: 'frames count as new however long they were on their way',
    plant: () =>
      replaceMethod(QuoteBoard.prototype, 'stamp', (real) => {
        return function (this: QuoteBoard, slot, { epoch, receiveTimeMs, lastFrameMs }) {
          real.call(this, slot, { epoch, exchangeTimeMs: receiveTimeMs, receiveTimeMs, lastFrameMs });
        };
      }),
  },
  {
    name: 'ban-ignored',
    area: 'book',
    what: 'an exchange that asks for silence is called on',
    plant: () => replaceMethod(RateLimiter.prototype, 'pause', () => (durationMs) => durationMs),
  },
  {
    name: 'recording-doubled',
    area: 'book',
    what: 'one frame in two hundred is recorded twice',
    plant: () =>
      replaceMethod(Recorder.prototype, 'frame', (real) => {
        let recorded = 0;
        return function (this: Recorder, receiveTimeMs, data, isBinary) {
          if (++recorded % 200 === 0) real.call(this, receiveTimeMs, data, isBinary);
          real.call(this, receiveTimeMs, data, isBinary);
        };
      }),
  },
];
