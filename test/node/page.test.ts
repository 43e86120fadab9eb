import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import t from 'tap';
import { ArbotProcess } from './node-process.js';

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
    await page.goto(url);
    await page.locator('#rows-trades .good').first().waitFor({ timeout: 150_000 });

    t.equal(await page.locator('#mode').innerText(), 'SIMULATED');
    t.equal(await page.locator('#figure-feeds').innerText(), '3/3');
    t.match((await rows(page, 'feeds')).sort(), [/^binance\tlive/, /^bybit\tlive/, /^okx\tlive/]);
    t.ok(
      (await rows(page, 'opportunities')).some((row) => /refused\t[A-Z_]+: \S/.test(row)),
      'with reasons',
    );
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

    await page.locator('#kill').click();
    t.ok(await page.locator('#confirm').isVisible(), 'the kill switch asks for the token');
    t.same(complaints, []);
  },
);
