// One arbitrage in full: what was seen, decided, sent, filled and earned.
import { read } from './connection.js';
import { cell, fillFigures, fillRows, fixed, money, sign } from './format.js';

const byId = (id) => document.getElementById(id);
const PARTS = [
  ['Price move', 'priceMove'],
  ['Fees', 'fees'],
  ['Slippage', 'slippage'],
  ['Latency', 'latency'],
  ['Leg failure', 'legFailure'],
];

export function closeExplanation() {
  byId('explain').close();
}

export async function openExplanation(arbitrageId) {
  byId('explain-title').textContent = arbitrageId;
  const dialog = byId('explain');
  if (!dialog.open) dialog.showModal();
  try {
    show(await read(`/api/arbitrages/${encodeURIComponent(arbitrageId)}`));
  } catch (error) {
    byId('explain-signal').textContent = error instanceof Error ? error.message : 'The request failed.';
  }
}

function show(told) {
  showEnd(told);
  showSignal(told);
  const orders = told.orders.map(({ leg, result }) => [
    cell(`${leg.legIndex}.${leg.attempt} ${leg.attempt === 0 ? 'planned' : 'recovery'}`),
    cell(leg.instrument),
    cell(leg.side),
    cell(money(leg.quantity, 8), 'number'),
    cell(money(leg.limitPrice, 8), 'number'),
    cell(result === null ? 'open' : `${result.status} ${result.reason}`),
    cell(money(result?.filledQuantity, 8), 'number'),
    cell(money(result?.averagePrice, 8), 'number'),
  ]);
  fillRows(byId('explain-orders'), orders, 'No order was journalled.', 8);
  const changes = told.money.map((one) => [
    cell(one.exchange),
    cell(one.asset),
    cell(money(one.amount, 8), `number ${sign(one.amount)}`),
  ]);
  fillRows(byId('explain-money'), changes, 'Nothing was filled.', 3);
}

function showEnd({ closed, residualBase }) {
  if (closed === null) return fillFigures(byId('explain-figures'), [['State', 'under way']]);
  const parts = PARTS.map(([label, name]) => [
    label,
    money(closed.attribution?.[name]),
    sign(closed.attribution?.[name]),
  ]);
  fillFigures(byId('explain-figures'), [
    ['Strategy', closed.strategy ?? 'spatial'],
    ['Outcome', closed.outcome],
    ['Expected', money(closed.expectedNet)],
    ...parts,
    ['Realised', money(closed.realisedNet), sign(closed.realisedNet)],
    ['Left over', leftOver(closed, residualBase)],
    ...positionFigures(closed.position),
  ]);
}

/** Of legs in several pairs every asset. */
function leftOver({ shape, residues = [] }, residualBase) {
  if (shape === undefined) return residualBase;
  return residues.map(({ asset, quantity }) => `${quantity} ${asset}`).join(', ') || '0';
}

function positionFigures(position) {
  if (position === undefined) return [];
  const held = position.carried.map(({ asset, quantity }) => `${quantity} ${asset}`).join(', ');
  return [
    ['Position', held === '' ? 'closed' : held],
    [held === '' ? 'Round trip' : 'Position made', money(position.net), sign(position.net)],
  ];
}

function showSignal({ signal, verdict }) {
  const ruled =
    verdict === null
      ? 'The verdict was not kept.'
      : verdict.decision === 'approved'
        ? 'Every rule passed.'
        : verdict.refusals
            .map((one) => `${one.rule} ${one.subject}: ${one.actual} against ${one.limit}`)
            .join(', ');
  const seen =
    signal === null
      ? 'The signal was not kept.'
      : `Signal of ${fixed(signal.netBps, 2)} bps net: gross ${money(signal.edge.gross)}, fees ${money(signal.edge.feeBuy)} and ${money(signal.edge.feeSell)}, net ${money(signal.edge.net)}.`;
  byId('explain-signal').textContent = `${seen} ${ruled}`;
  const books = (signal?.legs ?? []).map((leg) => [
    cell(`${leg.side} on ${leg.instrument}`),
    cell(leg.levels.map(([price, size]) => `${size} at ${price}`).join(', '), 'wide'),
  ]);
  fillRows(byId('explain-books'), books, 'Not kept.', 2);
}
