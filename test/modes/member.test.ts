import { mkdtemp, rm, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Branch } from '../../src/modes/branch.js';
import { buildOf } from '../../src/modes/build.js';
import { LocalFiles } from '../../src/runtime/platform/files.js';
import type { ChildSpec } from '../../src/supervisors/spec.js';
import type { SupervisionTree } from '../../src/supervisors/supervisor.js';
import { KeptLog } from '../runtime/harness.js';

/** Parts of a node that is one of several. */

t.test('equal files give an equal build wherever they lie, and any change another', async (t) => {
  const folders = await Promise.all(
    ['one', 'two'].map(async (name) => {
      const folder = await mkdtemp(join(tmpdir(), `arbot-build-${name}-`));
      t.teardown(() => rm(folder, { recursive: true, force: true }));
      await mkdir(join(folder, 'src/deep'), { recursive: true });
      await writeFile(join(folder, 'src/a.ts'), 'a');
      await writeFile(join(folder, 'src/deep/b.ts'), 'b');
      await writeFile(join(folder, 'src/notes.txt'), name);
      await writeFile(join(folder, 'package-lock.json'), '{}');
      return folder;
    }),
  );
  const build = (folder: string) =>
    buildOf(new LocalFiles(), {
      folders: [join(folder, 'src'), join(folder, 'absent')],
      files: [join(folder, 'package-lock.json'), join(folder, 'absent.json')],
    });
  const [one = '', two = ''] = folders;
  const first = await build(one);
  t.match(first, /^[0-9a-f]{16}$/);
  t.equal(await build(two), first);
  await writeFile(join(two, 'src/deep/b.ts'), 'B');
  t.not(await build(two), first, 'a source');
  await writeFile(join(two, 'src/deep/b.ts'), 'b');
  await writeFile(join(two, 'package-lock.json'), '{"a":1}');
  t.not(await build(two), first, 'the lock file');
  await writeFile(join(one, 'src/c.ts'), '');
  t.not(await build(one), first, 'one more file');
  t.match(await buildOf(new LocalFiles()), /^[0-9a-f]{16}$/, 'its own');
});

const child = (id: string) => ({ worker: { id } }) as unknown as ChildSpec;

t.test('a branch adds left to right, removes right to left, and the newest wish counts', async (t) => {
  const steps: string[] = [];
  const slow = async (step: string): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    steps.push(step);
    if (step === 'add bad') throw new Error('planted');
  };
  const tree = {
    addChild: (_: string, spec: { worker: { id: string } }) => slow(`add ${spec.worker.id}`),
    removeChild: (path: string) => slow(`remove ${path}`),
  } as unknown as SupervisionTree;
  const branch = new Branch({ tree: () => tree, log: new KeptLog(), below: 'node/x' });
  await branch.want([child('a'), child('bad'), child('b')]);
  t.ok(branch.isRunning);
  await branch.want([]);
  t.strictSame(steps.splice(0), [
    ...['add a', 'add bad', 'add b'],
    ...['remove node/x/b', 'remove node/x/bad', 'remove node/x/a'],
  ]);
  const wishes = [branch.want([child('a'), child('b')]), branch.want([]), branch.want([child('c')])];
  await Promise.all(wishes);
  t.equal(steps.at(-1), 'add c');
  t.notOk(steps.includes('add b'), 'what is no longer wanted is not begun');
  await branch.close();
  await branch.want([]);
  t.equal(steps.at(-1), 'add c', 'closed: the tree stops its children itself');
});
