// One function per panel: picture in, rows out.
import { openExplanation } from './explain.js';
import { cell, clockTime, duration, fillFigures, fillRows, fixed, money, partsText, sign } from './format.js';

const byId = (id) => document.getElementById(id);
/** Legs of several pairs say what they are: their exchanges alone would read as a trade with itself. */
const route = ({ strategy, route: legs, buyExchange, sellExchange }) => {
  if (legs !== undefined) return legs;
  if (strategy === 'triangular') return `cycle on ${buyExchange}`;
  return `${buyExchange} → ${sellExchange}`;
};

const PHASE_CLASS = { executed: 'good', refused: 'warn', missed: 'warn', closed: 'quiet' };

export function showOpportunities(picture) {
  const showRefused = byId('show-refused').checked;
  const rows = picture.opportunities
    .filter((one) => showRefused || one.phase !== 'refused')
    .map((one) => [
      cell(duration(picture.atMs - one.openedAtMs), 'number'),
      cell(one.pair),
      cell(route(one)),
      cell(money(one.quantity, 6), 'number'),
      cell(fixed(one.grossBps, 1), 'number'),
      cell(fixed(one.netBps, 1), `number ${one.netBps > 0 ? 'good' : 'bad'}`),
      cell(one.phase, PHASE_CLASS[one.phase] ?? ''),
      cell(one.detail === '' ? one.reason : `${one.reason}: ${one.detail}`, 'wide'),
    ]);
  fillRows(byId('rows-opportunities'), rows, 'No opportunity yet.', 8);
}

const FEED_CLASS = {
  live: 'good',
  connecting: 'warn',
  syncing: 'warn',
  stale: 'bad',
  disconnected: 'bad',
  quarantined: 'bad',
};

export function showFeeds(picture) {
  const rows = picture.feeds.map((feed) => [
    cell(feed.exchange),
    cell(
      feed.reason === '' || feed.state === 'live' ? feed.state : `${feed.state}: ${feed.reason}`,
      FEED_CLASS[feed.state] ?? 'quiet',
    ),
    cell(`${feed.books.filter((book) => book.trusted).length}/${feed.books.length}`, 'number'),
    cell(duration(feed.ageMs), 'number'),
    cell(fixed(feed.messagesPerSecond, 0), 'number'),
    cell(feed.gaps, `number ${feed.gaps > 0 ? 'warn' : ''}`),
    cell(feed.reconnects, 'number'),
    cell(feed.invalidFrames, `number ${feed.invalidFrames > 0 ? 'warn' : ''}`),
    cell(duration(feed.latencyMs), 'number'),
  ]);
  fillRows(byId('rows-feeds'), rows, 'No feed is configured.', 9);
}

export function showTrades(picture) {
  const rows = picture.trades.map((one) => [
    cell(duration(picture.atMs - one.closedAtMs), 'number'),
    cell(one.pair),
    cell(route(one)),
    {
      ...cell(one.outcome, one.outcome === 'completed' ? 'good' : 'warn'),
      onClick: () => openExplanation(one.arbitrageId),
    },
    cell(money(one.boughtQuantity, 6), 'number'),
    cell(money(one.soldQuantity, 6), 'number'),
    cell(money(one.expectedNet), 'number'),
    cell(money(one.realisedNet), `number ${sign(one.realisedNet)}`),
    cell(money(one.fees), 'number'),
    cell(partsText(one.attribution), 'wide'),
  ]);
  fillRows(byId('rows-trades'), rows, 'Nothing was executed yet.', 10);
}

/** Sums of everything that ever ended; asked for now and then, not part of the stream. */
export function showProfitAndLoss({ rows, residues }) {
  const cells = rows.map((one) => [
    cell(one.pair),
    cell(one.outcome, one.outcome === 'completed' ? 'good' : 'warn'),
    cell(one.arbitrages, 'number'),
    cell(money(one.expectedNet), 'number'),
    cell(money(one.realisedNet), `number ${sign(one.realisedNet)}`),
    cell(money(one.fees), 'number'),
    cell(partsText(one.parts), 'wide'),
  ]);
  fillRows(byId('rows-pnl'), cells, 'Nothing ended yet.', 7);
  const left = residues
    .filter((one) => /[1-9]/.test(one.amount))
    .map((one) => `${money(one.amount, 12)} ${one.asset}`);
  byId('residues').textContent = left.length === 0 ? '' : `Left over: ${left.join(', ')}`;
}

const percent = (bps) => (bps === null ? '–' : `${bps >= 0 ? '+' : ''}${(bps / 100).toFixed(2)} %`);
const earns = (bps) => cell(fixed(bps, 1), `number ${bps > 0 ? 'good' : 'quiet'}`);

/** Coins in local money; asked for now and then, and hidden where there are none. */
export function showPremiums({ rows, fx, atMs }) {
  byId('premium').hidden = rows.length === 0;
  const cells = rows.map((one) => [
    cell(one.instrument),
    cell(one.localPrice, 'number'),
    cell(one.dollarPrice, 'number'),
    cell(fixed(one.rate, 2), 'number'),
    cell(percent(one.vsUsdtBps), 'number'),
    earns(one.sellLocalBps),
    earns(one.buyLocalBps),
    cell(percent(one.vsFxBps), 'number quiet'),
  ]);
  fillRows(byId('rows-premium'), cells, 'No coin in local money is followed.', 8);
  const told = fx.map((one) => {
    const age = one.atMs === null ? 'of unknown age' : `${duration(atMs - one.atMs)} old`;
    const rate = one.rate === null ? 'no bank rate yet' : `bank rate ${one.rate}, ${age}`;
    return `${one.currency}: ${rate}${one.error === null ? '' : ` (${one.error})`}`;
  });
  byId('premium-fx').textContent = told.join('; ');
}

export function showPortfolio(picture) {
  const { latest, realisedToday, arbitragesToday } = picture.portfolio;
  const currency = latest?.currency ?? '';
  fillFigures(
    byId('portfolio-figures'),
    [
      ['Equity', latest === null ? '–' : `${money(latest.equity, 2)} ${currency}`],
      [
        'Realised net',
        latest === null ? '–' : `${money(latest.realisedNet)} ${currency}`,
        sign(latest?.realisedNet),
      ],
      ['Today', `${money(realisedToday)} ${currency}`, sign(realisedToday)],
      ['Arbitrages today', String(arbitragesToday)],
      ...picture.accounts.map(accountFigure),
    ],
    true,
  );
  const holdings = latest?.holdings ?? [];
  const exchanges = [...new Set(holdings.map((one) => one.exchange))].sort();
  const assets = [...new Set(holdings.map((one) => one.asset))].sort();
  showExchangeHeads(exchanges);
  const amount = (asset, exchange) =>
    holdings.find((one) => one.asset === asset && one.exchange === exchange)?.amount;
  const rows = assets.map((asset) => [
    cell(asset),
    ...exchanges.map((exchange) => cell(money(amount(asset, exchange), 8), 'number')),
  ]);
  fillRows(byId('rows-portfolio'), rows, 'No balances yet.', exchanges.length + 1);
}

/** How a signed account stands with its exchange, and what nobody could explain of its balance. */
function accountFigure({ exchange, phase, reasons, unexplained }) {
  const held = unexplained.map(({ asset, difference }) => `${asset} ${difference} unexplained`);
  const words = [phase, ...(phase === 'ready' ? held : [...reasons.slice(0, 1), ...held])];
  return [`Account ${exchange}`, words.join(', '), phase === 'ready' && held.length === 0 ? 'good' : 'warn'];
}

function showExchangeHeads(exchanges) {
  const head = byId('head-portfolio');
  const wanted = ['Asset', ...exchanges];
  const shown = [...head.querySelectorAll('th')].map((one) => one.textContent);
  if (shown.join('\n') === wanted.join('\n')) return;
  const row = document.createElement('tr');
  wanted.forEach((name, index) => {
    const column = document.createElement('th');
    column.scope = 'col';
    column.className = index === 0 ? '' : 'number';
    column.textContent = name;
    row.append(column);
  });
  head.replaceChildren(row);
}

const EVENT_CLASS = {
  crashed: 'bad',
  start_failed: 'bad',
  hung: 'bad',
  abandoned: 'bad',
  intensity_reached: 'bad',
  escalated: 'bad',
  quarantined: 'bad',
  restarting: 'warn',
  probing: 'warn',
  started: 'quiet',
  stopped: 'quiet',
  restarted: 'good',
  recovered: 'good',
};

export function showEvents(picture) {
  const wanted = byId('event-filter').value.trim().toLowerCase();
  const rows = picture.events
    .filter((one) => wanted === '' || `${one.kind} ${one.path} ${one.reason}`.toLowerCase().includes(wanted))
    .map((one) => [
      cell(clockTime(one.atMs)),
      cell(one.kind, EVENT_CLASS[one.kind] ?? ''),
      cell(one.path),
      cell(one.reason, 'wide'),
    ]);
  fillRows(byId('rows-events'), rows, 'Nothing happened yet.', 4);
}

export function showHeader(picture) {
  const { status, feeds, portfolio } = picture;
  const mode = byId('mode');
  mode.textContent = status.mode;
  mode.dataset.mode = status.mode;
  document.title = `${status.mode} · ArBot`;
  byId('node').textContent = `${status.node} · ${status.version}`;
  const ready = byId('ready');
  ready.textContent = status.ready ? 'ready' : 'not ready';
  ready.dataset.state = status.ready ? 'good' : 'bad';
  const live = feeds.filter((feed) => feed.state === 'live').length;
  byId('figure-feeds').textContent = `${live}/${feeds.length}`;
  const ages = feeds.map((feed) => feed.ageMs).filter((age) => age !== null);
  byId('figure-age').textContent = ages.length === 0 ? '–' : duration(Math.max(...ages));
  const net = byId('figure-net');
  net.textContent = `${money(portfolio.realisedToday)} ${portfolio.latest?.currency ?? ''}`;
  net.className = sign(portfolio.realisedToday);
  byId('figure-equity').textContent = money(portfolio.latest?.equity, 2);
  const engaged = status.killSwitch.engaged;
  byId('kill').textContent = engaged ? 'Release kill switch…' : 'Kill switch…';
  const state = byId('kill-state');
  const text = engaged ? `HALTED: ${status.killSwitch.reason}` : '';
  if (state.textContent !== text) state.textContent = text;
}
