import type { PremiumRow } from '../../src/messages/premium.js';
import t from 'tap';
import type { MessageOf } from '../../src/messages/catalogue.js';
import { PATHS } from '../../src/modes/tree.js';
import { createMemoryDatabase, noFaults } from '../../src/storage/memory/memory-database.js';
import { openStores } from '../../src/storage/open-stores.js';
import { SAMPLES } from '../messages/samples.js';
import { KeptLog } from '../runtime/harness.js';
import { ManualTime } from '../runtime/manual-time.js';
import { alertNode, busOf, MemoryFiles, memoryStores, ScriptedMessenger } from './rig.js';

t.setTimeout(170_000);

const HOUR = 3_600_000;
const flagged = (id: string, atMs: number): MessageOf<'arbitrageClosed'> => ({
  ...SAMPLES.arbitrageClosed,
  arbitrageId: id,
  outcome: 'flagged',
  closedAtMs: atMs,
});
const crash = (path: string, number: number, atMs: number): MessageOf<'supervisionEvent'> => ({
  ...SAMPLES.supervisionEvent,
  eventId: `tokyo-1:${path}#1:boot.${number}`,
  path,
  kind: 'restarting',
  reason: 'gap',
  delayMs: 250,
  atMs,
});

t.test('a feed actor that is killed is told of exactly once, and its restart is not', async (t) => {
  const time = new ManualTime();
  const messenger = new ScriptedMessenger();
  const node = await alertNode({ time, messenger });
  const started = node.tree.start();
  await time.advance(2_000);
  await started;
  t.match(messenger.texts, /tokyo-1 has started/);
  await node.tree.crash('node/feeds/okx', 'planted');
  await time.advance(300_000);
  const told = messenger.sent.filter(({ text }) => text.includes('node/feeds/okx'));
  t.equal(told.length, 1);
  t.match(
    told[0]?.text,
    /^WARNING {2}arbot PAPER\nnode\/feeds\/okx on tokyo-1 crashed \(crashed on request: planted\)/,
  );
  t.equal(node.system.inspect('node/feeds/okx')?.incarnation, 2);
  t.match(node.summary(), { role: 'owner', holder: 'tokyo-1', alerts: 2, sent: 2 });
  await node.tree.stop();
});

t.test(
  'after a day without the messenger the queue drains, and everything critical has been told',
  async (t) => {
    const time = new ManualTime();
    const messenger = new ScriptedMessenger();
    const node = await alertNode({ time, messenger, lookMs: 5_000 });
    const started = node.tree.start();
    await time.advance(6_000);
    await started;
    messenger.meets = () => ({ kind: 'failed', reason: 'no answer' });
    let number = 0;
    for (let hour = 0; hour < 24; hour++) {
      for (let i = 0; i < 10; i++)
        node.publish('arbitrageClosed', flagged(`arb-${hour}-${i}`, time.nowMs() + i));
      for (let i = 0; i < 400; i++)
        node.publish('supervisionEvent', crash(`node/feeds/x${i % 90}`, number++, time.nowMs()));
      await time.advance(HOUR);
    }
    t.ok(messenger.tries < 24 * 85, `${messenger.tries} tries: about one a minute`);
    const [chat] = node.summary()['chats'] as { waiting: number }[];
    t.ok(chat!.waiting <= 1_000);
    const before = messenger.sent.length;
    messenger.meets = () => null;
    await time.advance(HOUR / 2);
    const messages = messenger.sent.length - before;
    for (let hour = 0; hour < 24; hour++)
      for (let i = 0; i < 10; i++)
        if (!messenger.texts.includes(`arb-${hour}-${i}:`)) t.fail(`arb-${hour}-${i}`);
    t.ok(messages < 100, `${messages} messages for ${24 * 410} alerts`);
    t.match(node.summary(), { chats: [{ waiting: 0, unacknowledged: 240 }] });
    await node.tree.stop();
  },
);

t.test(
  'ten thousand restarts in a moment are a few messages, and trading waits for none of them',
  async (t) => {
    const time = new ManualTime();
    const messenger = new ScriptedMessenger();
    const node = await alertNode({ time, messenger });
    const started = node.tree.start();
    await time.advance(2_000);
    await started;
    // Faster than the bus lets a subscriber fall behind would be refused to whoever publishes.
    for (let i = 0; i < 10_000; i++) {
      node.publish('supervisionEvent', crash(`node/feeds/x${i % 50}`, i, time.nowMs() + i));
      if (i % 5_000 === 4_999) await time.settle();
    }
    node.publish('haltChanged', { engaged: true, reason: 'storm', by: 'gate', atMs: time.nowMs() });
    await time.advance(600_000);
    t.match(node.summary(), { heard: 10_000 + 6, alerts: 10_002 });
    t.ok(messenger.sent.length <= 20, `${messenger.sent.length} messages`);
    t.match(messenger.texts, /CRITICAL {2}arbot PAPER\nthe kill switch was engaged/);
    const [told] = node.summary()['chats'] as { waiting: number }[];
    t.equal(told?.waiting, 0);
    await node.tree.stop();
  },
);

t.test('told to wait, the bot waits; what is refused for good does not hold up the rest', async (t) => {
  const time = new ManualTime();
  const messenger = new ScriptedMessenger();
  const node = await alertNode({
    time,
    messenger,
    alerts: { telegram: { tokenEnv: 'TELEGRAM_TOKEN', chatIds: ['7', '8'] } },
  });
  const started = node.tree.start();
  await time.advance(2_000);
  await started;
  const gone = {
    kind: 'refused' as const,
    about: 'chat' as const,
    reason: '400 Bad Request: chat not found',
  };
  messenger.meets = ({ chat }) => (chat === '8' ? gone : { kind: 'wait', ms: 30_000 });
  messenger.sent.length = 0;
  node.publish('arbitrageClosed', flagged('arb-1', time.nowMs()));
  await time.advance(1_000);
  const tries = messenger.tries;
  messenger.meets = ({ chat }) => (chat === '8' ? gone : null);
  await time.advance(28_000);
  t.equal(messenger.tries, tries, 'nothing before its time');
  await time.advance(3_000);
  t.match(messenger.sent, [{ chat: '7', text: /a person must look at arb-1/ }]);
  await time.advance(HOUR);
  const toGone = node.summary()['chats'] as { waiting: number }[];
  t.equal(toGone[1]?.waiting, 1, 'it waits for the chat that is not there');
  messenger.meets = () => null;
  await time.advance(600_000);
  t.ok(messenger.sent.some(({ chat, text }) => chat === '8' && text.includes('arb-1')));

  messenger.meets = ({ text }) =>
    text.includes('arb-2') ? { kind: 'refused', about: 'message', reason: '400 Bad Request' } : null;
  node.publish('arbitrageClosed', flagged('arb-2', time.nowMs()));
  node.publish('arbitrageClosed', flagged('arb-3', time.nowMs()));
  await time.advance(120_000);
  t.match(messenger.texts, /arb-3/);
  t.ok(node.log.lines.some(({ level, message }) => level === 'error' && /refuses this alert/.test(message)));
  await node.tree.stop();
});

t.test('a process that is killed tells after its restart what is critical and was not told', async (t) => {
  const time = new ManualTime();
  const files = new MemoryFiles();
  const first = new ScriptedMessenger();
  const stores = await memoryStores(time);
  const before = await alertNode({ time, messenger: first, files, stores });
  const started = before.tree.start();
  await time.advance(2_000);
  await started;
  before.publish('arbitrageClosed', flagged('arb-told', time.nowMs()));
  await time.advance(3_000);
  first.meets = () => ({ kind: 'failed', reason: 'no answer' });
  before.publish('arbitrageClosed', flagged('arb-untold', time.nowMs()));
  before.publish('supervisionEvent', crash('node/feeds/okx', 1, time.nowMs()));
  await time.advance(3_000);
  await Promise.all([before.kill(), time.advance(1_000)]);
  t.equal([...files.texts.keys()].join(), '/data/alerts.json');

  const messenger = new ScriptedMessenger();
  const after = await alertNode({ time, messenger, files, stores });
  const restarted = after.tree.start();
  await time.advance(30_000);
  await restarted;
  t.match(messenger.texts, /arb-untold/);
  t.notMatch(messenger.texts, /arb-told/, 'it was told');
  await time.advance(400_000);
  t.match(
    messenger.texts,
    /NOT ACKNOWLEDGED: 2 [\s\S]*arb-told/,
    'and is repeated, since nobody acknowledged it',
  );
  await after.tree.stop();

  files.texts.set('/data/alerts.json', '{"version":1,"chats":{"7":{"sequence":"x"}}}');
  const third = await alertNode({ time, messenger: new ScriptedMessenger(), files, stores });
  const again = third.tree.start();
  await time.advance(2_000);
  await again;
  t.ok(third.log.lines.some(({ message }) => /kept alerts cannot be read/.test(message)));
  await third.tree.stop();
});

t.test(
  'an alerts actor that crashes loses nothing, and a full disk keeps nobody from being told',
  async (t) => {
    const time = new ManualTime();
    const messenger = new ScriptedMessenger();
    const files = new MemoryFiles();
    const node = await alertNode({ time, messenger, files });
    const started = node.tree.start();
    await time.advance(2_000);
    await started;
    let thrown = 0;
    messenger.meets = () => {
      if (thrown++ > 1) return null;
      throw new Error('planted');
    };
    node.publish('arbitrageClosed', flagged('arb-1', time.nowMs()));
    await time.advance(250);
    node.publish('arbitrageClosed', flagged('arb-2', time.nowMs()));
    await time.advance(60_000);
    t.match(messenger.texts, /arb-1/);
    t.match(messenger.texts, /arb-2/);
    t.ok((node.system.inspect(PATHS.alerts)?.incarnation ?? 0) > 1);
    t.match(messenger.texts, /node\/watch\/alerts on tokyo-1 crashed/);
    files.isFull = true;
    node.publish('arbitrageClosed', flagged('arb-3', time.nowMs()));
    await time.advance(20_000);
    t.match(messenger.texts, /arb-3/);
    t.match(node.summary(), { lastWriteError: 'the disk is full' });
    files.isFull = false;
    await time.advance(10_000);
    t.match(files.texts.get('/data/alerts.json'), /arb-3/);
    await node.tree.stop();
  },
);

t.test('one node tells for all; when it is gone another tells what it had not', async (t) => {
  const time = new ManualTime();
  const database = createMemoryDatabase();
  const faults = noFaults();
  const world = { log: new KeptLog(), timers: time, clock: time };
  const stores = await openStores({ kind: 'memory', mode: 'PAPER', database, faults }, world);
  const bus = busOf(time);
  const [one, two] = [new ScriptedMessenger(), new ScriptedMessenger()];
  const first = await alertNode({ time, messenger: one, stores, bus, node: 'tokyo-1' });
  const starting = first.tree.start();
  await time.advance(2_000);
  await starting;
  const second = await alertNode({ time, messenger: two, stores, bus, node: 'seoul-1' });
  const startingToo = second.tree.start();
  await time.advance(2_000);
  await startingToo;
  t.match([first.summary(), second.summary()], [{ role: 'owner' }, { role: 'standby', holder: 'tokyo-1' }]);
  first.publish('arbitrageClosed', flagged('arb-1', time.nowMs()));
  await time.advance(5_000);
  t.match(one.texts, /arb-1/);
  one.meets = () => ({ kind: 'failed', reason: 'no answer' });
  first.publish('arbitrageClosed', flagged('arb-2', time.nowMs()));
  await time.advance(120_000);
  t.same(two.sent, [], 'the other one stands by');
  await Promise.all([first.kill(), time.advance(3_000)]);
  await time.advance(40_000);
  t.match(second.summary(), { role: 'owner' });
  t.match(two.texts, /arb-2/);
  t.notMatch(two.texts, /arb-1:/, 'that was told');
  await time.advance(600_000);
  t.match(two.texts, /NOT ACKNOWLEDGED: 2/, 'and both are repeated');

  two.sent.length = 0;
  faults.down = true;
  await time.advance(30_000);
  t.match(second.summary(), { role: 'unsure' });
  second.publish('arbitrageClosed', flagged('arb-3', time.nowMs()));
  second.publish('supervisionEvent', crash('node/feeds/okx', 9, time.nowMs()));
  await time.advance(130_000);
  t.match(two.texts, /arb-3/, 'without the store of leases everybody tells what is critical');
  t.notMatch(two.texts, /node\/feeds\/okx/);
  faults.down = false;
  await time.advance(130_000);
  t.match(two.texts, /node\/feeds\/okx/);
  await second.tree.stop();
});

t.test('what events say is switched event by event, and silent ones make no sound', async (t) => {
  const time = new ManualTime();
  const messenger = new ScriptedMessenger();
  let amount = '1000';
  let premiums: PremiumRow[] = [];
  const node = await alertNode({
    ...{ time, messenger },
    alerts: { events: { trade: 'off', restart: 'silent', inventory: 'on', premium: 'on' } },
    holdings: () => Promise.resolve([{ exchange: 'binance', asset: 'USDT', amount }]),
    premiums: () => Promise.resolve(premiums),
  });
  const started = node.tree.start();
  await time.advance(2_000);
  await started;
  messenger.sent.length = 0;
  node.publish('arbitrageClosed', { ...SAMPLES.arbitrageClosed, outcome: 'completed' });
  node.publish('supervisionEvent', crash('node/feeds/okx', 1, time.nowMs()));
  node.publish('haltChanged', { engaged: true, reason: 'r', by: 'b', atMs: 5 });
  node.publish('haltChanged', { engaged: true, reason: 'r', by: 'b', atMs: 5 });
  await time.advance(10_000);
  t.match(messenger.sent, [
    { silent: false, text: /kill switch/ },
    { silent: true, text: /okx/ },
  ]);
  t.equal(messenger.sent.length, 2, 'trades are off, and the switch was told twice');
  t.match(node.summary(), { off: 1, repeated: 1 });
  amount = '540';
  await time.advance(120_000);
  t.match(messenger.texts, /USDT on binance is low: 540 held, 500 kept back/);
  premiums = [
    {
      ...{ exchange: 'upbit', asset: 'BTC', currency: 'KRW', instrument: 'upbit:BTC-KRW', dollarMarkets: 1 },
      ...{
        localPrice: 113e6,
        dollarPrice: 80_000,
        rate: 1_400,
        vsUsdtBps: 160,
        vsFxBps: null,
        usdtBps: null,
      },
      ...{ sellLocalBps: 130, buyLocalBps: -190 },
    },
  ];
  await time.advance(120_000);
  t.match(messenger.texts, /BTC in KRW on upbit: \+1\.60 % against the executable rate/);
  await node.tree.stop();
});
