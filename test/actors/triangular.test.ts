import t from 'tap';
import { triangularActor } from '../../src/actors/triangular-detector.js';
import { DEFAULT_TRIANGULAR_PARAMETERS } from '../../src/detectors/triangular/triangular-parameters.js';
import type { OpportunityEvent, Signal } from '../../src/messages/signal.js';
import { instrument } from '../risk/fixtures.js';
import { World } from './world.js';

const TRIANGLE = ['BTC-USDT', 'ETH-BTC', 'ETH-USDT'].map((pair) => {
  const [base = '', quote = ''] = pair.split('-');
  const rules = { tickSize: '0.00001', lotSize: '0.0001', minQuantity: '0.0001', minNotional: '0' };
  return instrument('alpha', base, { ...rules, id: `alpha:${pair}`, pair, quote, symbol: base + quote });
});

interface Told {
  readonly world: World;
  readonly signals: Signal[];
  readonly events: OpportunityEvent[];
  cross(share: number): Promise<void>;
}

/** The money actors of one process and a detector of one exchange's cycles, over books of 1000, 0.1 and 100. */
async function started({ away = false, watchOnly = false, share = 1 } = {}): Promise<Told> {
  const world = await World.start();
  const { bus, board, stores } = world;
  const told = { signals: [] as Signal[], events: [] as OpportunityEvent[] };
  bus.subscribe('signal.*', 'signal', ({ message }) => void told.signals.push(message));
  bus.subscribe('opportunity.*', 'opportunityEvent', ({ message }) => {
    if (message.strategy === 'triangular') told.events.push(message);
  });
  const quotes = () => {
    world.quote('alpha:BTC-USDT', 999.9, 1000.1);
    world.quote('alpha:ETH-USDT', 99.99, 100.01);
  };
  const crossAt = (share: number) => world.quote('alpha:ETH-BTC', 0.09999 * share, 0.10001 * share, 50);
  quotes();
  crossAt(share);
  world.faults.down = away;
  const spawned = world.system.spawn(
    '/cycles',
    triangularActor({
      ...{ bus, board, trades: stores.trades },
      instruments: TRIANGLE,
      parameters: {
        ...DEFAULT_TRIANGULAR_PARAMETERS,
        limits: new Map([['USDT', { minNetProfit: '0.5', maxNotional: '2000' }]]),
        ...(watchOnly && { watchOnly }),
      },
    }),
  );
  await world.time.advance(50);
  if (!(await spawned).ok) throw new Error('the detector did not start');
  world.faults.down = false;
  const cross = async (share: number) => {
    quotes();
    crossAt(share);
    await world.time.advance(20);
  };
  return { world, ...told, cross };
}

t.test(
  'a cycle that earns is signalled with its latency, and what the gate answers ends the offer',
  async (t) => {
    const { world, signals, events, cross } = await started();
    t.match(world.summary('/cycles'), { strategy: 'triangular', cycles: 2, openLives: 0, signals: 0 });
    await cross(0.99);
    t.equal(signals.length, 1);
    t.match(signals[0], { strategy: 'triangular', shape: 'cycle', pair: 'BTC-USDT', quote: 'USDT' });
    t.ok(signals[0]!.exchangeToSignalMs >= 0 && signals[0]!.exchangeToSignalMs < 30);
    t.match(events[0], { phase: 'opened', route: 'alpha:BTC-USDT > alpha:ETH-BTC > alpha:ETH-USDT' });
    const [answer] = world.of('verdict');
    t.equal(answer?.opportunityId, signals[0]!.opportunityId, 'the gate has heard it');
    if (answer?.decision !== 'approved') t.match(events.at(-1), { phase: 'refused' });
    t.match(world.summary('/cycles'), { openLives: 1, signals: 1 });
    const looks = () => Number(world.summary('/cycles')?.['looks']);
    const before = looks();
    world.quote('beta:BTC-USDT', 990, 991);
    await world.time.advance(20);
    t.equal(looks(), before, 'the markets of others do not wake it');
    for (let i = 0; i < 50; i++) world.quote('alpha:BTC-USDT', 999.9, 1000.1);
    await world.time.advance(20);
    t.equal(looks(), before + 1, 'many changes of one market are one look');
    await cross(1);
    t.match(events.at(-1), { phase: 'closed' });
    const halted = {
      instrument: 'alpha:ETH-BTC',
      state: 'halted',
      reason: 'test',
      atMs: world.time.nowMs(),
    } as const;
    world.bus.publish('feed.instrument.alpha', 'instrumentStateChanged', halted, { traceId: 'x' });
    await world.time.advance(5);
    await cross(0.99);
    t.match(events.at(-1), { phase: 'refused', reason: 'NOT_TRADING' });
    t.equal(signals.length, 1);
  },
);

t.test(
  'what is only watched reaches nobody, and while the store is away a standing edge is left alone',
  async (t) => {
    const watched = await started({ watchOnly: true });
    await watched.cross(0.99);
    t.same(watched.signals, []);
    t.match(watched.events.at(-1), { phase: 'refused', reason: 'WATCH_ONLY' });
    for (const away of [true, false]) {
      const { signals, cross } = await started({ away, share: 0.99 });
      await cross(0.989);
      t.equal(signals.length, away ? 0 : 1, 'what was traded before is not known without it');
      await cross(1);
      await cross(0.99);
      t.equal(signals.length, away ? 1 : 2, 'a new edge is offered in any case');
    }
  },
);
