import { BOARD_DEPTH, TRUST_OK, type QuoteBoard } from '../../../src/market/quote-board.js';
import type { ApprovedVerdict } from '../../../src/messages/risk.js';
import type { PlannedLeg } from '../../../src/messages/signal.js';
import type { Ladder, LadderSide } from '../../../src/simulator/ladder.js';
import type { Listing, SimulatedExchange } from '../../../src/simulator/listings.js';
import type { Moment } from './book-history.js';
import type { Auditor, Scene } from './scene.js';

/** Latency, clock error and a step of the world, beyond the age that the limits allow. */
const AGE_SLACK_MS = 1_500;

/** After a silence a feed takes this long to notice and to have its books again. */
const RESUBSCRIBED_MS = 30_000;

/** A book is compared while it runs when its newest frame is younger than this. */
const YOUNG_MS = 1_000;
/** Books stamped by a wrong clock are gone this long after it was put right. */
const SKEW_KEPT_MS = 15_000;
const TOP_LEVELS = 8;
const LOOK_EVERY = 4;

const LONGEST_BACKOFF_MS = 40_000;

/** Levels per side that an exchange shows where that is less than a board holds. */
const SHOWN_LEVELS: Readonly<Record<string, number>> = { bithumb: 15 };
/** One of those may be a price without a size. */
const MAY_SHOW_DUST = new Set(['bithumb']);
/** Every frame of theirs is the whole book, and nothing is laid over it: a board shows one book of them, or none. */
const WHOLE_BOOKS = new Set(['upbit', 'bithumb']);

/** I12 and book equality: decisions and boards against what the matching engines of the exchanges really held. */
export class BookAuditor implements Auditor {
  private readonly scene: Scene;
  private looks = 0;

  constructor(scene: Scene) {
    this.scene = scene;
  }

  approved({ verdictId, signal }: ApprovedVerdict): void {
    const process = this.scene.process();
    const node = process?.node;
    if (process === null || node === undefined || node === null) return;
    for (const leg of signal.legs) {
      const slot = node.board.slotOf(leg.instrument);
      if (node.board.trust[slot] !== TRUST_OK)
        this.scene.violated('decision-on-trusted-book', `${verdictId}: ${leg.instrument} was not trusted`);
      if (!this.scene.network.hasOpenLink(process.owner, leg.exchange))
        this.scene.violated('decision-on-living-line', `${verdictId}: no line to ${leg.exchange} was open`);
      const fault = this.faultOfLevels(leg);
      if (fault !== null) this.scene.violated('decision-on-real-book', `${verdictId}: ${fault}`);
    }
  }

  /** A trusted book whose newest frame is young shows nothing that its exchange did not show within the allowed age. */
  sometimes(): void {
    if (++this.looks % LOOK_EVERY !== 0) return;
    const board = this.scene.process()?.node?.board;
    if (board === undefined) return;
    const trueMs = this.scene.world.nowMs;
    for (const instrument of this.scene.history.instruments()) {
      const slot = board.slotOf(instrument);
      const isYoung = trueMs - board.exchangeTimeMs[slot]! + this.aheadMs(instrument) < YOUNG_MS;
      if (board.trust[slot] !== TRUST_OK || !isYoung || this.wasSilent(instrument)) continue;
      const inForce = this.inForce(instrument);
      const { listing } = this.marketOf(instrument);
      if (WHOLE_BOOKS.has(listing.exchange)) {
        const isOne = inForce.some(({ ladder }) => compareBoard(board, slot, ladder, listing) === null);
        if (!isOne)
          return this.scene.violated(
            'whole-book-is-one-book',
            `${instrument} never was as the board shows it`,
          );
        continue;
      }
      for (const side of ['bids', 'asks'] as const)
        for (const [price, size] of topOf(board, slot, side))
          if (!inForce.some(({ ladder }) => hasLevel(ladder[side], listing, price, size)))
            return this.scene.violated(
              'trusted-book-is-real',
              `${instrument} never showed ${size} at ${price} (${side}) within the allowed age`,
            );
    }
  }

  /** All lines drained, nothing moves: boards and engines must agree to the last level. */
  audit(): void {
    const node = this.scene.process()?.node;
    if (node === undefined || node === null) return;
    const { world } = this.scene;
    for (const exchange of world.exchanges)
      for (const market of world.marketsOf(exchange)) {
        const instrument = `${exchange}:${market.listing.pair}`;
        const slot = node.board.slotOf(instrument);
        if (node.board.trust[slot] !== TRUST_OK) {
          if (!this.wasCrossed(exchange, market.listing.pair))
            this.scene.violated('feeds-live', `${instrument} is not trusted after healing`);
          continue;
        }
        const difference = compareBoard(node.board, slot, market.ladder(), market.listing);
        if (difference !== null) this.scene.violated('books-equal', `${instrument}: ${difference}`);
      }
  }

  /** Every level that a size was computed from stood in the exchange's own book within the allowed age; null = it did. */
  faultOfLevels(leg: PlannedLeg): string | null {
    if (this.wasSilent(leg.instrument)) return null;
    const { listing } = this.marketOf(leg.instrument);
    const inForce = this.inForce(leg.instrument);
    const side = leg.side === 'buy' ? 'asks' : 'bids';
    for (const [price, size] of leg.levels)
      if (!inForce.some(({ ladder }) => hasLevel(ladder[side], listing, Number(price), Number(size))))
        return `${leg.instrument} never showed ${size} at ${price} (${side}) within the allowed age`;
    return null;
  }

  /** Whether the exchange showed the best level of a leg only while its own book was crossed. */
  isOfCrossed(leg: PlannedLeg): boolean {
    const [best] = leg.levels;
    if (best === undefined) return false;
    const { listing } = this.marketOf(leg.instrument);
    const side = leg.side === 'buy' ? 'asks' : 'bids';
    const showing = this.inForce(leg.instrument).filter(({ ladder }) =>
      hasLevel(ladder[side], listing, Number(best[0]), Number(best[1])),
    );
    return showing.length > 0 && showing.every(({ ladder }) => isCrossed(ladder));
  }

  /** TRADING §2: a silent channel on a line that answers pings is as old as the line's last answer. */
  private wasSilent(instrument: string): boolean {
    const [exchange = ''] = instrument.split(':');
    return (
      this.scene.nowMs() < (this.scene.silentUntilMs.get(exchange) ?? -RESUBSCRIBED_MS) + RESUBSCRIBED_MS
    );
  }

  /** An exchange whose clock is fast makes its books look younger than they are. */
  private aheadMs(instrument: string): number {
    const [exchange = ''] = instrument.split(':');
    return this.scene.clocks.mostAheadMs(exchange, this.scene.nowMs() - SKEW_KEPT_MS);
  }

  /** The exchange itself showed a crossed book so lately that a resynchronisation may still be in its back-off. */
  private wasCrossed(exchange: string, pair: string): boolean {
    const { oracle, nowMs } = this.scene.world;
    return oracle
      .all()
      .some(
        (plant) =>
          plant.kind === 'crossed' &&
          plant.pair === pair &&
          plant.disturbedExchange === exchange &&
          nowMs - plant.endMs < LONGEST_BACKOFF_MS,
      );
  }

  private inForce(instrument: string): Moment[] {
    const oldestMs = this.scene.nowMs() - this.scene.trading.limits.bookAgeMaxMs - AGE_SLACK_MS;
    return this.scene.history.inForceSince(instrument, oldestMs);
  }

  private marketOf(instrument: string) {
    const [exchange = '', pair = ''] = instrument.split(':');
    return this.scene.world.market(exchange as SimulatedExchange, pair);
  }
}

/** The best levels of a board's side as [price, size]. */
function topOf(board: QuoteBoard, slot: number, side: 'bids' | 'asks'): (readonly [number, number])[] {
  const [prices, sizes, count] =
    side === 'bids'
      ? [board.bidPrices, board.bidSizes, board.bidLevels[slot]!]
      : [board.askPrices, board.askSizes, board.askLevels[slot]!];
  const from = slot * BOARD_DEPTH;
  return Array.from(
    { length: Math.min(TOP_LEVELS, count) },
    (_, i) => [prices[from + i]!, sizes[from + i]!] as const,
  );
}

function hasLevel(side: LadderSide, { tick, lot }: Listing, price: number, size: number): boolean {
  const at = side.prices.indexOf(Math.round(price / tick.value));
  return at >= 0 && isNear(side.lots[at]! * lot.value, size);
}

const isCrossed = ({ bids, asks }: Ladder): boolean =>
  (bids.prices[0] ?? -Infinity) >= (asks.prices[0] ?? Infinity);

const isNear = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a));

function compareBoard(board: QuoteBoard, slot: number, ladder: Ladder, listing: Listing): string | null {
  const from = slot * BOARD_DEPTH;
  const sides = [
    ['bid', ladder.bids, board.bidPrices, board.bidSizes, board.bidLevels[slot]!],
    ['ask', ladder.asks, board.askPrices, board.askSizes, board.askLevels[slot]!],
  ] as const;
  for (const [name, side, prices, sizes, count] of sides) {
    const shown = Math.min(BOARD_DEPTH, SHOWN_LEVELS[listing.exchange] ?? BOARD_DEPTH, side.prices.length);
    const hasDust = MAY_SHOW_DUST.has(listing.exchange) && count === shown - 1;
    if (count !== shown && !hasDust) return `${count} ${name} levels`;
    for (let i = 0; i < count; i++) {
      const price = side.prices[i]! * listing.tick.value;
      const size = side.lots[i]! * listing.lot.value;
      if (!isNear(prices[from + i]!, price) || !isNear(sizes[from + i]!, size))
        return `${name} ${i} is ${sizes[from + i]} at ${prices[from + i]}, the engine has ${size} at ${price}`;
    }
  }
  return null;
}
