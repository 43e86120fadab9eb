import { BOARD_DEPTH, type QuoteBoard } from '../../market/quote-board.js';
import type { OpportunityLife } from '../opportunity-life.js';
import type { SpatialParameters } from '../spatial-parameters.js';
import type { SpatialMarket } from '../spatial-route.js';
import { openRatioOf, type BridgeGround, type BridgeRoute } from './bridge-route.js';

/** A route and the life that is going on there, if any. */
export interface BridgeWatch {
  readonly route: BridgeRoute;
  readonly group: BridgeGroup;
  life: OpportunityLife | null;
  /** What stands here at the first good look was traded before this start. */
  isCarried: boolean;
}

/** Coin units of two exchanges may differ: prices are compared per canonical coin. */
interface Place {
  readonly slot: number;
  readonly units: number;
}

/**
 * One coin in local money against all its dollar markets. The best dollar quotes are kept, so that a change of the local book or of the rate is
 * two comparisons and not one for each exchange.
 */
export class BridgeGroup {
  readonly watches: BridgeWatch[] = [];
  /** Open lives. */
  lives = 0;
  readonly rate: SpatialMarket;
  private readonly board: QuoteBoard;
  private readonly local: Place;
  private readonly dollars: readonly Place[];
  private readonly asks: Float64Array;
  private readonly bids: Float64Array;
  private lowestAsk = Infinity;
  private highestBid = 0;
  /** Local over dollar value, per canonical coin, from which a route is of interest. */
  private sellRatio = Infinity;
  private buyRatio = 0;

  constructor(ground: BridgeGround, board: QuoteBoard) {
    this.board = board;
    this.rate = ground.rate;
    this.local = placeOf(ground.local);
    this.dollars = ground.dollars.map(placeOf);
    this.asks = new Float64Array(this.dollars.length);
    this.bids = new Float64Array(this.dollars.length);
    for (const { slot } of this.dollars) this.take(slot);
  }

  add(route: BridgeRoute, parameters: SpatialParameters, isCarried: boolean): void {
    this.watches.push({ route, group: this, life: null, isCarried });
    const ratio = openRatioOf(route, parameters) * route.fast.grossScale;
    if (route.fast.isSellLocal) this.sellRatio = Math.min(this.sellRatio, ratio);
    else this.buyRatio = Math.max(this.buyRatio, ratio);
  }

  get slots(): readonly number[] {
    return [this.local.slot, this.rate.slot, ...this.dollars.map(({ slot }) => slot)];
  }

  /** Takes a dollar market's best quote from the board; prices at which nothing trades stand for an empty side. */
  take(slot: number): void {
    const { board, dollars, asks, bids } = this;
    const at = slot * BOARD_DEPTH;
    let [lowest, highest] = [Infinity, 0];
    for (let i = 0; i < dollars.length; i++) {
      const { slot: own, units } = dollars[i]!;
      if (own === slot) {
        asks[i] = board.askLevels[slot]! > 0 ? board.askPrices[at]! / units : Infinity;
        bids[i] = board.bidLevels[slot]! > 0 ? board.bidPrices[at]! / units : 0;
      }
      if (asks[i]! < lowest) lowest = asks[i]!;
      if (bids[i]! > highest) highest = bids[i]!;
    }
    this.lowestAsk = lowest;
    this.highestBid = highest;
  }

  /** False when no route of this group can be of interest: none has a life, and no edge. */
  mayMatter(): boolean {
    if (this.lives > 0) return true;
    const { board, local, rate } = this;
    const [at, rateAt] = [local.slot * BOARD_DEPTH, rate.slot * BOARD_DEPTH];
    if (board.bidLevels[local.slot]! > 0 && board.askLevels[rate.slot]! > 0) {
      const worth = this.lowestAsk * board.askPrices[rateAt]! * this.sellRatio;
      if (board.bidPrices[at]! / local.units >= worth) return true;
    }
    if (board.askLevels[local.slot]! === 0 || board.bidLevels[rate.slot]! === 0) return false;
    const worth = this.highestBid * board.bidPrices[rateAt]! * this.buyRatio;
    return board.askPrices[at]! / local.units <= worth;
  }
}

const placeOf = ({ slot, units }: SpatialMarket): Place => ({ slot, units: units.toNumber() });
