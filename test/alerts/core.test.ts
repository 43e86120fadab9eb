import fc from 'fast-check';
import t from 'tap';
import { AccountNews } from '../../src/alerts/account-news.js';
import { cutText, tame, type Alert } from '../../src/alerts/alert.js';
import { ChatDesk, type Composition } from '../../src/alerts/chat-desk.js';
import { MAX_WAITING, QUEUE_TIMES } from '../../src/alerts/chat-queue.js';
import { CommandDesk, type CommandStep } from '../../src/alerts/command-desk.js';
import { commandOf } from '../../src/alerts/commands.js';
import { memberAlert } from '../../src/alerts/from-members.js';
import { supervisionAlert } from '../../src/alerts/from-supervision.js';
import { arbitrageAlert, breakerAlert, haltAlert } from '../../src/alerts/from-trading.js';
import { InventoryWatch } from '../../src/alerts/inventory-watch.js';
import { PremiumWatch } from '../../src/alerts/premium-watch.js';
import { News, NEWS_KINDS } from '../../src/alerts/news.js';
import { SendBudget } from '../../src/alerts/send-budget.js';
import { BreakerNews } from '../../src/actors/breaker-news.js';
import { changedWallets } from '../../src/market/wallet-statuses.js';
import { ALERT_EVENTS, type AlertEvent, type AlertSeverity } from '../../src/messages/alerts.js';
import type { MessageOf } from '../../src/messages/catalogue.js';
import { MAX_MESSAGE_TEXT, type ChatEvent } from '../../src/ports/messenger.js';
import { SecondFactor, totpAt, totpKey } from '../../src/security/totp.js';
import { SAMPLES } from '../messages/samples.js';

t.setTimeout(170_000);

const NOW = 1_700_000_000_000;
const alert = (
  subject: string,
  severity: AlertSeverity = 'warning',
  event: AlertEvent = 'restart',
  atMs = NOW,
): Alert => ({
  id: `${event}:${subject}:${atMs}`,
  event,
  severity,
  subject,
  text: `${subject} happened`,
  atMs,
});

const deskOf = (reminders = true) =>
  new ChatDesk(
    {
      chat: '7',
      header: 'arbot PAPER',
      queue: QUEUE_TIMES,
      reminders: reminders ? { firstMs: 300_000, longestMs: 3_600_000 } : null,
      redact: (text) => text,
    },
    0,
  );

/** Sends whatever is due at each second, as a chat allows it. */
function drain(desk: ChatDesk, fromMs: number, untilMs: number): Composition[] {
  const sent: Composition[] = [];
  for (let nowMs = fromMs; nowMs <= untilMs; nowMs += 1_000) {
    const composition = desk.compose(nowMs);
    if (composition === null) continue;
    sent.push(composition);
    desk.settle('sent', nowMs);
  }
  return sent;
}

t.test('the first alert goes at once, more of the same in one digest with their number', async (t) => {
  const desk = deskOf();
  for (let i = 0; i < 300; i++) desk.add(alert('node/feeds/okx', 'warning', 'restart', NOW + i), false);
  const first = desk.compose(0);
  t.match(first?.message.text, /^WARNING {2}arbot PAPER\nnode\/feeds\/okx happened\n300 times from /);
  t.same(first?.message.buttons, []);
  desk.settle('sent', 0);
  for (let i = 0; i < 500; i++)
    desk.add(alert('node/feeds/okx', 'warning', 'restart', NOW + 1_000 + i), false);
  t.equal(desk.compose(1_000), null, 'it was just told');
  const later = drain(desk, 1_000, 130_000);
  t.equal(later.length, 1);
  t.match(later[0]?.message.text, /500 times|500×/);
});

t.test('a storm of ten thousand alerts about as many actors is a handful of messages', async (t) => {
  const desk = deskOf();
  const sent: Composition[] = [];
  for (let i = 0; i < 10_000; i++) {
    desk.add(alert(`actor-${i}`, 'warning', 'restart', NOW + i), false);
    if (i % 100 === 0) sent.push(...drain(desk, i, i));
  }
  t.ok(desk.waiting <= MAX_WAITING);
  sent.push(...drain(desk, 10_000, 300_000));
  t.ok(sent.length >= 2 && sent.length <= 20, `${sent.length} messages`);
  t.equal(desk.waiting, 0);
  const told = sent.reduce((sum, { entries }) => sum + entries.reduce((n, { count }) => n + count, 0), 0);
  const dropped = sent.reduce((sum, one) => sum + (one.dropped.get('restart') ?? 0), 0);
  t.equal(told + dropped, 10_000, 'each is told or counted as not kept');
  t.ok(dropped > 0);
  for (const { message } of sent) t.ok(message.text.length <= MAX_MESSAGE_TEXT);
});

t.test('nothing critical is dropped, however many of it and of everything else there are', async (t) => {
  const desk = deskOf();
  for (let i = 0; i < 600; i++) desk.add(alert(`arbitrage-${i}`, 'critical', 'flagged', NOW + i), false);
  for (let i = 0; i < 5_000; i++) desk.add(alert(`actor-${i}`, 'info', 'trade', NOW + i), false);
  t.ok(desk.waiting <= MAX_WAITING);
  const sent = drain(desk, 0, 600_000);
  const text = sent.map(({ message }) => message.text).join('\n');
  for (let i = 0; i < 600; i++) t.match(text, new RegExp(`arbitrage-${i} happened`), `arbitrage-${i}`);
  t.ok(sent.length < 120);

  const more = deskOf();
  for (let i = 0; i < 5_000; i++) more.add(alert(`x-${i}`, 'critical', 'flagged', NOW + i), false);
  t.ok(more.waiting <= MAX_WAITING);
  const counted = drain(more, 0, 900_000).reduce(
    (n, one) => n + one.entries.reduce((m, e) => m + e.count, 0),
    0,
  );
  t.equal(counted, 5_000, 'beyond the bound they are told by their number');
});

t.test(
  'what was not taken waits again; after refusals it is said in plain words, and then given up',
  async (t) => {
    const desk = deskOf();
    desk.add({ ...alert('kill switch', 'critical', 'killSwitch'), text: 'engaged — „jetzt“' }, false);
    t.match(desk.compose(0)?.message.text, /„jetzt“/);
    desk.settle('failed', 0);
    t.match(desk.kept().waiting, [{ event: 'killSwitch' }]);
    t.match(desk.compose(0)?.message.text, /„jetzt“/, 'the same again');
    desk.settle('refused', 0);
    t.match(desk.compose(0)?.message.text, /engaged \? \?jetzt\?/);
    desk.settle('refused', 0);
    t.match(desk.compose(0)?.message.text, /killSwitch kill switch: its text was refused/);
    t.match(desk.settle('refused', 0).lost, [{ event: 'killSwitch' }]);
    t.equal(desk.waiting, 0);
  },
);

t.test('a critical alert is told again until somebody acknowledges it, later and later', async (t) => {
  const desk = deskOf();
  desk.add(alert('trade', 'critical', 'escalation'), false);
  const [first] = drain(desk, 0, 0);
  t.same(first?.message.buttons, [{ label: 'Acknowledge', data: 'ack:1-1' }]);
  const again = drain(desk, 1_000, 3_600_000);
  t.equal(again.length, 3, 'after 5, 15 and 35 minutes of the hour');
  t.match(again[0]?.message.text, /^NOT ACKNOWLEDGED: 1 {2}arbot PAPER\ntrade happened/);
  t.match(desk.acknowledge(1, 1), [{ event: 'escalation', subject: 'trade' }]);
  t.same(drain(desk, 3_600_000, 20_000_000), []);
  t.same(desk.acknowledge(), []);

  const silent = deskOf(false);
  silent.add(alert('trade', 'critical', 'escalation'), false);
  t.same(drain(silent, 0, 0)[0]?.message.buttons, [], 'where nobody can acknowledge nothing is asked');
  t.same(drain(silent, 1_000, 20_000_000), []);
});

t.test('kept alerts come back with their numbers, and what another node told is forgotten', async (t) => {
  const desk = deskOf();
  desk.add(alert('a', 'critical', 'escalation', NOW), false);
  drain(desk, 0, 0);
  desk.add(alert('b', 'critical', 'escalation', NOW + 1), false);
  desk.add(alert('c', 'info', 'trade', NOW + 1), false);
  desk.compose(1_000);
  const kept = desk.kept();
  t.match(kept, {
    sequence: 3,
    waiting: [{ subject: 'b' }],
    unacknowledged: [{ subject: 'a', sequence: 1 }],
  });
  const next = deskOf();
  next.restore(JSON.parse(JSON.stringify(kept)) as typeof kept, 0);
  const [b] = drain(next, 0, 0);
  t.match(b?.message, { text: /b happened/, buttons: [{ data: 'ack:3-3' }] });
  t.equal(next.unacknowledged.length, 2);

  const other = deskOf();
  other.add(alert('b', 'critical', 'escalation', NOW + 1), false);
  const handled = { event: 'escalation' as const, subject: 'b', untilMs: NOW + 1, sequence: 2 };
  other.handledElsewhere('delivered', [handled], 0);
  t.equal(other.waiting, 0);
  t.match(
    other.unacknowledged,
    [{ subject: 'b', text: 'b happened' }],
    'it repeats it, should it have to take over',
  );
  other.handledElsewhere('acknowledged', [handled], 0);
  t.same(other.unacknowledged, []);
  other.add(alert('b', 'critical', 'escalation', NOW + 5), false);
  other.handledElsewhere('delivered', [handled], 0);
  t.equal(other.waiting, 1, 'what happened since is not told yet');
});

t.test(
  'whatever happens and whatever fails: bounded, short enough, and nothing critical is lost',
  async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('add' as const),
        event: fc.constantFrom(...ALERT_EVENTS),
        subject: fc.string({ unit: 'binary', maxLength: 40 }),
        severity: fc.constantFrom<AlertSeverity>('info', 'warning', 'critical'),
        text: fc.string({ unit: 'binary', maxLength: 3_000 }),
        times: fc.integer({ min: 1, max: 400 }),
      }),
      fc.record({
        kind: fc.constant('send' as const),
        outcome: fc.constantFrom('sent' as const, 'failed' as const),
      }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 120_000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const desk = deskOf();
        let nowMs = 0;
        let added = 0;
        let told = 0;
        const send = (outcome: 'sent' | 'failed'): void => {
          const composition = desk.compose(nowMs);
          if (composition === null) return;
          const { text } = composition.message;
          if (text.length > MAX_MESSAGE_TEXT || text.length === 0)
            throw new Error(`${text.length} characters`);
          const critical = composition.entries.filter(({ severity }) => severity === 'critical');
          desk.settle(outcome, nowMs);
          if (outcome === 'sent') told += critical.reduce((sum, { count }) => sum + count, 0);
        };
        for (const one of steps) {
          if (one.kind === 'wait') nowMs += one.ms;
          else if (one.kind === 'send') send(one.outcome);
          else
            for (let i = 0; i < one.times; i++) {
              const { event, severity, text } = one;
              // Each event has one severity here, so that what joins a critical entry is critical itself.
              desk.add(
                {
                  ...alert(`${severity}${one.subject}${i}`, severity, event),
                  text: cutText(tame(text), 1_000),
                },
                false,
              );
              if (severity === 'critical') added++;
            }
          if (desk.waiting > MAX_WAITING + 1) throw new Error(`${desk.waiting} wait`);
        }
        for (let i = 0; i < 2_000 && desk.waiting > 0; i++) {
          nowMs += 1_000;
          send('sent');
        }
        return told === added && desk.waiting === 0;
      }),
      { numRuns: 60 },
    );
  },
);

t.test(
  'no more than one message a second in a chat, 20 a minute in a group, 30 a second in all',
  async (t) => {
    const budget = new SendBudget();
    let sent = 0;
    for (let nowMs = 0; nowMs < 60_000; nowMs += 50)
      if (budget.waitMs('-100', nowMs) === 0) {
        budget.take('-100', nowMs);
        sent++;
      }
    t.equal(sent, 20);
    const many = new SendBudget();
    let first = 0;
    for (let chat = 0; chat < 100; chat++)
      if (many.waitMs(String(chat), 0) === 0) {
        many.take(String(chat), 0);
        first++;
      }
    t.equal(first, 30);
    t.equal(many.waitMs('99', 400), 600);
    t.equal(many.waitMs('0', 1_000), 0);
  },
);

t.test('of a crash, exactly one of its three events is told; escalations are critical', async (t) => {
  const event = (kind: MessageOf<'supervisionEvent'>['kind'], path = 'node/feeds/okx') =>
    supervisionAlert({
      ...SAMPLES.supervisionEvent,
      kind,
      path,
      reason: 'gap',
      delayMs: 250,
      eventId: `e:${kind}`,
    });
  const kinds = ['crashed', 'restarting', 'restarted'] as const;
  t.same(
    kinds.map((kind) => event(kind)?.event ?? null),
    [null, 'restart', null],
  );
  t.match(event('restarting'), {
    id: 'e:restarting',
    severity: 'warning',
    text: /crashed \(gap\), restarts in 250 ms/,
  });
  t.match(event('escalated'), { event: 'escalation', severity: 'critical' });
  t.match(event('quarantined'), { event: 'quarantine', severity: 'warning' });
  t.match(event('intensity_reached'), { event: 'giveUp' });
  t.match(event('recovered'), { event: 'quarantine', severity: 'info' });
  t.match(event('started', 'node'), { event: 'node', severity: 'info' });
  t.equal(event('started'), null);
});

t.test('every kind of news makes an alert that can be sent', async (t) => {
  const news = new News();
  for (const kind of NEWS_KINDS) {
    const sample = { kind, message: SAMPLES[kind] } as unknown as Parameters<News['take']>[0];
    for (const { id, text, subject } of news.take(sample)) {
      t.ok(id.length > 0 && text.length > 0 && text.length <= 1_000, kind);
      t.ok(subject.length > 0 && subject.length <= 160, kind);
    }
  }
  const closed = SAMPLES.arbitrageClosed;
  t.match(arbitrageAlert({ ...closed, outcome: 'completed' }), { event: 'trade', severity: 'info' });
  t.match(arbitrageAlert({ ...closed, outcome: 'unwound' }), { event: 'legFailure', severity: 'warning' });
  t.match(arbitrageAlert({ ...closed, outcome: 'flagged' }), { event: 'flagged', severity: 'critical' });
  const halt = { engaged: true, reason: 'test', by: 'me', atMs: NOW };
  t.match(haltAlert(halt), {
    event: 'killSwitch',
    severity: 'critical',
    text: /engaged \(freeze\) by me: test/,
  });
  t.match(haltAlert({ ...halt, engaged: false }), { severity: 'warning', text: /cleared/ });
  const breaker = { state: 'OPEN' as const, reason: 'losses', latched: true, openedAtMs: NOW, atMs: NOW };
  t.match(breakerAlert(breaker), { severity: 'critical', text: /everything is open: losses; only a person/ });
  t.match(breakerAlert({ ...breaker, exchange: 'okx' }), { severity: 'warning' });
});

t.test('a lost node is critical, and several observers of it are one alert', async (t) => {
  const changed = {
    ...SAMPLES.memberChanged,
    kind: 'lost' as const,
    node: 'seoul-1',
    reason: 'silent for 3 s',
    atMs: NOW,
  };
  const lost = memberAlert({ ...changed, observer: 'tokyo-1', eventId: 'a' });
  t.match(lost, { event: 'node', severity: 'critical', text: /seoul-1 .* is lost: silent for 3 s/ });
  t.equal(memberAlert({ ...changed, observer: 'singapore-1', eventId: 'b', atMs: NOW + 900 }).id, lost.id);
  t.not(memberAlert({ ...changed, nonce: 'f'.repeat(32) }).id, lost.id, 'another process under the name');
  t.not(memberAlert({ ...changed, atMs: NOW + 60_000 }).id, lost.id, 'lost again later');
  const severityOf = (kind: MessageOf<'memberChanged'>['kind']) => memberAlert({ ...changed, kind }).severity;
  t.strictSame(
    [severityOf('joined'), severityOf('left'), severityOf('restarted')],
    ['info', 'info', 'warning'],
  );
  t.match(memberAlert({ ...changed, kind: 'build-differs' }), {
    severity: 'critical',
    text: /nothing trades/,
  });
});

t.test('an account that says the same again is no news; a difference that nobody explains is', async (t) => {
  const news = new AccountNews();
  const status = { ...SAMPLES.gatewayStatus, exchange: 'okx', unexplained: [], reasons: [] };
  t.same(news.take({ ...status, phase: 'reconciling' }), []);
  t.same(news.take({ ...status, phase: 'ready' }), []);
  const differs = { ...status, phase: 'ready' as const, unexplained: [{ asset: 'XRP', difference: '-3' }] };
  t.match(news.take(differs), [
    { event: 'reconciliation', severity: 'critical', text: /exchange minus ledger is -3/ },
  ]);
  t.same(news.take(differs), []);
  t.match(news.take({ ...status, phase: 'paused', reasons: ['no answers'] }), [
    { event: 'reconciliation', severity: 'info' },
    { event: 'account', severity: 'warning', text: /paused: no answers/ },
  ]);
  t.match(news.take({ ...status, phase: 'ready' }), [{ event: 'account', severity: 'info' }]);
});

t.test('a balance near its reserve is told once, and once more when there is enough again', async (t) => {
  const watch = new InventoryWatch([{ exchange: 'okx', asset: 'USDT', amount: '1000' }], 1.1);
  const held = (amount: string) => watch.take([{ exchange: 'okx', asset: 'USDT', amount }], NOW);
  t.same(held('1100'), []);
  t.match(held('1099.99'), [
    { event: 'inventory', severity: 'warning', text: /1099\.99 held, 1000 kept back/ },
  ]);
  t.same(held('1000'), []);
  t.same(held('1120'), [], 'it wavers');
  t.match(held('1155'), [{ severity: 'info' }]);
  t.match(watch.take([], NOW), [{ severity: 'warning', text: /is low: 0 held/ }], 'none at all');
});

t.test('a premium is told when it passes its bound and when it is back, apart for both rates', async (t) => {
  const watch = new PremiumWatch({ usdtBps: 100, fxBps: 300 });
  const row = {
    ...{ exchange: 'upbit', asset: 'BTC', currency: 'KRW', instrument: 'upbit:BTC-KRW' },
    ...{ localPrice: 113e6, dollarPrice: 80_000, rate: 1_400, dollarMarkets: 2 },
    ...{ usdtBps: null, sellLocalBps: 70.5, buyLocalBps: -130 },
  };
  const look = (vsUsdtBps: number, vsFxBps: number | null = null) =>
    watch.take([{ ...row, vsUsdtBps, vsFxBps }], NOW);
  t.same(look(99), []);
  t.match(look(100), [
    {
      event: 'premium',
      severity: 'warning',
      subject: 'upbit BTC usdt high',
      text: /\+1\.00 % against the exec/,
    },
  ]);
  t.same(look(250), [], 'once');
  t.same(look(81), [], 'it wavers');
  t.match(look(79), [{ severity: 'info', text: /again; with fees 70\.5 bps to sell there/ }]);
  t.match(look(-101, 301), [
    { subject: 'upbit BTC usdt high', text: /-1\.01 %/ },
    { subject: 'upbit BTC fx high', text: /not tradable/ },
  ]);
  t.same(watch.take([], NOW), [], 'of what is not there nothing is known');
  t.same(new PremiumWatch({ usdtBps: 100 }).take([{ ...row, vsUsdtBps: 0, vsFxBps: 9_000 }], NOW), []);
});

t.test('breakers are told when they change, wallets when they open or close', async (t) => {
  const news = new BreakerNews();
  const open = { state: 'OPEN' as const, reason: 'losses', latched: false, openedAtMs: NOW, cooldownMs: 1 };
  t.match(news.look({ okx: open, ALL: open }, NOW), [{ exchange: 'okx', state: 'OPEN' }, { state: 'OPEN' }]);
  t.same(news.look({ okx: open, ALL: open }, NOW), []);
  const half = { ...open, state: 'HALF_OPEN' as const };
  t.match(news.look({ okx: half, ALL: open }, NOW), [
    { exchange: 'okx', state: 'HALF_OPEN', latched: false },
  ]);
  t.match(news.look({ okx: { ...open, openedAtMs: NOW + 1 } }, NOW), [
    { exchange: 'okx', state: 'OPEN' },
    { state: 'CLOSED', reason: null },
  ]);
  const wallet = (network: string, canDeposit: boolean, asset = 'USDT') => ({
    ...{ exchange: 'okx', ticker: asset, asset, identityKnown: true, network, canDeposit, canWithdraw: true },
    ...{ withdrawFee: null, minWithdraw: null, confirmations: null },
  });
  const before = [wallet('TRX', true), wallet('ETH', true), wallet('SOL', true, 'DOGE')];
  const now = [wallet('TRX', false), wallet('ETH', true), wallet('SOL', false, 'DOGE'), wallet('BSC', false)];
  t.match(changedWallets(before, now, new Set(['USDT'])), [{ network: 'TRX' }]);
});

const CHAT = '7';
const commands = (change: Partial<ConstructorParameters<typeof CommandDesk>[0]> = {}) => {
  let last = 0;
  return new CommandDesk(
    {
      level: 'all',
      chats: [CHAT, '-100'],
      users: null,
      bytes: (length) => Uint8Array.from({ length }, () => last++ & 0xff),
      secondFactor: null,
      ...change,
    },
    0,
  );
};
const writes = (text: string, change: Partial<ChatEvent> = {}): ChatEvent => ({
  ...{ kind: 'text', chat: CHAT, user: '1', messageId: 1, text, pressId: null, above: null, atMs: NOW },
  ...change,
});
const presses = (data: string, change: Partial<ChatEvent> = {}): ChatEvent =>
  writes(data, { kind: 'button', pressId: 'p', atMs: null, ...change });
const at = (nowMs: number) => ({ nowMs, wallMs: NOW + nowMs });

function askedBy(desk: CommandDesk, text: string, nowMs = 0) {
  const step = desk.take(writes(text, { atMs: NOW + nowMs }), 'bot', at(nowMs));
  if (step.kind !== 'reply') throw new Error(`${text}: ${step.kind}`);
  const code = /\/confirm (\d{4})/.exec(step.text)?.[1] ?? '';
  return { yes: step.buttons[0]?.data ?? '', no: step.buttons[1]?.data ?? '', code, text: step.text };
}
const kindOf = (step: CommandStep) => step.kind;

t.test('commands are read with their arguments, and not when they are for another bot', async (t) => {
  t.same(commandOf('/kill@Arbot_Bot  losing money\n', 'arbot_bot'), { name: 'kill', rest: 'losing money' });
  t.same(commandOf('/STATUS', 'x'), { name: 'status', rest: '' });
  for (const text of ['/status@other', 'status', '/statuses', '/', ' ', '/status2', '//kill'])
    t.equal(commandOf(text, 'arbot_bot'), null, text);
});

t.test('only chats and people on the list are answered', async (t) => {
  const desk = commands({ users: ['1'] });
  t.equal(kindOf(desk.take(writes('/status', { chat: '8' }), 'bot', at(0))), 'stranger');
  t.equal(kindOf(desk.take(writes('/status', { user: '2' }), 'bot', at(0))), 'stranger');
  t.equal(kindOf(desk.take(writes('hello', { user: '2' }), 'bot', at(0))), 'nothing', 'people may talk');
  t.equal(kindOf(desk.take(presses('ack:1-1', { user: '2' }), 'bot', at(0))), 'stranger');
  t.equal(kindOf(desk.take(writes('/status', { user: null }), 'bot', at(0))), 'stranger');
  t.same(desk.take(writes('/status'), 'bot', at(0)), { kind: 'read', what: 'status' });
  t.match(desk.take(writes('/help'), 'bot', at(0)), { kind: 'reply', text: /\/kill \[reason\]/ });
  t.same(desk.take(writes('/ack'), 'bot', at(0)), {
    kind: 'acknowledge',
    from: 0,
    to: Number.MAX_SAFE_INTEGER,
  });
  t.match(
    desk.take(writes('/pnl'), 'bot', at(120_000)),
    { kind: 'reply', text: /Send it again/ },
    'it is old',
  );
});

t.test(
  'what is dangerous wants a yes: once, within a minute, from whoever asked, in that chat',
  async (t) => {
    const desk = commands();
    const asked = askedBy(desk, '/kill losing money');
    t.match(asked.text, /Engage the kill switch\?.*losing money/s);
    t.match(desk.take(presses(asked.yes, { user: '2' }), 'bot', at(1_000)), { kind: 'refuse' });
    t.match(desk.take(presses(asked.yes, { chat: '-100' }), 'bot', at(1_000)), { kind: 'refuse' });
    t.same(desk.take(presses(asked.yes), 'bot', at(2_000)), {
      kind: 'act',
      action: { kind: 'kill', reason: 'losing money' },
    });
    t.match(
      desk.take(presses(asked.yes), 'bot', at(3_000)),
      { kind: 'refuse', text: /answered already/ },
      'a replay',
    );

    const late = askedBy(desk, '/pause okx', 10_000);
    t.match(desk.take(presses(late.yes), 'bot', at(70_001)), { kind: 'refuse' });
    const second = askedBy(desk, '/pause okx', 80_000);
    const third = askedBy(desk, '/pause', 81_000);
    t.match(
      desk.take(presses(second.yes), 'bot', at(82_000)),
      { kind: 'refuse' },
      'the newest question counts',
    );
    t.same(desk.take(writes(`/confirm ${third.code}`, { atMs: NOW + 83_000 }), 'bot', at(83_000)), {
      kind: 'act',
      action: { kind: 'pause', exchange: null },
    });
    const fourth = askedBy(desk, '/resume okx', 90_000);
    t.match(desk.take(presses(fourth.no), 'bot', at(91_000)), { kind: 'refuse', text: 'Nothing was done.' });
    t.match(desk.take(presses(fourth.yes), 'bot', at(92_000)), { kind: 'refuse' });

    const wrong = askedBy(desk, '/kill', 100_000);
    const guess = (code: string, ms: number) =>
      desk.take(writes(`/confirm ${code}`, { atMs: NOW + ms }), 'bot', at(ms));
    t.match(guess('x', 101_000), { kind: 'reply', text: /2 tries left/ });
    guess('y', 101_500);
    t.match(guess('z', 102_000), { kind: 'reply', text: 'Wrong. Begin again.' });
    t.match(guess(wrong.code, 103_000), { kind: 'reply', text: /nothing of yours/ });
    t.match(commands().take(writes('/pause ../etc'), 'bot', at(0)), {
      kind: 'reply',
      text: /name of an exchange/,
    });
  },
);

t.test('without the level for it nothing dangerous is asked, and forged buttons do nothing', async (t) => {
  const desk = commands({ level: 'read' });
  t.match(desk.take(writes('/kill'), 'bot', at(0)), { kind: 'reply', text: '/kill is switched off here' });
  t.match(desk.take(presses('yes:000102030405'), 'bot', at(0)), { kind: 'refuse' });
  for (const data of ['', 'ack:', 'ack:1', 'ack:1-2-3', 'yes:zz', 'drop table', `ack:${'9'.repeat(30)}-1`])
    t.match(commands().take(presses(data), 'bot', at(0)), { kind: 'refuse' }, data);
  let answered = 0;
  for (let i = 0; i < 200; i++) if (desk.take(writes('/status'), 'bot', at(0)).kind === 'read') answered++;
  t.ok(answered <= 20, 'and a flood is not answered');
});

t.test(
  'resuming asks for the second factor where there is one: each code once, and guessing locks it',
  async (t) => {
    const key = totpKey('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ');
    t.equal(Buffer.from(key).toString(), '12345678901234567890');
    // RFC 6238, appendix B: the last six of its eight digits.
    t.same(
      [59, 1_111_111_109, 2_000_000_000].map((s) => totpAt(key, s * 1_000)),
      ['287082', '081804', '279037'],
    );
    const factor = new SecondFactor(key);
    const desk = commands({ secondFactor: (code, nowMs) => factor.check(code, nowMs) });
    t.match(askedBy(desk, '/kill').yes, /^yes:/, 'stopping stays a press');
    const asked = askedBy(desk, '/resume', 1_000);
    t.match(asked.text, /authenticator/);
    t.match(asked.yes, /^no:/, 'there is no yes to press');
    t.match(desk.take(presses(asked.yes.replace('no', 'yes')), 'bot', at(1_500)), { kind: 'refuse' });
    const code = totpAt(key, NOW + 2_000);
    t.match(desk.take(writes(`/confirm ${code}`), 'bot', at(2_000)), {
      kind: 'act',
      action: { kind: 'resume' },
    });
    askedBy(desk, '/resume', 3_000);
    t.match(
      desk.take(writes(`/confirm ${code}`), 'bot', at(3_500)),
      { kind: 'reply', text: /Wrong/ },
      'used',
    );
    for (let i = 0; i < 5; i++) factor.check('000000', NOW);
    t.notOk(factor.check(totpAt(key, NOW + 60_000), NOW + 60_000), 'locked');
    t.ok(factor.check(totpAt(key, NOW + 700_000), NOW + 700_000), 'for ten minutes');
    t.throws(() => totpKey('short'), /Base32/);
  },
);
