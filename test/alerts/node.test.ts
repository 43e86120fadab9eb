import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { clusterSchema } from '../../src/config/cluster.js';
import { loadConfig } from '../../src/config/index.js';
import { startNode } from '../../src/modes/start.js';
import { BotApiServer, TOKEN } from './bot-api-server.js';

t.setTimeout(400_000);

async function until<T>(what: () => T | undefined | false, withinMs = 90_000): Promise<T> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    const found = what();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadlineMs) throw new Error(`it did not happen: ${what.toString()}`);
    await sleep(50);
  }
}

t.test('a whole node tells of its trades and of one restart once, and is stopped from a chat', async (t) => {
  const server = await BotApiServer.start();
  const folder = await mkdtemp(join(tmpdir(), 'arbot-alerts-'));
  process.env['ALERTS_TEST_TOKEN'] = TOKEN;
  t.teardown(async () => {
    delete process.env['ALERTS_TEST_TOKEN'];
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });
  const config = await loadConfig({ folder: process.cwd(), environment: {}, flags: [] });
  const telegram = {
    tokenEnv: 'ALERTS_TEST_TOKEN',
    chatIds: ['7'],
    apiRoot: server.url,
    commands: 'all' as const,
  };
  const { nodes, name } = config.cluster;
  const stores = { trades: { kind: 'memory' as const }, ticks: { kind: 'none' as const } };
  const cluster = clusterSchema.parse({ name, nodes, stores, alerts: { telegram } });
  const started = await startNode({
    ...{ market: 'simulated', speed: 3, minutes: null, seed: 'alerts', dataFolder: folder, port: 0 },
    ...{ replayFolder: null, recordFolder: null, exchanges: null, quiet: true },
    ...{ clusterConfig: cluster, tradingConfig: config.trading, node: cluster.nodes[0]! },
    log: { to: 'file', level: 'info' },
  });
  t.teardown(() => started.stop());
  const { node } = started;
  const said = (pattern: RegExp) => until(() => server.sent.find(({ text }) => pattern.test(text)));
  await said(/^INFO {2}arbot SIMULATED\nlocal has started/);
  await said(/→ \w+ completed: bought/);
  t.equal(node.system.inspect('node/watch/alerts')?.summary['role'], 'owner');

  await node.tree.crash('node/feeds/okx', 'planted');
  await said(/node\/feeds\/okx on local crashed \(crashed on request: planted\)/);
  await until(() => node.system.inspect('node/feeds/okx')?.state === 'running');
  await sleep(2_000);
  t.equal(server.sent.filter(({ text }) => text.includes('node/feeds/okx')).length, 1);

  for (const [command, answer] of [
    ['/status', /SIMULATED local, version/],
    ['/actors', /actors run\nnode\/feeds\/okx: 1 restarts/],
    ['/pnl', /^today: net [\s\S]*the last 7 days:/],
    ['/positions', /^equity [\s\S]*binance USDT: /],
  ] as const) {
    server.write('7', '1', command);
    await said(answer);
  }

  server.write('7', '1', '/pause okx');
  server.press(await said(/Pause okx\?/), 'Yes', '1');
  await said(/^okx is paused/);
  await said(/the breaker of okx is open/);
  server.write('7', '1', '/resume okx');
  server.press(await said(/Resume okx\?/), 'Yes', '1');
  await said(/^okx is resumed/);
  t.equal((await node.inspection.risk())?.breakers.find(({ subject }) => subject === 'okx')?.state, 'CLOSED');

  server.write('7', '1', '/kill this is a test');
  const question = await said(/Engage the kill switch/);
  t.notOk(node.halts.current.engaged);
  server.press(question, 'Yes', '1');
  await said(/^The kill switch is engaged/);
  t.match(node.halts.current, { engaged: true, reason: 'this is a test', by: 'telegram:1' });
  t.match(await readFile(join(folder, 'simulated/KILL'), 'utf8'), /this is a test/);
  const alert = await said(/the kill switch was engaged \(freeze\) by telegram:1/);
  t.equal((await stat(join(folder, 'simulated/alerts.json'))).mode & 0o777, 0o600);
  server.press(alert, 'Acknowledge', '1');
  await until(() => server.edits.some(({ text }) => /Acknowledged\.$/.test(text)));
  await started.stop();
  const log = await readFile(join(folder, 'simulated/arbot.log'), 'utf8');
  for (const action of ['kill-switch', 'risk.control', 'telegram.status', 'telegram.act'])
    t.match(log, `"action":"${action}"`, action);
  t.notOk(log.includes(TOKEN));
});
