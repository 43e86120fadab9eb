import t from 'tap';
import { feedActor, type FeedMessage } from '../../src/actors/feed.js';
import type { Connector } from '../../src/connectors/base.js';
import { binance } from '../../src/connectors/binance.js';
import { bybit } from '../../src/connectors/bybit.js';
import { okx } from '../../src/connectors/okx.js';
import { RateLimiter } from '../../src/connectors/rate-limiter.js';
import { loadInstruments, sampleClock } from '../../src/connectors/rest-client.js';
import { InProcessBus } from '../../src/cluster/in-process-bus.js';
import { curatedRegistry } from '../../src/market/asset-registry.js';
import { QuoteBoard, TRUST_OK } from '../../src/market/quote-board.js';
import type { FeedStatus, TradePrint } from '../../src/messages/feed.js';
import { NactEngine } from '../../src/runtime/engine-nact.js';
import { SystemClock, SystemTimers } from '../../src/runtime/platform/clock.js';
import { UndiciHttpClient } from '../../src/runtime/platform/http-client.js';
import { SeededRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { WsSockets } from '../../src/runtime/platform/sockets.js';
import { ActorSystem } from '../../src/runtime/system.js';
import { startSimulatedExchanges } from '../../src/simulator/server.js';
import { KeptLog } from '../runtime/harness.js';

const CONNECTORS: Readonly<Record<'binance' | 'okx' | 'bybit', () => Connector>> = { binance, okx, bybit };

t.test(
  'feed actors follow simulated exchanges over real sockets, and a crash leaves no book behind',
  async (t) => {
    const clock = new SystemClock();
    const timers = new SystemTimers();
    const random = new SeededRandom('feeds');
    const ids = new TimeOrderedIds(clock, random);
    const log = new KeptLog();
    const simulated = await startSimulatedExchanges({ seed: 7, clock, timers, log });
    const bus = new InProcessBus({ clock, timers, ids, log, sender: 'test' });
    const http = new UndiciHttpClient();
    t.teardown(async () => {
      for (const name of Object.keys(CONNECTORS)) await system.stop(`/feeds/${name}`, 'shutdown', 5000);
      await bus.close();
      await simulated.close();
      await http.close();
    });
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
    const statuses: FeedStatus[] = [];
    const prints: TradePrint[] = [];
    bus.subscribe('feed.status.*', 'feedStatus', ({ message }) => statuses.push(message));
    bus.subscribe('md.trade.*.*', 'tradePrint', ({ message }) => prints.push(message));
    const board = new QuoteBoard(64);
    const until = async (what: string, condition: () => boolean) => {
      const deadline = performance.now() + 60_000;
      while (!condition()) {
        if (performance.now() > deadline)
          throw new Error(`${what} did not happen: ${JSON.stringify(statuses.slice(-6))}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const slots: Record<string, number[]> = {};
    const spawn = async (name: keyof typeof CONNECTORS) => {
      const connector = CONNECTORS[name]();
      const { ws, rest: restUrl } = simulated.endpoints[name]!;
      // The simulated exchanges serve the paths of the real ones.
      const { pathname } = new URL(connector.endpoints.websocketUrl);
      const endpoints = { websocketUrl: ws + pathname, restUrl };
      const limiter = new RateLimiter(connector.capabilities.restLimits);
      const rest = { connector, endpoints, http, limiter, clock, timers };
      const { instruments, refused } = await loadInstruments(rest, (...market) =>
        curatedRegistry.resolveMarket(...market),
      );
      t.same(refused, [], `${name}: every instrument is read`);
      t.ok(Math.abs((await sampleClock(rest)).offsetMs) < 60_000, `${name}: the clock is sampled`);
      slots[name] = instruments.map(({ id }) => board.slotOf(id));
      await system.spawn<FeedMessage>(
        `/feeds/${name}`,
        feedActor({
          connector,
          instruments,
          board,
          sockets: new WsSockets(),
          http,
          bus,
          timers,
          endpoints,
          limiter,
        }),
        (end) => ended.push(JSON.stringify(end)),
      );
    };
    const allTrusted = (name: string) => slots[name]!.every((slot) => board.trust[slot] === TRUST_OK);
    for (const name of ['binance', 'okx', 'bybit'] as const) await spawn(name);
    await until('all books', () => ['binance', 'okx', 'bybit'].every(allTrusted));
    await until('trades', () => new Set(prints.map(({ instrument }) => instrument.split(':')[0])).size === 3);
    for (const [name, own] of Object.entries(slots)) {
      for (const slot of own) {
        const at = slot * 20;
        t.ok(
          board.bidPrices[at]! > 0 && board.bidPrices[at]! < board.askPrices[at]!,
          `${name}: an uncrossed best quote`,
        );
      }
      t.ok(
        statuses.some(
          ({ exchange, instrument, state }) =>
            exchange === name && instrument === undefined && state === 'live',
        ),
      );
    }

    system.address<FeedMessage>('/feeds/okx').tell({ kind: 'recycle', reason: 'test' });
    await until('the disconnect', () =>
      statuses.some(({ exchange, state }) => exchange === 'okx' && state === 'disconnected'),
    );
    await until('the books after it', () => allTrusted('okx'));
    t.same(ended, [], 'a lost connection is a state, not a crash');

    system.crash('/feeds/bybit', new Error('planted'));
    t.ok(
      slots['bybit']!.every((slot) => board.trust[slot] !== TRUST_OK),
      'its books are distrusted at once',
    );
    await until('the end of it', () => ended.length > 0);
    // As if the wall clock had been set back by an hour before the next start.
    for (const slot of slots['bybit']!) board.epoch[slot]! += 3_600_000;
    await spawn('bybit');
    await until('the books of the new incarnation', () => allTrusted('bybit'));

    for (const name of ['binance', 'okx', 'bybit']) await system.stop(`/feeds/${name}`, 'shutdown', 5000);
    await until(
      'the stop on the bus',
      () => statuses.filter(({ state }) => state === 'stopped').length === 3,
    );
    t.ok(
      Object.values(slots)
        .flat()
        .every((slot) => board.trust[slot] !== TRUST_OK),
      'nothing is trusted after the stop',
    );
  },
);
