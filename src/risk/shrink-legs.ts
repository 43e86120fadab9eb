import { Decimal, floorToStep, ONE, roundForMessage, toText, ZERO } from '../market/decimal.js';
import { assetsOf } from '../market/leg-assets.js';
import { orderRulesOf } from '../market/order-rules.js';
import { netFlows, plannedFlow, type PlannedFlow } from '../market/planned-flows.js';
import type { AssetId } from '../messages/primitives.js';
import type { PlannedLeg, Signal } from '../messages/signal.js';
import { netOf } from './edge-sum.js';
import type { Question } from './question.js';
import { bpsOf, Share, shrinkEdge } from './shrink.js';

/**
 * The same trade of several pairs at a smaller size; null when nothing of it is left. Every leg is scaled by what the first one is on
 * its lot, and rounded down on its own; of a cycle a leg never gives more than the one before brings. The parts of the edge are
 * scaled on the safe side, and what the rounding leaves over is worked out anew, exactly, at the prices of the plan: it is the
 * residues, and makes up the part `marked`. Prices of a smaller trade are the same or better.
 */
export function shrinkLegs({ signal, instruments, legs }: Question, cap: Decimal): Signal | null {
  const lots = legs.map((leg) => {
    const instrument = instruments.get(leg.instrument);
    return instrument === undefined ? null : orderRulesOf(instrument).lot;
  });
  const [firstLot] = lots;
  if (firstLot === null || firstLot === undefined || lots.some((lot) => lot === null)) return null;
  const first = floorToStep(cap.times(legs[0]!.quantity).div(signal.quantity), firstLot);
  if (first.lte(0) || first.gte(legs[0]!.quantity)) return null;
  const factor = first.div(legs[0]!.quantity);
  const sized: PlannedLeg[] = [];
  let brought: PlannedFlow | null = null;
  for (const [index, leg] of legs.entries()) {
    const wanted = index === 0 ? first : new Decimal(leg.quantity).times(factor);
    const most: Decimal =
      signal.shape === 'cycle' && brought !== null ? fundedBy(leg, brought.brought) : wanted;
    const quantity = floorToStep(Decimal.min(wanted, most), lots[index]!);
    if (quantity.lte(0)) return null;
    brought = plannedFlow(leg, quantity, leg.expectedVwap);
    sized.push({ ...leg, quantity: toText(quantity) });
  }
  return withEdge(signal, sized, factor);
}

/** How much a leg can trade for what it is given, at the expected price. */
function fundedBy(leg: PlannedLeg, amount: Decimal): Decimal {
  if (leg.side === 'sell') return amount;
  const fee = leg.feeMode === 'quote' ? ONE.plus(leg.feeRate) : ONE;
  return amount.div(fee.times(leg.expectedVwap));
}

function withEdge(signal: Signal, legs: readonly PlannedLeg[], factor: Decimal): Signal {
  const quantity = roundForMessage(factor.times(signal.quantity), 'down');
  const share = new Share(quantity, signal.quantity);
  const notional = share.of(signal.notional, 'up');
  const scaled = shrinkEdge(signal.edge, share);
  const smaller = { ...signal, legs: [...legs], quantity: toText(quantity), notional };
  if (signal.shape !== 'cycle') {
    const marked = signal.edge.marked === undefined ? {} : { marked: share.of(signal.edge.marked, 'down') };
    const parts = { ...scaled, ...marked };
    const edge = { ...parts, net: netOf(parts) };
    return { ...smaller, edge, netBps: bpsOf(edge.net, notional) };
  }
  const left = leftOver(signal.quote, legs);
  const told = new Decimal(
    netOf({ ...scaled, marked: '0', latencyDecay: '0', transfer: '0', inventory: '0' }),
  );
  const marked = toText(roundForMessage(left.made.minus(told), 'down'));
  const edge = { ...scaled, marked, net: '0' };
  edge.net = netOf(edge);
  const { residues } = left;
  const { residues: _before, ...rest } = smaller;
  return {
    ...rest,
    edge,
    ...(residues.length > 0 && { residues }),
    netBps: bpsOf(edge.net, notional),
  };
}

/** What a cycle makes at the prices of the plan, and what it leaves over on the way, each at what it cost. */
function leftOver(quote: AssetId, legs: readonly PlannedLeg[]) {
  const changes = netFlows(legs.map((leg) => plannedFlow(leg, new Decimal(leg.quantity), leg.expectedVwap)));
  const worthOf = new Map<AssetId, Decimal>([[quote, ONE]]);
  for (const leg of legs.slice(0, -1)) {
    const { base, quote: own } = assetsOf(leg.instrument);
    const vwap = new Decimal(leg.expectedVwap);
    const [to, price] =
      leg.side === 'buy' ? [base, vwap.times(worthOf.get(own)!)] : [own, worthOf.get(base)!.div(vwap)];
    worthOf.set(to, price);
  }
  let made = changes.get(quote) ?? ZERO;
  const residues: NonNullable<Signal['residues']> = [];
  for (const [asset, amount] of changes) {
    if (asset === quote || amount.isZero()) continue;
    const worth = roundForMessage(amount.times(worthOf.get(asset)!), 'down');
    made = made.plus(worth);
    residues.push({ asset, quantity: toText(roundForMessage(amount, 'down')), worth: toText(worth) });
  }
  return { made, residues };
}
