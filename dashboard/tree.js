// The supervision tree as an indented table, and the details of one actor.
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

let openPath = null;

export function showTree(picture) {
  const rows = flatten(picture.actors, 0).map(({ node, depth }) => {
    const { inspection } = node;
    const indent = '\u00a0\u00a0\u00a0'.repeat(depth);
    const label = node.kind === 'supervisor' ? `${node.id} (${node.strategy ?? 'supervisor'})` : node.id;
    return [
      { ...cell(`${indent}${label}`), onClick: () => open(node) },
      cell(node.state, STATE_CLASS[node.state] ?? ''),
      cell(`${inspection.mailboxDepth}/${inspection.mailboxCapacity}`, 'number'),
      cell(fixed(inspection.handledPerSecond, 1), 'number'),
      cell(milliseconds(inspection.handlingP50Ms), 'number'),
      cell(milliseconds(inspection.handlingP99Ms), 'number'),
      cell(inspection.restarts, `number ${inspection.restarts > 0 ? 'warn' : ''}`),
      cell(inspection.lastError?.message ?? '', 'wide bad'),
    ];
  });
  fillRows(byId('rows-actors'), rows, 'No actor runs.', 8);
  if (openPath === null) return;
  const still = flatten(picture.actors, 0).find(({ node }) => node.path === openPath);
  if (still !== undefined) showDetail(still.node);
}

const milliseconds = (ms) => (typeof ms === 'number' ? `${ms.toFixed(ms < 10 ? 2 : 0)} ms` : '–');

function flatten(node, depth) {
  return [{ node, depth }, ...node.children.flatMap((child) => flatten(child, depth + 1))];
}

function open(node) {
  openPath = node.path;
  byId('detail-result').textContent = '';
  showDetail(node);
  byId('detail').showModal();
}

export function closeDetail() {
  openPath = null;
  byId('detail').close();
}

export function openedPath() {
  return openPath;
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
