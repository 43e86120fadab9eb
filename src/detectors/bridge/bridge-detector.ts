import { invariant } from '../../messages/errors.js';
import { bookProblem, type BookProblem } from '../../market/book-problem.js';
import { ZERO } from '../../market/decimal.js';
import type { Instrument, InstrumentState } from '../../market/instrument.js';
import { BOARD_DEPTH, type QuoteBoard } from '../../market/quote-board.js';
import type { EdgeNow, OpportunityLife } from '../opportunity-life.js';
import type { SpatialDetectorOptions, SpatialEffect } from '../spatial.js';
import { exactLimits, type SpatialParameters } from '../spatial-parameters.js';
import { spatialMarket } from '../spatial-route.js';
import { routeKey } from '../traded-routes.js';
import { FastBridge } from './bridge-fast.js';
import { BridgeGroup, type BridgeWatch } from './bridge-groups.js';
import { BridgeLives } from './bridge-lives.js';
import { planBridge } from './bridge-plan.js';
import {
  bestEdges,
  bridgeGrounds,
  bridgeRoutes,
  exchangesOf,
  localOverDollar,
  marketsOf,
  type BridgeRoute,
} from './bridge-route.js';
import { bridgeSignal } from './bridge-signal.js';

const NO_EFFECTS: readonly SpatialEffect[] = Object.freeze([]);
/** A life closes somewhat below where it opens, so that an edge at the floor does not flicker. */
const CLOSE_SHARE = 0.8;
/** Obstacles of size, which only a larger profit can lift. */
const SIZE_OBSTACLES = new Set(['MIN_PROFIT', 'MIN_NOTIONAL', 'MIN_QUANTITY', 'LOT_SIZE']);

interface Problem {
  readonly reason: BookProblem | 'NOT_TRADING' | 'BOOK_OPAQUE';
  readonly on: string;
}

/**
 * The spatial detector over coins in local money (`SpatialParameters.bridge`). A change of a dollar book is compared with the coin's local books,
 * of a local book with the best dollar quotes, of the rate with the coins of its exchange: best quotes in float64 first, then the float64 walk, and
 * only what survives both is sized exactly. Nothing is offered while one of the three books may not be used. Pure, as `SpatialDetector` is.
 */
export class BridgeDetector {
  private readonly board: QuoteBoard;
  private readonly parameters: SpatialParameters;
  private readonly nextId: (prefix: string) => string;
  private readonly lives: BridgeLives;
  private readonly fast: FastBridge;
  private groups = new Map<number, BridgeGroup[]>();
  private watchCount = 0;
  /** By slot; those that trade are left out. */
  private readonly stopped = new Map<number, InstrumentState>();
  private readonly traded: ReadonlySet<string>;
  /** Routes whose edge of before this start is over or known. */
  private readonly settled = new Set<string>();
  private carriedLeft = 0;

  /** @throws ArbotError ARB_DECIMAL_INVALID naming what is wrong. */
  constructor({ instruments, board, parameters, nextId, traded = [] }: SpatialDetectorOptions) {
    this.board = board;
    this.parameters = parameters;
    this.nextId = nextId;
    this.lives = new BridgeLives(nextId);
    this.fast = new FastBridge(board, parameters.depth);
    this.traded = new Set(traded.map(routeKey));
    this.layOut(instruments);
  }

  get routeCount(): number {
    return this.watchCount;
  }

  get openLives(): number {
    return this.lives.count;
  }

  current(): readonly OpportunityLife[] {
    return this.lives.watches().flatMap(({ life }) => life ?? []);
  }

  get slots(): readonly number[] {
    return [...this.groups.keys()];
  }

  /** Other rules, fees or markets: every open life closes, and the routes are built anew. */
  replaceInstruments(instruments: readonly Instrument[], nowMs: number): readonly SpatialEffect[] {
    for (const watch of this.lives.watches()) this.lives.close(watch, 'RECONFIGURED', nowMs);
    this.layOut(instruments);
    return this.lives.take();
  }

  /** The state of a followed instrument, obeyed at once; costs the lives on that instrument only. */
  stateChanged({ id, state }: Instrument, nowMs: number, monotonicMs: number): readonly SpatialEffect[] {
    const slot = this.board.slotOf(id);
    this.noteState(slot, state);
    for (const group of this.groups.get(slot) ?? [])
      for (const watch of group.watches)
        if (watch.life !== null && touches(watch.route, slot)) this.look(watch, nowMs, monotonicMs);
    return this.lives.take();
  }

  /** A book changed or lost trust. Clocks as in `SpatialDetector`. */
  onSlotDirty(slot: number, nowMs: number, monotonicMs: number): readonly SpatialEffect[] {
    const groups = this.groups.get(slot);
    if (groups === undefined) return NO_EFFECTS;
    for (let i = 0; i < groups.length; i++) {
      const group = groups[i]!;
      if (group.rate.slot !== slot) group.take(slot);
      if (!group.mayMatter() && this.carriedLeft === 0) continue;
      for (const watch of group.watches) if (touches(watch.route, slot)) this.look(watch, nowMs, monotonicMs);
    }
    return this.lives.take();
  }

  /** Looks at every open life again, since books also age when nothing arrives. */
  sweep(nowMs: number, monotonicMs: number): readonly SpatialEffect[] {
    for (const watch of this.lives.watches()) this.look(watch, nowMs, monotonicMs);
    return this.lives.take();
  }

  markExecuted(opportunityId: string, nowMs: number): readonly SpatialEffect[] {
    this.lives.executed(opportunityId, nowMs);
    return this.lives.take();
  }

  markDeclined(
    phase: 'refused' | 'missed',
    opportunityId: string,
    why: { readonly reason: string; readonly detail: string },
    nowMs: number,
  ): readonly SpatialEffect[] {
    this.lives.declined(phase, opportunityId, why, nowMs);
    return this.lives.take();
  }

  private layOut(instruments: readonly Instrument[]): void {
    const { parameters, board } = this;
    this.groups = new Map();
    this.watchCount = 0;
    this.carriedLeft = 0;
    for (const { id, state } of instruments) this.noteState(board.slotOf(id), state);
    const { bridge } = parameters;
    const limits = bridge === undefined ? undefined : exactLimits(parameters).get(bridge.dollar);
    if (bridge === undefined) return;
    invariant(limits !== undefined, `the bridge has no limits in ${bridge.dollar}`);
    const markets = instruments.map((one) =>
      spatialMarket({ ...one, state: 'trading' }, board.slotOf(one.id)),
    );
    for (const ground of bridgeGrounds(markets, bridge.dollar, parameters)) {
      const group = new BridgeGroup(ground, board);
      for (const route of bridgeRoutes(ground, bridge.kind, limits, parameters)) {
        const isCarried = this.isCarried(route);
        if (isCarried) this.carriedLeft++;
        group.add(route, parameters, isCarried);
      }
      this.watchCount += group.watches.length;
      for (const slot of group.slots) this.groups.set(slot, [...(this.groups.get(slot) ?? []), group]);
    }
  }

  private noteState(slot: number, state: InstrumentState): void {
    if (state === 'trading') this.stopped.delete(slot);
    else this.stopped.set(slot, state);
  }

  /** Best quotes in float64: is there an edge at all? */
  private look(watch: BridgeWatch, nowMs: number, monotonicMs: number): void {
    const { parameters } = this;
    const ratio = this.ratioOf(watch.route);
    const { gross, net } = bestEdges(watch.route.fast, ratio);
    const [grossBps, netBps] = [gross * 1e4, net * 1e4];
    const floorBps = parameters.reportFloorBps * (watch.life === null ? 1 : CLOSE_SHARE);
    if (!(grossBps >= floorBps || (netBps > 0 && netBps > parameters.minNetBps))) {
      if (watch.life !== null)
        this.lives.close(watch, Number.isNaN(ratio) ? 'NO_QUOTE' : 'EDGE_CLOSED', nowMs);
      else this.letGo(watch, monotonicMs);
      return;
    }
    const edge = { grossBps, netBps, quantity: ZERO, net: ZERO };
    const problem = this.problemOf(watch.route, monotonicMs);
    const isCarried = watch.life === null && watch.isCarried;
    // Whether it stands can only be told on good books.
    if (isCarried && problem !== null) return;
    const life = watch.life ?? this.lives.begin(watch, edge, nowMs);
    if (isCarried) {
      // An edge that stands at the first good look is the one traded before: one fill per life.
      this.settle(watch);
      life.state = 'executed';
    }
    if (life.state === 'open') this.judge(watch.route, life, edge, { problem, nowMs });
    else this.follow(watch, life, edge, { problem, nowMs });
  }

  /** Local over dollar value at the best prices that a direction takes; NaN where one is missing. */
  private ratioOf({ fast, dollar, local, rate }: BridgeRoute): number {
    const { board } = this;
    const sells = fast.isSellLocal;
    return localOverDollar(
      bestOf(board, dollar.slot, sells),
      bestOf(board, local.slot, !sells),
      bestOf(board, rate.slot, sells),
    );
  }

  /** Without an edge on good books the life before a start is over: the next one is new. */
  private letGo(watch: BridgeWatch, monotonicMs: number): void {
    if (watch.isCarried && this.problemOf(watch.route, monotonicMs) === null) this.settle(watch);
  }

  private settle(watch: BridgeWatch): void {
    watch.isCarried = false;
    this.carriedLeft--;
    this.settled.add(tradedKeys(watch.route)[0]!);
  }

  private isCarried(route: BridgeRoute): boolean {
    const keys = tradedKeys(route);
    return !this.settled.has(keys[0]!) && keys.some((key) => this.traded.has(key));
  }

  /** The first thing that forbids to use one of the three books. */
  private problemOf(route: BridgeRoute, monotonicMs: number): Problem | null {
    const { parameters } = this;
    for (const { slot, instrument } of marketsOf(route)) {
      const state = this.stopped.get(slot);
      if (state !== undefined) return { reason: 'NOT_TRADING', on: `${instrument.id} is ${state}` };
      const clockOffsetMs = parameters.clockOffsetMs?.(instrument.exchange) ?? 0;
      const reason = bookProblem(this.board, slot, monotonicMs, parameters, clockOffsetMs);
      if (reason !== null) return { reason, on: instrument.id };
      const opaque = instrument.bookProof === 'opaque';
      if (opaque && parameters.acceptOpaqueBooks?.includes(instrument.exchange) !== true)
        return { reason: 'BOOK_OPAQUE', on: instrument.id };
    }
    return null;
  }

  /** A life not offered yet: offer it, or say why not. */
  private judge(route: BridgeRoute, life: OpportunityLife, edge: EdgeNow, { problem, nowMs }: Moment): void {
    const { minNetBps, improvementFactor } = this.parameters;
    this.lives.tell(life.improved(edge, improvementFactor, nowMs));
    if (problem !== null) {
      life.forgetSizing();
      this.lives.tell(life.obstructed(problem.reason, problem.on, nowMs));
    } else if (!(edge.netBps > minNetBps)) {
      life.forgetSizing();
      const detail = `net ${edge.netBps.toFixed(2)} bps at best prices, minimum ${minNetBps} bps`;
      this.lives.tell(life.obstructed('NET_EDGE', detail, nowMs));
    } else {
      this.fast.walk(route);
      // A lattice only takes profit away: a float64 walk below the minimum needs no exact one, except to learn the reason.
      const hopeless = this.fast.profit < route.limits.minNetProfitNumber * (1 - 1e-9);
      if (hopeless && SIZE_OBSTACLES.has(life.obstacle)) return;
      if (life.isNews(this.fast.profit, this.fast.q)) this.offer(route, life, edge, nowMs);
    }
  }

  private offer(route: BridgeRoute, life: OpportunityLife, edge: EdgeNow, nowMs: number): void {
    const plan = planBridge(route, this.board, this.parameters);
    if (plan.kind === 'none') {
      this.lives.tell(life.obstructed(plan.reason, plan.detail, nowMs));
      return;
    }
    const found = {
      grossBps: edge.grossBps,
      netBps: plan.netBps,
      quantity: plan.quantity,
      net: plan.net,
    };
    if (this.parameters.watchOnly === true) return this.lives.tell(life.watched(found, nowMs));
    life.offered(found);
    const ids = { signalId: this.nextId('sig'), opportunityId: life.identity.opportunityId };
    this.lives.offer(bridgeSignal(route, plan, ids, nowMs, this.parameters.signalTtlMs));
  }

  /** A life already offered: it ends with its net edge or a book's trust. */
  private follow(watch: BridgeWatch, life: OpportunityLife, edge: EdgeNow, { problem, nowMs }: Moment): void {
    const { retryCooldownMs, improvementFactor, minNetBps } = this.parameters;
    if (problem !== null || !(edge.netBps > 0)) {
      this.lives.close(watch, problem?.reason ?? 'EDGE_CLOSED', nowMs);
      return;
    }
    if (life.state !== 'refused' || !(edge.netBps > minNetBps)) return;
    this.fast.walk(watch.route);
    const cooled = nowMs - life.refusedAtMs >= retryCooldownMs;
    const grown = this.fast.profit >= life.refusedNet.toNumber() * improvementFactor;
    if ((cooled || grown) && life.isNews(this.fast.profit, this.fast.q))
      this.offer(watch.route, life, edge, nowMs);
  }
}

interface Moment {
  readonly problem: Problem | null;
  readonly nowMs: number;
}

const bestOf = (board: QuoteBoard, slot: number, isAsk: boolean): number =>
  (isAsk ? board.askLevels : board.bidLevels)[slot]! > 0
    ? (isAsk ? board.askPrices : board.bidPrices)[slot * BOARD_DEPTH]!
    : NaN;

const touches = ({ dollar, local, rate }: BridgeRoute, slot: number): boolean =>
  dollar.slot === slot || local.slot === slot || rate.slot === slot;

/**
 * As arbitrages that filled and their orders may name it, the plainest first. One that begins with dollars sold names no coin: whatever coin
 * stands at the first look on that exchange then counts as the one.
 */
function tradedKeys(route: BridgeRoute): readonly string[] {
  const { buy, sell } = exchangesOf(route);
  const [dollar, local, rate] = [route.dollar, route.local, route.rate].map(
    ({ instrument }) => instrument.pair,
  );
  const named = { buyExchange: buy, sellExchange: sell };
  const plain = routeKey({ pair: dollar!, ...named });
  if (route.direction === 'sell-local') return [plain];
  const { exchange } = route.local.instrument;
  return [
    plain,
    routeKey({ pair: local!, ...named }),
    routeKey({ pair: rate!, buyExchange: exchange, sellExchange: exchange }),
  ];
}
