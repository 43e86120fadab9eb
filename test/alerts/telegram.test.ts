import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { Action } from '../../src/alerts/commands.js';
import type { Operator } from '../../src/alerts/operator.js';
import { BotApi } from '../../src/alerts/telegram/bot-api.js';
import { runCommand } from '../../src/cli/main.js';
import type { MessageOf } from '../../src/messages/catalogue.js';
import { MachineTime } from '../../src/modes/machine-time.js';
import { totpAt, totpKey } from '../../src/security/totp.js';
import { UndiciHttpClient } from '../../src/runtime/platform/http-client.js';
import { SAMPLES } from '../messages/samples.js';
import { BotApiServer, TOKEN, type SentMessage } from './bot-api-server.js';
import { alertNode, clusterOf, type AlertsInput, type NodeOptions } from './rig.js';

t.setTimeout(170_000);

async function bot(t: Test) {
  const server = await BotApiServer.start();
  const http = new UndiciHttpClient();
  t.teardown(async () => {
    await http.close();
    await server.close();
  });
  const api = new BotApi({ token: TOKEN, apiRoot: server.url, http });
  return { server, http, api };
}

const hello = { chat: '7', text: 'hello', silent: false, buttons: [] };

async function until<T>(what: () => T | undefined | false, withinMs = 20_000): Promise<T> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    const found = what();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadlineMs) throw new Error(`it did not happen: ${what.toString()}`);
    await sleep(20);
  }
}

t.test('each answer of the Bot API has its meaning, and the token is in none of them', async (t) => {
  const { server, http, api } = await bot(t);
  t.same(await api.me(), { kind: 'me', name: 'arbot_test_bot' });
  const buttons = [{ label: 'Yes', data: 'yes:1' }];
  t.match(await api.send({ ...hello, silent: true, buttons }), { kind: 'sent' });
  t.match(server.sent, [{ chatId: '7', text: 'hello', silent: true, buttons: [{ callback_data: 'yes:1' }] }]);
  server.retryAfterSeconds = 17;
  server.plan.push('429', '500', 'page', 'hang up');
  t.same(await api.send(hello), { kind: 'wait', ms: 17_000 });
  t.match(await api.send(hello), { kind: 'failed', reason: '500 Internal Server Error' });
  const rest = [await api.send(hello), await api.send(hello)];
  t.match(rest, [
    { kind: 'failed', reason: 'no answer (HTTP 502 without an answer of the Bot API)' },
    { kind: 'failed', reason: 'no answer (ARB_HTTP_FAILED)' },
  ]);
  t.match(await api.send({ ...hello, text: 'x'.repeat(4_097) }), { kind: 'refused', about: 'message' });
  server.missingChats.add('8');
  t.match(await api.send({ ...hello, chat: '8' }), { kind: 'refused', about: 'chat' });
  const wrong = new BotApi({ token: `1:${'w'.repeat(35)}`, apiRoot: server.url, http });
  const denied = await wrong.send(hello);
  t.match(denied, { kind: 'denied', reason: '401 Unauthorized' });
  server.isAway = true;
  const away = await api.send(hello);
  t.match(away, { kind: 'failed' });
  t.notMatch(JSON.stringify([rest, denied, away]), TOKEN);
});

t.test('what people write and press is read once, whatever else comes along', async (t) => {
  const { server, api } = await bot(t);
  server.write('7', '1', '/status');
  server.push({ edited_message: { text: 'x' } });
  server.push({ message: { message_id: 'no number' } });
  server.push({ message: { message_id: 5, date: 0, chat: { id: -100 }, text: 'of a channel' } });
  const first = await api.updates(0, 0);
  t.match(first, {
    kind: 'updates',
    events: [
      { kind: 'text', chat: '7', user: '1', text: '/status' },
      { chat: '-100', user: null },
    ],
    nextOffset: 1_004,
  });
  const waiting = api.updates(1_004, 10);
  await sleep(20);
  const sent = { messageId: 3, chatId: '7', text: 'above', silent: false, buttons: [], atMs: 0 };
  const press = server.pressData(sent, 'ack:1-1', '1');
  t.match(await waiting, {
    events: [{ kind: 'button', text: 'ack:1-1', pressId: press, above: 'above', messageId: 3 }],
  });
  t.same(await api.answerPress(press, 'done'), { kind: 'done' });
  t.same(await api.replace('7', 3, 'new'), { kind: 'done' });
  const one = api.updates(1_005, 10);
  await sleep(20);
  const two = api.updates(1_005, 1);
  t.match(await one, { kind: 'conflict' }, 'two readers take each other’s messages');
  t.match(await two, { kind: 'updates', events: [] });
  const ending = new AbortController();
  const ended = api.updates(1_005, 30, ending.signal);
  await sleep(20);
  ending.abort();
  t.match(await ended, { kind: 'failed' }, 'an actor that ends does not wait');
});

async function listening(
  t: Test,
  telegram: Partial<NonNullable<AlertsInput['telegram']>> = {},
  more: Partial<NodeOptions> = {},
) {
  const { server, api } = await bot(t);
  const acted: { readonly action: Action; readonly by: string }[] = [];
  const operator: Operator = {
    status: () => Promise.resolve('PAPER tokyo-1'),
    actors: () => Promise.resolve('7 of 7 actors run'),
    pnl: () => Promise.reject(new Error('the store is away; password=hunter2hunter2')),
    positions: () => Promise.resolve('x'.repeat(9_000)),
    act: async (action, by) => {
      acted.push({ action, by });
      return `done: ${action.kind}`;
    },
  };
  const alerts = {
    telegram: { tokenEnv: 'TELEGRAM_TOKEN', chatIds: ['7', '-100'], commands: 'all' as const, ...telegram },
  };
  const node = await alertNode({ time: new MachineTime(), messenger: api, operator, alerts, ...more });
  await node.tree.start();
  t.teardown(() => node.tree.stop());
  await until(() => server.calls.includes('getUpdates'));
  const said = (pattern: RegExp, chat = '7') =>
    until(() => server.sent.find(({ chatId, text }) => chatId === chat && pattern.test(text)));
  return { server, node, acted, said };
}

t.test('people on the list get answers and may act after a yes; nobody else does', async (t) => {
  const { server, node, acted, said } = await listening(t, { users: ['1', '2'] });
  server.write('7', '1', '/status');
  await said(/^PAPER tokyo-1$/);
  server.write('-100', '2', '/actors@arbot_test_bot');
  await said(/7 of 7/, '-100');
  server.write('7', '1', '/pnl');
  t.match((await said(/did not work/)).text, 'password=[redacted]');
  server.write('7', '1', '/positions');
  t.ok((await said(/^x+/)).text.length <= 4_096);

  const before = server.sent.length;
  server.write('666', '666', '/kill');
  server.write('7', '666', '/kill');
  server.write('7', '1', '/kill of yesterday', Date.now() - 86_400_000);
  await said(/Send it again/);
  await said(/somebody who is not on the list/);
  server.write('666', '666', '/status');
  await sleep(700);
  t.same(
    server.sent.slice(before).filter(({ chatId }) => chatId === '666'),
    [],
    'strangers get no answer',
  );
  t.equal(
    server.sent.filter(({ text }) => /not on the list/.test(text)).length,
    2,
    'one alert an hour, in each chat',
  );
  t.match(node.summary(), { strangers: 3 });

  server.write('7', '1', '/kill losing money');
  const asked: SentMessage = await said(/Engage the kill switch/);
  server.press(asked, 'Yes', '2');
  await until(() => server.pressAnswers.some(({ text }) => /nothing of yours/.test(text)));
  t.same(acted, []);
  server.press(asked, 'Yes', '1');
  server.press(asked, 'Yes', '1');
  await said(/^done: kill$/);
  await until(() =>
    server.edits.find(({ messageId, text }) => messageId === asked.messageId && /Confirmed/.test(text)),
  );
  await until(() => server.pressAnswers.length >= 3);
  t.same(
    acted,
    [{ action: { kind: 'kill', reason: 'losing money' }, by: 'telegram:1' }],
    'pressed twice, done once',
  );
  const audit = node.log.lines
    .filter(({ fields }) => fields['audit'] === true)
    .map(({ fields }) => fields['action']);
  for (const action of [
    'telegram.status',
    'telegram.actors',
    'telegram.refused',
    'telegram.reply',
    'telegram.act',
  ])
    t.ok(audit.includes(action), action);
});

t.test('a critical alert waits for its button, and a press in one chat is enough for all', async (t) => {
  const { server, node, said } = await listening(t);
  node.publish('haltChanged', { engaged: true, reason: 'test', by: 'me', atMs: 5 });
  const alert = await said(/kill switch was engaged/);
  await said(/kill switch was engaged/, '-100');
  t.match(node.summary(), { chats: [{ unacknowledged: 1 }, { unacknowledged: 1 }] });
  server.press(alert, 'Acknowledge', '9');
  await until(() => server.edits.find(({ text }) => /engaged[\s\S]*Acknowledged\.$/.test(text)));
  t.match(node.summary(), { chats: [{ unacknowledged: 0 }, { unacknowledged: 0 }] });
  server.write('-100', '9', '/ack');
  await said(/Nothing was open/, '-100');
});

t.test('resuming takes six digits where a secret is configured', async (t) => {
  const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
  const environment = { TOTP_SECRET: secret };
  const { server, acted, said } = await listening(t, { totpSecretEnv: 'TOTP_SECRET' }, { environment });
  server.write('7', '1', '/resume okx');
  await said(/authenticator/);
  server.write('7', '1', '/confirm 000000');
  await said(/Wrong/);
  server.write('7', '1', `/confirm ${totpAt(totpKey(secret), Date.now())}`);
  await said(/^done: resume$/);
  t.same(acted, [{ action: { kind: 'resume', exchange: 'okx' }, by: 'telegram:1' }]);
});

t.test('told to wait a second, refused and cut off, it tells everything in the end', async (t) => {
  const { server, node, said } = await listening(t);
  await said(/has started/);
  server.plan.push('429', '500', 'hang up', 'page', '429');
  const fromMs = Date.now();
  node.publish('arbitrageClosed', { ...SAMPLES.arbitrageClosed, outcome: 'flagged' });
  await said(/a person must look/);
  await said(/a person must look/, '-100');
  t.ok(Date.now() - fromMs >= 1_000);
  t.same(server.plan, []);
  server.isAway = true;
  node.publish('haltChanged', { engaged: true, reason: 'while nobody answers', by: 'me', atMs: 5 });
  await sleep(1_500);
  server.isAway = false;
  await said(/while nobody answers/);
});

t.test('no secret gets out, in whatever field of whatever message it stands', async (t) => {
  const canaries = [
    TOKEN,
    'Bearer abcdefgh12345678',
    'postgres://arbot:Canary-9f2b@10.0.0.1/arbot',
    'apiKey=CANARY0123456789abcdef',
    'signature: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    '-----BEGIN PRIVATE KEY-----\nCANARYCANARY\n-----END PRIVATE KEY-----',
  ];
  const { server, node, said } = await listening(t);
  canaries.forEach((canary, at) => {
    const reason = `it failed with ${canary} again`;
    node.publish('supervisionEvent', {
      ...SAMPLES.supervisionEvent,
      ...{ eventId: `canary-${at}`, path: `node/feeds/x${at}`, kind: 'escalated' as const, reason },
    });
    node.publish('haltChanged', { engaged: true, reason, by: 'me', atMs: 10 + at });
    const status: MessageOf<'gatewayStatus'> = {
      ...SAMPLES.gatewayStatus,
      exchange: `x${at}`,
      phase: 'paused',
    };
    node.publish('gatewayStatus', { ...status, reasons: [reason] });
  });
  server.write('7', '1', '/pnl');
  await said(/did not work/);
  await until(
    () => (node.summary()['chats'] as { waiting: number }[]).every(({ waiting }) => waiting < 8),
    60_000,
  );
  const out = [
    ...server.sent.map(({ text }) => text),
    ...server.edits.map(({ text }) => text),
    JSON.stringify(node.log.lines),
    JSON.stringify(node.summary()),
    ...node.files.texts.values(),
  ].join('\n');
  t.match(out, /it failed with/);
  for (const secret of [
    TOKEN,
    'abcdefgh12345678',
    'Canary-9f2b',
    'CANARY0123',
    '9f86d081884c',
    'CANARYCANARY',
    'hunter2',
  ])
    t.notOk(out.includes(secret), secret);
});

t.test('`arbot alerts test` says what the Bot API answered', async (t) => {
  const { server } = await bot(t);
  const folder = t.testdir({
    'cluster.config.ts': `export default ${JSON.stringify({
      nodes: [{ name: 'local', region: 'local', roles: ['feeds', 'detectors', 'trade', 'recorder'] }],
      alerts: { telegram: { tokenEnv: 'BOT', chatIdsEnv: 'CHATS', apiRoot: server.url } },
    })}`,
    'trading.config.ts': `export default ${JSON.stringify({
      assets: { BTC: {}, USDT: {} },
      pairs: [{ pair: 'BTC-USDT' }],
      exchanges: { binance: {}, okx: {} },
    })}`,
    token: `${TOKEN}\n`,
    none: {
      'trading.config.ts': `export default ${JSON.stringify({
        assets: { BTC: {}, USDT: {} },
        pairs: [{ pair: 'BTC-USDT' }],
        exchanges: { binance: {}, okx: {} },
      })}`,
    },
  });
  const run = async (environment: Record<string, string>, at = folder) => {
    const lines: string[] = [];
    const print = (line: string) => void lines.push(line);
    const terminal = {
      environment,
      workingFolder: at,
      print,
      complain: print,
      onSignal: () => () => undefined,
    };
    const importStartNode = () => Promise.reject(new Error('nothing is started'));
    const code = await runCommand(['alerts', 'test'], { terminal, importStartNode });
    return { code, text: lines.join('\n') };
  };
  const good = { BOT_FILE: `${folder}/token`, CHATS: '7, -100' };
  t.same(await run(good), { code: 0, text: 'bot   @arbot_test_bot\nchat  7  sent\nchat  -100  sent' });
  t.match(server.sent, [{ text: 'This is a test message of arbot, node local.' }, { chatId: '-100' }]);
  server.missingChats.add('-100');
  t.match(await run(good), { code: 1, text: /chat {2}-100 {2}refused: 400 Bad Request: chat not found/ });
  t.match(await run({ BOT: `1:${'w'.repeat(35)}`, CHATS: '7' }), { code: 1, text: /bot {3}denied: 401/ });
  t.match(await run({ CHATS: '7' }), { code: 2, text: /alerts\.telegram\.tokenEnv: BOT is not set/ });
  const bad = await run({ BOT: TOKEN, CHATS: 'SECRET-CANARY' });
  t.match(bad, { code: 2, text: /CHATS must hold 1 to 8 ids/ });
  t.notMatch(bad.text, /CANARY/);
  const short = await run({ BOT: 'CANARY', CHATS: '7' });
  t.match(short, { code: 2, text: /holds no token/ });
  t.notMatch(short.text, /CANARY/);
  t.match(await run({}, `${folder}/none`), { code: 2, text: /alerts\.telegram is not in/ });
  t.throws(() => clusterOf({ telegram: { tokenEnv: 'BOT', chatIds: [], apiRoot: 'http://example.com' } }));
});
