import t from 'tap';
import { feedActor, type FeedMessage } from '../../src/actors/feed.js';
import { InProcessBus } from '../../src/cluster/in-process-bus.js';
import { binance } from '../../src/connectors/binance.js';
import { bybit } from '../../src/connectors/bybit.js';
import { okx } from '../../src/connectors/okx.js';
import { restLimiterOf } from '../../src/connectors/limit-answers.js';
import { loadInstruments } from '../../src/connectors/rest-client.js';
import { curatedRegistry } from '../../src/market/asset-registry.js';
import { BOARD_DEPTH, QuoteBoard, TRUST_OK } from '../../src/market/quote-board.js';
import type { FeedStatus } from '../../src/messages/feed.js';
import { NactEngine } from '../../src/runtime/engine-nact.js';
import { SystemClock, SystemTimers } from '../../src/runtime/platform/clock.js';
import { UndiciHttpClient } from '../../src/runtime/platform/http-client.js';
import { SeededRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { WsSockets } from '../../src/runtime/platform/sockets.js';
import { ActorSystem } from '../../src/runtime/system.js';
import { NO_PLANTS } from '../../src/simulator/plants.js';
import { startSimulatedExchanges } from '../../src/simulator/server.js';
import { KeptLog } from '../runtime/harness.js';

/** Broken and replaced lines of simulated exchanges, over real sockets and in real time. */

t.setTimeout(400_000);
const CONNECTORS = { binance, okx, bybit };
type Name = keyof typeof CONNECTORS;
const NAMES: readonly Name[] = ['binance', 'okx', 'bybit'];

async function setUp() {
  const clock = new SystemClock();
  const timers = new SystemTimers();
  const random = new SeededRandom('lines');
  const ids = new TimeOrderedIds(clock, random);
  const log = new KeptLog();
  // Books crossed on purpose would be untrusted for their own reasons.
  const plants = NO_PLANTS;
  const simulated = await startSimulatedExchanges({ seed: 21, clock, timers, log, exchanges: NAMES, plants });
  const bus = new InProcessBus({ clock, timers, ids, log, sender: 'test' });
  const http = new UndiciHttpClient();
  const ended: string[] = [];
  const system = new ActorSystem({
    node: 'test',
    engine: new NactEngine((cell, error) => ended.push(`${cell}: ${String(error)}`)),
    clock,
    timers,
    random,
    ids,
    log,
  });
  const board = new QuoteBoard(64);
  const statuses: FeedStatus[] = [];
  bus.subscribe('feed.status.*', 'feedStatus', ({ message }) => statuses.push(message));
  const slots = new Map<Name, number[]>();
  const shown = new Map<number, Set<string>>();
  const wrong: string[] = [];
  const untrusted = new Map<Name, number>(NAMES.map((name) => [name, 0]));
  const text = (...levels: number[]) => levels.map((level) => level.toFixed(8)).join(' ');
  for (const name of NAMES) {
    const connector = CONNECTORS[name]();
    const { ws, rest: restUrl } = simulated.endpoints[name]!;
    const websocketUrl = ws + new URL(connector.endpoints.websocketUrl).pathname;
    const endpoints = { websocketUrl, restUrl };
    const limiter = restLimiterOf(connector);
    const { instruments } = await loadInstruments(
      { connector, endpoints, http, limiter, clock, timers },
      (...market) => curatedRegistry.resolveMarket(...market),
    );
    slots.set(
      name,
      instruments.map(({ id }) => board.slotOf(id)),
    );
    // Every best quote that the matching engines ever held.
    for (const { id, pair } of instruments) {
      const market = simulated.world.market(name, pair);
      const tops = new Set<string>();
      shown.set(board.slotOf(id), tops);
      const note = () => {
        const { bids, asks } = market.ladder();
        const { tick, lot } = market.listing;
        if (bids.prices.length === 0 || asks.prices.length === 0) return;
        const level = (side: typeof bids) => [side.prices[0]! * tick.value, side.lots[0]! * lot.value];
        tops.add(text(...level(bids), ...level(asks)));
      };
      note();
      const nothing = () => undefined;
      const rest = { onJump: nothing, delayFrames: nothing, stopDelay: nothing };
      simulated.world.follow({ exchange: name, onStep: note, ...rest });
    }
    const parts = {
      connector,
      instruments,
      board,
      sockets: new WsSockets(),
      http,
      bus,
      timers,
      endpoints,
      limiter,
    };
    await system.spawn<FeedMessage>(`/${name}`, feedActor(parts), (end) => ended.push(JSON.stringify(end)));
  }
  let isWatched = false;
  board.onDirty((slot) => {
    if (!isWatched) return;
    const name = NAMES.find((one) => slots.get(one)!.includes(slot))!;
    if (board.trust[slot] !== TRUST_OK) untrusted.set(name, untrusted.get(name)! + 1);
  });
  const look = timers.setTimer.bind(timers);
  const compare = (): void => {
    for (const [slot, tops] of shown) {
      if (board.trust[slot] !== TRUST_OK) continue;
      const at = slot * BOARD_DEPTH;
      const { bidPrices, bidSizes, askPrices, askSizes } = board;
      const top = text(bidPrices[at]!, bidSizes[at]!, askPrices[at]!, askSizes[at]!);
      if (!tops.has(top)) wrong.push(`${board.nameOf(slot)} shows ${top}`);
    }
    handle = look(compare, 5);
  };
  let handle = look(compare, 5);
  t.teardown(async () => {
    timers.clearTimer(handle);
    for (const name of NAMES) await system.stop(`/${name}`, 'shutdown', 5000);
    await bus.close();
    await simulated.close();
    await http.close();
  });
  const until = async (what: string, condition: () => boolean) => {
    for (const endMs = performance.now() + 90_000; !condition();) {
      if (performance.now() > endMs)
        throw new Error(`${what} did not happen: ${JSON.stringify(statuses.slice(-5))}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const isTrusted = (name: Name) => slots.get(name)!.every((slot) => board.trust[slot] === TRUST_OK);
  await until('all books', () => NAMES.every(isTrusted));
  isWatched = true;
  const summary = (name: Name) => system.inspect(`/${name}`)!.summary as Record<string, number>;
  return { simulated, board, slots, statuses, wrong, untrusted, ended, until, isTrusted, summary };
}

t.test('lines that end, fall silent or bring garbage', async (t) => {
  const { simulated, board, slots, statuses, wrong, untrusted, ended, until, isTrusted, summary } =
    await setUp();
  const { binance: first, okx: second, bybit: third } = simulated.faces;

  t.test('an announced shutdown is met under traffic without an untrusted moment', async (t) => {
    const before = first!.connections;
    statuses.length = 0;
    first!.announceShutdown(60_000);
    await until('the next connection alone', () => {
      const now = first!.connections;
      return now.length === 1 && now[0] !== before[0];
    });
    t.equal(untrusted.get('binance'), 0, 'no slot was distrusted for a moment');
    t.match(summary('binance'), { reconnects: 0, gaps: 0, lines: [{ rollovers: 1 }] });
    t.same(
      statuses.filter(({ exchange, state }) => exchange === 'binance' && state !== 'live'),
      [],
      'and nobody was told of anything',
    );
  });

  t.test('a muted channel, a half-open line and a cut one come back by themselves', async (t) => {
    untrusted.set('binance', 0);
    const [slot] = slots.get('okx')!;
    const [, pair] = board.nameOf(slot!).split(':');
    const unmute = second!.faults.add({ kind: 'mute', symbol: pair!, channel: 'books' });
    for (const id of third!.connections) third!.faults.makeHalfOpen(id);
    const startedMs = performance.now();
    await until('the half-open line to be found', () => !isTrusted('bybit'));
    await until('the muted channel to be found', () => board.trust[slot!] !== TRUST_OK);
    t.comment(`both found after ${Math.round(performance.now() - startedMs)} ms`);
    unmute();
    await until('both to be back', () => isTrusted('bybit') && isTrusted('okx'));
    t.equal(summary('okx')['reconnects'], 0, 'a muted channel costs no connection');
    t.equal(summary('bybit')['reconnects'], 1);
    second!.disconnect();
    await until('the cut line to be noticed', () => !isTrusted('okx'));
    await until('it to be back', () => isTrusted('okx'));
    t.equal(untrusted.get('binance'), 0, 'the other exchange noticed nothing');
    t.equal(summary('binance')['gaps'], 0);
  });

  t.test('garbage costs connections and at last the feed, and nobody else anything', async (t) => {
    const clear = second!.faults.add({ kind: 'garbage' });
    await until('bad frames to cost the connection', () => summary('okx')['reconnects']! >= 3);
    clear();
    await until('it to be back', () => isTrusted('okx'));
    t.equal(untrusted.get('binance'), 0);
    t.match(
      [summary('binance'), summary('bybit')],
      [
        { gaps: 0, invalid: 0 },
        { gaps: 0, invalid: 0 },
      ],
    );
  });

  t.same(ended, [], 'no feed crashed');
  t.same(wrong.slice(0, 5), [], 'and at no moment did a trusted book show what its engine never held');
});
