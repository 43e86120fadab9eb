import { Decimal } from '../../src/market/decimal.js';
import type { PlannedLeg, Signal } from '../../src/messages/signal.js';
import type { Prng } from '../../src/simulator/prng.js';

/** A strategy with defects: each kind breaks one thing that the gate has to notice by itself. */
const DEFECTS: Readonly<Record<string, (signal: Signal, prng: Prng) => Signal>> = {
  repeated: (signal) => signal,
  'same-opportunity': (signal) => ({ ...signal, signalId: `${signal.signalId}-again` }),
  late: (signal) => renamed({ ...signal, expiresAtMs: signal.detectedAtMs - 1 }),
  // In time and right, but the world has moved on when it arrives.
  delayed: renamed,
  'unknown-market': (signal) =>
    renamed(onFirstLeg(signal, (leg) => ({ ...leg, instrument: `${leg.exchange}:NIX-USDT` }))),
  'other-asset': (signal) => renamed({ ...signal, base: 'NIX' }),
  'third-coin-fee': (signal) => renamed(onFirstLeg(signal, (leg) => ({ ...leg, feeMode: 'third' }))),
  'other-epoch': (signal) => renamed(onFirstLeg(signal, (leg) => ({ ...leg, bookEpoch: leg.bookEpoch + 1 }))),
  'too-good': (signal) => renamed({ ...signal, grossBps: signal.grossBps + 10_000 }),
  'parts-do-not-add-up': (signal) =>
    renamed({ ...signal, edge: { ...signal.edge, net: plus(signal.edge.net, '0.01') } }),
  'small-profit': (signal) => renamed(withNet(signal, '0.1')),
  'no-profit': (signal) => renamed(withNet(signal, '-1')),
  'off-the-lot': (signal) =>
    renamed(onFirstLeg(signal, (leg) => ({ ...leg, quantity: plus(leg.quantity, '0.0000000001') }))),
  'off-the-tick': (signal) =>
    renamed(onFirstLeg(signal, (leg) => ({ ...leg, limitPrice: plus(leg.limitPrice, '0.00000001') }))),
  'two-buys': (signal) => renamed(onFirstLeg(signal, (leg) => ({ ...leg, side: signal.legs[1]!.side }))),
  'own-counterparty': (signal) =>
    renamed(
      onFirstLeg(signal, (leg) => {
        const { exchange, instrument } = signal.legs[1]!;
        return { ...leg, exchange, instrument };
      }),
    ),
  tiny: (signal, prng) => renamed(scaled(signal, new Decimal(prng.pick(['0.000001', '0.001'])))),
};
export const BAD_SIGNALS: readonly string[] = Object.keys(DEFECTS).sort();

export interface BadSignal {
  readonly kind: string;
  readonly signal: Signal;
  readonly delayMs: number;
}

/** What the defective strategy makes of a signal it has overheard. */
export function badSignalOf(signal: Signal, prng: Prng): BadSignal {
  const kind = prng.pick(BAD_SIGNALS);
  return {
    kind,
    signal: DEFECTS[kind]!(signal, prng),
    delayMs: kind === 'delayed' ? prng.between(200, 1_300) : prng.between(0, 50),
  };
}

function renamed(signal: Signal): Signal {
  return {
    ...signal,
    signalId: `${signal.signalId}-bad`,
    opportunityId: `${signal.opportunityId}-bad`,
  };
}

const plus = (text: string, more: string): string => new Decimal(text).plus(more).toFixed();

function onFirstLeg(signal: Signal, change: (leg: PlannedLeg) => PlannedLeg): Signal {
  const [first, ...others] = signal.legs;
  return { ...signal, legs: [change(first!), ...others] };
}

/** The parts still add up: what is missing went into the transfer. */
function withNet(signal: Signal, net: string): Signal {
  const transfer = new Decimal(signal.edge.net).minus(net).plus(signal.edge.transfer);
  if (transfer.isNegative()) return signal;
  return { ...signal, edge: { ...signal.edge, net, transfer: transfer.toFixed() } };
}

function scaled(signal: Signal, share: Decimal): Signal {
  const legs = signal.legs.map((leg) => ({ ...leg, quantity: share.times(leg.quantity).toFixed(18) }));
  return {
    ...signal,
    legs,
    quantity: share.times(signal.quantity).toFixed(18),
    notional: share.times(signal.notional).toFixed(18),
  };
}
