import { invariant } from '../../messages/errors.js';
import type { OpportunityEvent } from '../../messages/signal.js';
import { ZERO } from '../../market/decimal.js';
import { changedRules } from '../../market/instrument-changes.js';
import type { Instrument } from '../../market/instrument.js';
import { BOARD_DEPTH, type QuoteBoard } from '../../market/quote-board.js';
import type { Detector, DetectorEffect } from '../detector.js';
import { OpenLives } from '../open-lives.js';
import { OpportunityLife, type EdgeNow } from '../opportunity-life.js';
import type { TradedRoute } from '../traded-routes.js';
import { CycleBooks, type BooksProblem } from './cycle-books.js';
import { planCycle } from './cycle-plan.js';
import { CycleRates } from './cycle-rates.js';
import { cycleRoutes, rateTermsOf, type CycleRoute } from './cycle-route.js';
import { cycleSignal } from './cycle-signal.js';
import { FastCycle, fastRouteOf, type FastRoute } from './fast-cycle.js';
import { checkTriangular, type TriangularParameters } from './triangular-parameters.js';

const NO_EFFECTS: readonly DetectorEffect[] = Object.freeze([]);
/** A life closes somewhat below where it opens, so that an edge at the floor does not flicker. */
const CLOSE_SHARE = 0.8;
/** Obstacles of size, which only a larger profit can lift. */
const SIZE_OBSTACLES = new Set(['MIN_PROFIT', 'MIN_NOTIONAL', 'MIN_QUANTITY', 'LOT_SIZE']);

export interface TriangularDetectorOptions {
  readonly instruments: readonly Instrument[];
  readonly board: QuoteBoard;
  readonly parameters: TriangularParameters;
  /** A fresh entity id with this prefix; deterministic in replays. */
  readonly nextId: (prefix: string) => string;
  /** What was traded shortly before this start: of a cycle the pair of its first leg, and its exchange twice. Absent = nothing. */
  readonly traded?: readonly TradedRoute[];
}

/** A cycle and the life that is going on there, if any. */
interface CycleWatch {
  readonly route: CycleRoute;
  readonly fast: FastRoute;
  /** Its number among the rates. */
  readonly cycle: number;
  life: OpportunityLife | null;
}

/**
 * From an asset through two others back to it, on one exchange. Cycles follow from the instruments and are enumerated once; a dirty
 * slot touches only those over its market: the product of best quotes in float64, then the float64 walk, and only an edge that survives
 * both is sized exactly. Nothing is offered on an untrusted, crossed, aged book, or on books that are not alike in age. Pure: equal calls
 * in equal order give equal effects.
 */
export class TriangularDetector implements Detector {
  private readonly board: QuoteBoard;
  private readonly parameters: TriangularParameters;
  private readonly nextId: (prefix: string) => string;
  private readonly books: CycleBooks;
  private readonly fast: FastCycle;
  private readonly lives = new OpenLives<CycleWatch>();
  private instruments: readonly Instrument[] = [];
  private watches: readonly CycleWatch[] = [];
  private rates = new CycleRates([], []);
  /** Market of each slot of the board, −1 = not of a cycle; and its slot of each market. */
  private readonly markets: Int32Array;
  private marketSlots: readonly number[] = [];
  /** How many lives go on over each market, and the cycles that go through it. */
  private lively = new Int32Array(0);
  private members: readonly (readonly CycleWatch[])[] = [];
  private found = new Int32Array(0);
  private effects: DetectorEffect[] = [];
  /** First pair and exchange of cycles whose edge, if it stands at the first good look, belongs to a life traded before this start. */
  private readonly carried: Set<string>;

  /** @throws ArbotError ARB_CONFIG_INVALID or ARB_DECIMAL_INVALID naming what is wrong. */
  constructor({ instruments, board, parameters, nextId, traded = [] }: TriangularDetectorOptions) {
    checkTriangular(parameters);
    this.board = board;
    this.parameters = parameters;
    this.nextId = nextId;
    this.books = new CycleBooks(board, parameters);
    this.fast = new FastCycle(board);
    this.markets = new Int32Array(board.capacity).fill(-1);
    this.carried = new Set(
      traded.flatMap((one) => (one.buyExchange === one.sellExchange ? [carriedKey(one)] : [])),
    );
    this.follow(instruments);
  }

  replaceInstruments(instruments: readonly Instrument[], nowMs: number): readonly DetectorEffect[] {
    for (const watch of this.lives.watches()) this.close(watch, 'RECONFIGURED', nowMs);
    this.follow(instruments);
    return this.takeEffects();
  }

  /** A state is obeyed at once and costs the lives on that instrument only; other rules are as `replaceInstruments`. */
  instrumentChanged(instrument: Instrument, nowMs: number, monotonicMs: number): readonly DetectorEffect[] {
    const known = this.instruments.find(({ id }) => id === instrument.id);
    if (known === undefined) return NO_EFFECTS;
    const next = this.instruments.map((one) => (one === known ? instrument : one));
    if (changedRules(known, instrument).length > 0) return this.replaceInstruments(next, nowMs);
    this.instruments = next;
    this.books.noteStates([instrument]);
    const market = this.markets[this.board.slotOf(instrument.id)]!;
    for (const watch of this.members[market] ?? [])
      if (watch.life !== null) this.look(watch, nowMs, monotonicMs);
    return this.takeEffects();
  }

  /** Enumerates the cycles; without any life. */
  private follow(instruments: readonly Instrument[]): void {
    const ids = new Set(instruments.map(({ id }) => id));
    invariant(ids.size === instruments.length, 'an instrument is listed twice');
    const { routes, markets, cycles } = cycleRoutes(instruments, this.board, this.parameters);
    const least = routes.map(({ openRate }) => openRate);
    this.rates = new CycleRates(cycles, markets.map(rateTermsOf), least);
    this.instruments = instruments;
    this.watches = routes.map((route, cycle) => ({ route, fast: fastRouteOf(route), cycle, life: null }));
    this.markets.fill(-1);
    this.marketSlots = markets.map(({ slot }) => slot);
    const members = markets.map((): CycleWatch[] => []);
    cycles.forEach(({ legs }, cycle) => {
      for (const { market } of legs) members[market]!.push(this.watches[cycle]!);
    });
    this.members = members;
    this.lively = new Int32Array(markets.length);
    this.found = new Int32Array(this.rates.mostFound);
    markets.forEach(({ slot }, market) => {
      if (members[market]!.length === 0) return;
      this.markets[slot] = market;
      this.rates.set(market, this.bidOf(slot), this.askOf(slot));
    });
    this.books.noteStates(instruments);
  }

  /** Directed cycles watched. */
  get cycleCount(): number {
    return this.watches.length;
  }

  get openLives(): number {
    return this.lives.size;
  }

  current(): readonly OpportunityLife[] {
    return this.lives.current();
  }

  get slots(): readonly number[] {
    return this.marketSlots.filter((slot) => this.reads(slot));
  }

  /** Whether a cycle goes through this slot's market. */
  reads(slot: number): boolean {
    return this.markets[slot]! >= 0;
  }

  onSlotDirty(slot: number, nowMs: number, monotonicMs: number): readonly DetectorEffect[] {
    const market = this.markets[slot]!;
    if (market < 0) return NO_EFFECTS;
    const count = this.rates.update(market, this.bidOf(slot), this.askOf(slot), this.found);
    if (count === 0 && this.lively[market] === 0 && this.carried.size === 0) return NO_EFFECTS;
    for (let i = 0; i < count; i++) this.look(this.watches[this.found[i]!]!, nowMs, monotonicMs);
    if (this.lively[market]! > 0 || this.carried.size > 0) this.lookAgain(market, count, nowMs, monotonicMs);
    return this.takeEffects();
  }

  /** What was not found by its rate: lives may have ended, and what was traded before may be over. */
  private lookAgain(market: number, count: number, nowMs: number, monotonicMs: number): void {
    const found = new Set(this.found.subarray(0, count));
    for (const watch of this.members[market]!) {
      if (found.has(watch.cycle)) continue;
      if (watch.life !== null) this.look(watch, nowMs, monotonicMs);
      else this.letGo(watch, monotonicMs);
    }
  }

  sweep(nowMs: number, monotonicMs: number): readonly DetectorEffect[] {
    for (const watch of this.lives.watches()) this.look(watch, nowMs, monotonicMs);
    return this.takeEffects();
  }

  markExecuted(opportunityId: string, nowMs: number): readonly DetectorEffect[] {
    this.tell(this.lives.executed(opportunityId, nowMs));
    return this.takeEffects();
  }

  markRefused(id: string, reason: string, detail: string, nowMs: number): readonly DetectorEffect[] {
    this.tell(this.lives.declined('refused', id, { reason, detail, nowMs }));
    return this.takeEffects();
  }

  markMissed(id: string, reason: string, detail: string, nowMs: number): readonly DetectorEffect[] {
    this.tell(this.lives.declined('missed', id, { reason, detail, nowMs }));
    return this.takeEffects();
  }

  /** 0 stands for a side that is empty. */
  private bidOf(slot: number): number {
    return this.board.bidLevels[slot]! > 0 ? this.board.bidPrices[slot * BOARD_DEPTH]! : 0;
  }

  private askOf(slot: number): number {
    return this.board.askLevels[slot]! > 0 ? this.board.askPrices[slot * BOARD_DEPTH]! : 0;
  }

  /** Best quotes in float64: is there an edge at all? */
  private look(watch: CycleWatch, nowMs: number, monotonicMs: number): void {
    const { parameters } = this;
    // Quotes of the other markets may be newer than the last change that was told.
    for (const { market } of watch.route.legs)
      this.rates.set(this.markets[market.slot]!, this.bidOf(market.slot), this.askOf(market.slot));
    const rate = this.rates.rateOf(watch.cycle);
    const grossBps = (rate / watch.route.feeProduct - 1) * 1e4;
    const netBps = (rate - watch.fast.cost) * 1e4;
    const floorBps = parameters.reportFloorBps * (watch.life === null ? 1 : CLOSE_SHARE);
    if (!(grossBps >= floorBps || (netBps > 0 && netBps > parameters.minNetBps))) {
      if (watch.life !== null) this.close(watch, rate > 0 ? 'EDGE_CLOSED' : 'NO_QUOTE', nowMs);
      else this.letGo(watch, monotonicMs);
      return;
    }
    const edge = { grossBps, netBps, quantity: ZERO, net: ZERO };
    const problem = this.books.problemOf(watch.route, monotonicMs);
    const isCarried = watch.life === null && this.carried.has(keyOf(watch));
    // Whether it stands can only be told on good books.
    if (isCarried && problem !== null) return;
    const life = watch.life ?? this.openLife(watch, edge, nowMs);
    if (isCarried) {
      this.carried.delete(keyOf(watch));
      life.state = 'executed';
    }
    if (life.state === 'open') this.judge(watch, life, { edge, problem, nowMs });
    else this.followUp(watch, life, { edge, problem, nowMs });
  }

  /** Without an edge on good books the life before is over: the next one is new. */
  private letGo(watch: CycleWatch, monotonicMs: number): void {
    if (this.carried.size === 0 || !this.carried.has(keyOf(watch))) return;
    if (this.books.problemOf(watch.route, monotonicMs) === null) this.carried.delete(keyOf(watch));
  }

  private openLife(watch: CycleWatch, edge: EdgeNow, nowMs: number): OpportunityLife {
    const { exchange, pair } = watch.route.legs[0]!.market.instrument;
    const life = new OpportunityLife(
      {
        opportunityId: this.nextId('opp'),
        ...{ pair, buyExchange: exchange, sellExchange: exchange },
        openedAtMs: nowMs,
        strategy: 'triangular',
        route: watch.route.name.slice(0, 240),
      },
      edge,
    );
    watch.life = life;
    this.countLife(watch, 1);
    this.tell(this.lives.begin(watch, life));
    return life;
  }

  private close(watch: CycleWatch, reason: string, nowMs: number): void {
    const { life } = watch;
    if (life === null) return;
    watch.life = null;
    this.countLife(watch, -1);
    this.tell(this.lives.end(life, reason, nowMs));
  }

  private countLife({ route }: CycleWatch, change: 1 | -1): void {
    for (const { market } of route.legs) this.lively[this.markets[market.slot]!]! += change;
  }

  /** A life not offered yet: offer it, or say why not. */
  private judge(watch: CycleWatch, life: OpportunityLife, { edge, problem, nowMs }: Looked): void {
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
      this.fast.walk(watch.fast, this.parameters.depth);
      // A lattice only takes profit away: a float64 walk below the minimum needs no exact one, except to learn the reason.
      const hopeless = this.fast.profit < watch.route.limits.minNetProfitNumber * (1 - 1e-9);
      if (hopeless && SIZE_OBSTACLES.has(life.obstacle)) return;
      if (life.isNews(this.fast.profit, this.fast.start)) this.offer(watch, life, edge, nowMs);
    }
  }

  private offer({ route, fast }: CycleWatch, life: OpportunityLife, edge: EdgeNow, nowMs: number): void {
    const { board, parameters } = this;
    const plan = planCycle(route, fast, { board, parameters, fast: this.fast });
    if (plan.kind === 'none') {
      this.tell(life.obstructed(plan.reason, plan.detail, nowMs));
      return;
    }
    const found = { grossBps: edge.grossBps, netBps: plan.netBps, quantity: plan.quantity, net: plan.net };
    if (parameters.watchOnly === true) return this.tell(life.watched(found, nowMs));
    life.offered(found);
    const ids = { signalId: this.nextId('sig'), opportunityId: life.identity.opportunityId };
    const signal = cycleSignal(route, plan, ids, nowMs, parameters.signalTtlMs);
    this.effects.push({ kind: 'signal', signal });
  }

  /** A life already offered. It ends with its net edge or a book's trust; one that was traded only with its edge, seen on good books. */
  private followUp(watch: CycleWatch, life: OpportunityLife, { edge, problem, nowMs }: Looked): void {
    const { retryCooldownMs, improvementFactor, minNetBps } = this.parameters;
    if (problem !== null && life.state === 'executed') return;
    if (problem !== null || !(edge.netBps > 0)) {
      this.close(watch, problem?.reason ?? 'EDGE_CLOSED', nowMs);
      return;
    }
    if (life.state !== 'refused' || !(edge.netBps > minNetBps)) return;
    this.fast.walk(watch.fast, this.parameters.depth);
    const cooled = nowMs - life.refusedAtMs >= retryCooldownMs;
    const grown = this.fast.profit >= life.refusedNet.toNumber() * improvementFactor;
    if ((cooled || grown) && life.isNews(this.fast.profit, this.fast.start))
      this.offer(watch, life, edge, nowMs);
  }

  private tell(event: OpportunityEvent | null): void {
    if (event !== null) this.effects.push({ kind: 'opportunity', event });
  }

  private takeEffects(): readonly DetectorEffect[] {
    if (this.effects.length === 0) return NO_EFFECTS;
    const taken = this.effects;
    this.effects = [];
    return taken;
  }
}

interface Looked {
  readonly edge: EdgeNow;
  readonly problem: BooksProblem | null;
  readonly nowMs: number;
}

const carriedKey = ({ pair, buyExchange }: TradedRoute): string => `${pair} ${buyExchange}`;

const keyOf = ({ route }: CycleWatch): string => {
  const { pair, exchange } = route.legs[0]!.market.instrument;
  return carriedKey({ pair, buyExchange: exchange, sellExchange: exchange });
};
