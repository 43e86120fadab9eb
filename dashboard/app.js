import { act, follow, knownToken, read, rememberToken } from './connection.js';
import { closeExplanation } from './explain.js';
import {
  showEvents,
  showFeeds,
  showHeader,
  showOpportunities,
  showPortfolio,
  showPremiums,
  showProfitAndLoss,
  showTrades,
} from './panels.js';
import { closeDetail, openedUrl, showNodes, showTree } from './tree.js';

const byId = (id) => document.getElementById(id);
/** Without an update for this long the page says so: old figures must not look current. */
const STALE_MS = 3_000;
/** Sums over everything that ended are not worth more. */
const SUMS_EVERY_MS = 10_000;
const NODES_EVERY_MS = 2_000;
const PREMIUMS_EVERY_MS = 3_000;

let picture = null;
let updatedAt = performance.now();
let problem = '';

function show() {
  if (picture === null) return;
  for (const panel of [
    showHeader,
    showOpportunities,
    showFeeds,
    showTrades,
    showPortfolio,
    showTree,
    showEvents,
  ])
    panel(picture);
}

void follow(
  (next) => {
    picture = next;
    updatedAt = performance.now();
    problem = '';
    show();
    checkStale();
  },
  (text) => {
    problem = text;
    checkStale();
  },
);

function checkStale() {
  const silentMs = performance.now() - updatedAt;
  const stale = byId('stale');
  const isStale = silentMs > STALE_MS;
  const text = isStale ? `Stale: no update for ${Math.floor(silentMs / 1_000)} s. ${problem}` : '';
  if (stale.textContent !== text) stale.textContent = text;
  stale.hidden = !isStale;
}
setInterval(checkStale, 500);
setInterval(() => (byId('figure-clock').textContent = new Date().toISOString().slice(11, 19)), 500);

function sum() {
  read('/api/pnl').then(showProfitAndLoss, (error) => (byId('residues').textContent = error.message));
}
sum();
setInterval(sum, SUMS_EVERY_MS);
function lookAtPremiums() {
  read('/api/premium').then(showPremiums, (error) => (byId('premium-fx').textContent = error.message));
}
lookAtPremiums();
setInterval(lookAtPremiums, PREMIUMS_EVERY_MS);
// The other nodes, where there are any.
async function lookAround() {
  const all = await read('/api/cluster/actors').catch(() => null);
  if (all !== null) showNodes(all);
  if (all === null || all.nodes.length > 1) setTimeout(lookAround, NODES_EVERY_MS);
}
void lookAround();
byId('explain-close').addEventListener('click', closeExplanation);

// Filters act at once, not with the next picture.
byId('show-refused').addEventListener('change', show);
byId('event-filter').addEventListener('input', show);

// Tabs, below 1000 px. Arrow keys move between them.
const tabs = [...document.querySelectorAll('[role=tab]')];
function select(tab) {
  for (const one of tabs) {
    one.setAttribute('aria-selected', String(one === tab));
    one.tabIndex = one === tab ? 0 : -1;
  }
  byId('main').dataset.tab = tab.dataset.tab;
}
tabs.forEach((tab, index) => {
  tab.addEventListener('click', () => select(tab));
  tab.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const next = tabs[(index + step + tabs.length) % tabs.length];
    select(next);
    next.focus();
  });
});

// Light or dark: the system's choice until a person chooses.
const root = document.documentElement;
root.dataset.theme = localStorage.getItem('arbot-theme') ?? '';
byId('theme').addEventListener('click', () => {
  const isDark =
    root.dataset.theme === 'dark' ||
    (root.dataset.theme === '' && matchMedia('(prefers-color-scheme: dark)').matches);
  root.dataset.theme = isDark ? 'light' : 'dark';
  localStorage.setItem('arbot-theme', root.dataset.theme);
});

/** Asks for token and confirmation, then acts; resolves true when it was done. */
function confirmAction({ title, text, needsReason, run }) {
  const dialog = byId('confirm');
  byId('confirm-title').textContent = title;
  byId('confirm-text').textContent = text;
  byId('confirm-reason-line').hidden = !needsReason;
  byId('confirm-reason').required = needsReason;
  byId('confirm-reason').value = '';
  byId('confirm-token').value = knownToken();
  byId('confirm-problem').textContent = '';
  dialog.showModal();
  return new Promise((resolve) => {
    const finish = (done) => {
      byId('confirm-form').onsubmit = null;
      dialog.onclose = null;
      dialog.close();
      resolve(done);
    };
    byId('confirm-no').onclick = () => finish(false);
    dialog.onclose = () => finish(false);
    byId('confirm-form').onsubmit = async (event) => {
      event.preventDefault();
      const token = byId('confirm-token').value.trim();
      const failed = await run(token, byId('confirm-reason').value.trim());
      byId('confirm-problem').textContent = failed ?? '';
      if (failed !== null) return;
      rememberToken(token);
      finish(true);
    };
  });
}

byId('kill').addEventListener('click', () => {
  const engaged = picture?.status.killSwitch.engaged === true;
  void confirmAction({
    title: engaged ? 'Release the kill switch' : 'Engage the kill switch',
    text: engaged
      ? 'Risk-increasing orders may leave again.'
      : 'No risk-increasing order leaves until a person releases it.',
    needsReason: true,
    run: (token, reason) => act('/api/kill-switch', { engaged: !engaged, reason }, token),
  });
});

async function actOnActor(verb) {
  const opened = openedUrl();
  if (opened === null) return;
  const url = `${opened.url}/${verb}`;
  const done = await confirmAction({
    title: `${verb} ${opened.name}`,
    text:
      verb === 'crash'
        ? 'The actor is crashed on purpose; its supervisor decides what follows.'
        : 'The actor stops in order and starts again.',
    needsReason: false,
    run: (token) => act(url, null, token),
  });
  if (done) byId('detail-result').textContent = `${verb}: done`;
}
byId('detail-restart').addEventListener('click', () => void actOnActor('restart'));
byId('detail-crash').addEventListener('click', () => void actOnActor('crash'));
byId('detail-close').addEventListener('click', closeDetail);
byId('detail').addEventListener('close', closeDetail);
