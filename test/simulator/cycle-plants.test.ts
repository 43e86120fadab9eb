import t from 'tap';
import { TriangularDetector } from '../../src/detectors/triangular/triangular.js';
import { DEFAULT_TRIANGULAR_PARAMETERS } from '../../src/detectors/triangular/triangular-parameters.js';
import type { Instrument } from '../../src/market/instrument.js';
import { OrderBook } from '../../src/market/order-book.js';
import { QuoteBoard } from '../../src/market/quote-board.js';
import type { Signal } from '../../src/messages/signal.js';
import type { PairId } from '../../src/messages/primitives.js';
import { listingOf, type SimulatedExchange } from '../../src/simulator/listings.js';
import { plainText } from '../../src/simulator/exact-units.js';
import type { Plant, PlantKind } from '../../src/simulator/oracle.js';
import { DEFAULT_CYCLES } from '../../src/simulator/cycle-plants.js';
import { DEFAULT_PLANTS } from '../../src/simulator/plants.js';
import { SimulatedWorld } from '../../src/simulator/world.js';

const EXCHANGES = ['binance', 'okx', 'bybit'] as const;
const DOLLARS: readonly PairId[] = ['BTC-USDT', 'ETH-USDT', 'SOL-USDT'];
const PAIRS: readonly PairId[] = [...DOLLARS, 'ETH-BTC', 'SOL-BTC'];
const START_MS = 1_700_000_000_000;
const STEP_MS = 100;

function instrument(exchange: SimulatedExchange, pair: PairId): Instrument {
  const { symbol, base, quote, tick, lot, minLots, minNotional } = listingOf(exchange, pair);
  return {
    id: `${exchange}:${pair}`,
    ...{ exchange, symbol, pair, base, quote },
    identityKnown: true,
    unitMultiplier: '1',
    tickSize: tick.text,
    lotSize: lot.text,
    minQuantity: plainText(lot, minLots),
    maxQuantity: null,
    minNotional: minNotional.toFixed(8).replace(/\.?0+$/, ''),
    state: 'trading',
    takerFeeRate: '0.001',
    makerFeeRate: '0.001',
    feeMode: 'received',
  };
}

interface Offer {
  readonly signal: Signal;
  readonly atMs: number;
}

/** Reads the published books of every step into a board and lets a detector look at them, as a trader without any latency. */
class Reader {
  readonly world: SimulatedWorld;
  readonly offers: Offer[] = [];
  private readonly board = new QuoteBoard(64);
  private readonly read = new Map<string, unknown>();
  private readonly instruments: readonly Instrument[];
  private readonly detector: TriangularDetector;

  constructor(seed: number, pairs: readonly PairId[]) {
    const cycles = {
      ...DEFAULT_CYCLES,
      weights: { ...DEFAULT_CYCLES.weights, true: 2 },
      quietMs: [5_000, 9_000] as const,
    };
    this.world = new SimulatedWorld({
      seed,
      startMs: START_MS,
      pairs,
      stepMs: STEP_MS,
      plants: { ...DEFAULT_PLANTS, cycles },
    });
    this.instruments = EXCHANGES.flatMap((exchange) => pairs.map((pair) => instrument(exchange, pair)));
    let ids = 0;
    this.detector = new TriangularDetector({
      instruments: this.instruments,
      board: this.board,
      parameters: {
        ...DEFAULT_TRIANGULAR_PARAMETERS,
        minNetBps: 5,
        latencyDecayBps: 0,
        limits: new Map([['USDT', { minNetProfit: '0.5', maxNotional: '5000', minNotional: '10' }]]),
      },
      nextId: (prefix) => `${prefix}-${++ids}`,
    });
  }

  run(untilMs: number): void {
    while (this.world.nowMs < untilMs) {
      this.world.advanceTo(this.world.nowMs + STEP_MS);
      this.look();
    }
  }

  private look(): void {
    const { nowMs } = this.world;
    for (const { id, exchange, pair } of this.instruments) {
      const market = this.world.market(exchange as SimulatedExchange, pair);
      const { tick, lot } = market.listing;
      const ladder = market.ladder();
      if (this.read.get(id) === ladder) {
        this.board.markAlive(this.board.slotOf(id), nowMs);
        continue;
      }
      this.read.set(id, ladder);
      const { bids, asks } = ladder;
      const book = new OrderBook();
      bids.prices
        .slice(0, 20)
        .forEach((price, i) =>
          book.setBid(Number(plainText(tick, price)), Number(plainText(lot, bids.lots[i]!))),
        );
      asks.prices
        .slice(0, 20)
        .forEach((price, i) =>
          book.setAsk(Number(plainText(tick, price)), Number(plainText(lot, asks.lots[i]!))),
        );
      this.board.publish(this.board.slotOf(id), book, 1, nowMs, nowMs, nowMs);
    }
    for (const slot of this.detector.slots)
      for (const effect of this.detector.onSlotDirty(slot, nowMs, nowMs))
        if (effect.kind === 'signal') this.take({ signal: effect.signal, atMs: nowMs });
  }

  private take(offer: Offer): void {
    this.offers.push(offer);
    this.detector.markExecuted(offer.signal.opportunityId, offer.atMs);
  }
}

const cyclesOf = (world: SimulatedWorld): Plant[] =>
  world.oracle.all().filter(({ cycle }) => cycle !== undefined);
const during = ({ startMs, endMs }: Plant, atMs: number): boolean => atMs >= startMs && atMs <= endMs;

t.test(
  'every true edge around a cycle is found once, in its direction, and nothing else is but what a gate must refuse',
  async (t) => {
    const kinds = new Map<PlantKind, number>();
    for (const seed of [1, 2]) {
      const reader = new Reader(seed, PAIRS);
      reader.run(START_MS + 200_000);
      const { world, offers } = reader;
      const ended = cyclesOf(world).filter(({ state }) => state === 'over');
      for (const plant of ended) {
        kinds.set(plant.kind, (kinds.get(plant.kind) ?? 0) + 1);
        const own = offers.filter(
          ({ signal, atMs }) => during(plant, atMs) && signal.legs[0]!.exchange === plant.buyExchange,
        );
        const expected = plant.kind === 'true' || plant.kind === 'too_good' ? 1 : 0;
        t.equal(own.length, expected, `${plant.kind} ${plant.id} of seed ${seed}`);
        if (expected === 0) continue;
        const { signal } = own[0]!;
        t.same(
          signal.legs.map(({ instrument: id, side }) => ({ pair: id.split(':')[1], side })),
          plant.cycle,
        );
        t.ok(Math.abs(signal.grossBps - plant.planted!.grossBps) < 60 || plant.kind === 'too_good');
        if (plant.kind === 'true') t.ok(Number(signal.edge.net) > 5, `net ${signal.edge.net}`);
        else t.ok(signal.grossBps > 700);
      }
      const strange = offers.filter(
        ({ atMs, signal }) =>
          !cyclesOf(world).some(
            (plant) => during(plant, atMs) && plant.buyExchange === signal.legs[0]!.exchange,
          ),
      );
      t.same(
        strange.map(
          ({ signal, atMs }) => `${signal.legs.map((leg) => leg.instrument).join()} at ${atMs - START_MS}`,
        ),
        [],
        `nothing where nothing was planted, seed ${seed}`,
      );
    }
    for (const kind of ['true', 'crossed', 'too_thin', 'below_minimum', 'eaten_by_fees', 'too_good'] as const)
      t.ok((kinds.get(kind) ?? 0) > 0, `${kind} was planted: ${kinds.get(kind)}`);
  },
);

t.test(
  'a plant around a cycle shares no pair with another at the same time, and a world without cross pairs has none',
  async (t) => {
    const reader = new SimulatedWorld({ seed: 5, startMs: START_MS, pairs: PAIRS });
    reader.advanceTo(START_MS + 200_000);
    const all = reader.oracle.all();
    const cycles = cyclesOf(reader);
    t.ok(cycles.length > 4, `${cycles.length} cycles`);
    const touches = (plant: Plant): PairId[] => (plant.cycle ?? [plant]).map(({ pair }) => pair);
    for (const plant of cycles)
      for (const other of all) {
        if (other === plant || other.announcedAtMs >= plant.endMs || plant.announcedAtMs >= other.endMs)
          continue;
        t.notOk(
          touches(other).some((pair) => touches(plant).includes(pair)),
          `${plant.id} and ${other.id}`,
        );
      }
    const plain = new SimulatedWorld({ seed: 5, startMs: START_MS });
    plain.advanceTo(START_MS + 200_000);
    t.same(cyclesOf(plain), []);
  },
);

t.test('cross pairs change no price of a world, and cost what their dollar markets say', async (t) => {
  const quiet = {
    ...DEFAULT_PLANTS,
    firstAfterMs: Infinity,
    cycles: { ...DEFAULT_PLANTS.cycles!, firstAfterMs: Infinity },
  };
  const [plain, crossed] = [DOLLARS, PAIRS].map(
    (pairs) => new SimulatedWorld({ seed: 9, startMs: START_MS, pairs, plants: quiet }),
  );
  for (const world of [plain!, crossed!]) world.advanceTo(START_MS + 60_000);
  for (const exchange of EXCHANGES) {
    for (const pair of DOLLARS) t.equal(crossed!.fair(exchange, pair), plain!.fair(exchange, pair));
    const ratio = crossed!.fair(exchange, 'ETH-USDT') / crossed!.fair(exchange, 'BTC-USDT');
    t.equal(crossed!.fair(exchange, 'ETH-BTC'), ratio);
  }
  t.same(
    plain!.market('okx', 'BTC-USDT').ladder(),
    crossed!.market('okx', 'BTC-USDT').ladder(),
    'nor a book',
  );
});

t.test('the oracle judges a trade around a cycle by its first pair and its exchange', async (t) => {
  const world = new SimulatedWorld({ seed: 1, startMs: START_MS, pairs: PAIRS });
  world.advanceTo(START_MS + 100_000);
  const plants = cyclesOf(world).filter(({ kind, state }) => kind === 'true' && state === 'over');
  const trades = plants.map(({ pair, buyExchange, sellExchange, startMs }) => ({
    pair,
    buyExchange,
    sellExchange,
    atMs: startMs + 50,
  }));
  const window = { strategies: ['triangular'] as const };
  const verdict = world.oracle.judge(trades, window);
  t.equal(verdict.matched.length, plants.length);
  t.same([verdict.missed, verdict.wrong], [[], []]);
  t.equal(world.oracle.judge([], window).missed.length, plants.length);
  t.equal(
    world.oracle.judge([], { strategies: ['spatial'] }).missed.some(({ cycle }) => cycle !== undefined),
    false,
  );
  t.same(world.oracle.judge([], { ...window, pairs: DOLLARS }).missed, [], 'the cross pair is not traded');
  const [plant] = plants;
  const jump = (more: Partial<Plant>): void =>
    world.oracle.add({
      ...plant!,
      ...{ id: 'jump', kind: 'too_good', cycle: undefined, pair: plant!.cycle!.at(-1)!.pair },
      ...{ startMs: plant!.startMs - 6_000, endMs: plant!.startMs - 2_000, state: 'over', ...more },
    } as Plant);
  const isDue = (): boolean => world.oracle.judge([], window).missed.includes(plant!);
  jump({ disturbedExchange: 'elsewhere' });
  jump({ pair: 'DOGE-USDT' });
  jump({ startMs: plant!.startMs - 20_000, endMs: plant!.startMs - 9_000 });
  t.ok(isDue(), 'jumps of other markets, or of long ago, excuse nothing');
  jump({});
  t.notOk(isDue(), 'a market that has just jumped need not be traded on');
  const [one] = trades;
  t.match(world.oracle.judge([one!, { ...one!, atMs: one!.atMs + 100 }]).wrong, [{ reason: 'duplicate' }]);
});
