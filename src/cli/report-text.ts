import { Decimal } from '../market/decimal.js';
import type { ArbitrageClosed, Attribution } from '../messages/order.js';
import type { Explanation, ProfitAndLossReport } from '../messages/reports.js';
import { table } from './output.js';

/** Reports as lines for people. Amounts are cut, never rounded, so that no digit shown is wrong. */

const PLACES = 4;

function short(text: string, places = PLACES): string {
  const [whole = '', part = ''] = text.split('.');
  const shown = part.slice(0, places).replace(/0+$/, '');
  return shown === '' ? whole.replace(/^-0$/, '0') : `${whole}.${shown}`;
}

const time = (atMs: number): string => new Date(atMs).toISOString();
const PARTS = ['priceMove', 'fees', 'slippage', 'latency', 'legFailure'] as const;
const PART_HEADS = ['price move', 'fees', 'slippage', 'latency', 'leg failure'];

function partCells(parts: Attribution | undefined): string[] {
  return PARTS.map((name) => (parts === undefined ? '-' : short(parts[name])));
}

export function tradeLines(rows: readonly ArbitrageClosed[]): string[] {
  if (rows.length === 0) return ['No arbitrage has ended.'];
  const head = [
    'closed',
    'strategy',
    'pair',
    'buy > sell',
    'outcome',
    'bought',
    'sold',
    'expected',
    'realised',
  ];
  const cells = rows.map((one) => [
    time(one.closedAtMs),
    one.strategy ?? 'spatial',
    one.pair,
    `${one.buyExchange} > ${one.sellExchange}`,
    one.outcome,
    short(one.boughtQuantity, 8),
    short(one.soldQuantity, 8),
    short(one.expectedNet),
    short(one.realisedNet),
    ...partCells(one.attribution),
    one.arbitrageId,
  ]);
  return table([[...head, ...PART_HEADS, 'arbitrage'], ...cells]);
}

type Sums = ProfitAndLossReport['rows'][number];

export function profitLines({ rows, residues }: ProfitAndLossReport): string[] {
  if (rows.length === 0) return ['No arbitrage ended in this period.', ...residueLines(residues)];
  const head = [
    'pair',
    'strategy',
    'outcome',
    'arbitrages',
    'expected',
    'realised',
    ...PART_HEADS,
    'not told',
    'fees paid',
  ];
  const cells = rows.map((row) => [row.pair, row.strategy, row.outcome, ...sumCells(row)]);
  const quotes = [...new Set(rows.map(({ quote }) => quote))];
  const totals = quotes.map((quote) => {
    const own = rows.filter((row) => row.quote === quote);
    return [`all in ${quote}`, '', '', ...sumCells(own.reduce(added))];
  });
  return [...table([head, ...cells, ...totals]), ...residueLines(residues)];
}

function sumCells(row: Sums): string[] {
  // Of arbitrages whose signal is not known any more nobody can say why they made something else.
  const told = PARTS.reduce((sum, name) => sum.plus(row.parts[name]), new Decimal(row.expectedNet));
  return [
    String(row.arbitrages),
    short(row.expectedNet),
    short(row.realisedNet),
    ...PARTS.map((name) => short(row.parts[name])),
    short(new Decimal(row.realisedNet).minus(told).toFixed()),
    short(row.fees),
  ];
}

function added(a: Sums, b: Sums): Sums {
  const plus = (x: string, y: string): string => new Decimal(x).plus(y).toFixed();
  return {
    ...a,
    arbitrages: a.arbitrages + b.arbitrages,
    expectedNet: plus(a.expectedNet, b.expectedNet),
    realisedNet: plus(a.realisedNet, b.realisedNet),
    fees: plus(a.fees, b.fees),
    attributed: a.attributed + b.attributed,
    parts: {
      priceMove: plus(a.parts.priceMove, b.parts.priceMove),
      fees: plus(a.parts.fees, b.parts.fees),
      slippage: plus(a.parts.slippage, b.parts.slippage),
      latency: plus(a.parts.latency, b.parts.latency),
      legFailure: plus(a.parts.legFailure, b.parts.legFailure),
    },
  };
}

function residueLines(residues: ProfitAndLossReport['residues']): string[] {
  if (residues.length === 0) return [];
  const rows = residues.map(({ asset, amount, arbitrages, flagged }) => [
    asset,
    short(amount, 12),
    String(arbitrages),
    String(flagged),
  ]);
  return ['', ...table([['left over of', 'amount', 'arbitrages', 'flagged'], ...rows])];
}

export function explanationLines(told: Explanation): string[] {
  return [
    ...endLines(told),
    ...signalLines(told),
    ...ruleLines(told),
    ...orderLines(told),
    ...fillLines(told),
    ...moneyLines(told),
  ];
}

function endLines({ arbitrageId, closed, residualBase }: Explanation): string[] {
  if (closed === null) return [`${arbitrageId} is under way.`];
  const { attribution } = closed;
  const parts = PARTS.map((name, at) => [
    PART_HEADS[at]!,
    attribution === undefined ? '-' : attribution[name],
  ]);
  const late = new Decimal(residualBase).eq(closed.residualBase)
    ? []
    : [`Fills came after the end: ${residualBase} is left over by now, ${closed.residualBase} was then.`];
  return [
    `${arbitrageId}: ${closed.outcome}, ${closed.pair}, bought on ${closed.buyExchange}, sold on ${closed.sellExchange}`,
    `from ${time(closed.openedAtMs)} to ${time(closed.closedAtMs)}`,
    `bought ${closed.boughtQuantity}, sold ${closed.soldQuantity}, left over ${leftText(closed)}`,
    ...positionLines(closed),
    ...table([['expected', closed.expectedNet], ...parts, ['realised', closed.realisedNet]]).map(
      (line) => `  ${line}`,
    ),
    ...late,
  ];
}

/** Of legs in several pairs every asset with what it is worth. */
function leftText({ shape, residualBase, residues = [], quote = '' }: ArbitrageClosed): string {
  if (shape === undefined) return residualBase;
  const parts = residues.map(({ asset, quantity, worth }) => `${quantity} ${asset} (${worth} ${quote})`);
  return parts.join(', ') || 'nothing';
}

function positionLines({ position, quote = '' }: ArbitrageClosed): string[] {
  if (position === undefined) return [];
  const { positionId, action, carried, net } = position;
  const held = carried.map(({ asset, quantity, worth }) => `${quantity} ${asset} at ${worth} ${quote}`);
  return [
    carried.length > 0
      ? `position ${positionId}, ${action}: holds ${held.join(', ')}; it has made ${net} ${quote} so far`
      : `position ${positionId}, ${action}: closed; the round trip made ${net} ${quote}`,
  ];
}

function signalLines({ signal }: Explanation): string[] {
  if (signal === null) return ['', 'The signal was not kept.'];
  const { edge } = signal;
  const legs = signal.legs.flatMap((leg) => [
    `${leg.side} ${leg.quantity} on ${leg.instrument} at ${leg.limitPrice} or better; expected ${leg.expectedVwap}`,
    `  book ${leg.bookEpoch}/${leg.bookSequence} of ${time(leg.exchangeTimeMs)}, received ${time(leg.receiveTimeMs)}`,
    `  ${leg.levels.map(([price, size]) => `${size} at ${price}`).join(', ')}`,
  ]);
  return [
    '',
    `signal ${signal.signalId} of ${signal.strategy}, detected ${time(signal.detectedAtMs)}, ${signal.netBps.toFixed(2)} bps net`,
    ...legs,
    `gross ${edge.gross} - fees ${edge.feeBuy} and ${edge.feeSell} - latency ${edge.latencyDecay} - transfer ${edge.transfer} + inventory ${edge.inventory}${edge.marked === undefined ? '' : ` + left over ${edge.marked}`} = ${edge.net}`,
    ...pairLines(signal),
  ];
}

function pairLines({ position }: NonNullable<Explanation['signal']>): string[] {
  if (position === undefined) return [];
  const { action, direction, hedgeRatio, zScore, halfLifeMs, pValue } = position;
  const life = halfLifeMs === null ? 'no half-life' : `half-life ${Math.round(halfLifeMs / 1_000)} s`;
  const p = pValue === null ? 'p not known' : `p ${pValue.toFixed(4)}`;
  return [
    `${action} ${direction}: hedge ratio ${hedgeRatio.toFixed(6)}, z-score ${zScore.toFixed(3)}, ${life}, ${p}`,
  ];
}

function ruleLines({ verdict }: Explanation): string[] {
  if (verdict === null) return ['', 'The verdict was not kept.'];
  const head = `verdict ${verdict.verdictId}, ${verdict.decision} ${time(verdict.decidedAtMs)}`;
  if (verdict.decision === 'approved') {
    const hedges = verdict.hedges ?? [];
    const also = hedges.length === 0 ? '' : `, hedges allowed on ${hedges.join(', ')}`;
    return ['', `${head}: every rule passed, valid until ${time(verdict.expiresAtMs)}${also}`];
  }
  const rules = verdict.refusals.map(
    ({ rule, limit, actual, unit, subject }) => `  ${rule} ${subject}: ${actual} against ${limit} ${unit}`,
  );
  return ['', head, ...rules];
}

function orderLines({ orders }: Explanation): string[] {
  if (orders.length === 0) return ['', 'No order was journalled.'];
  const rows = orders.map(({ leg, result }) => [
    `${leg.legIndex}.${leg.attempt}`,
    leg.attempt === 0 ? 'planned' : 'recovery',
    leg.instrument,
    leg.side,
    leg.quantity,
    leg.limitPrice,
    result?.status ?? 'open',
    result?.filledQuantity ?? '-',
    result?.averagePrice ?? '-',
    time(leg.submittedAtMs),
    result?.reason ?? '',
  ]);
  const head = [
    'order',
    'kind',
    'market',
    'side',
    'quantity',
    'limit',
    'status',
    'filled',
    'average',
    'sent',
    '',
  ];
  return ['', ...table([head, ...rows])];
}

function fillLines({ fills }: Explanation): string[] {
  if (fills.length === 0) return ['', 'Nothing was filled.'];
  const rows = fills.map((fill) => [
    time(fill.exchangeTimeMs),
    fill.instrument,
    fill.side,
    fill.quantity,
    fill.price,
    `${fill.fee} ${fill.feeAsset}`,
    fill.tradeId,
  ]);
  return ['', ...table([['filled', 'market', 'side', 'quantity', 'price', 'fee', 'trade'], ...rows])];
}

function moneyLines({ money }: Explanation): string[] {
  if (money.length === 0) return [];
  const rows = money.map(({ exchange, asset, amount }) => [exchange, asset, amount]);
  return ['', ...table([['money', 'asset', 'change'], ...rows])];
}
