import t from 'tap';
import { checkTrading } from '../../src/config/index.js';
import { tradingSchema } from '../../src/config/trading.js';
import { decodeLimits, LIMITS_KEY, limitsChangeKey } from '../../src/messages/limit-journal.js';
import type { MessageOf } from '../../src/messages/catalogue.js';
import { LimitChanges, type LimitRequest } from '../../src/modes/limit-changes.js';
import { ArbotError } from '../../src/messages/errors.js';
import type { SettingsStore } from '../../src/ports/stores.js';
import { World } from '../actors/world.js';

const TRADING = tradingSchema.parse({
  assets: { BTC: {}, ETH: {}, USDT: {} },
  pairs: [{ pair: 'BTC-USDT', maxNotional: '4500' }, { pair: 'ETH-USDT' }],
  exchanges: {
    alpha: { ccxt: { id: 'alpha', assets: { BTC: 'BTC', USDT: 'USDT' } }, opening: { USDT: '100000' } },
    beta: { ccxt: { id: 'beta', assets: { BTC: 'BTC', USDT: 'USDT' } }, opening: { USDT: '100000' } },
  },
});

async function open(before?: World) {
  const world = await World.start(before === undefined ? {} : { before });
  const { bus, stores, time } = world;
  const changes = new LimitChanges({
    trading: TRADING,
    mode: 'PAPER',
    settings: stores.settings,
    bus,
    clock: time,
  });
  const told: MessageOf<'limitsChanged'>[] = [];
  bus.subscribe('risk.limits', 'limitsChanged', ({ message }) => told.push(message));
  const settled = async <T>(promise: Promise<T>): Promise<T | string> => {
    const done = promise.catch((error: ArbotError) => `${error.code} ${error.message}`);
    await world.time.advance(50);
    return done;
  };
  const ask = (request: Partial<LimitRequest>) =>
    settled(changes.change({ changes: {}, version: 0, reason: 'test', by: 'person', ...request }));
  return { world, changes, told, ask, settled };
}

t.test('a change is checked, written with its author, told, and found again after a restart', async (t) => {
  const { world, changes, told, ask, settled } = await open();
  t.same(checkTrading(TRADING), []);
  const asked = { orderNotional: '4000', 'breaker.lossesInRow': 3, 'exchangeNotionalBy.alpha': '50000' };
  const changed = await ask({ changes: asked });
  t.match(changed, {
    version: 1,
    overrides: asked,
    by: 'person',
    reason: 'test',
    changes: [
      { key: 'breaker.lossesInRow', from: 5, to: 3 },
      { key: 'exchangeNotionalBy.alpha', from: null, to: '50000' },
      { key: 'orderNotional', from: '5000', to: '4000' },
    ],
  });
  t.strictSame(told, [changed]);
  const limits = changes.limitsWith(asked);
  t.equal(limits.maxOrderNotional, '4000');
  t.equal(limits.breaker.maxConsecutiveLosses, 3);
  t.equal(limits.exchangeHoldingsOverrides['alpha'], '50000', 'below what is held: nothing more goes there');
  t.equal(
    limits.baseline.find(({ asset }) => asset === 'USDT')?.amount,
    '200000',
    'openings stay those of the file',
  );

  t.match(
    await ask({ changes: { orderNotional: '3000' } }),
    /ARB_STORE_CONFLICT.*version 1/,
    'seen by nobody',
  );
  t.match(await ask({ changes: { orderNotional: null, drawdown: '900' }, version: 1 }), {
    version: 2,
    overrides: { 'breaker.lossesInRow': 3, 'exchangeNotionalBy.alpha': '50000', drawdown: '900' },
  });
  await world.kill();
  const again = await open(world);
  t.match(await again.settled(again.changes.inForce()), {
    version: 2,
    limits: { drawdown: '900', orderNotional: '5000' },
  });
  t.match(await again.settled(again.changes.journal(10)), [{ version: 2 }, { version: 1 }], 'newest first');
  t.match(await again.settled(again.changes.journal(1)), [{ version: 2 }]);
  void settled;
});

t.test('what the file could not say is refused by name, and nothing is written or told', async (t) => {
  const { world, told, ask } = await open();
  const cases: [LimitRequest['changes'], RegExp][] = [
    [{ orderNotional: 'all' }, /request: limits\.orderNotional/],
    [{ orderNotional: '20001' }, /limits\.orderNotional: above limits\.assetNotional/],
    [{ totalNotional: '100' }, /above limits\.totalNotional/],
    [{ 'breaker.errorRate': 2 }, /limits\.breaker\.errorRate/],
    [{ 'breaker.cooldownMs': 1_000_000 }, /limits\.breaker\.cooldownMs: above/],
    [{ orderNotional: '60' }, /limits\.breaker\.probeSize: of/],
    [{ breaker: 5 }, /limits\.breaker/],
    // Beside a change that is one, so that it would be written.
    [{ orderNotional: '4000', 'breaker.__proto__.okx': '9' }, /limits\.breaker\.__proto__: unknown key/],
    [{ orderNotional: '4000', 'dailyLoss.today': '9' }, /limits\.dailyLoss\.today: unknown key/],
    [{ orderNotional: '4000', 'constructor.name': '9' }, /limits\.constructor: unknown key/],
    [{ nonsense: 5 }, /limits\.nonsense: unknown key/],
    [{ 'exchangeNotionalBy.kraken': '5' }, /not in exchanges/],
    [{ bookAgeMaxMs: 500 }, /limits\.bookAgeMaxMs: changes with the file/],
    [{ orderNotional: '5' }, /sizes\.minNotional: above/],
    [{ lossStreak: 10 }, /nothing changes/],
    [{ 'strategyNotionalBy.Spatial!': '5' }, /strategyNotionalBy/],
  ];
  for (const [changes, expected] of cases) {
    const answer = await ask({ changes });
    t.match(answer, /^ARB_CONFIG_INVALID/, JSON.stringify(changes));
    t.match(answer, expected);
  }
  t.notOk('okx' in {}, 'no prototype is changed');
  t.strictSame(told, []);
  t.equal(world.database.settings.get(LIMITS_KEY), undefined);
});

t.test('two changes at once are one after the other, and the second looks again', async (t) => {
  const { changes, world } = await open();
  const ask = (orderNotional: string) =>
    changes.change({ changes: { orderNotional }, version: 0, reason: 'r', by: 'b' }).then(
      () => 'done',
      (error: ArbotError) => error.code,
    );
  const both = Promise.all([ask('4000'), ask('3000')]);
  await world.time.advance(50);
  t.strictSame(await both, ['done', 'ARB_STORE_CONFLICT']);
});

t.test(
  'a store that fails changes nothing that is in force, and an unreadable setting is not ignored',
  async (t) => {
    const { world, told, ask } = await open();
    world.faults.down = true;
    t.match(await ask({ changes: { orderNotional: '4000' } }), /^ARB_STORE_UNAVAILABLE/);
    t.strictSame(told, []);
    world.faults.down = false;
    t.match(await ask({ changes: { orderNotional: '4000' } }), { version: 1 });
    t.ok(world.database.settings.get(limitsChangeKey(1)) !== undefined);
    for (const text of ['', '{}', '{"version":-1,"overrides":{}}', '{"version":1,"overrides":{"A B":"1"}}'])
      t.throws(() => decodeLimits(text), { code: 'ARB_CONFIG_INVALID' });
    t.strictSame(decodeLimits(null), { version: 0, overrides: {} });
  },
);

t.test('a change whose acknowledgement was lost is in force as it is written', async (t) => {
  for (const isReadable of [true, false]) {
    const { world, told, settled } = await open();
    const { bus, stores, time } = world;
    const { settings } = stores;
    const away = new ArbotError('ARB_STORE_UNAVAILABLE', 'the acknowledgement was lost');
    let isLost = false;
    const flaky: SettingsStore = {
      claimMode: (mode) => settings.claimMode(mode),
      get: (key) => (isLost && !isReadable ? Promise.reject(away) : settings.get(key)),
      set: async (key, text) => {
        await settings.set(key, text);
        if (key !== LIMITS_KEY) return;
        isLost = true;
        throw away;
      },
    };
    const changes = new LimitChanges({ trading: TRADING, mode: 'PAPER', settings: flaky, bus, clock: time });
    const request = { changes: { orderNotional: '4000' }, version: 0, reason: 'test', by: 'person' };
    const answer = await settled(changes.change(request));
    if (isReadable) t.match(answer, { version: 1 }, 'read back');
    else t.match(answer, /^ARB_STORE_UNAVAILABLE/);
    isLost = false;
    t.match(await settled(changes.inForce()), { version: 1, limits: { orderNotional: '4000' } });
    t.match(
      told,
      [{ version: 1, overrides: { orderNotional: '4000' } }],
      'what is shown is what the gate goes by',
    );
  }
});

t.test(
  'a file that no longer fits what was changed is named at the start, and nothing is loosened',
  async (t) => {
    const { world, ask, settled } = await open();
    t.match(await ask({ changes: { assetNotional: '30000' } }), { version: 1 });
    const trading = { ...TRADING, limits: { ...TRADING.limits, totalNotional: '25000' } };
    const { bus, stores, time } = world;
    const later = new LimitChanges({ trading, mode: 'PAPER', settings: stores.settings, bus, clock: time });
    t.match(
      await settled(later.inForce()),
      /^ARB_CONFIG_INVALID[^]*limits\.assetNotional: above limits\.totalNotional/,
    );
    t.throws(() => later.limitsWith({ assetNotional: '30000' }), { code: 'ARB_CONFIG_INVALID' });
  },
);
