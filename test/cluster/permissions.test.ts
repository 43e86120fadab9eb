import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { connect, Events, nkeyAuthenticator, type NatsConnection } from 'nats';
import t, { type Test } from 'tap';
import { runCommand } from '../../src/cli/main.js';
import { inboxPrefixOf } from '../../src/cluster/inbox.js';
import { NatsBus } from '../../src/cluster/nats-bus.js';
import { authFile, serverFile } from '../../src/cluster/nats-config.js';
import { newNodeKey } from '../../src/cluster/nats-keys.js';
import { GRANTS } from '../../src/cluster/permissions.js';
import { nodeRole, type NodeRole } from '../../src/config/cluster.js';
import { MESSAGES, type MessageKind } from '../../src/messages/catalogue.js';
import { SeededRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { eventually } from '../bus/contract.js';
import { SAMPLES } from '../messages/samples.js';
import { KeptLog } from '../runtime/harness.js';
import { RealTime } from '../runtime/real-time.js';
import { skipOrFail } from '../servers/nats.js';
import { findBinary, freePort, ServerProcess, temporaryFolder } from '../servers/server-process.js';

/** `arbot cluster keys`: its files, and what a real server lets each role do with them. */

const ROLES = nodeRole.options;
const KINDS = Object.keys(MESSAGES) as MessageKind[];
const time = new RealTime();

function clusterFile(port: number, scheme: 'nats' | 'tls' = 'nats'): string {
  return `export default ${JSON.stringify({
    name: 'arbot',
    nodes: [{ name: 'whole', region: 'asia', roles: ROLES }],
    bus: { kind: 'nats', urls: [`${scheme}://127.0.0.1:${port}`], nkeySeedEnv: 'NATS_NKEY_SEED' },
  })};\n`;
}

/** The files of a cluster with a node of every role and one of all roles; returns the seeds. */
function filesOfEachRole(folder: string, port: number): ReadonlyMap<string, string> {
  const nodes = [
    { name: 'whole', roles: ROLES, ...newNodeKey() },
    ...ROLES.map((role) => ({ name: `only-${role}`, roles: [role], ...newNodeKey() })),
  ];
  writeFileSync(join(folder, 'auth.conf'), authFile('arbot', nodes));
  const server = { cluster: 'arbot', host: '127.0.0.1', port, hosts: ['127.0.0.1'], tls: null };
  writeFileSync(join(folder, 'nats.conf'), serverFile(server));
  return new Map(nodes.map(({ name, seed }) => [name, seed]));
}

async function keys(folder: string, ...flags: string[]) {
  const lines: string[] = [];
  const terminal = {
    environment: {},
    workingFolder: folder,
    print: (line: string) => void lines.push(line),
    complain: (line: string) => void lines.push(line),
    onSignal: () => () => undefined,
  };
  const importStartNode = () => Promise.reject(new Error('starts nothing'));
  const code = await runCommand(['cluster', 'keys', ...flags], { terminal, importStartNode });
  return { code, text: lines.join('\n') };
}

const TRADING = readFileSync(join(import.meta.dirname, '../../trading.config.ts'), 'utf8').replace(
  './src/config/index.js',
  join(import.meta.dirname, '../../src/config/index.js'),
);
const seedOf = (folder: string, node: string) =>
  readFileSync(join(folder, 'nats', `${node}.seed`), 'utf8').trim();

/** Servers of their own files are needed, so an address of a prepared one does not help. */
const missing = (binary: string) => (findBinary(binary) === null ? `no ${binary}` : null);

/** A server of the generated files; its monitoring port is another one, for tests run beside each other. */
async function serve(t: Test, folder: string, port: number): Promise<void> {
  const file = join(folder, 'nats.conf');
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^http: .*$/m, ''));
  const server = new ServerProcess({
    command: findBinary('nats-server')!,
    args: ['-c', file, '-a', '127.0.0.1'],
    folder: temporaryFolder(null),
    user: null,
    stopSignal: 'SIGTERM',
    ready: () =>
      new Promise((resolve) => {
        const socket = connectTcp(port, '127.0.0.1');
        socket.once('error', () => resolve(false));
        socket.once('data', () => {
          socket.destroy();
          resolve(true);
        });
      }),
  });
  await server.start();
  t.teardown(() => server.stop());
}

function busOf(sender: string, port: number, seed: string, more: object = {}) {
  const random = new SeededRandom(sender);
  const ids = new TimeOrderedIds(time, random);
  return NatsBus.connect({
    ...{ clock: time, timers: time, ids, log: new KeptLog(), sender, random, prefix: 'arbot.paper' },
    servers: [`nats://127.0.0.1:${port}`],
    auth: { nkeySeed: seed },
    ...more,
  });
}

t.test('docs/messages.md shows who may say and hear what', async (t) => {
  const text =
    readFileSync(join(import.meta.dirname, '../../docs/messages.md'), 'utf8').split('## Who may')[1] ?? '';
  const rows = [...text.matchAll(/^\| `(\w+)` *\| (.*?) *\| (.*?) *\|$/gm)].map((row) => row.slice(1));
  const who = (roles: readonly NodeRole[], own: boolean) => {
    const named = roles.length === 0 ? 'nobody' : roles.join(', ');
    return (roles.length === ROLES.length ? 'every node' : named) + (own ? ', its own' : '');
  };
  const expected = Object.entries(GRANTS).map(([kind, { publish, subscribe, own }]) => [
    kind,
    who(publish, own === 'publish'),
    who(subscribe, own === 'subscribe'),
  ]);
  t.strictSame(rows, expected);
});

t.test(
  'arbot cluster keys: seeds are for their owner alone, shown nowhere, and stay until they are rotated',
  async (t) => {
    const folder = t.testdir({ 'cluster.config.ts': clusterFile(4_222), 'trading.config.ts': TRADING });
    const made = await keys(folder);
    t.equal(made.code, 0, made.text);
    const seed = seedOf(folder, 'whole');
    t.equal(statSync(join(folder, 'nats', 'whole.seed')).mode & 0o777, 0o600);
    const read = (name: string) => readFileSync(join(folder, 'nats', name), 'utf8');
    t.notOk([read('auth.conf'), read('nats.conf'), made.text].some((text) => text.includes(seed)));
    const auth = read('auth.conf');
    t.equal((await keys(folder)).code, 0);
    t.equal(seedOf(folder, 'whole'), seed, 'kept');
    t.equal(read('auth.conf'), auth);
    t.equal((await keys(folder, '--rotate', 'whole')).code, 0);
    t.not(seedOf(folder, 'whole'), seed, 'rotated');
    t.match(await keys(folder, '--rotate', 'nobody'), { code: 2, text: /no node is named 'nobody'/ });
    writeFileSync(join(folder, 'nats', 'whole.seed'), 'nonsense');
    const refused = await keys(folder);
    t.match(refused, { code: 2, text: /not the nkey seed of a node/ });
    t.notMatch(refused.text, /nonsense/);
  },
);

t.test('permissions of roles', async (t) => {
  if (skipOrFail(t, missing('nats-server'))) return;
  const port = await freePort();
  const folder = t.testdir({});
  const seeds = filesOfEachRole(folder, port);
  await serve(t, folder, port);

  const client = async (t: Test, node: string): Promise<NatsConnection> => {
    const connection = await connect({
      servers: `127.0.0.1:${port}`,
      authenticator: nkeyAuthenticator(new TextEncoder().encode(seeds.get(node))),
      inboxPrefix: inboxPrefixOf(node),
      reconnect: false,
    });
    t.teardown(() => connection.close());
    return connection;
  };

  /** Subjects that the server refused, in the order of its complaints. */
  const refusals = (connection: NatsConnection): string[] => {
    const refused: string[] = [];
    void (async () => {
      for await (const status of connection.status()) {
        const context = status.permissionContext;
        if (status.type === Events.Error && context !== undefined)
          refused.push(`${context.operation} ${context.subject}`);
      }
    })();
    return refused;
  };

  for (const role of ROLES) {
    await t.test(
      `a node that is only ${role} may publish and hear what the table says, and nothing else`,
      async (t) => {
        const node = `only-${role}`;
        const connection = await client(t, node);
        const refused = refusals(connection);
        const may = (who: readonly NodeRole[]) => who.includes(role);
        const expected: string[] = [];
        let allowed = 0;
        for (const kind of KINDS) {
          const { publish, subscribe, own } = GRANTS[kind];
          for (const token of own === undefined ? ['x'] : [node, 'other']) {
            const subject = `arbot.paper.${MESSAGES[kind].subject.replaceAll('*', token)}`;
            const isOwn = token === node;
            connection.publish(subject);
            connection.subscribe(subject, { callback: () => undefined });
            if (!may(publish) || (own === 'publish' && !isOwn)) expected.push(`publish ${subject}`);
            else allowed++;
            if (!may(subscribe) || (own === 'subscribe' && !isOwn)) expected.push(`subscription ${subject}`);
            else allowed++;
          }
        }
        for (const subject of [
          'arbot.paper.other',
          'other.paper.risk.halt',
          '_INBOX.whole.x',
          '$SYS.REQ.SERVER.PING',
        ]) {
          connection.publish(subject);
          expected.push(`publish ${subject}`);
          connection.subscribe(subject, { callback: () => undefined });
          expected.push(`subscription ${subject}`);
        }
        await connection.flush();
        await eventually(() => refused.length >= expected.length, `${expected.length} refusals`);
        await connection.flush();
        t.strictSame([...refused].sort(), expected.sort());
        t.ok(allowed > 20, `${allowed} were allowed`);
        const orders = expected.filter((line) => /^publish .*\.order\./.test(line));
        t.equal(orders.length, role === 'trade' ? 0 : 4, 'orders are for nodes that trade');
      },
    );
  }

  await t.test('buses of nodes with the roles reach each other; a stranger gets in nowhere', async (t) => {
    const trade = await busOf('only-trade', port, seeds.get('only-trade')!);
    const whole = await busOf('whole', port, seeds.get('whole')!);
    t.teardown(() => Promise.all([trade.close(), whole.close()]));
    let heard = 0;
    whole.subscribe('order.fill.*', 'fill', () => heard++);
    whole.respond('order.submit.*', 'submitLeg', 'legResult', () => Promise.resolve(SAMPLES.legResult));
    await whole.flush();
    trade.publish('order.fill.okx', 'fill', SAMPLES.fill, { traceId: 'tr' });
    await eventually(() => heard === 1, 'the fill');
    const ask = { traceId: 'tr', timeoutMs: 5_000 };
    const answer = await trade.request('order.submit.okx', 'submitLeg', SAMPLES.submitLeg, 'legResult', ask);
    t.strictSame(answer, SAMPLES.legResult, 'the reply needs no grant of its own');
    await questions(t, whole, trade);
    const stranger = newNodeKey().seed;
    await t.rejects(busOf('stranger', port, stranger), {
      code: 'ARB_NO_RESPONDER',
      message: /refused the credentials/,
    });
    await t.rejects(busOf('nonsense', port, 'SUAnonsense'), {
      code: 'ARB_CONFIG_INVALID',
      message: /not the nkey seed/,
    });
  });
});

/** A node asks any other about itself, and hears what is asked of no other. */
async function questions(t: Test, whole: NatsBus, trade: NatsBus): Promise<void> {
  const calls: string[] = [];
  const serve = (bus: NatsBus, node: string, by: string) =>
    bus.services().serve({
      ...{ node, nonce: 'a'.repeat(32), version: '1.0.0', facts: {} },
      endpoints: { act: () => calls.push(by) },
    });
  await serve(whole, 'whole', 'whole');
  await serve(trade, 'whole', 'an impostor');
  await whole.flush();
  t.equal(await trade.services().ask('whole', 'act', { verb: 'drain' }, 5_000), 1);
  await trade.flush();
  t.strictSame(calls, ['whole'], 'nobody else hears it');
  const { length } = await trade.services().discover(500);
  t.ok(length >= 1, 'and who is there is found');
}

t.test('with TLS only the right authority and host are trusted', async (t) => {
  if (skipOrFail(t, missing('nats-server') ?? missing('openssl'))) return;
  const port = await freePort();
  const folder = t.testdir({ 'cluster.config.ts': clusterFile(port, 'tls'), 'trading.config.ts': TRADING });
  t.match(await keys(folder, '--tls'), {
    code: 0,
    text: /server 127\.0\.0\.1: nats\.conf, auth\.conf, server-127/,
  });
  for (const name of ['ca.key', 'server-127.0.0.1.key'])
    t.equal(statSync(join(folder, 'nats', name)).mode & 0o777, 0o600, name);
  await serve(t, join(folder, 'nats'), port);
  const seed = seedOf(folder, 'whole');
  const servers = [`tls://127.0.0.1:${port}`];
  const bus = await busOf('whole', port, seed, { servers, tls: { caFile: join(folder, 'nats', 'ca.crt') } });
  await bus.flush();
  t.equal(bus.statistics().state, 'connected');
  await bus.close();
  const other = await keys(folder, '--tls', '--out', 'other');
  t.equal(other.code, 0);
  const foreign = { caFile: join(folder, 'other', 'ca.crt') };
  const alias = [`tls://localhost:${port}`];
  const trusted = { caFile: join(folder, 'nats', 'ca.crt') };
  for (const [servers, tls] of [
    [[`tls://127.0.0.1:${port}`], foreign],
    [alias, trusted],
  ] as const) {
    const refused = busOf('whole', port, seed, { servers, tls, signal: AbortSignal.timeout(500) });
    await t.rejects(refused, { code: 'ARB_NO_RESPONDER' }, servers[0]);
  }
  const giveUp = { servers, signal: AbortSignal.timeout(1_000) };
  await t.rejects(busOf('whole', port, seed, { ...giveUp, tls: {} }), { code: 'ARB_NO_RESPONDER' });
});
