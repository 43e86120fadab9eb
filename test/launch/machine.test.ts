import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { ChildRemote } from '../../src/cli/cluster/child-remote.js';
import type { RemoteResult } from '../../src/cli/cluster/remote.js';
import { adviceFor, sshArguments } from '../../src/cli/cluster/ssh.js';
import { clusterSchema } from '../../src/config/cluster.js';
import { CLOCK_SCRIPT, clockOffset } from '../../src/launch/clock-offset.js';
import { settingOf } from '../../src/launch/plan.js';
import { parseProbe, probeCommand, type HostFacts } from '../../src/launch/probe.js';
import { commandOf, type Step } from '../../src/launch/steps.js';
import { tarOf } from '../../src/launch/tar.js';
import { SystemClock, SystemTimers } from '../../src/runtime/platform/clock.js';

/** The scripts of a launch on this machine, in a folder of their own and without ssh. */

const [clock, timers] = [new SystemClock(), new SystemTimers()];
const here = new ChildRemote({ clock, timers, spawn: (line) => ({ command: 'sh', args: ['-c', line] }) });
const skip = process.platform === 'linux' ? false : 'machines of a launch are Linux';

const KEY = '0123456789abcdef';
const [OLD, NEW] = ['aaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbb'];

class Machine {
  readonly folder: string;
  readonly cluster;

  constructor(folder: string) {
    this.folder = folder;
    this.cluster = clusterSchema.parse({
      nodes: [{ name: 'one', region: 'local', roles: ['feeds'], address: 'here' }],
      deployment: { folder: join(folder, 'arbot'), service: 'supervised', stopTimeoutMs: 3_000 },
    });
  }

  async look(): Promise<HostFacts> {
    const { deployment } = this.cluster;
    const target = {
      folder: deployment.folder,
      node: 'one',
      nodeBinary: process.execPath,
      unit: 'arbot-one.service',
    };
    const question = {
      listen: [{ host: '127.0.0.1', port: 0 }],
      reach: [{ name: 'nats', host: '127.0.0.1', port: 1 }],
    };
    const result = await here.run({ ...probeCommand(target, question), timeoutMs: 20_000 });
    const facts = parseProbe(result.out);
    if (typeof facts === 'string') throw new Error(`${facts}: ${result.out} ${result.err}`);
    return facts;
  }

  async do(step: Step, data?: Buffer): Promise<RemoteResult> {
    const setting = settingOf('arbot', this.cluster.nodes[0]!, this.cluster.deployment, await this.look());
    const { payload: _, ...command } = commandOf(step, setting);
    return here.run({ ...command, ...(data !== undefined && { input: { data } }) });
  }

  path(...parts: string[]): string {
    return join(this.cluster.deployment.folder, ...parts);
  }
}

const archive = (files: Readonly<Record<string, string>>): Buffer =>
  gzipSync(
    tarOf(
      Object.entries(files).map(([path, text]) => ({ path, data: Buffer.from(text), executable: false })),
    ),
  );

t.test('a machine is looked at, and nothing of it is changed', { skip }, async (t) => {
  const machine = new Machine(t.testdir({}));
  const facts = await machine.look();
  t.match(facts, {
    system: 'Linux',
    writable: true,
    current: null,
    running: null,
    releases: [],
    modules: [],
  });
  t.equal(facts.parent, machine.folder, 'the nearest folder that is there');
  t.equal(facts.nodeVersion, process.version);
  t.ok(facts.freeKilobytes > 0 && facts.tools.has('tar'));
  t.same(facts.reached, [{ name: 'nats', host: '127.0.0.1', port: 1, result: 'ECONNREFUSED' }]);
  t.equal(facts.ports.get(0), 'free');
  t.same(readdirSync(machine.folder), []);
  const offset = clockOffset(await here.sampleClock(CLOCK_SCRIPT, 3));
  t.ok(offset !== null && Math.abs(offset.offsetMs) <= offset.uncertaintyMs + 5, `${offset?.offsetMs} ms`);
});

t.test('what breaks off leaves nothing, and the next attempt completes it', { skip }, async (t) => {
  const machine = new Machine(t.testdir({}));
  t.match(await machine.do({ kind: 'make-folders' }), { code: 0 });
  const modules = archive({ 'nact/package.json': '{}', 'big/file.bin': 'x'.repeat(300_000) });
  const broken = await machine.do(
    { kind: 'send-modules', key: KEY },
    modules.subarray(0, modules.length / 2),
  );
  t.ok(broken.code !== 0 && broken.err.length > 0, broken.err);
  t.same(readdirSync(machine.path('modules')), [], 'no half set of packages');
  t.match(await machine.do({ kind: 'send-modules', key: KEY }, modules), { code: 0 });
  t.match(
    await machine.do({ kind: 'send-modules', key: KEY }, modules),
    { code: 0 },
    'twice is as good as once',
  );
  t.same(readdirSync(machine.path('modules')), [KEY]);
  const noPackages = await machine.do(
    { kind: 'send-release', build: OLD, key: 'ffffffffffffffff' },
    archive({ a: '' }),
  );
  t.equal(noPackages.code, 0);
  t.match(await machine.do({ kind: 'switch', build: OLD }), { code: 1, err: /has no packages/ });
  t.notOk(existsSync(machine.path('nodes/one/current')), 'a release that cannot run never becomes current');
  const release = { kind: 'send-release', build: NEW, key: KEY } as const;
  t.match(await machine.do(release, archive({ 'src/a.ts': 'a' })), { code: 0 });
  t.equal(readFileSync(machine.path('releases', NEW, 'node_modules/nact/package.json'), 'utf8'), '{}');
  t.match(await machine.do({ kind: 'switch', build: NEW }), { code: 0 });
  t.match(await machine.look(), { current: NEW, modules: [KEY] });
});

t.test('the environment file is for its owner alone, and replaced as a whole', { skip }, async (t) => {
  const machine = new Machine(t.testdir({}));
  await machine.do({ kind: 'make-folders' });
  for (const text of ['A=1\n', 'A=2\nB=3\n']) {
    t.match(await machine.do({ kind: 'send-environment' }, Buffer.from(text)), { code: 0 });
    t.equal(readFileSync(machine.path('nodes/one/environment'), 'utf8'), text);
    t.equal(statSync(machine.path('nodes/one/environment')).mode & 0o777, 0o600);
  }
  t.match(await machine.do({ kind: 'restore-environment' }), { code: 0 });
  t.equal(
    readFileSync(machine.path('nodes/one/environment'), 'utf8'),
    'A=1\n',
    'the way back has its secrets',
  );
  t.match(await machine.do({ kind: 'restore-environment' }), { code: 0 }, 'and can be gone once only');
  t.equal(statSync(machine.path('nodes/one/.arbot')).mode & 0o777, 0o700);
});

t.test('what belongs to root goes through sudo where the login is not root', { skip }, async (t) => {
  const machine = new Machine(t.testdir({}));
  await machine.do({ kind: 'make-folders' });
  const fake = join(machine.folder, 'bin');
  mkdirSync(fake);
  for (const name of ['sudo', 'systemctl', 'install'])
    writeFileSync(join(fake, name), `#!/bin/sh\necho "${name} $*" >>"${fake}/calls"\n`, { mode: 0o755 });
  const called = async (step: Step, sudo: boolean): Promise<string> => {
    const facts = await machine.look();
    const setting = settingOf('arbot', machine.cluster.nodes[0]!, machine.cluster.deployment, facts);
    const there = { ...setting, sudo, service: 'systemd', login: 'admin', user: 'arbot' } as const;
    const command = commandOf(step, there);
    writeFileSync(join(fake, 'calls'), '');
    const script = `PATH=${fake}:$PATH\n${command.script}`;
    const input = { data: Buffer.from('[Unit]') };
    const result = await here.run({ script, words: command.words, timeoutMs: 20_000, input });
    t.equal(result.code, 0, result.err);
    return readFileSync(join(fake, 'calls'), 'utf8');
  };
  const unit = 'arbot-one.service';
  t.equal(await called({ kind: 'stop' }, true), `sudo -n systemctl stop ${unit}\n`);
  t.equal(await called({ kind: 'stop' }, false), `systemctl stop ${unit}\n`);
  t.match(await called({ kind: 'start' }, true), `sudo -n systemctl start ${unit}\n`);
  const written = await called({ kind: 'write-unit' }, true);
  t.match(written, /^sudo -n install -m 0644 .*\nsudo -n systemctl daemon-reload\nsudo -n systemctl enable/);
  t.match(
    await called({ kind: 'make-folders' }, true),
    /^sudo -n chown -R arbot .*\.arbot\nsudo -n chmod 0700/,
  );
});

t.test(
  'old releases go, those in use and the newest stay, with the packages that they need',
  { skip },
  async (t) => {
    const machine = new Machine(t.testdir({}));
    await machine.do({ kind: 'make-folders' });
    for (const key of [KEY, 'eeeeeeeeeeeeeeee', 'dddddddddddddddd'])
      mkdirSync(machine.path('modules', key, 'node_modules'), { recursive: true });
    const builds = ['1', '2', '3', '4'].map((digit) => digit.repeat(16));
    for (const [index, build] of builds.entries()) {
      const key = index === 0 ? 'dddddddddddddddd' : KEY;
      await machine.do({ kind: 'send-release', build, key }, archive({ a: '' }));
      spawnSync('touch', ['-d', `2026-01-0${index + 1}`, machine.path('releases', build)]);
    }
    spawnSync('ln', ['-s', machine.path('releases', builds[0]!), machine.path('nodes/one/current')]);
    t.match(await machine.do({ kind: 'prune', keep: 2 }), { code: 0 });
    t.same(readdirSync(machine.path('releases')), [builds[0], builds[2], builds[3]], 'the oldest is in use');
    t.same(readdirSync(machine.path('modules')), [KEY, 'dddddddddddddddd']);
  },
);

/** What a node is for its supervisor: it can crash as often as told, print, and stop in order. */
const FAKE_NODE = `
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
const note = (line) => appendFileSync(process.env.NOTES, line + '\\n');
note('start ' + process.argv.slice(2).join(' '));
console.error('connecting to ' + process.env.PG_URL);
console.log('half a line without its end');
if (existsSync(process.env.NOTES + '.crash')) {
  const left = Number(readFileSync(process.env.NOTES + '.crash', 'utf8'));
  if (left > 0) { writeFileSync(process.env.NOTES + '.crash', String(left - 1)); process.exit(1); }
}
const isDeaf = existsSync(process.env.NOTES + '.deaf');
process.on('SIGINT', () => { note(isDeaf ? 'deaf' : 'stopped in order'); if (!isDeaf) process.exit(130); });
note('up');
setInterval(() => undefined, 1000);
`;

async function supervised(t: Test): Promise<{ machine: Machine; notes: string; noted: () => string[] }> {
  const machine = new Machine(t.testdir({}));
  await machine.do({ kind: 'make-folders' });
  const repository = new URL('../../', import.meta.url).pathname;
  mkdirSync(machine.path('modules', KEY), { recursive: true });
  spawnSync('ln', ['-s', join(repository, 'node_modules'), machine.path('modules', KEY, 'node_modules')]);
  const supervisor = `await import(${JSON.stringify(join(repository, 'bin/supervise.mjs'))});\n`;
  const starts = { one: ['start', '--node', 'one'] };
  const files = {
    'bin/start-node.mjs': readFileSync(join(repository, 'bin/start-node.mjs'), 'utf8'),
    'starts.json': JSON.stringify(starts),
    'bin/arbot.mjs': FAKE_NODE,
    'bin/supervise.mjs': supervisor,
    'package.json': '{"type":"module"}',
  };
  await machine.do({ kind: 'send-release', build: NEW, key: KEY }, archive(files));
  const notes = join(machine.folder, 'notes');
  const secrets = `NOTES=${notes}\nPG_URL=postgres://arbot:a-very-secret-word@db/arbot\n`;
  await machine.do({ kind: 'send-environment' }, Buffer.from(secrets));
  await machine.do({ kind: 'switch', build: NEW });
  const noted = (): string[] => (existsSync(notes) ? readFileSync(notes, 'utf8').trim().split('\n') : []);
  return { machine, notes, noted };
}

/** What nobody has waited for yet is a zombie. */
function isRunning(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return !/^[ZX]$/.test(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[0] ?? '');
}

async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await isTrue()) return;
    await sleep(50);
  }
  throw new Error(`not within 30 s: ${what}`);
}

t.test(
  'without systemd a supervisor starts a node again when it crashes, and stops it in order',
  { skip },
  async (t) => {
    const { machine, notes, noted } = await supervised(t);
    writeFileSync(`${notes}.crash`, '2');
    t.match(await machine.do({ kind: 'start' }), { code: 0 });
    t.teardown(() => machine.do({ kind: 'stop' }));
    t.match(await machine.do({ kind: 'start' }), { code: 0, out: /it runs already/ });
    await until('two crashes, then up', () => noted().at(-1) === 'up');
    t.equal(noted().filter((line) => line.startsWith('start ')).length, 3);
    t.equal(noted()[0], 'start start --node one', 'with the arguments of its release');
    t.match(await machine.look(), { running: 'supervised', runs: NEW });
    const log = readFileSync(machine.path('nodes/one/run/node.log'), 'utf8');
    t.equal(statSync(machine.path('nodes/one/run/node.log')).mode & 0o777, 0o600);
    t.match(log, /the node has crashed, it is started again in 2000 ms/);
    t.match(log, /connecting to \[redacted\]/);
    t.notMatch(log, /a-very-secret-word/);
    const [pid = ''] = readFileSync(machine.path('nodes/one/run/supervisor.pid'), 'utf8').split(' ');
    const own = readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ');
    t.equal(own[5], pid, 'it leads a session of its own: the end of the login is not its end');
    t.match(await machine.do({ kind: 'stop' }), { code: 0 });
    t.equal(noted().at(-1), 'stopped in order');
    t.match(await machine.look(), { running: null, current: NEW });
    t.notOk(isRunning(Number(pid)));
  },
);

t.test(
  'what does not end in time is killed, and a node outlives neither its supervisor nor a stop',
  { skip },
  async (t) => {
    const { machine, notes, noted } = await supervised(t);
    writeFileSync(`${notes}.deaf`, '');
    await machine.do({ kind: 'start' });
    t.teardown(() => machine.do({ kind: 'stop' }));
    await until('up', () => noted().at(-1) === 'up');
    const pidOf = (name: string): number =>
      Number(readFileSync(machine.path('nodes/one/run', name), 'utf8').split(' ')[0]);
    const node = pidOf('node.pid');
    t.match(await machine.do({ kind: 'stop' }), { code: 0 });
    t.equal(noted().at(-1), 'deaf', 'it was asked first');
    t.notOk(isRunning(node));
    writeFileSync(`${notes}.deaf`, '');
    await machine.do({ kind: 'start' });
    await until('up again', () => noted().at(-1) === 'up');
    const orphan = pidOf('node.pid');
    process.kill(pidOf('supervisor.pid'), 'SIGKILL');
    await until('the supervisor is gone', async () => (await machine.look()).running === null);
    t.match(await machine.do({ kind: 'start' }), {
      code: 1,
      err: /without its supervisor runs: stop it first/,
    });
    await machine.do({ kind: 'stop' });
    await until('the orphan is gone', () => !isRunning(orphan));
  },
);

t.test(
  'ssh is asked for nothing that would take a host key unseen, and its complaints are explained',
  async (t) => {
    const node = clusterSchema.parse({
      nodes: [
        {
          ...{ name: 'one', region: 'local', roles: ['feeds'], address: 'tokyo' },
          ssh: { user: 'admin', port: 2222, identityFileEnv: 'KEY_FILE' },
        },
      ],
    }).nodes[0]!;
    const options = { node, configFile: '/x/config', controlFolder: '/tmp/c', clock, timers };
    const args = sshArguments({ ...options, environment: { KEY_FILE: '/keys/one' } });
    t.match(args.join(' '), /^-F \/x\/config -l admin -p 2222 -i \/keys\/one -T -o BatchMode=yes/);
    t.match(args.join(' '), /ControlMaster=auto/);
    t.notMatch(args.join(' '), /StrictHostKeyChecking|UserKnownHostsFile/);
    t.throws(() => sshArguments({ ...options, environment: {} }), {
      code: 'ARB_CONFIG_INVALID',
      message: /KEY_FILE/,
    });
    t.match(adviceFor('Host key verification failed.'), /compare the fingerprint/);
    t.match(adviceFor('admin@tokyo: Permission denied (publickey).'), /no key of yours/);
    t.match(adviceFor('ssh: Could not resolve hostname tokyo'), /its name/);
    const late = await here.run({ script: 'echo begun >&2; exec sleep 30', words: [], timeoutMs: 300 });
    t.match(late, { code: null, err: /begun\nno end within 0.3 s/ });
    const absent = new ChildRemote({
      clock,
      timers,
      spawn: () => ({ command: 'no-such-program', args: [] }),
    });
    t.match(await absent.run({ script: 'true', words: [], timeoutMs: 1_000 }), { code: null, err: /ENOENT/ });
    t.same(await absent.sampleClock(CLOCK_SCRIPT, 2), []);
  },
);
