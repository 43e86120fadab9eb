import { invariant } from '../messages/errors.js';
import type { OpportunityEvent } from '../messages/signal.js';
import { bookProblem, type BookProblem } from '../market/book-problem.js';
import { ZERO } from '../market/decimal.js';
import { changedRules } from '../market/instrument-changes.js';
import type { Instrument, InstrumentState } from '../market/instrument.js';
import { BOARD_DEPTH, type QuoteBoard } from '../market/quote-board.js';
import type { Detector, DetectorEffect } from './detector.js';
import { OpportunityLife, type EdgeNow } from './opportunity-life.js';
import { QuoteGroups } from './quote-groups.js';
import { bestNetReturn, FastSize, fastOptimalSize, type SideView } from './optimal-size-fast.js';
import { checkParameters, exactLimits, type SpatialParameters } from './spatial-parameters.js';
import { planTrade } from './spatial-plan.js';
import {
  spatialMarket,
  spatialRoutes,
  watchesBySlot,
  type RouteWatch,
  type SpatialRoute,
} from './spatial-route.js';
import { routeKey, type TradedRoute } from './traded-routes.js';
import { spatialSignal } from './spatial-signal.js';
import type { AmountAt } from './holdings.js';
import { RoutePricing } from './route-pricing.js';
import { WholePlanner } from './whole-plan.js';

/** What the detector wants done; its actor sends them. */
export type SpatialEffect = DetectorEffect;

const NO_EFFECTS: readonly SpatialEffect[] = Object.freeze([]);
/** A life closes somewhat below where it opens, so that an edge at the floor does not flicker. */
const CLOSE_SHARE = 0.8;
/** Closed lives whose offer is still unanswered, kept for the answer. */
const MAX_ANSWERS_DUE = 1_024;
/** Obstacles of size, which only a larger profit can lift. */
const SIZE_OBSTACLES = new Set(['MIN_PROFIT', 'MIN_NOTIONAL', 'MIN_QUANTITY', 'LOT_SIZE', 'NOT_REFILLABLE']);

export interface SpatialDetectorOptions {
  readonly instruments: readonly Instrument[];
  readonly board: QuoteBoard;
  readonly parameters: SpatialParameters;
  /** A fresh entity id with this prefix; deterministic in replays. */
  readonly nextId: (prefix: string) => string;
  /** Directions traded shortly before this start; absent = none. */
  readonly traded?: readonly TradedRoute[];
}

/**
 * Buy on one exchange, sell the same asset on another. A dirty slot is compared with the other markets of its pair only:
 * best quotes in float64, then the float64 walk, and only an edge that survives both is sized exactly. Nothing is offered on
 * an untrusted, crossed or aged book. Pure: equal calls in equal order give equal effects.
 */
export class SpatialDetector implements Detector {
  private readonly board: QuoteBoard;
  private readonly parameters: SpatialParameters;
  private readonly nextId: (prefix: string) => string;
  private watches = new Map<number, RouteWatch[]>();
  private readonly groups: QuoteGroups;
  private instruments: readonly Instrument[];
  /** By slot; those that trade are left out. */
  private readonly stopped = new Map<number, InstrumentState>();
  private readonly open = new Map<string, RouteWatch>();
  private readonly answersDue = new Map<string, OpportunityLife>();
  private readonly fast = new FastSize();
  private readonly planner: WholePlanner;
  private readonly pricing: RoutePricing;
  private readonly asks: SideView;
  private readonly bids: SideView;
  private effects: SpatialEffect[] = [];
  /** Directions whose edge, if it stands at the first good look, belongs to a life that was traded before this start. */
  private readonly carried: Set<string>;

  /** @throws ArbotError ARB_CONFIG_INVALID or ARB_DECIMAL_INVALID naming what is wrong. */
  constructor({ instruments, board, parameters, nextId, traded = [] }: SpatialDetectorOptions) {
    checkParameters(parameters);
    this.board = board;
    this.parameters = parameters;
    this.planner = new WholePlanner(board, parameters);
    this.pricing = new RoutePricing(board, parameters);
    this.nextId = nextId;
    this.carried = new Set(traded.map(routeKey));
    this.asks = { prices: board.askPrices, sizes: board.askSizes };
    this.bids = { prices: board.bidPrices, sizes: board.bidSizes };
    this.groups = new QuoteGroups(board);
    this.watches = this.watchesOf(instruments);
    this.groups.layOut(this.watches);
    this.instruments = instruments;
    this.noteStates(instruments);
  }

  /** Other rules, fees, states or markets: every open life closes, and the routes are built anew. */
  replaceInstruments(instruments: readonly Instrument[], nowMs: number): readonly SpatialEffect[] {
    const watches = this.watchesOf(instruments);
    for (const watch of [...this.open.values()]) this.close(watch, 'RECONFIGURED', nowMs);
    this.watches = watches;
    this.groups.layOut(watches);
    this.instruments = instruments;
    this.noteStates(instruments);
    return this.takeEffects();
  }

  /**
   * An exchange changed the state or the rules of an instrument. A state is obeyed at once and costs the lives on that
   * instrument only; other rules are as `replaceInstruments`. What is not followed is ignored.
   */
  instrumentChanged(instrument: Instrument, nowMs: number, monotonicMs: number): readonly SpatialEffect[] {
    const known = this.instruments.find(({ id }) => id === instrument.id);
    if (known === undefined) return NO_EFFECTS;
    const next = this.instruments.map((one) => (one === known ? instrument : one));
    if (changedRules(known, instrument).length > 0) return this.replaceInstruments(next, nowMs);
    this.instruments = next;
    this.noteStates([instrument]);
    const watches = this.watches.get(this.board.slotOf(instrument.id)) ?? [];
    for (const watch of watches) if (watch.life !== null) this.look(watch, nowMs, monotonicMs);
    return this.takeEffects();
  }

  private noteStates(instruments: readonly Instrument[]): void {
    for (const { id, state } of instruments) {
      const slot = this.board.slotOf(id);
      if (state === 'trading') this.stopped.delete(slot);
      else this.stopped.set(slot, state);
    }
  }

  private watchesOf(instruments: readonly Instrument[]): Map<number, RouteWatch[]> {
    const ids = new Set(instruments.map(({ id }) => id));
    invariant(ids.size === instruments.length, 'an instrument is listed twice');
    // States change more often than rules and are asked for at each look: see `problemOf`.
    const markets = instruments.map((instrument) =>
      spatialMarket({ ...instrument, state: 'trading' }, this.board.slotOf(instrument.id)),
    );
    this.pricing.follow(markets);
    const routes = spatialRoutes(markets, exactLimits(this.parameters), this.parameters);
    return watchesBySlot(routes, this.parameters);
  }

  /** Directed routes watched. */
  get routeCount(): number {
    return [...this.watches.values()].reduce((sum, watches) => sum + watches.length, 0) / 2;
  }

  get openLives(): number {
    return this.open.size;
  }

  current(): readonly OpportunityLife[] {
    return [...this.open.values()].flatMap(({ life }) => life ?? []);
  }

  /** The board's slots that this detector reads. */
  get slots(): readonly number[] {
    return [...this.watches.keys()];
  }

  /** A book changed or lost trust. `nowMs` is wall clock, `monotonicMs` the clock of the board's ages. */
  onSlotDirty(slot: number, nowMs: number, monotonicMs: number): readonly SpatialEffect[] {
    // Almost every look ends here, on quotes that lie side by side.
    if (!this.groups.mayMatter(slot) && this.carried.size === 0) return NO_EFFECTS;
    const watches = this.watches.get(slot);
    if (watches === undefined) return NO_EFFECTS;
    const { askPrices, bidPrices } = this.board;
    for (let i = 0; i < watches.length; i++) {
      const watch = watches[i]!;
      const interesting = bidPrices[watch.bidAt]! >= askPrices[watch.askAt]! * watch.openRatio;
      if (interesting || watch.life !== null) this.look(watch, nowMs, monotonicMs);
      else if (this.carried.size > 0) this.letGo(watch, monotonicMs);
    }
    return this.takeEffects();
  }

  /** Looks at every open life again, since books also age when nothing arrives. Call it about once a second. */
  sweep(nowMs: number, monotonicMs: number): readonly SpatialEffect[] {
    for (const watch of [...this.open.values()]) this.look(watch, nowMs, monotonicMs);
    return this.takeEffects();
  }

  /** What is held has changed: it counts from the next look on. */
  holdingsChanged(holdings: readonly AmountAt[]): void {
    this.pricing.hold(holdings);
  }

  /** The saga traded it: it is not offered again in this life. */
  markExecuted(opportunityId: string, nowMs: number): readonly SpatialEffect[] {
    const life = this.lifeOf(opportunityId);
    if (life !== null && life.state !== 'executed') this.tell(life.executed(nowMs));
    return this.takeEffects();
  }

  /** The gate refused it: it may be offered again after the cool-down or when its profit has grown. */
  markRefused(id: string, reason: string, detail: string, nowMs: number): readonly SpatialEffect[] {
    return this.decline('refused', id, reason, detail, nowMs);
  }

  /** The saga tried and nothing filled: as refused. */
  markMissed(id: string, reason: string, detail: string, nowMs: number): readonly SpatialEffect[] {
    return this.decline('missed', id, reason, detail, nowMs);
  }

  private decline(
    phase: 'refused' | 'missed',
    opportunityId: string,
    reason: string,
    detail: string,
    nowMs: number,
  ): readonly SpatialEffect[] {
    const life = this.lifeOf(opportunityId);
    if (life?.state === 'signalled') this.tell(life.declined(phase, reason, detail, nowMs));
    return this.takeEffects();
  }

  /** The life an answer is about; the answer ends the memory of a closed one. */
  private lifeOf(opportunityId: string): OpportunityLife | null {
    const closed = this.answersDue.get(opportunityId);
    this.answersDue.delete(opportunityId);
    return closed ?? this.open.get(opportunityId)?.life ?? null;
  }

  /** Best quotes in float64: is there an edge at all? */
  private look(watch: RouteWatch, nowMs: number, monotonicMs: number): void {
    const { board, parameters } = this;
    const quoted =
      board.askLevels[watch.listed.buy.slot]! > 0 && board.bidLevels[watch.listed.sell.slot]! > 0;
    const ask = quoted ? board.askPrices[watch.askAt]! : NaN;
    const bid = quoted ? board.bidPrices[watch.bidAt]! : NaN;
    this.pricing.update(watch, ask, monotonicMs);
    const { fast } = watch.route;
    const grossBps = ((bid * fast.askUnits) / (ask * fast.bidUnits) - 1) * 1e4;
    const netBps = bestNetReturn(ask, bid, fast) * 1e4;
    const floorBps = parameters.reportFloorBps * (watch.life === null ? 1 : CLOSE_SHARE);
    if (!(grossBps >= floorBps || (netBps > 0 && netBps > parameters.minNetBps))) {
      if (watch.life !== null) this.close(watch, quoted ? 'EDGE_CLOSED' : 'NO_QUOTE', nowMs);
      else if (this.carried.size > 0) this.letGo(watch, monotonicMs);
      return;
    }
    const edge = { grossBps, netBps, quantity: ZERO, net: ZERO };
    const problem = this.problemOf(watch.route, monotonicMs);
    const isCarried = this.carried.size > 0 && watch.life === null && this.carried.has(keyOf(watch));
    // Whether it stands can only be told on good books.
    if (isCarried && problem !== null) return;
    const life = watch.life ?? this.openLife(watch, edge, nowMs);
    if (isCarried) this.carryOn(watch, life);
    if (life.state === 'open') this.judge(watch.route, life, edge, problem ?? watch.hindrance, nowMs);
    else this.follow(watch, life, edge, problem, nowMs);
  }

  /** Without an edge on good books the life before is over: the next one is new. */
  private letGo(watch: RouteWatch, monotonicMs: number): void {
    if (this.problemOf(watch.route, monotonicMs) === null) this.carried.delete(keyOf(watch));
  }

  /** An edge that stands at the first good look is the one traded before: one fill per life. */
  private carryOn(watch: RouteWatch, life: OpportunityLife): void {
    this.carried.delete(keyOf(watch));
    life.state = 'executed';
  }

  private problemOf(
    { buy, sell }: SpatialRoute,
    monotonicMs: number,
  ): { readonly reason: BookProblem | 'NOT_TRADING' | 'BOOK_OPAQUE'; readonly on: string } | null {
    const { parameters } = this;
    for (const { slot, instrument } of [buy, sell]) {
      const state = this.stopped.get(slot);
      if (state !== undefined) return { reason: 'NOT_TRADING', on: `${instrument.id} is ${state}` };
      // Asked each time: offsets are measured after the routes are built, and again and again.
      const clockOffsetMs = parameters.clockOffsetMs?.(instrument.exchange) ?? 0;
      const reason = bookProblem(this.board, slot, monotonicMs, parameters, clockOffsetMs);
      if (reason !== null) return { reason, on: instrument.id };
      const opaque = instrument.bookProof === 'opaque';
      if (opaque && parameters.acceptOpaqueBooks?.includes(instrument.exchange) !== true)
        return { reason: 'BOOK_OPAQUE', on: instrument.id };
    }
    return null;
  }

  private openLife(watch: RouteWatch, edge: EdgeNow, nowMs: number): OpportunityLife {
    const { buy, sell } = watch.route;
    const identity = {
      opportunityId: this.nextId('opp'),
      pair: buy.instrument.pair,
      buyExchange: buy.instrument.exchange,
      sellExchange: sell.instrument.exchange,
      openedAtMs: nowMs,
    };
    const life = new OpportunityLife(identity, edge);
    watch.life = life;
    this.groups.countLife(buy.slot, 1);
    this.open.set(identity.opportunityId, watch);
    this.tell(life.opened());
    return life;
  }

  private close(watch: RouteWatch, reason: string, nowMs: number): void {
    const { life } = watch;
    if (life === null) return;
    const { opportunityId } = life.identity;
    watch.life = null;
    this.groups.countLife(watch.route.buy.slot, -1);
    this.open.delete(opportunityId);
    if (life.state === 'signalled') {
      const oldest = this.answersDue.keys().next();
      if (this.answersDue.size >= MAX_ANSWERS_DUE && !oldest.done) this.answersDue.delete(oldest.value);
      this.answersDue.set(opportunityId, life);
    }
    this.tell(life.closed(reason, nowMs));
  }

  /** A life not offered yet: offer it, or say why not. */
  private judge(
    route: SpatialRoute,
    life: OpportunityLife,
    edge: EdgeNow,
    problem: { readonly reason: string; readonly on: string } | null,
    nowMs: number,
  ): void {
    const { minNetBps, improvementFactor } = this.parameters;
    this.tell(life.improved(edge, improvementFactor, nowMs));
    if (problem !== null) {
      life.forgetSizing();
      this.tell(life.obstructed(problem.reason, problem.on, nowMs));
    } else if (!(edge.netBps > minNetBps)) {
      life.forgetSizing();
      const detail = `net ${edge.netBps.toFixed(2)} bps at best prices, minimum ${minNetBps} bps`;
      this.tell(life.obstructed('NET_EDGE', detail, nowMs));
    } else {
      this.walkFast(route);
      // A lattice only takes profit away: a float64 walk below the minimum needs no exact one, except to learn the reason.
      const hopeless = this.fast.profit < route.limits.minNetProfitNumber * (1 - 1e-9);
      if (hopeless && SIZE_OBSTACLES.has(life.obstacle)) return;
      if (life.isNews(this.fast.profit, this.fast.q)) this.offer(route, life, edge, nowMs);
    }
  }

  /** Fills `fast` with the float64 optimum of a route. */
  private walkFast({ buy, sell, fast }: SpatialRoute): void {
    const { board, parameters } = this;
    fastOptimalSize(
      this.asks,
      buy.slot * BOARD_DEPTH,
      Math.min(board.askLevels[buy.slot]!, parameters.depth),
      this.bids,
      sell.slot * BOARD_DEPTH,
      Math.min(board.bidLevels[sell.slot]!, parameters.depth),
      fast,
      this.fast,
    );
  }

  /** `fast` holds the walk of this route on these books. */
  private offer(route: SpatialRoute, life: OpportunityLife, edge: EdgeNow, nowMs: number): void {
    const plan = this.planner.plan(route, this.fast.q) ?? planTrade(route, this.board, this.parameters);
    if (plan.kind === 'none') {
      const { unrefilled } = route;
      const isCapped = unrefilled !== undefined && SIZE_OBSTACLES.has(plan.reason);
      const [reason, detail] = isCapped ? ['NOT_REFILLABLE', unrefilled] : [plan.reason, plan.detail];
      this.tell(life.obstructed(reason, detail, nowMs));
      return;
    }
    const found = { grossBps: edge.grossBps, netBps: plan.netBps, quantity: plan.quantity, net: plan.net };
    if (this.parameters.watchOnly === true) return this.tell(life.watched(found, nowMs));
    life.offered(found);
    const ids = { signalId: this.nextId('sig'), opportunityId: life.identity.opportunityId };
    const signal = spatialSignal(route, plan, ids, nowMs, this.parameters.signalTtlMs);
    this.effects.push({ kind: 'signal', signal });
  }

  /**
   * A life already offered. It ends with its net edge or a book's trust, not only with its gross edge: otherwise a standing
   * small spread would join separate dislocations into one life, and all but the first would be lost.
   */
  private follow(
    watch: RouteWatch,
    life: OpportunityLife,
    edge: EdgeNow,
    problem: { readonly reason: string } | null,
    nowMs: number,
  ): void {
    const { retryCooldownMs, improvementFactor, minNetBps } = this.parameters;
    if (problem !== null || !(edge.netBps > 0)) {
      this.close(watch, problem?.reason ?? 'EDGE_CLOSED', nowMs);
      return;
    }
    if (life.state !== 'refused' || !(edge.netBps > minNetBps) || watch.hindrance !== null) return;
    this.walkFast(watch.route);
    const cooled = nowMs - life.refusedAtMs >= retryCooldownMs;
    const grown = this.fast.profit >= life.refusedNet.toNumber() * improvementFactor;
    if ((cooled || grown) && life.isNews(this.fast.profit, this.fast.q)) {
      this.offer(watch.route, life, edge, nowMs);
    }
  }

  private tell(event: OpportunityEvent | null): void {
    if (event !== null) this.effects.push({ kind: 'opportunity', event });
  }

  private takeEffects(): readonly SpatialEffect[] {
    if (this.effects.length === 0) return NO_EFFECTS;
    const taken = this.effects;
    this.effects = [];
    return taken;
  }
}

const keyOf = ({ route: { buy, sell } }: RouteWatch): string =>
  routeKey({
    pair: buy.instrument.pair,
    buyExchange: buy.instrument.exchange,
    sellExchange: sell.instrument.exchange,
  });
