import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { checkCluster, loadConfig, type ClusterConfig, type NodeConfig } from '../../src/config/index.js';
import { clusterSchema } from '../../src/config/cluster.js';
import { clockOffset } from '../../src/launch/clock-offset.js';
import { endpointsOf, neededVariables } from '../../src/launch/endpoints.js';
import { parseEnvironmentFile, renderEnvironmentFile } from '../../src/launch/environment-file.js';
import { hostFindings, type HostFinding, type Needs } from '../../src/launch/findings.js';
import { deployOrder, startOrder, stopOrder } from '../../src/launch/order.js';
import { neededPackages } from '../../src/launch/packages.js';
import { placesOf, unitName } from '../../src/launch/places.js';
import { planNode, settingOf, type Wanted } from '../../src/launch/plan.js';
import { parseProbe, type HostFacts } from '../../src/launch/probe.js';
import { commandLine, quote, scriptLine } from '../../src/launch/quote.js';
import { redactor } from '../../src/launch/redact.js';
import { releaseOf } from '../../src/launch/release.js';
import { afterEnd, MAX_DELAY_MS, STABLE_MS } from '../../src/launch/restarts.js';
import { commandOf, titleOf } from '../../src/launch/steps.js';
import { sentTlsFiles } from '../../src/launch/tls-files.js';
import { tarOf } from '../../src/launch/tar.js';
import { unitFile } from '../../src/launch/unit-file.js';
import { verdictKeyFindings } from '../../src/launch/verdict-key.js';
import { findBinary } from '../servers/server-process.js';

/** What a launch decides, without a machine. */

const repository = resolve(import.meta.dirname, '../..');

/** Any text that an argument can carry: everything but NUL. */
const argument = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.replaceAll('\0', '§'));

t.test('whatever a word holds, a shell hands it on as it is', async (t) => {
  const nasty = [
    "'",
    '"',
    '$(id)',
    '`id`',
    '\\',
    '!',
    '*',
    '~',
    '-n',
    ';rm',
    '\n',
    "a'b'c",
    '',
    'é',
    '%s',
    '#',
    '&&',
  ];
  const printed = (line: string): string[] =>
    execFileSync('sh', ['-c', line]).toString('utf8').split('\0').slice(0, -1);
  const shown = (words: readonly string[]): string[] => printed(`printf '%s\\0' ${commandLine(words)}`);
  t.same(shown(nasty), nasty);
  t.same(printed(scriptLine(`for one in "$@"; do printf '%s\\0' "$one"; done`, nasty)), nasty);
  fc.assert(
    fc.property(fc.array(argument, { minLength: 1, maxLength: 20 }), (words) => {
      const wellFormed = words.map((word) => Buffer.from(word).toString('utf8'));
      t.same(shown(wellFormed), wellFormed);
    }),
    { numRuns: 60 },
  );
  t.throws(() => quote('a\0b'), { code: 'ARB_CLI_USAGE' });
});

t.test(
  'an environment file is read alike by everybody, or refused by its line and without its value',
  async (t) => {
    const read = parseEnvironmentFile(
      "# a comment\n\nPG_URL=postgres://a:b@c/d\nA='two words'\nB=\"it's\"\r\nEMPTY=\n",
    );
    t.same(Object.fromEntries(read.values), {
      PG_URL: 'postgres://a:b@c/d',
      A: 'two words',
      B: "it's",
      EMPTY: '',
    });
    t.same(read.problems, []);
    const bad = parseEnvironmentFile(
      'A=ok\nnot a line\nB=two words\nA=again\nC="a$b"\nD=\'a\\b\'\n9X=1\nE=x#y\n',
    );
    t.same(
      bad.problems.map((problem) => problem.split(':')[0]),
      ['line 2', 'line 3', 'line 4', 'line 5', 'line 6', 'line 7', 'line 8'],
    );
    t.notMatch(bad.problems.join(), /two words|a\$b|x#y/, 'no value is shown');
    const value = fc.oneof(
      fc.stringMatching(/^[A-Za-z0-9:/@._?=&%+-]{0,40}$/),
      fc.stringMatching(/^[ -&(-[\]-~]{0,40}$/),
      fc.stringMatching(/^[ !#%-[\]-_a-~]{0,40}$/),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,10}$/), value), (values) => {
        const text = renderEnvironmentFile(new Map(Object.entries(values)));
        const again = parseEnvironmentFile(text);
        t.same(again.problems, []);
        t.same(Object.fromEntries(again.values), values);
      }),
      { numRuns: 200 },
    );
  },
);

t.test('what a machine said is shown without the values of the environment file', async (t) => {
  const redact = redactor(['postgres://arbot:p%40ssw0rd@db/arbot', 'short', 'a-long-token-of-many-letters']);
  t.equal(
    redact('cannot reach postgres://arbot:p%40ssw0rd@db/arbot with a-long-token-of-many-letters'),
    'cannot reach [redacted] with [redacted]',
  );
  t.equal(redact('password p@ssw0rd, p%40ssw0rd'), 'password [redacted], [redacted]');
  t.equal(redact('a short text'), 'a short text');
});

t.test('an archive is a function of its contents, and the system’s tar reads it', async (t) => {
  const long = `${'folder-with-a-long-name/'.repeat(5)}file.ts`;
  const files = [
    { path: 'b.txt', data: Buffer.from('two'), executable: false },
    { path: long, data: Buffer.alloc(1_500, 'x'), executable: true },
    { path: 'a/empty', data: Buffer.alloc(0), executable: false },
  ];
  t.ok(tarOf(files).equals(tarOf([...files].reverse())), 'in whatever order the files come');
  const folder = t.testdir({});
  execFileSync('tar', ['-xf', '-', '-C', folder], { input: tarOf(files) });
  for (const { path, data } of files) t.ok(readFileSync(join(folder, path)).equals(data), path);
  t.throws(() => tarOf([{ path: 'x'.repeat(300), data: Buffer.alloc(0), executable: false }]), /no room/);
});

t.test('a node gets the packages that it runs on, and no others', async (t) => {
  const lock = readFileSync(join(repository, 'package-lock.json'), 'utf8');
  const lean = neededPackages(lock, { tickEngine: false });
  const whole = neededPackages(lock, { tickEngine: true });
  for (const name of ['nact', 'nats', 'pg', 'tsx', 'zod', 'undici']) t.ok(lean.required.includes(name), name);
  for (const name of ['tap', 'eslint', 'typescript', 'prettier', 'fast-check'])
    t.notOk([...lean.required, ...lean.optional].includes(name), name);
  t.ok(lean.optional.includes('@esbuild/linux-x64'), 'engines of every machine may be absent');
  t.notOk(
    lean.optional.includes('chdb'),
    'half a gigabyte that a node without the embedded tick store does not need',
  );
  t.ok(whole.optional.includes('chdb'));
  t.not(lean.key, whole.key);
  t.equal(
    neededPackages(lock.replaceAll('\n', '\r\n'), { tickEngine: false }).key,
    lean.key,
    'of meaning, not of text',
  );
  t.throws(() => neededPackages('{}', { tickEngine: false }), { code: 'ARB_CONFIG_INVALID' });
});

t.test('a release holds both configurations as plain data that mean the same', async (t) => {
  const config = await loadConfig({ folder: repository, environment: {} });
  const file = { path: 'src/x.ts', data: Buffer.from('export {};'), executable: false };
  const release = releaseOf([file], config);
  t.match(release.build, /^[0-9a-f]{16}$/);
  t.equal(releaseOf([file], config).build, release.build);
  t.not(releaseOf([{ ...file, data: Buffer.from('export {}; ') }], config).build, release.build);
  const changed = { ...config, trading: { ...config.trading, dayBoundary: 'KST' as const } };
  t.not(releaseOf([file], changed).build, release.build, 'another configuration is another build');
  const folder = t.testdir({});
  execFileSync('tar', ['-xf', '-', '-C', folder], { input: release.archive });
  const again = await loadConfig({ folder, environment: {} });
  t.same(again.cluster, config.cluster);
  t.same(again.trading, config.trading);
  t.same(JSON.parse(readFileSync(join(folder, 'build.json'), 'utf8')), { build: release.build });
  const starts = JSON.parse(readFileSync(join(folder, 'starts.json'), 'utf8')) as Record<string, string[]>;
  t.match(
    starts['local']?.join(' '),
    /^start --config .*\/current --node local --data .* --market simulated --quiet --log stderr/,
  );
});

const clusterOf = (change: object = {}): ClusterConfig =>
  clusterSchema.parse({
    nodes: [{ name: 'one', region: 'local', roles: ['feeds'], address: '10.0.0.1' }],
    ...change,
  });
const needsOf = (change: object = {}, needs: Partial<Needs> = {}): Needs => {
  const cluster = clusterOf({ deployment: change });
  return {
    node: cluster.nodes[0]!,
    deployment: cluster.deployment,
    engines: '>=20.19.0',
    packages: { system: 'Linux', machine: 'x86_64', libc: 'glibc 2.36' },
    bytes: 200e6,
    modulesKey: '0123456789abcdef',
    clockSkewMaxMs: 250,
    ...needs,
  };
};

const PROBED = [
  'Welcome to this machine = yours',
  'system=Linux',
  'machine=x86_64',
  'libc=glibc 2.36',
  'user=admin',
  'rights=sudo',
  'systemd=yes',
  'tool=tar',
  'tool=gzip',
  'tool=setsid',
  'parent=/opt',
  'writable=no',
  'freeKilobytes=9000000',
  'release=aaaaaaaaaaaaaaaa',
  'release=aaaaaaaaaaaaaaab.part-7',
  'current=aaaaaaaaaaaaaaaa',
  'nodeBinary=/usr/bin/node',
  'nodeVersion=v20.19.0',
  'port=8787 free',
  'reach=nats 10.0.0.9 4222 ok',
  'end=yes',
];
const factsOf = (...lines: readonly string[]): HostFacts => {
  const names = lines.map((line) => line.split('=')[0]);
  const kept = PROBED.filter((line) => !names.includes(line.split('=')[0]));
  const facts = parseProbe([...kept, ...lines.filter((line) => !line.endsWith('='))].join('\n'));
  if (typeof facts === 'string') throw new Error(facts);
  return facts;
};

t.test('an answer of a machine is read, or said to be none', async (t) => {
  const facts = factsOf();
  t.match(facts, {
    system: 'Linux',
    rights: 'sudo',
    systemd: true,
    writable: false,
    running: null,
    runs: null,
  });
  t.same(facts.releases, ['aaaaaaaaaaaaaaaa'], 'what is half there does not count');
  t.equal(facts.ports.get(8787), 'free');
  t.same(facts.reached, [{ name: 'nats', host: '10.0.0.9', port: 4222, result: 'ok' }]);
  t.match(parseProbe('system=Linux\n'), /lacks .*end/);
  t.match(parseProbe('This account is currently not available.'), /lacks/);
  t.match(parseProbe(PROBED.map((line) => line.replace('=sudo', '=wheel')).join('\n')), /lacks rights/);
});

const EXACT = { offsetMs: 0, uncertaintyMs: 1 };
const worst = (findings: readonly HostFinding[]): string[] =>
  findings
    .filter(({ state }) => state !== 'ok')
    .map(({ state, name, detail }) => `${state} ${name}: ${detail}`);

t.test('each reason why a machine would not do is found, all of them at once', async (t) => {
  t.same(worst(hostFindings(needsOf({ serviceUser: 'arbot' }), factsOf(), EXACT)), []);
  const cases: readonly (readonly [RegExp, readonly string[], object?, (typeof EXACT | null)?])[] = [
    [/bad system: Darwin/, ['system=Darwin']],
    [/bad system: gzip not found/, ['tool=tar']],
    [/bad Node: not found/, ['nodeBinary=', 'nodeVersion=']],
    [/bad Node: v18.20.4 at \/usr\/bin\/node, needs >=20.19.0/, ['nodeVersion=v18.20.4']],
    [/bad Node: v20.9.0/, ['nodeVersion=v20.9.0']],
    [/bad Node: .* says failed/, ['nodeVersion=failed']],
    [/bad clock: \+400 ms .* more than 250 ms/, [], {}, { offsetMs: 400, uncertaintyMs: 2 }],
    [/bad clock: -90000 ms/, [], {}, { offsetMs: -90_000, uncertaintyMs: 2 }],
    [/bad clock: its date/, [], {}, null],
    [/warn clock: .* too far away/, [], {}, { offsetMs: 10, uncertaintyMs: 300 }],
    [/bad disk: 52 MB free at \/opt, needs 1224 MB/, ['freeKilobytes=50000']],
    [/bad rights: admin may not write to \/opt/, ['rights=none']],
    [/bad service: .* systemd, which does not run/, ['systemd=no'], { service: 'systemd' }],
    [/bad service: a systemd unit needs root/, ['rights=none'], { service: 'systemd' }],
    [/warn service: no systemd: a supervisor/, ['systemd=no']],
    [/warn service: no right to install a unit/, ['rights=none', 'writable=yes']],
    [/warn service: systemd, as root/, ['rights=root', 'user=root'], { serviceUser: undefined }],
    [/bad packages: npm not found/, ['machine=aarch64']],
    [
      /bad packages: those of this machine do not run on Linux x86_64 unknown/,
      ['libc=unknown'],
      { install: 'copy' },
    ],
    [/bad port: 127.0.0.1:8787: EADDRINUSE/, ['port=8787 EADDRINUSE']],
    [
      /bad nats: 10.0.0.9:4222 is not reached from there: ECONNREFUSED/,
      ['reach=nats 10.0.0.9 4222 ECONNREFUSED'],
    ],
  ];
  for (const [expected, lines, change = {}, clock = EXACT] of cases) {
    const found = worst(hostFindings(needsOf({ serviceUser: 'arbot', ...change }), factsOf(...lines), clock));
    t.ok(
      found.some((line) => expected.test(line)),
      `${expected} in ${found.join(' · ')}`,
    );
  }
  const everything = factsOf('nodeVersion=v18.0.0', 'freeKilobytes=1', 'rights=none', 'port=8787 EADDRINUSE');
  t.equal(worst(hostFindings(needsOf(), everything, { offsetMs: 9_999, uncertaintyMs: 1 })).length, 6);
  const running = factsOf('running=systemd', 'runs=aaaaaaaaaaaaaaaa', 'port=8787 EADDRINUSE');
  t.same(
    worst(hostFindings(needsOf({ serviceUser: 'arbot' }), running, EXACT)),
    [],
    'its own node holds the port',
  );
  const oneDown = factsOf('reach=nats 10.0.0.8 4222 silent', 'reach=nats 10.0.0.9 4222 ok');
  t.match(worst(hostFindings(needsOf({ serviceUser: 'arbot' }), oneDown, EXACT)), [/^warn nats/]);
});

t.test('the clock of a machine is known as well as the way there allows', async (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 400 })), {
        minLength: 1,
        maxLength: 6,
      }),
      fc.integer({ min: -100_000, max: 100_000 }),
      (ways, trueOffsetMs) => {
        const samples = ways.map(([thereMs, backMs], index) => {
          const sentMs = 1.7e12 + index * 1_000;
          const atMs = sentMs + thereMs + trueOffsetMs;
          const answer = `${Math.floor(atMs / 1_000)}${String((atMs % 1_000) * 1e6).padStart(9, '0')}`;
          return { sentMs, receivedMs: sentMs + thereMs + backMs, answer };
        });
        const found = clockOffset(samples)!;
        t.ok(Math.abs(found.offsetMs - trueOffsetMs) <= found.uncertaintyMs + 1e-6);
        t.equal(found.uncertaintyMs, Math.min(...ways.map(([there, back]) => (there + back) / 2)));
      },
    ),
    { numRuns: 200 },
  );
  const whole = clockOffset([{ sentMs: 1.7e12, receivedMs: 1.7e12 + 2, answer: '1700000000%N' }]);
  t.same(whole, { offsetMs: 499, uncertaintyMs: 501 }, 'a date without fractions is known to half a second');
  t.equal(clockOffset([{ sentMs: 0, receivedMs: 1, answer: 'date: invalid' }]), null);
});

const wanted: Wanted = {
  build: 'bbbbbbbbbbbbbbbb',
  modulesKey: '0123456789abcdef',
  hasEnvironment: true,
  needsPreparation: false,
  restart: false,
};
const kinds = (steps: readonly { readonly kind: string }[]): string =>
  steps.map(({ kind }) => kind).join(' ');

t.test('a plan has what is missing on a machine and nothing else', async (t) => {
  const needs = needsOf();
  const fresh = planNode(wanted, needs, factsOf('release='));
  t.equal(kinds(fresh.install), 'make-folders send-modules send-release');
  t.equal(kinds(fresh.activate), 'send-environment write-unit switch start await-joined prune');
  t.equal(kinds(fresh.rollback), 'stop');
  const other = planNode(wanted, needs, factsOf('machine=aarch64', 'tool=npm'));
  t.equal(kinds(other.install), 'make-folders install-modules send-release');
  const copied = planNode(wanted, needs, factsOf('modules=0123456789abcdef', `release=${wanted.build}`));
  t.equal(kinds(copied.install), 'make-folders', 'an interrupted launch goes on');
  const joined = planNode(wanted, needs, factsOf('running=systemd', `runs=${wanted.build}`));
  t.equal(
    kinds([...joined.install, ...joined.activate]),
    'await-joined',
    'a node that runs it is only asked',
  );
  const old = planNode(wanted, needs, factsOf('running=supervised', 'runs=aaaaaaaaaaaaaaaa', 'systemd=no'));
  t.equal(kinds(old.activate), 'send-environment stop switch start await-joined prune');
  t.equal(kinds(old.rollback), 'stop restore-environment switch start await-joined');
  t.match(old.rollback[2], { build: 'aaaaaaaaaaaaaaaa' });
  const again = planNode(
    { ...wanted, restart: true },
    needs,
    factsOf('running=systemd', `runs=${wanted.build}`),
  );
  t.equal(kinds(again.activate), 'send-environment write-unit stop switch start await-joined prune');
  t.same(again.rollback, [], 'there is nothing to go back to');
  const embedded = planNode({ ...wanted, needsPreparation: true }, needs, factsOf());
  t.equal(kinds(embedded.install), 'make-folders send-modules send-release prepare');
});

t.test('no secret is in a command, whatever the step', async (t) => {
  const needs = needsOf({ serviceUser: 'arbot' });
  for (const facts of [factsOf('running=systemd', 'runs=aaaaaaaaaaaaaaaa'), factsOf('systemd=no')]) {
    const setting = settingOf('arbot', needs.node, needs.deployment, facts);
    const plan = planNode({ ...wanted, needsPreparation: true }, needs, facts);
    for (const step of [...plan.install, ...plan.activate, ...plan.rollback]) {
      const { script, words, timeoutMs } = commandOf(step, setting);
      t.ok(titleOf(step).length > 3 && timeoutMs > 0);
      t.equal(spawnSync('sh', ['-n', '-c', script]).status, 0, `${step.kind} is a script`);
      t.notMatch(words.join(' '), /undefined|PG_URL/);
    }
  }
  const sudo = settingOf('arbot', needs.node, needs.deployment, factsOf());
  t.same(commandOf({ kind: 'stop' }, sudo).words, ['arbot-one.service', 'sudo']);
  t.match(commandOf({ kind: 'await-joined', build: 'b' }, sudo).words, ['sudo', '-n', '/usr/bin/node']);
});

const nodes = (roles: Readonly<Record<string, readonly string[]>>): readonly NodeConfig[] =>
  clusterOf({ nodes: Object.entries(roles).map(([name, its]) => ({ name, region: 'local', roles: its })) })
    .nodes;
const names = (ordered: readonly NodeConfig[]): string => ordered.map(({ name }) => name).join(' ');

t.test('the node that trades is replaced last, and stopped before those that feed it', async (t) => {
  const three = nodes({ a: ['trade', 'feeds'], b: ['feeds'], c: ['trade', 'detectors'] });
  t.equal(names(startOrder(three)), 'b a c');
  t.equal(names(deployOrder(three, 'a')), 'b c a');
  t.equal(names(deployOrder(three, 'c')), 'b a c');
  t.equal(names(deployOrder(three, null)), 'b a c');
  t.equal(names(stopOrder(three, 'a')), 'c a b');
  t.equal(names(stopOrder(three, 'c')), 'a c b');
  t.equal(names(stopOrder(three, null)), 'c a b');
  for (const holder of ['a', 'b', 'c', null])
    for (const order of [deployOrder, stopOrder]) t.equal(new Set(order(three, holder)).size, 3, 'each once');
});

t.test('a crash is started again with growing pauses, an end as planned is not', async (t) => {
  const crash = (ranMs: number, failures: number) =>
    afterEnd({ code: 1, signal: null, ranMs }, failures, false);
  t.match(crash(10, 0), { kind: 'restart', delayMs: 1_000, failuresInRow: 1 });
  t.match(crash(10, 1), { delayMs: 2_000 });
  t.match(crash(10, 40), { delayMs: MAX_DELAY_MS });
  t.match(crash(STABLE_MS, 40), { delayMs: 1_000, failuresInRow: 1 }, 'a stable run clears the past');
  t.match(afterEnd({ code: null, signal: 'SIGKILL', ranMs: 5 }, 0, false), { kind: 'restart' });
  t.match(afterEnd({ code: 0, signal: null, ranMs: 5 }, 0, false), { kind: 'end', code: 0 });
  t.match(afterEnd({ code: 2, signal: null, ranMs: 5 }, 0, false), { kind: 'end', code: 2 });
  t.match(afterEnd({ code: 130, signal: null, ranMs: 5 }, 0, true), { kind: 'end', code: 0 });
});

t.test('the secrets that a configuration names are known, and what it must reach', async (t) => {
  const cluster = clusterOf({
    bus: {
      kind: 'nats',
      urls: ['nats://10.0.0.1:4222', 'tls://bus.example:5222'],
      userEnv: 'N_USER',
      passwordEnv: 'N_PASS',
    },
    stores: {
      trades: { kind: 'postgres', urlEnv: 'PG_URL' },
      prices: { kind: 'redis', urlEnv: 'REDIS_URL' },
    },
    deployment: { environmentFileEnv: 'HERE' },
  });
  t.same(neededVariables(cluster), ['N_PASS', 'N_USER', 'PG_URL', 'REDIS_URL']);
  const environment = new Map([
    ['PG_URL', 'postgres://arbot:secret@[fd00::5]/arbot'],
    ['REDIS_URL', 'redis://:secret@cache:7000'],
  ]);
  t.same(endpointsOf(cluster, environment), [
    { name: 'nats', host: '10.0.0.1', port: 4222 },
    { name: 'nats', host: 'bus.example', port: 5222 },
    { name: 'postgres', host: 'fd00::5', port: 5432 },
    { name: 'redis', host: 'cache', port: 7000 },
  ]);
  t.same(endpointsOf(cluster, new Map([['PG_URL', 'not an address']])).length, 2);
});

t.test('what would break a launch is refused in the configuration', async (t) => {
  const node = { name: 'one', region: 'local', roles: ['feeds', 'detectors', 'trade', 'recorder'] };
  const refused = (change: object, of: object = {}) =>
    checkCluster({ nodes: [{ ...node, ...of }], ...change }).map(({ key }) => key);
  t.same(refused({}), []);
  t.same(refused({ deployment: { folder: 'opt/arbot' } }), ['deployment.folder']);
  t.same(refused({ deployment: { folder: '/opt/../etc' } }), ['deployment.folder']);
  t.same(refused({ deployment: { folder: '/opt/a b' } }), ['deployment.folder']);
  t.same(refused({ deployment: { keepReleases: 1 } }), ['deployment.keepReleases']);
  t.same(refused({ deployment: { environmentFileEnv: '/etc/secrets' } }), ['deployment.environmentFileEnv']);
  t.same(refused({}, { address: '-oProxyCommand=id' }), ['nodes[0].address']);
  t.same(refused({}, { ssh: { user: '-l' } }), ['nodes[0].ssh.user']);
  t.same(refused({}, { ssh: { identityFile: 'a', identityFileEnv: 'B' } }), ['nodes[0].ssh.identityFileEnv']);
});

/** Sections of a unit as systemd reads them: names may repeat. */
function sectionsOf(text: string): Map<string, [string, string][]> {
  const sections = new Map<string, [string, string][]>();
  let current: [string, string][] = [];
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const section = /^\[(\w+)\]$/.exec(line)?.[1];
    if (section !== undefined) sections.set(section, (current = []));
    else current.push([line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
  }
  return sections;
}

t.test('the systemd unit stops in order, comes back after a crash and may do little', async (t) => {
  const cluster = clusterOf();
  const [node, { deployment }] = [cluster.nodes[0]!, cluster];
  const options = { cluster: 'arbot', node, deployment, nodeBinary: '/usr/bin/node', user: 'arbot' };
  const sections = sectionsOf(unitFile(options));
  t.same([...sections.keys()], ['Unit', 'Service', 'Install']);
  const service = new Map(sections.get('Service'));
  t.match(Object.fromEntries(service), {
    User: 'arbot',
    NoNewPrivileges: 'yes',
    ProtectSystem: 'strict',
    ProtectHome: 'yes',
    ReadWritePaths: placesOf(deployment, node).data,
    Restart: 'on-failure',
    RestartPreventExitStatus: '2',
    LimitNOFILE: '65536',
    KillSignal: 'SIGINT',
    TimeoutStopSec: '30',
    EnvironmentFile: '-/opt/arbot/nodes/one/environment',
    CapabilityBoundingSet: '',
  });
  t.equal(service.get('ExecStart'), '/usr/bin/node /opt/arbot/nodes/one/current/bin/start-node.mjs one');
  const odd = sectionsOf(unitFile({ ...options, nodeBinary: '/opt/a "b" $c 100%/node' }));
  t.ok(new Map(odd.get('Service')).get('ExecStart')?.startsWith('"/opt/a \\"b\\" $$c 100%%/node" '));
  t.notOk(service.has('MemoryDenyWriteExecute'), 'V8 and WebAssembly compile');
  const home = { ...deployment, folder: '/home/trader/arbot' };
  t.match(
    unitFile({ ...options, deployment: home }),
    /^ProtectHome=read-only$/m,
    'what lives there must be readable',
  );
  const analyze = findBinary('systemd-analyze');
  if (analyze === null) return void t.comment('systemd-analyze is not here: the unit was only parsed');
  // It wants programs, folders and users that are there.
  const folder = t.testdir({});
  const path = join(folder, unitName('arbot', 'one'));
  const here = unitFile({ ...options, nodeBinary: process.execPath, user: 'root' });
  writeFileSync(path, here.replaceAll('/opt/arbot/nodes/one', join(folder, 'node')));
  mkdirSync(join(folder, 'node/current/bin'), { recursive: true });
  const verified = spawnSync(analyze, ['verify', '--man=no', path], { encoding: 'utf8' });
  const complaints = verified.stderr.split('\n').filter((line) => line.includes(unitName('arbot', 'one')));
  t.same(complaints, [], 'systemd-analyze verify has nothing to say');
  t.equal(verified.status, 0, verified.stderr);
  const security = spawnSync(analyze, ['security', '--offline=true', '--no-pager', path], {
    encoding: 'utf8',
  });
  const exposure = Number(/exposure level for \S+: ([\d.]+)/.exec(security.stdout)?.[1]);
  t.ok(exposure > 0 && exposure < 3.5, `systemd-analyze security: ${exposure}`);
});

t.test('the authority of the bus goes with the release, and what is one node’s own does not', (t) => {
  const bus = (tls: Record<string, string>) => ({
    bus: clusterSchema.parse({
      nodes: [{ name: 'a', region: 'x', roles: ['feeds', 'detectors', 'trade', 'recorder'] }],
      bus: { kind: 'nats', urls: ['tls://10.0.0.1:4222'], tls },
    }).bus,
  });
  t.strictSame(sentTlsFiles(bus({ caFile: './nats/ca.crt' })), ['nats/ca.crt']);
  t.strictSame(sentTlsFiles(bus({ caFile: '/etc/nats/ca.crt' })), [], 'is the machine’s own');
  t.strictSame(sentTlsFiles(bus({})), []);
  t.throws(() => sentTlsFiles(bus({ caFile: '../ca.crt' })), { code: 'ARB_CONFIG_INVALID' });
  const own = { caFile: 'ca.crt', certFile: '/etc/a.crt', keyFile: 'a.key' };
  t.throws(() => sentTlsFiles(bus(own)), {
    code: 'ARB_CONFIG_INVALID',
    message: /keyFile: each node has its own/,
  });
  t.end();
});

t.test('nodes that may trade have one key of approvals, which no finding shows', (t) => {
  const [same, other] = ['a'.repeat(64), 'b'.repeat(64)];
  const holder = (node: string, key: string | null, isInFile = false) => ({ node, key, isInFile });
  const of = (...holders: Parameters<typeof verdictKeyFindings>[1]) => verdictKeyFindings('n', holders);
  t.strictSame(of(holder('n', null)), [], 'who trades alone makes its own');
  t.strictSame(of(holder('m', same), holder('o', other)), [], 'who does not trade has none');
  t.match(of(holder('n', same), holder('o', same.toUpperCase())), [{ state: 'ok' }]);
  t.match(of(holder('n', null), holder('o', same)), [
    { state: 'bad', detail: /lacks ARBOT_VERDICT_KEY_HEX/ },
  ]);
  t.match(of(holder('n', null, true), holder('o', same)), [{ state: 'ok', detail: /_FILE/ }]);
  const differs = of(holder('n', same), holder('o', other), holder('p', other));
  t.match(differs, [{ state: 'bad', detail: 'ARBOT_VERDICT_KEY_HEX differs from that of o, p' }]);
  t.notMatch(JSON.stringify(differs), same.slice(0, 8));
  t.end();
});
