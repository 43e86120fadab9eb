import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import t from 'tap';
import { ArbotProcess, until } from './node-process.js';

/** The page of a running node in a real browser: every panel shows what the node does, and nothing is refused or thrown. */

const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const browserPath = [process.env['CHROMIUM_PATH'] ?? '', ...BROWSERS].find((path) => existsSync(path));
const FLAGS =
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking ' +
  '--disable-component-update --disable-sync';

const rows = (page: Page, id: string): Promise<string[]> => page.locator(`#rows-${id} tr`).allInnerTexts();

t.test(
  'the page shows the running node, and the browser has nothing to complain about',
  { skip: browserPath === undefined ? 'no Chromium is installed' : false },
  async (t) => {
    t.setTimeout(240_000);
    const folder = await mkdtemp(join(tmpdir(), 'arbot-page-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const node = new ArbotProcess(['start', '--port', '0', '--speed', '10', '--data', folder]);
    t.teardown(async () => {
      node.kill();
      await node.exit();
    });
    const url = await node.url(120_000);
    const browser = await chromium.launch({ executablePath: browserPath!, args: FLAGS.split(' ') });
    t.teardown(() => browser.close());
    const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
    const complaints: string[] = [];
    page.on('console', (message) => message.type() !== 'log' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('requestfailed', (request) => complaints.push(request.url()));
    page.on('response', (response) => response.status() >= 400 && complaints.push(response.url()));
    await withOtherNodes(page);
    await page.goto(url);
    await page.locator('#rows-trades .good').first().waitFor({ timeout: 150_000 });

    t.equal(await page.locator('#mode').innerText(), 'SIMULATED');
    t.equal(await page.locator('#figure-feeds').innerText(), '3/3');
    t.match((await rows(page, 'feeds')).sort(), [/^binance\tlive/, /^bybit\tlive/, /^okx\tlive/]);
    const seen = await until(
      () => rows(page, 'opportunities'),
      (lines) => lines.some((row) => /refused\t[A-Z_]+: \S/.test(row)),
      60_000,
    );
    t.ok(seen.length > 0, 'with reasons');
    t.match(await rows(page, 'portfolio'), [/^BTC\t[\d.]+\t[\d.]+\t[\d.]+/]);
    const tree = await page.locator('#actors').innerText();
    for (const actor of ['gate', 'saga', 'ledger', 'gateway-okx', 'spatial']) t.match(tree, actor);
    // The node's clock runs ahead of the browser's; ages are told by the former.
    await page
      .locator('#rows-trades td')
      .filter({ hasText: /^[\d.]+ s$/ })
      .first()
      .waitFor();

    // Why an arbitrage made what it made, and one of them in full.
    await page.locator('#rows-pnl .good').first().waitFor({ timeout: 30_000 });
    t.match((await rows(page, 'pnl'))[0], /^[A-Z]+-USDT\tcompleted\t\d+\t/);
    await page.locator('#rows-trades button.link').first().click();
    await page.locator('#explain-orders td').filter({ hasText: 'planned' }).first().waitFor();
    t.match(await page.locator('#explain-title').innerText(), /^arb-/);
    t.match(await page.locator('#explain-figures').innerText(), /Leg failure/i);
    t.match(await page.locator('#explain-books').innerText(), / at \d/);
    await page.locator('#explain-close').click();

    // The other nodes of a cluster, one of them silent; an actor far away in full.
    const all = page.locator('#rows-actors');
    await all.locator('tr').filter({ hasText: 'seoul-1' }).waitFor();
    t.match(await rows(page, 'actors'), [/\(this page\)\tup/]);
    t.match(await all.locator('tr').filter({ hasText: 'seoul-1' }).innerText(), /silent\t.*nobody answers/);
    t.match(await all.locator('tr').filter({ hasText: 'tokyo-1' }).first().innerText(), /^tokyo-1\tup/);
    await all.locator('tr').last().getByRole('button', { name: 'far-away' }).click();
    await page.locator('#detail-title').filter({ hasText: 'tokyo-1: node/far-away' }).waitFor();
    t.match(await page.locator('#detail-fields').innerText(), /quarantined/);
    t.ok(await page.locator('#detail-crash').isHidden(), 'nothing is crashed on purpose from here');
    await page.locator('#detail-close').click();

    await page.locator('#kill').click();
    t.ok(await page.locator('#confirm').isVisible(), 'the kill switch asks for the token');
    t.same(complaints, []);
  },
);

/** Answers for nodes that are not there, beside what the node says of itself. */
async function withOtherNodes(page: Page): Promise<void> {
  const figures = {
    ...{ state: 'quarantined', incarnation: 3, mailboxDepth: 0, mailboxCapacity: 8, handled: 9, dead: 0 },
    ...{ dropped: 0, handledPerSecond: 1, handlingP50Ms: 1, handlingP99Ms: 2, crashes: 3, restarts: 2 },
    ...{ startedAtMs: 1, restart: 'permanent', strategy: null, heldByOperator: false, nextStartInMs: null },
    lastError: { message: 'planted', stack: 'at x', atMs: 1 },
  };
  const far = { ...figures, path: 'node/far-away', id: 'far-away', depth: 1, kind: 'feed' };
  await page.route('**/api/cluster/actors', async (route) => {
    const own = (await (await route.fetch()).json()) as { readonly nodes: readonly object[] };
    const nodes = [
      ...own.nodes,
      { node: 'seoul-1', state: 'silent', detail: 'nobody answers', isSelf: false, actors: [] },
      { node: 'tokyo-1', state: 'up', detail: '', isSelf: false, actors: [far] },
    ];
    await route.fulfill({ json: { ...own, nodes } });
  });
  const detail = {
    ...far,
    node: 'tokyo-1',
    sent: 9,
    conflated: 0,
    summary: { a: 1 },
    watchers: [],
    fence: null,
  };
  await page.route('**/api/cluster/actors/tokyo-1/node/far-away', (route) => route.fulfill({ json: detail }));
}
