import type { BookEvent } from '../../../src/connectors/base.js';
import { BookSync } from '../../../src/connectors/book-sync.js';
import { FeedHealer } from '../../../src/connectors/feed-healer.js';
import { FeedShard } from '../../../src/connectors/feed-shard.js';
import { UpbitScanner } from '../../../src/connectors/upbit-scan.js';
import { FrameCursor } from '../../../src/connectors/scan/frame-cursor.js';
import { LiveInstruments } from '../../../src/market/live-instruments.js';
import { replaceMethod, type PlantedBug } from './planted-bug.js';

/** What the classes below keep to themselves. */
interface BookSyncInside {
  readonly rule: string;
  last: number;
  continues(frame: object): boolean;
  load(event: BookEvent): void;
  setLevels(event: BookEvent): void;
  readonly book: { readonly bidCount: number };
}
interface ScannerInside {
  readonly event: BookEvent;
  time(): boolean;
  units(names: readonly Uint8Array[]): boolean;
}
interface HealerInside {
  wholeList(nowMs: number): readonly string[];
  resubscribe(symbol: { readonly symbol: string }, nowMs: number): void;
  readonly symbols: readonly { refused: boolean; readonly symbol: string }[];
}
interface ShardInside {
  renew(line: { readonly manager: { reconnect(reason: string): void } }, reason: string): void;
}

const inside = <T extends object>(prototype: object): T => prototype as T;
const scanner = inside<ScannerInside>(UpbitScanner.prototype);
const sync = inside<BookSyncInside>(BookSync.prototype);

/** Several replaced methods are one bug. */
const together = (...mends: (() => void)[]): (() => void) => {
  return () => [...mends].reverse().forEach((mend) => mend());
};

/** Defects in reading frames and in keeping books in step, one exchange's rule each. */
export const EXCHANGE_BUGS: readonly PlantedBug[] = [
  {
    name: 'bithumb-microseconds',
    area: 'connector',
    what: 'the microseconds of Bithumb are taken for milliseconds',
    plant: () =>
      replaceMethod(scanner, 'time', (real) => {
        return function (this: ScannerInside) {
          if (!real.call(this)) return false;
          if (this.event.order > 1e15 && this.event.order % 1_000 !== 0)
            this.event.exchangeTimeMs = this.event.order;
          return true;
        };
      }),
  },
  {
    name: 'pseq-ignored',
    area: 'connector',
    what: 'an update that names its predecessor (Bitget, OKX) follows whatever went before it',
    plant: () =>
      replaceMethod(sync, 'continues', (real) => {
        return function (this: BookSyncInside, frame) {
          return this.rule === 'linked' || real.call(this, frame);
        };
      }),
  },
  {
    name: 'gate-full-as-delta',
    area: 'connector',
    what: 'a whole book of Gate is laid over the one that is there',
    plant: () =>
      replaceMethod(sync, 'load', (real) => {
        return function (this: BookSyncInside, event) {
          if (!event.channel.startsWith('spot.obu') || this.book.bidCount === 0)
            return real.call(this, event);
          this.setLevels(event);
          this.last = event.last;
        };
      }),
  },
  {
    name: 'upbit-padding-kept',
    area: 'connector',
    what: 'the price 0 that pads a short side is kept as a level',
    plant: () =>
      replaceMethod(scanner, 'units', (real) => {
        return function (this: ScannerInside, names) {
          const isRead = real.call(this, names);
          if (isRead && this.event.asks.count < 30) this.event.asks.add(0, 0);
          return isRead;
        };
      }),
  },
  {
    name: 'truncated-accepted',
    area: 'connector',
    what: 'a whole book that was cut in the middle passes for a smaller one',
    plant: () =>
      together(
        replaceMethod(scanner, 'units', (real) => {
          return function (this: ScannerInside, names) {
            return real.call(this, names) || this.event.bids.count > 0;
          };
        }),
        replaceMethod(FrameCursor.prototype, 'open', (real) => {
          return function (this: FrameCursor, data, limits) {
            real.call(this, data, limits);
            return data.length > 1;
          };
        }),
        replaceMethod(FrameCursor.prototype, 'ends', (real) => {
          return function (this: FrameCursor, bytes) {
            real.call(this, bytes);
            return true;
          };
        }),
      ),
  },
  {
    name: 'replaced-list-forgets',
    area: 'connector',
    what: 'where a request replaces the list, healing one book asks for that book alone',
    plant: () => {
      let healing = '';
      const healer = inside<HealerInside>(FeedHealer.prototype);
      return together(
        replaceMethod(healer, 'resubscribe', (real) => {
          return function (this: HealerInside, symbol, nowMs) {
            healing = symbol.symbol;
            real.call(this, symbol, nowMs);
          };
        }),
        replaceMethod(healer, 'wholeList', (real) => {
          return function (this: HealerInside, nowMs) {
            const others = this.symbols.filter(({ refused, symbol }) => !refused && symbol !== healing);
            for (const other of others) other.refused = true;
            const frames = real.call(this, nowMs);
            for (const other of others) other.refused = false;
            return frames;
          };
        }),
      );
    },
  },
  {
    name: 'renewed-by-dropping',
    area: 'connector',
    what: 'a connection is renewed by closing it before the next one is there',
    plant: () =>
      replaceMethod(inside<ShardInside>(FeedShard.prototype), 'renew', () => {
        return (line, reason) => line.manager.reconnect(reason);
      }),
  },
  {
    name: 'halt-unread',
    area: 'connector',
    what: 'lists and notices of a halted market change nothing',
    plant: () =>
      together(
        replaceMethod(LiveInstruments.prototype, 'refresh', () => () => []),
        replaceMethod(LiveInstruments.prototype, 'notice', () => () => null),
      ),
  },
];
