import { BOARD_DEPTH, type QuoteBoard } from '../market/quote-board.js';
import type { RouteWatch } from './spatial-route.js';

/**
 * Before the quotes of a group: how many markets it has, its smallest ratio, its open lives, and a bound that no bid is above and no
 * ask below.
 */
const HEAD = 5;
const MARKETS = 0;
const RATIO = 1;
const LIVES = 2;
const MOST_BID = 3;
const LEAST_ASK = 4;
const NONE = -1;

/**
 * The best quotes of markets that are compared with each other, side by side in one array: on the board they lie far apart, and a
 * look at sixteen places of a large memory costs more than all arithmetic. A group is a block of head, bids and asks.
 *
 * A quote is as new as the last change that its slot was told of; each change is told, so that none is missed.
 */
export class QuoteGroups {
  private readonly bidPrices: Float64Array;
  private readonly askPrices: Float64Array;
  private readonly bidLevels: Uint8Array;
  private readonly askLevels: Uint8Array;
  private blocks = new Float64Array(0);
  /** Of each slot of the board, two numbers: where its block begins, and which market of it the slot is. */
  private readonly places: Int32Array;

  constructor(board: QuoteBoard) {
    this.bidPrices = board.bidPrices;
    this.askPrices = board.askPrices;
    this.bidLevels = board.bidLevels;
    this.askLevels = board.askLevels;
    this.places = new Int32Array(board.capacity * 2).fill(NONE);
  }

  /** Lays out anew what these watches compare, without any open life. */
  layOut(watches: ReadonlyMap<number, readonly RouteWatch[]>): void {
    this.places.fill(NONE);
    const groups = groupsOf(watches);
    this.blocks = new Float64Array(groups.reduce((sum, { slots }) => sum + HEAD + 2 * slots.length, 0));
    let block = 0;
    for (const { slots, ratio } of groups) {
      this.blocks[block + MARKETS] = slots.length;
      this.blocks[block + RATIO] = ratio;
      for (const [place, slot] of slots.entries()) {
        this.places[slot * 2] = block;
        this.places[slot * 2 + 1] = place;
        this.take(slot);
      }
      this.tighten(block);
      block += HEAD + 2 * slots.length;
    }
  }

  /** A life on a route of this slot began (1) or ended (−1). */
  countLife(slot: number, change: 1 | -1): void {
    const block = this.places[slot * 2]!;
    if (block !== NONE) this.blocks[block + LIVES]! += change;
  }

  /** Takes the slot's quote from the board; false when no route of it can be of interest: none has a life, and no edge. */
  mayMatter(slot: number): boolean {
    const block = this.places[slot * 2]!;
    if (block === NONE) return false;
    const { blocks } = this;
    const markets = blocks[block + MARKETS]!;
    const bids = block + HEAD;
    const asks = bids + markets;
    const place = this.places[slot * 2 + 1]!;
    const bid = (blocks[bids + place] = this.bidOf(slot));
    const ask = (blocks[asks + place] = this.askOf(slot));
    if (bid > blocks[block + MOST_BID]!) blocks[block + MOST_BID] = bid;
    if (ask < blocks[block + LEAST_ASK]!) blocks[block + LEAST_ASK] = ask;
    if (blocks[block + LIVES]! > 0) return true;
    const ratio = blocks[block + RATIO]!;
    // Bounds that have grown loose only cost the look at each market, which makes them tight again.
    if (blocks[block + MOST_BID]! < blocks[block + LEAST_ASK]! * ratio) return false;
    this.tighten(block);
    const enough = ask * ratio;
    for (let i = 0; i < markets; i++) {
      if (i === place) continue;
      if (blocks[bids + i]! >= enough || bid >= blocks[asks + i]! * ratio) return true;
    }
    return false;
  }

  /** Makes the bounds of a group those of its quotes now. */
  private tighten(block: number): void {
    const { blocks } = this;
    const markets = blocks[block + MARKETS]!;
    const bids = block + HEAD;
    let [most, least] = [0, Infinity];
    for (let i = 0; i < markets; i++) {
      most = Math.max(most, blocks[bids + i]!);
      least = Math.min(least, blocks[bids + markets + i]!);
    }
    blocks[block + MOST_BID] = most;
    blocks[block + LEAST_ASK] = least;
  }

  private take(slot: number): void {
    const block = this.places[slot * 2]!;
    const bids = block + HEAD;
    const place = this.places[slot * 2 + 1]!;
    this.blocks[bids + place] = this.bidOf(slot);
    this.blocks[bids + this.blocks[block + MARKETS]! + place] = this.askOf(slot);
  }

  /** Prices at which nothing trades stand for a side that is empty. */
  private bidOf(slot: number): number {
    return this.bidLevels[slot]! > 0 ? this.bidPrices[slot * BOARD_DEPTH]! : 0;
  }

  private askOf(slot: number): number {
    return this.askLevels[slot]! > 0 ? this.askPrices[slot * BOARD_DEPTH]! : Infinity;
  }
}

interface Group {
  readonly slots: number[];
  /** The smallest of its routes: what is below that is below each. */
  ratio: number;
}

/** Slots that routes lead to and fro, together. */
function groupsOf(watches: ReadonlyMap<number, readonly RouteWatch[]>): Group[] {
  const found = new Map<string, Group>();
  for (const [slot, own] of watches) {
    const first = own[0];
    if (first === undefined) continue;
    const { base, quote } = first.route.buy.instrument;
    const key = `${base} ${quote}`;
    const group = found.get(key) ?? { slots: [], ratio: Infinity };
    group.slots.push(slot);
    for (const { openRatio } of own) if (openRatio < group.ratio) group.ratio = openRatio;
    found.set(key, group);
  }
  return [...found.values()];
}
