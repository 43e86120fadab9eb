import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import t from 'tap';
import { runCommand } from '../../src/cli/main.js';
import { binance } from '../../src/connectors/binance.js';
import { bithumb } from '../../src/connectors/bithumb.js';
import { bitget } from '../../src/connectors/bitget.js';
import { bybit } from '../../src/connectors/bybit.js';
import { gate } from '../../src/connectors/gate.js';
import { kucoin } from '../../src/connectors/kucoin.js';
import { okx } from '../../src/connectors/okx.js';
import { upbit } from '../../src/connectors/upbit.js';
import { nodeTree } from '../../src/modes/tree.js';
import type { ActorDefinition } from '../../src/runtime/actor.js';
import { renderTable } from '../../src/supervisors/tree-shape.js';

/** Papers that disagree with the code are worse than none. */

const repository = resolve(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(repository, path), 'utf8');
const papers = () =>
  ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', ...markdownBelow('docs')].map((path) => ({
    path,
    text: read(path),
  }));

function markdownBelow(folder: string): string[] {
  return readdirSync(join(repository, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return markdownBelow(path);
    return path.endsWith('.md') ? [path] : [];
  });
}

t.test('every link of the papers leads to a file', async (t) => {
  for (const { path, text } of papers()) {
    const broken = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map((match) => match[1]!)
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => !existsSync(join(repository, dirname(path), link)));
    t.same(broken, [], path);
  }
});

t.test('every source file that the architecture names exists', async (t) => {
  const named = [...read('ARCHITECTURE.md').matchAll(/`((?:src\/)?[a-z/-]+\.(?:ts|cjs))`/g)].map(
    (m) => m[1]!,
  );
  t.ok(named.length > 10, 'it names files');
  for (const file of named)
    t.ok(existsSync(join(repository, file)) || existsSync(join(repository, 'src', file)), file);
});

t.test('the architecture’s map names every folder of src, and no other', async (t) => {
  const folders = readdirSync(join(repository, 'src'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && readdirSync(join(repository, 'src', entry.name)).length > 0)
    .map((entry) => entry.name);
  const named = [...read('ARCHITECTURE.md').matchAll(/^\| `src\/([a-z]+)`/gm)].map((m) => m[1]!);
  t.same([...named].sort(), folders.sort());
});

const shown = (kind: string): ActorDefinition<never> => ({
  kind,
  mailbox: { capacity: 1, policyOf: () => ({ kind: 'reject' }) },
  handlerTimeoutMs: 1,
  create: () => ({ handle: () => undefined }),
});

t.test('the supervision table is the tree that a node starts', async (t) => {
  const perExchange = (kind: string) =>
    new Map(['binance', 'okx', 'bybit'].map((exchange) => [exchange, shown(kind)]));
  const table = renderTable(
    nodeTree({
      clockSync: shown('clock-sync'),
      instruments: shown('instruments'),
      feeds: perExchange('feed'),
      detector: shown('detector'),
      cycleDetectors: perExchange('triangular-detector'),
      pairDetector: shown('statistical-detector'),
      recorder: shown('recorder'),
      lease: shown('lease'),
      ledger: shown('ledger'),
      gate: shown('gate'),
      gateways: perExchange('gateway'),
      saga: shown('saga'),
      portfolio: shown('portfolio'),
      pricePublisher: shown('price-publisher'),
      scheduler: shown('scheduler'),
      alerts: shown('alerts'),
      tickRecorder: shown('tick-recorder'),
    }),
  );
  const part = /<!-- supervision:begin -->\n+([\s\S]*?)\n+<!-- supervision:end -->/.exec(
    read('ARCHITECTURE.md'),
  );
  const cells = (text: string) =>
    text
      .split('\n')
      .map((line) => line.split('|').map((cell) => cell.replaceAll(/[\s\u00a0]+/g, ' ').trim()));
  const rows = (text: string) => cells(text).filter((row) => !row.every((cell) => /^-*$/.test(cell)));
  t.same(rows(part?.[1] ?? ''), rows(table.trim()));
});

t.test('every command that the README shows exists', async (t) => {
  const commands = [...read('README.md').matchAll(/^npx arbot ([a-z]+)(?: (check|list)\b)?/gm)];
  t.ok(commands.length > 5);
  for (const [, command, sub] of commands) {
    const printed: string[] = [];
    const terminal = {
      environment: {},
      workingFolder: repository,
      print: (line: string) => void printed.push(line),
      complain: (line: string) => void printed.push(line),
      onSignal: () => () => undefined,
    };
    const args = [command!, ...(sub === undefined ? [] : [sub]), '--help'];
    const importStartNode = () => Promise.reject(new Error('help starts nothing'));
    t.equal(await runCommand(args, { terminal, importStartNode }), 0, args.join(' '));
    t.match(printed.join('\n'), /Usage:/);
  }
  const scripts = (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts;
  for (const [, script] of read('README.md').matchAll(/npm run ([a-z:]+)/g))
    t.ok(scripts[script!], String(script));
});

t.test('each connector has its page, and the page names its channels and addresses', async (t) => {
  for (const connector of [binance(), okx(), bybit(), gate(), bitget(), kucoin(), upbit(), bithumb()]) {
    const page = read(`docs/exchanges/${connector.exchange}.md`);
    const { depth, bestQuote } = connector.capabilities.channels;
    t.ok(page.includes(depth), `${connector.exchange}: ${depth}`);
    if (bestQuote !== null) t.ok(page.includes(bestQuote), `${connector.exchange}: ${bestQuote}`);
    t.ok(page.includes(connector.endpoints.websocketUrl), `${connector.exchange}: the socket's address`);
    for (const request of [connector.rest.instruments(null), connector.rest.serverTime()])
      t.ok(page.includes(request.path.split('?')[0]!), `${connector.exchange}: ${request.path}`);
    t.ok(read('docs/exchanges/README.md').includes(`(${connector.exchange}.md)`), 'and is in the list');
    const { orders } = connector;
    if (orders === undefined) continue;
    const order = { symbol: 'BTC', clientOrderId: 'own', exchangeOrderId: null };
    const calls = [
      orders.cancel(order),
      ...orders.lookups(order),
      orders.openOrders(),
      orders.fills({ symbol: 'BTC', sinceMs: 0, exchangeOrderId: null }),
      orders.balances(),
      ...orders.transfers(0),
      orders.feeRates('BTC'),
      ...(orders.deadMan === null ? [] : [orders.deadMan.call(0)]),
    ];
    for (const { method, path } of calls) {
      // Some exchanges have the order's id in the path.
      const call = `${method} ${path.replace(/\/(?:t-)?own$/, '/{id}')}`;
      t.ok(
        new RegExp(`\\b${call.replaceAll(/[{}]/g, '\\$&')}(?!\\w)`).test(page),
        `${connector.exchange}: ${call}`,
      );
    }
    t.ok(
      page.includes(connector.endpoints.privateUrl!),
      `${connector.exchange}: the private socket's address`,
    );
  }
});

t.test('the list of decisions is complete', async (t) => {
  const records = readdirSync(join(repository, 'docs/decisions')).filter((name) => /^\d{4}-/.test(name));
  const index = read('docs/decisions/README.md');
  for (const record of records) t.ok(index.includes(`(${record})`), record);
});

t.test('every library entry of the package has its source, and README shows how it is used', async (t) => {
  const { exports } = JSON.parse(read('package.json')) as {
    exports: Record<string, string | { types: string; default: string }>;
  };
  const entries = Object.entries(exports).flatMap(([name, to]) =>
    typeof to === 'string' ? [] : [{ name, to }],
  );
  t.ok(entries.length >= 3);
  for (const { name, to } of entries) {
    const source = to.default.replace('./dist/', '').replace(/\.js$/, '.ts');
    t.ok(existsSync(join(repository, source)), source);
    t.equal(to.types, to.default.replace(/\.js$/, '.d.ts'));
    const library = (await import(join(repository, source))) as Record<string, unknown>;
    const example = new RegExp(`import \\{ ([^}]+) \\} from 'arbot${name.slice(1)}'`).exec(read('README.md'));
    for (const used of example?.[1]?.split(', ') ?? []) t.type(library[used], 'function', used);
    t.ok(example, `README shows arbot${name.slice(1)}`);
  }
});
