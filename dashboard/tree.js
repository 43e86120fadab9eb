// The supervision trees of all nodes as an indented table, and the details of one actor.
import { read } from './connection.js';
import { cell, clockTime, fillFigures, fillRows, fixed } from './format.js';

const byId = (id) => document.getElementById(id);
const STATE_CLASS = {
  running: 'good',
  starting: 'warn',
  stopping: 'warn',
  backing_off: 'bad',
  quarantined: 'bad',
  stopped: 'quiet',
};

/** What is open: the path of an actor, and its node unless that is this one. */
let opened = null;
/** Trees of the other nodes, as they last told them. */
let others = [];

export function showTree(picture) {
  const own = flatten(picture.actors, 0);
  const rows = [
    ...(others.length === 0 ? [] : [nodeRow(`${picture.status.node} (this page)`, 'up', '')]),
    ...own.map(({ node, depth }) =>
      actorRow({ ...node.inspection, id: node.id, state: node.state, strategy: node.strategy, depth }, () =>
        open(node),
      ),
    ),
    ...others.flatMap(({ node, state, detail, actors }) => [
      nodeRow(node, state, detail),
      ...actors.map((row) => actorRow(row, () => void openFar(node, row.path))),
    ]),
  ];
  fillRows(byId('rows-actors'), rows, 'No actor runs.', 8);
  if (opened === null || opened.node !== null) return;
  const still = own.find(({ node }) => node.path === opened.path);
  if (still !== undefined) showDetail(still.node);
}

/** Trees of the other nodes; one that does not answer is shown as silent. */
export function showNodes({ nodes }) {
  others = nodes.filter(({ isSelf }) => !isSelf);
  if (opened !== null && opened.node !== null) void fetchFar(opened.node, opened.path);
}

const nodeRow = (name, state, detail) => [
  cell(name),
  cell(state, state === 'up' ? 'good' : 'bad'),
  ...Array.from({ length: 5 }, () => cell('')),
  cell(detail, 'wide bad'),
];

function actorRow(row, onClick) {
  const label = row.kind === 'supervisor' ? `${row.id} (${row.strategy ?? 'supervisor'})` : row.id;
  return [
    { ...cell(`${'\u00a0\u00a0\u00a0'.repeat(row.depth)}${label}`), onClick },
    cell(row.state, STATE_CLASS[row.state] ?? ''),
    cell(`${row.mailboxDepth}/${row.mailboxCapacity}`, 'number'),
    cell(fixed(row.handledPerSecond, 1), 'number'),
    cell(milliseconds(row.handlingP50Ms), 'number'),
    cell(milliseconds(row.handlingP99Ms), 'number'),
    cell(row.restarts, `number ${row.restarts > 0 ? 'warn' : ''}`),
    cell(row.lastError?.message ?? '', 'wide bad'),
  ];
}

const milliseconds = (ms) => (typeof ms === 'number' ? `${ms.toFixed(ms < 10 ? 2 : 0)} ms` : '–');

function flatten(node, depth) {
  return [{ node, depth }, ...node.children.flatMap((child) => flatten(child, depth + 1))];
}

function open(node) {
  opened = { node: null, path: node.path };
  byId('detail-result').textContent = '';
  byId('detail-crash').hidden = false;
  showDetail(node);
  byId('detail').showModal();
}

async function openFar(node, path) {
  opened = { node, path };
  byId('detail-result').textContent = '';
  // Crashing on purpose is for the node's own page.
  byId('detail-crash').hidden = true;
  await fetchFar(node, path);
  if (opened !== null && !byId('detail').open) byId('detail').showModal();
}

async function fetchFar(node, path) {
  const url = `/api/cluster/actors/${[node, ...path.split('/')].map(encodeURIComponent).join('/')}`;
  await read(url).then(
    (actor) => {
      if (opened?.node === node && opened.path === path)
        showDetail({ ...actor, path: `${node}: ${path}`, inspection: actor });
    },
    (error) => {
      byId('detail-title').textContent = `${node}: ${path}`;
      byId('detail-result').textContent = error.message;
    },
  );
}

export function closeDetail() {
  opened = null;
  byId('detail').close();
}

/** Where the opened actor is acted on; null = none is open. */
export function openedUrl() {
  if (opened === null) return null;
  const path = opened.path.split('/').map(encodeURIComponent).join('/');
  const root =
    opened.node === null ? '/api/actors' : `/api/cluster/actors/${encodeURIComponent(opened.node)}`;
  return {
    name: opened.node === null ? opened.path : `${opened.node}: ${opened.path}`,
    url: `${root}/${path}`,
  };
}

function showDetail(node) {
  const { inspection } = node;
  byId('detail-title').textContent = node.path;
  const summary = Object.entries(inspection.summary).map(([name, value]) => [name, asText(value)]);
  fillFigures(byId('detail-fields'), [
    ['Kind', inspection.kind],
    ['State', node.state, STATE_CLASS[node.state] ?? ''],
    ['Restart type', node.restart],
    ['Incarnation', String(inspection.incarnation)],
    ['Started', inspection.startedAtMs === null ? '–' : `${clockTime(inspection.startedAtMs)} UTC`],
    ['Mailbox', `${inspection.mailboxDepth} of ${inspection.mailboxCapacity}`],
    [
      'Messages',
      `${inspection.handled} handled, ${inspection.dead} dead, ${inspection.dropped} dropped, ${inspection.conflated} conflated`,
    ],
    [
      'Handling',
      `p50 ${milliseconds(inspection.handlingP50Ms)}, p99 ${milliseconds(inspection.handlingP99Ms)}`,
    ],
    ['Crashes', `${inspection.crashes}, restarts ${inspection.restarts}`],
    ['Watched by', inspection.watchers.join(', ') || 'nobody'],
    [
      'Last error',
      inspection.lastError === null
        ? 'none'
        : `${inspection.lastError.message} at ${clockTime(inspection.lastError.atMs)} UTC`,
    ],
    ...summary,
  ]);
  const stack = byId('detail-stack');
  stack.hidden = inspection.lastError === null;
  stack.textContent = inspection.lastError?.stack ?? '';
}

const asText = (value) => (typeof value === 'object' ? JSON.stringify(value) : String(value));
