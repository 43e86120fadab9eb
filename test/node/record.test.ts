import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { StartFlags } from '../../src/cli/start.js';
import { startOptions } from '../../src/cli/start.js';
import { startNode, type StartedNode } from '../../src/modes/start.js';
import { describe } from '../../src/replay/describe.js';
import { findRecordings, readRest } from '../../src/replay/recording.js';
import { LocalFiles } from '../../src/runtime/platform/files.js';

/** `arbot record`, and what it wrote through `arbot replay`. */

const terminal = {
  environment: {},
  workingFolder: join(import.meta.dirname, '../..'),
  print: () => undefined,
  complain: () => undefined,
  onSignal: () => () => undefined,
};

async function start(flags: StartFlags): Promise<StartedNode> {
  const common = { port: '0', quiet: true };
  return startNode(await startOptions({ ...common, ...flags }, terminal));
}

t.test('a recording holds the lists of markets, and one of several is replayed by its name', async (t) => {
  t.setTimeout(180_000);
  const folder = await mkdtemp(join(tmpdir(), 'arbot-record-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const out = join(folder, 'out');
  const flags = { market: 'simulated', exchanges: 'okx,binance', record: out, data: join(folder, 'data') };
  for (const seed of ['first', 'second']) {
    const node = await start({ ...flags, seed, minutes: '0.05' });
    t.equal(await node.finished, 0);
    await node.stop();
  }
  const files = new LocalFiles();
  const all = await describe(files, out);
  t.equal(all.length, 4);
  for (const one of all) t.equal(one.instruments, 'recorded', `${one.name} needs no guess of its ticks`);
  for (const recording of await findRecordings(files, out))
    t.equal((await readRest(files, recording))[0]?.afterFrame, 0, 'the list comes before the frames');

  const oldest = all
    .filter(({ exchange }) => exchange === 'okx')
    .sort((a, b) => a.firstTimeMs - b.firstTimeMs)[0]!;
  const replayOf = (recording: string) =>
    start({ market: 'replay', replay: out, recording, speed: 'max', data: join(folder, 'replayed') });
  const node = await replayOf(oldest.name);
  const lost: string[] = [];
  node.node.bus.subscribe('feed.status.*', 'feedStatus', ({ message }) => {
    if (message.state === 'disconnected' && message.reason !== 'stopped') lost.push(message.reason);
  });
  t.equal(await node.finished, 0);
  t.match(node.market.replay?.progress(), [{ exchange: 'okx', state: 'finished', total: oldest.frames }]);
  t.same(lost, [], 'the end of a recording is not taken for a line that has died');
  await node.stop();
  await t.rejects(replayOf('okx-19990101'), { code: 'ARB_CLI_USAGE', message: /okx-19990101/ });
  const both = all.filter(({ exchange }) => exchange === 'okx').map(({ name }) => name);
  await t.rejects(replayOf(both.join()), { code: 'ARB_CLI_USAGE', message: /one recording per exchange/ });
});
