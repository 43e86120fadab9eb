import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { runCommand } from '../../src/cli/main.js';
import type { NodeStanding } from '../../src/cli/cluster/status-run.js';
import { available as natsAvailable, startNats } from '../servers/nats.js';
import { available as postgresAvailable, skipOrFail, startPostgres } from '../servers/postgres.js';
import type { ServerControl } from '../servers/server-process.js';
import { bedUnavailable, createBed, type Bed } from './bed/bed.js';

/**
 * A cluster of three on machines of their own: namespaces with an sshd each, without systemd; NATS and PostgreSQL are reached over
 * the bridge. The tests build on each other, as a day with a cluster does.
 */

const repository = new URL('../../', import.meta.url).pathname;
const PASSWORD = 'a-token-that-nobody-may-see-0123456789';

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line as a person would, in a folder with both configuration files. */
async function arbotIn(folder: string, secrets: string, line: string): Promise<Said> {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runCommand(line.split(' '), {
    importStartNode: () => Promise.reject(new Error('nothing is started here')),
    terminal: {
      environment: { BED_SECRETS: secrets },
      workingFolder: folder,
      print: (text) => void out.push(text),
      complain: (text) => void err.push(text),
      onSignal: () => () => undefined,
    },
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

/** What lies in no package is a CommonJS file to some loaders, whose default export is then one level deeper. */
const writeModuleFolder = (folder: string): void =>
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');

class Day {
  readonly bed: Bed;
  readonly nats: ServerControl;
  readonly postgres: ServerControl;
  /** Everything that was ever shown. */
  shown = '';
  private configured = 0;

  constructor(bed: Bed, nats: ServerControl, postgres: ServerControl) {
    this.bed = bed;
    this.nats = nats;
    this.postgres = postgres;
    writeFileSync(
      this.secrets,
      `PG_URL=${postgres.url}\nARBOT_HTTP_TOKEN=${PASSWORD}\nARBOT_VERDICT_KEY_HEX=${'5a'.repeat(32)}\n`,
      { mode: 0o600 },
    );
  }

  /** A new one for each configuration: this process, unlike one per command, remembers what it has imported. */
  get folder(): string {
    return join(this.bed.folder, `config-${this.configured}`);
  }

  get secrets(): string {
    return join(this.bed.folder, 'secrets.env');
  }

  configure(change: { readonly startArguments?: readonly string[]; readonly dailyLoss?: string } = {}): void {
    this.configured += 1;
    mkdirSync(this.folder);
    const roles = ['feeds', 'detectors', 'trade', 'recorder'];
    const node = (number: number, its: readonly string[]) => ({
      name: `node-${number}`,
      region: 'local',
      roles: its,
      address: `host-${number}`,
      http: { port: 8_700 + number },
    });
    const cluster = {
      name: 'bed',
      nodes: [node(1, roles), node(2, roles), node(3, ['feeds', 'detectors', 'recorder'])],
      bus: { kind: 'nats', urls: [this.nats.url] },
      stores: { trades: { kind: 'postgres', urlEnv: 'PG_URL' }, ticks: { kind: 'none' } },
      deployment: {
        sshConfigFile: this.bed.sshConfigFile,
        environmentFileEnv: 'BED_SECRETS',
        keepReleases: 2,
        minFreeMegabytes: 64,
        joinTimeoutMs: 240_000,
        startArguments: ['--exchanges', 'binance,okx', ...(change.startArguments ?? [])],
      },
    };
    const trading = `import home from ${JSON.stringify(`${repository}trading.config.ts`)};
export default { ...home, limits: { ...home.limits, dailyLoss: ${JSON.stringify(change.dailyLoss ?? '500')} } };\n`;
    writeModuleFolder(this.folder);
    writeFileSync(join(this.folder, 'cluster.config.ts'), `export default ${JSON.stringify(cluster)};\n`);
    writeFileSync(join(this.folder, 'trading.config.ts'), trading);
  }

  async arbot(line: string): Promise<Said> {
    const said = await arbotIn(this.folder, this.secrets, line);
    this.shown += `\n$ arbot ${line}\n${said.out}\n${said.err}\n`;
    return said;
  }

  async standings(): Promise<readonly NodeStanding[]> {
    return JSON.parse((await this.arbot('cluster status --json')).out) as NodeStanding[];
  }

  host(number: number) {
    return this.bed.hosts[number - 1]!;
  }
}

/** The steps that a command says it did, as `node step`, without what differs. */
const steps = (out: string): string[] =>
  out
    .split('\n')
    .map((line) => /^(node-\d) {2}(.*?) {2}/.exec(line))
    .flatMap((match) =>
      match === null ? [] : [`${match[1]} ${match[2]!.replace(/ [0-9a-f]{16}$/, '').trim()}`],
    );

t.test('a cluster of three machines, from the first look to the last stop', async (t) => {
  if (skipOrFail(t, bedUnavailable() ?? natsAvailable() ?? postgresAvailable())) return;
  const bed = await createBed({ hosts: 3 });
  t.teardown(() => bed.destroy());
  const nats = await startNats({ address: bed.address });
  t.teardown(() => nats.stop());
  const postgres = await startPostgres({ address: bed.address });
  t.teardown(() => postgres.stop());
  const day = new Day(bed, nats, postgres);
  day.configure();
  t.teardown(() => {
    if (!t.passing()) t.comment(day.shown);
  });

  await t.test('machines that would not do are named with every reason, and nothing is copied', async (t) => {
    day.host(1).replaceProgram('node', '#!/bin/sh\necho v18.20.4\n');
    day.host(2).replaceProgram('date', '#!/bin/sh\nexec /bin/date -d "now + 5 seconds" "$@"\n');
    await day.host(3).exec('mount -t tmpfs -o size=16m none /opt');
    await day
      .host(3)
      .cut('out', { peer: bed.address, port: Number(new URL(nats.url.replace('nats:', 'http:')).port) });
    const { code, out, err } = await day.arbot('cluster launch');
    t.equal(code, 1);
    t.match(out, /bad +node-1 +Node +v18\.20\.4 at \S+, needs >=20\.19\.0/);
    t.match(out, /bad +node-2 +clock +\+[45]\d{3} ms against this machine/);
    t.match(out, /bad +node-3 +disk +1\d MB free at \/opt/);
    t.match(out, /bad +node-3 +nats .* is not reached from there: silent/);
    t.match(err, /ARB_HOST_FAILED: nothing was copied: node-1, node-2, node-3 would not do/);
    for (const host of bed.hosts) t.equal((await host.exec('ls /opt')).out, '', `${host.name} is untouched`);
    day.host(1).restoreProgram('node');
    day.host(2).restoreProgram('date');
    await day.host(3).heal();
    await day.host(3).exec('umount /opt');
    const away = await day.arbot('cluster status');
    t.equal(away.code, 1);
    t.match(away.out, /node-1 +host-1 +no .* not launched/);
  });

  await t.test('a machine whose key is not known, or that is off, is said to be so', async (t) => {
    await day.host(2).powerOff();
    const { code, out } = await day.arbot('cluster launch --probe --nodes node-2');
    t.equal(code, 1);
    t.match(out, /bad +node-2 +ssh +it is not reached/);
    await day.host(2).powerOn();
    t.match(await day.arbot('cluster launch --probe'), {
      code: 0,
      out: /probed {2}node-1, node-2, node-3: fit/,
    });
  });

  await t.test(
    'an installation that breaks off is told with its output, and goes on from there',
    async (t) => {
      day.host(3).replaceProgram('tar', '#!/bin/sh\necho "tar: the disk is on fire" >&2\nexit 2\n');
      const broken = await day.arbot('cluster launch');
      t.equal(broken.code, 1);
      t.match(broken.err, /node-3 \(host-3\): copy packages: failed \(exit 2\)\n +tar: the disk is on fire/);
      t.same(
        steps(broken.out).filter((step) => /start|switch/.test(step)),
        [],
        'nothing is started before everything is copied',
      );
      day.host(3).restoreProgram('tar');
      const { code, out } = await day.arbot('cluster launch');
      t.equal(code, 0);
      t.same(
        steps(out).filter((step) => step.includes('copy packages')),
        ['node-3 copy packages'],
        'what is there is not copied again',
      );
      t.same(
        steps(out).filter((step) => step.includes('wait until joined')),
        ['node-3 wait until joined', 'node-1 wait until joined', 'node-2 wait until joined'],
        'who may trade starts last',
      );
    },
  );

  await t.test('all three have joined, and one of them trades', async (t) => {
    const standings = await day.standings();
    t.same(
      standings.map(({ name, running, joined }) => [name, running, joined]),
      [1, 2, 3].map((number) => [`node-${number}`, 'supervised', true]),
    );
    t.equal(new Set(standings.map(({ build }) => build)).size, 1);
    t.equal(standings.filter(({ trades }) => trades).length, 1);
    t.match(await day.arbot('cluster status'), { code: 0, out: /node-2 .* supervised .* yes/ });
    const again = await day.arbot('cluster launch');
    t.equal(again.code, 0, 'a launch of what runs changes nothing');
    t.ok(steps(again.out).every((step) => step.endsWith('wait until joined')));
  });

  await t.test('no secret is in an argument or a log, and the file with them is its owner’s', async (t) => {
    for (const host of bed.hosts) {
      const { out } = await host.exec("cat /proc/[0-9]*/cmdline | tr '\\0' ' '");
      t.notMatch(out, PASSWORD, host.name);
      t.notMatch(out, new URL(postgres.url).password, host.name);
      t.match(await host.exec('stat -c %a /opt/arbot/nodes/*/environment'), { out: '600\n' });
      const found = await host.exec(
        `grep -rl ${PASSWORD} /opt/arbot --include=*.log --include=*.out --include=*.ts`,
      );
      t.equal(found.out, '');
    }
    t.notMatch(day.shown, PASSWORD);
    t.notMatch(day.shown, new URL(postgres.url).password);
  });

  await t.test('the logs of all come together, each line under its node', async (t) => {
    const { code, out } = await day.arbot('cluster logs --lines 3');
    t.equal(code, 0);
    for (const number of [1, 2, 3])
      t.equal(out.split('\n').filter((line) => line.startsWith(`node-${number}  {"level"`)).length, 3);
  });

  await t.test('a deployment replaces one after the other and hands the trade over once', async (t) => {
    const before = await day.standings();
    const holder = before.find(({ trades }) => trades)!.name;
    const standBy = holder === 'node-1' ? 'node-2' : 'node-1';
    t.match(await day.arbot('cluster deploy'), { code: 0 }, 'there is nothing to do');
    day.configure({ dailyLoss: '400' });
    t.match(await day.arbot('cluster launch'), { code: 1, err: /replace with arbot cluster deploy/ });
    const { code, out, err } = await day.arbot('cluster deploy');
    t.equal(code, 0, err);
    t.same(
      steps(out).filter((step) => step.includes('stop in order')),
      [`node-3 stop in order`, `${standBy} stop in order`, `${holder} stop in order`],
      'who trades comes last',
    );
    const after = await day.standings();
    t.ok(after.every(({ joined }) => joined));
    t.not(after[0]!.build, before[0]!.build);
    t.equal(new Set(after.map(({ build }) => build)).size, 1);
    t.same(
      after.filter(({ trades }) => trades).map(({ name }) => name),
      [standBy],
      'the trade went to the stand-by when its holder stopped',
    );
  });

  await t.test(
    'a release that does not start goes back to what ran, and the others keep running',
    async (t) => {
      const before = await day.standings();
      day.configure({ dailyLoss: '300', startArguments: ['--no-such-option'] });
      const { code, out, err } = await day.arbot('cluster deploy');
      t.equal(code, 1);
      t.match(err, /node-3 \(host-3\): wait until joined: failed/);
      t.match(err, /last lines of its log:\n[\s\S]*unknown option '--no-such-option'/);
      t.match(out, /node-3 {2}back to what was before/);
      t.notMatch(steps(out).join('\n'), /node-[12] (?:stop|start|switch)/);
      const after = await day.standings();
      t.same(
        after.map(({ name, build, joined }) => [name, build, joined]),
        before.map(({ name, build }) => [name, build, true]),
      );
    },
  );

  await t.test('a stop ends the stand-by, then who trades, then what feeds them', async (t) => {
    const holder = (await day.standings()).find(({ trades }) => trades)!.name;
    const { code, out } = await day.arbot('cluster stop');
    t.equal(code, 0);
    const standBy = holder === 'node-1' ? 'node-2' : 'node-1';
    t.same(steps(out), [`${standBy} stop in order`, `${holder} stop in order`, 'node-3 stop in order']);
    for (const host of bed.hosts) t.equal((await host.exec('pgrep -c node')).out.trim(), '0', host.name);
    t.match(await day.arbot('cluster status'), { code: 1, out: /stopped; [0-9a-f]{16} is ready to start/ });
    t.match(await day.arbot('cluster stop'), { code: 0, out: /node-1 {2}does not run/ });
  });
});

/** Plays systemd for the units of one machine: reads what it is told in the unit file, and keeps what it was asked. */
const SYSTEMCTL = `#!/bin/sh
state=/run/played; mkdir -p $state; echo "$*" >>$state/calls
for last in "$@"; do :; done
of() { sed -n "s/^$1=//p" "/etc/systemd/system/$last"; }
runs() { [ -s "$state/$last.pid" ] && [ -d "/proc/$(cat "$state/$last.pid")" ]; }
case $1 in
  is-active) runs ;;
  show) cat "$state/$last.pid" ;;
  start)
    file=$(of EnvironmentFile); set -a; . "\${file#-}"; set +a
    cd "$(of WorkingDirectory)"; eval "set -- $(of ExecStart)"
    setsid "$@" </dev/null >>$state/log 2>&1 &
    echo $! >"$state/$last.pid" ;;
  stop)
    kill "-\$(of KillSignal | sed s/SIG//)" "$(cat "$state/$last.pid")"
    while runs; do sleep 0.1; done ;;
esac
`;

t.test('where systemd runs a node is a unit (systemd is played by a script)', async (t) => {
  if (skipOrFail(t, bedUnavailable())) return;
  const bed = await createBed({ hosts: 1 });
  t.teardown(() => bed.destroy());
  const host = bed.hosts[0]!;
  host.replaceProgram('systemctl', SYSTEMCTL);
  host.replaceProgram('journalctl', '#!/bin/sh\necho "$*"; cat /run/played/log\n');
  await host.exec('mkdir -p /run/systemd/system; mount -t tmpfs none /etc/systemd/system');
  const secrets = join(bed.folder, 'secrets.env');
  writeFileSync(secrets, `ARBOT_HTTP_TOKEN=${PASSWORD}\n`, { mode: 0o600 });
  const cluster = {
    name: 'bed',
    nodes: [
      {
        ...{ name: 'alone', region: 'local', roles: ['feeds', 'detectors', 'trade', 'recorder'] },
        address: 'host-1',
        http: { host: '0.0.0.0', behindTlsProxy: true },
      },
    ],
    stores: { trades: { kind: 'memory' }, ticks: { kind: 'none' } },
    deployment: {
      ...{ sshConfigFile: bed.sshConfigFile, environmentFileEnv: 'BED_SECRETS', joinTimeoutMs: 240_000 },
      ...{ minFreeMegabytes: 64, startArguments: ['--exchanges', 'binance,okx'] },
    },
  };
  writeModuleFolder(bed.folder);
  writeFileSync(join(bed.folder, 'cluster.config.ts'), `export default ${JSON.stringify(cluster)};\n`);
  writeFileSync(
    join(bed.folder, 'trading.config.ts'),
    `export { default } from ${JSON.stringify(`${repository}trading.config.ts`)};\n`,
  );
  const arbot = (line: string) => arbotIn(bed.folder, secrets, line);
  const launched = await arbot('cluster launch');
  t.equal(launched.code, 0, launched.err);
  t.match(launched.out, /warn +alone +service +systemd, as root: name deployment.serviceUser/);
  t.match(launched.out, /alone {2}write systemd unit/);
  t.match(await host.exec('cat /etc/systemd/system/bed-alone.service'), { out: /^ProtectSystem=strict$/m });
  const [standing] = JSON.parse((await arbot('cluster status --json')).out) as NodeStanding[];
  t.match(standing, { running: 'systemd', joined: true, trades: true, build: /^[0-9a-f]{16}$/ });
  t.match(await arbot('cluster logs --lines 5'), {
    code: 0,
    out: /alone {2}--unit bed-alone\.service --lines 5/,
  });
  const again = await arbot('cluster deploy --restart');
  t.same(steps(again.out.replaceAll('alone', 'node-1')).slice(-8), [
    ...[
      'node-1 make folders',
      'node-1 copy environment file',
      'node-1 write systemd unit',
      'node-1 stop in order',
    ],
    ...['node-1 switch to', 'node-1 start', 'node-1 wait until joined', 'node-1 remove old releases'],
  ]);
  t.match(await arbot('cluster stop'), { code: 0, out: /alone {2}stop in order/ });
  t.match(await host.exec('cat /run/played/calls'), { out: /daemon-reload\nenable bed-alone.service\n/ });
  t.match(await arbot('cluster status'), { code: 1, out: /alone +host-1 +no .*stopped/ });
});
