import t from 'tap';
import { feedActor, type FeedMessage } from '../../src/actors/feed.js';
import { InProcessBus } from '../../src/cluster/in-process-bus.js';
import { ccxt } from '../../src/connectors/ccxt.js';
import { RateLimiter } from '../../src/connectors/rate-limiter.js';
import { loadInstruments, sampleClock } from '../../src/connectors/rest-client.js';
import { curatedRegistry } from '../../src/market/asset-registry.js';
import { BOARD_DEPTH, QuoteBoard, TRUST_OK } from '../../src/market/quote-board.js';
import type { FeedStatus, TradePrint } from '../../src/messages/feed.js';
import { NactEngine } from '../../src/runtime/engine-nact.js';
import { CcxtLink } from '../../src/runtime/platform/ccxt-link.js';
import { SystemClock, SystemTimers } from '../../src/runtime/platform/clock.js';
import { UndiciHttpClient } from '../../src/runtime/platform/http-client.js';
import { SeededRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { WsSockets } from '../../src/runtime/platform/sockets.js';
import { ActorSystem } from '../../src/runtime/system.js';
import type { Ladder } from '../../src/simulator/ladder.js';
import { NO_PLANTS } from '../../src/simulator/plants.js';
import { startSimulatedExchanges } from '../../src/simulator/server.js';
import { KeptLog } from '../runtime/harness.js';

/** ccxt pro itself, in its thread, on a simulated exchange over real loopback sockets, as an actor of the node. */

t.setTimeout(240_000);

const LIMITS = { maxFrameBytes: 1, connectTimeoutMs: 1 };
const ASSETS = { BTC: 'BTC', ETH: 'ETH', USDT: 'USDT' };

t.test(
  'a feed through ccxt: live, untrusted with every fault at once, and trusted again by itself',
  async (t) => {
    const clock = new SystemClock();
    const timers = new SystemTimers();
    const random = new SeededRandom('ccxt');
    const ids = new TimeOrderedIds(clock, random);
    const log = new KeptLog();
    const simulated = await startSimulatedExchanges({
      seed: 7,
      clock,
      timers,
      log,
      exchanges: ['okx'],
      pairs: ['BTC-USDT', 'ETH-USDT', 'SOL-USDT'],
      plants: NO_PLANTS,
    });
    const face = simulated.faces.okx!;
    const http = new UndiciHttpClient();
    const link = new CcxtLink({
      sockets: new WsSockets(),
      http,
      servers: { okx: simulated.endpoints.okx! },
    });
    const bus = new InProcessBus({ clock, timers, ids, log, sender: 'test' });
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
    t.teardown(async () => {
      await system.stop('/feeds/other', 'shutdown', 5000);
      await bus.close();
      await link.close();
      await simulated.close();
      await http.close();
    });
    const statuses: FeedStatus[] = [];
    const prints: TradePrint[] = [];
    bus.subscribe('feed.status.*', 'feedStatus', ({ message }) => statuses.push(message));
    bus.subscribe('md.trade.*.*', 'tradePrint', ({ message }) => prints.push(message));

    const connector = ccxt({ exchange: 'other', ccxtId: 'okx', assets: ASSETS });
    const { endpoints } = connector;
    const limiter = new RateLimiter(connector.capabilities.restLimits);
    const rest = { connector, endpoints, http: link, limiter, clock, timers };
    const { instruments, refused } = await loadInstruments(rest, (...market) =>
      curatedRegistry.resolveMarket(...market),
    );
    t.same(refused, []);
    t.same(
      instruments.map(({ id, symbol, tickSize, lotSize, minQuantity, bookProof, identityKnown, state }) => ({
        id,
        symbol,
        tickSize,
        lotSize,
        minQuantity,
        bookProof,
        identityKnown,
        state,
      })),
      [
        ['BTC', '0.1', '0.00000001', '0.00001'],
        ['ETH', '0.01', '0.000001', '0.0001'],
      ].map(([base, tickSize, lotSize, minQuantity]) => ({
        id: `other:${base}-USDT`,
        symbol: `${base}/USDT`,
        tickSize,
        lotSize,
        minQuantity,
        bookProof: 'opaque',
        identityKnown: true,
        state: 'trading',
      })),
      'the rules are exact, and markets of currencies that nobody vouched for are not asked for',
    );
    t.ok(Math.abs((await sampleClock(rest)).offsetMs) < 60_000, 'the clock is sampled');

    const board = new QuoteBoard(8);
    const slots = instruments.map(({ id }) => board.slotOf(id));
    /** Moments at which a book was untrusted, and whether a trusted one was ever crossed. */
    let crossed = 0;
    board.onDirty((slot) => {
      const at = slot * BOARD_DEPTH;
      if (board.trust[slot] === TRUST_OK && board.bidPrices[at]! >= board.askPrices[at]!) crossed++;
    });
    await system.spawn<FeedMessage>(
      '/feeds/other',
      feedActor({ connector, instruments, board, sockets: link, http: link, bus, timers, limiter }),
      (end) => ended.push(JSON.stringify(end)),
    );
    const until = async (what: string, condition: () => boolean) => {
      const deadline = performance.now() + 90_000;
      while (!condition()) {
        if (performance.now() > deadline)
          throw new Error(`${what} did not happen: ${JSON.stringify(statuses.slice(-6))}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    const trusted = () => slots.every((slot) => board.trust[slot] === TRUST_OK);
    const untrusted = () => slots.every((slot) => board.trust[slot] !== TRUST_OK);
    /** At some moment every book on the board is the engine's. */
    const equal = () =>
      instruments.every(({ pair }, index) => {
        const market = simulated.world.market('okx', pair);
        return trusted() && sameTop(board, slots[index]!, market.ladder(), market.listing);
      });
    await until('all books', trusted);
    await until('books equal to the engine', equal);
    await until('trades', () => prints.length > 0);
    t.match(prints[0], { instrument: /^other:/, side: /buy|sell/ });

    const faults: [string, () => () => void][] = [
      ['a lost connection', () => (face.disconnect(), () => undefined)],
      ['garbage', () => face.faults.add({ kind: 'garbage', channel: 'books' })],
      ['half a frame', () => face.faults.add({ kind: 'truncate', channel: 'books' })],
      [
        'a half-open line',
        () => (face.connections.forEach((id) => face.faults.makeHalfOpen(id)), () => undefined),
      ],
      ['silence', () => face.faults.add({ kind: 'mute' })],
    ];
    for (const [name, begin] of faults) {
      const end = begin();
      await until(`${name}: no book is trusted`, untrusted);
      end();
      await until(`${name}: all books are trusted again`, trusted);
      await until(`${name}: and equal to the engine`, equal);
      t.pass(name);
    }
    simulated.world
      .market('okx', 'BTC-USDT')
      .setPhantom({ side: 'buy', priceTicks: 10_000_000, lots: 5 }, clock.nowMs());
    await until('a crossed book is not trusted', () => board.trust[slots[0]!] !== TRUST_OK);
    simulated.world.market('okx', 'BTC-USDT').setPhantom(null, clock.nowMs());
    await until('and is again when it is uncrossed', equal);
    t.equal(crossed, 0, 'no crossed book was ever trusted');
    t.same(ended, [], 'all of it was a state of the feed, no crash');
    const reasons = statuses.filter(({ state }) => state === 'disconnected').map(({ reason }) => reason);
    t.ok(
      reasons.some((reason) => reason.includes('no JSON')),
      reasons.join(' | '),
    );
  },
);

function sameTop(board: QuoteBoard, slot: number, ladder: Ladder, { tick, lot }: Listing): boolean {
  const exact = (count: number, step: Step) => Number(`${count * step.units}e-${step.decimals}`);
  const at = slot * BOARD_DEPTH;
  return (
    [
      [ladder.bids, board.bidPrices, board.bidSizes],
      [ladder.asks, board.askPrices, board.askSizes],
    ] as const
  ).every(([side, prices, sizes]) =>
    side.prices
      .slice(0, 10)
      .every(
        (price, i) => prices[at + i] === exact(price, tick) && sizes[at + i] === exact(side.lots[i]!, lot),
      ),
  );
}

interface Step {
  readonly units: number;
  readonly decimals: number;
}
interface Listing {
  readonly tick: Step;
  readonly lot: Step;
}

t.test('what ccxt does not know ends as a closed socket and a failed request', async (t) => {
  const link = new CcxtLink({ sockets: new WsSockets(), http: new UndiciHttpClient() });
  t.teardown(() => link.close());
  const request = { method: 'GET', timeoutMs: 60_000, maxBodyBytes: 1000 } as const;
  const answer = await link.request({ ...request, url: 'ccxt://nosuchexchange/markets?codes=BTC' });
  t.equal(answer.status, 503);
  t.match(answer.body.toString(), /ccxt pro knows no exchange 'nosuchexchange'/);
  const reason = await new Promise<string>((resolve) =>
    link.connect('ccxt://nosuchexchange/', LIMITS, {
      onOpen: () => undefined,
      onFrame: () => undefined,
      onClose: (_code, text) => resolve(text),
    }),
  );
  t.match(reason, /knows no exchange/);
  await t.rejects(link.request({ ...request, timeoutMs: 1, url: 'ccxt://kraken/time' }), {
    code: 'ARB_HTTP_TIMEOUT',
  });
  // A thread that has not yet begun can answer nothing.
  const waiting = link.request({ ...request, url: 'ccxt://anotherone/time' });
  const closing = new Promise((resolve) =>
    link.connect('ccxt://anotherone/', LIMITS, {
      onOpen: () => undefined,
      onFrame: () => undefined,
      onClose: resolve,
    }),
  );
  await Promise.all([link.close(), t.rejects(waiting, { code: 'ARB_HTTP_FAILED' }), closing]);
});
