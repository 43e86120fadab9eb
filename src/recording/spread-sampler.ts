import type { Instrument } from '../market/instrument.js';
import { BOARD_DEPTH, TRUST_OK, type QuoteBoard } from '../market/quote-board.js';
import type { PairId } from '../messages/primitives.js';
import type { SpreadRow } from '../ports/tick-store.js';
import { chooses, type PairChoice } from './limits.js';

/** One direction of one pair: where one would buy and where one would sell. */
interface Route {
  readonly buy: Instrument;
  readonly sell: Instrument;
}

const SECOND_MS = 1_000;
const BPS = 10_000;

/**
 * One row per pair, direction and second in which both books were trusted: the state at the last look of that second and the
 * highest of its looks. Prices are per canonical unit, so that packs (1000SATS) compare. A second is told once: while a clock
 * that was set back is behind, nothing is told.
 */
export class SpreadSampler {
  private readonly board: QuoteBoard;
  private readonly choice: PairChoice;
  private instruments: readonly Instrument[] = [];
  private routes: readonly Route[] = [];
  /** By slot: the routes that its book is part of. */
  private routesOf: (Int32Array | undefined)[] = [];
  private buySlot = new Int32Array(0);
  private sellSlot = new Int32Array(0);
  private buyUnits = new Float64Array(0);
  private sellUnits = new Float64Array(0);
  private ask = new Float64Array(0);
  private bid = new Float64Array(0);
  private highest = new Float64Array(0);
  private isSeen = new Uint8Array(0);
  private readonly isMarked: Uint8Array;
  private readonly slots: Int32Array;
  private marked = 0;
  private secondMs = -Infinity;

  constructor(board: QuoteBoard, choice: PairChoice) {
    this.board = board;
    this.choice = choice;
    this.isMarked = new Uint8Array(board.capacity);
    this.slots = new Int32Array(board.capacity);
  }

  get routeCount(): number {
    return this.routes.length;
  }

  /** Called while a feed publishes: it only notes the slot. */
  mark(slot: number): void {
    if (this.isMarked[slot] === 1) return;
    this.isMarked[slot] = 1;
    this.slots[this.marked++] = slot;
  }

  /** `wallMs`: Unix ms. `instruments` are asked for once a second: exchanges may join. */
  look(wallMs: number, instruments: () => readonly Instrument[], keep: (row: SpreadRow) => void): void {
    const secondMs = Math.floor(wallMs / SECOND_MS) * SECOND_MS;
    if (secondMs > this.secondMs) {
      this.tell(keep);
      this.secondMs = secondMs;
      this.follow(instruments());
      // What stands at the beginning of a second belongs to it, whether it changes or not.
      for (let route = 0; route < this.routes.length; route++) this.measure(route);
    } else this.measureMarked();
    for (let i = 0; i < this.marked; i++) this.isMarked[this.slots[i]!] = 0;
    this.marked = 0;
  }

  private measureMarked(): void {
    for (let i = 0; i < this.marked; i++) {
      const routes = this.routesOf[this.slots[i]!];
      if (routes === undefined) continue;
      for (let at = 0; at < routes.length; at++) this.measure(routes[at]!);
    }
  }

  private measure(route: number): void {
    const { board } = this;
    const buy = this.buySlot[route]!;
    const sell = this.sellSlot[route]!;
    if (board.trust[buy] !== TRUST_OK || board.trust[sell] !== TRUST_OK) return;
    if (board.askLevels[buy] === 0 || board.bidLevels[sell] === 0) return;
    const ask = board.askPrices[buy * BOARD_DEPTH]! / this.buyUnits[route]!;
    const bid = board.bidPrices[sell * BOARD_DEPTH]! / this.sellUnits[route]!;
    const gross = ((bid - ask) / ask) * BPS;
    this.ask[route] = ask;
    this.bid[route] = bid;
    if (this.isSeen[route] === 0 || gross > this.highest[route]!) this.highest[route] = gross;
    this.isSeen[route] = 1;
  }

  private tell(keep: (row: SpreadRow) => void): void {
    for (let at = 0; at < this.routes.length; at++) {
      if (this.isSeen[at] === 0) continue;
      this.isSeen[at] = 0;
      const { buy, sell } = this.routes[at]!;
      const ask = this.ask[at]!;
      const bid = this.bid[at]!;
      keep({
        secondMs: this.secondMs,
        pair: buy.pair,
        base: buy.base,
        quote: buy.quote,
        buyExchange: buy.exchange,
        sellExchange: sell.exchange,
        ask,
        bid,
        grossBps: ((bid - ask) / ask) * BPS,
        maxGrossBps: this.highest[at]!,
      });
    }
  }

  private follow(instruments: readonly Instrument[]): void {
    const known = this.instruments;
    if (known.length === instruments.length && instruments.every((one, i) => one === known[i])) return;
    this.instruments = instruments;
    // A ticker that may be another coin makes no spread.
    const wanted = instruments.filter((one) => one.identityKnown && chooses(this.choice, one));
    const routes = routesOf(wanted);
    this.routes = routes;
    this.buySlot = Int32Array.from(routes, ({ buy }) => this.board.slotOf(buy.id));
    this.sellSlot = Int32Array.from(routes, ({ sell }) => this.board.slotOf(sell.id));
    this.buyUnits = Float64Array.from(routes, ({ buy }) => Number(buy.unitMultiplier));
    this.sellUnits = Float64Array.from(routes, ({ sell }) => Number(sell.unitMultiplier));
    this.ask = new Float64Array(routes.length);
    this.bid = new Float64Array(routes.length);
    this.highest = new Float64Array(routes.length);
    this.isSeen = new Uint8Array(routes.length);
    const own: number[][] = [];
    routes.forEach((_, at) => {
      (own[this.buySlot[at]!] ??= []).push(at);
      (own[this.sellSlot[at]!] ??= []).push(at);
    });
    this.routesOf = own.map((list) => Int32Array.from(list));
  }
}

/** Every ordered pair of exchanges that list the same market. */
function routesOf(instruments: readonly Instrument[]): Route[] {
  const byPair = new Map<PairId, Instrument[]>();
  for (const one of instruments) byPair.set(one.pair, [...(byPair.get(one.pair) ?? []), one]);
  return [...byPair.values()].flatMap((markets) =>
    markets.flatMap((buy) =>
      markets.flatMap((sell) => (sell.exchange === buy.exchange ? [] : [{ buy, sell }])),
    ),
  );
}
