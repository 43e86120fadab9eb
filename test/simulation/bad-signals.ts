import { Decimal } from '../../src/market/decimal.js';
import type { PlannedLeg, Signal } from '../../src/messages/signal.js';
import type { Prng } from '../../src/simulator/prng.js';

/** A strategy with defects: each kind breaks one thing that the gate has to notice by itself. */
const DEFECTS: Readonly<Record<string, (signal: Signal, prng: Prng) => Signal>> = {
  repeated: (signal) => signal,
  'same-opportunity': (signal) => ({ ...signal, signalId: `${signal.signalId}-again` }),
  late: (signal) => ({ ...signal, expiresAtMs: signal.detectedAtMs - 1 }),
  // In time and right, but others are under way and the world has moved on when it arrives.
  delayed: (signal) => signal,
  'unknown-market': (signal) =>
    onFirstLeg(signal, (leg) => ({ ...leg, instrument: `${leg.exchange}:NIX-USDT` })),
  'other-asset': (signal) => ({ ...signal, base: 'NIX' }),
  'third-coin-fee': (signal) => onFirstLeg(signal, (leg) => ({ ...leg, feeMode: 'third' })),
  'other-epoch': (signal) => onFirstLeg(signal, (leg) => ({ ...leg, bookEpoch: leg.bookEpoch + 1 })),
  'too-good': (signal) => ({ ...signal, grossBps: signal.grossBps + 10_000 }),
  'parts-do-not-add-up': (signal) => ({
    ...signal,
    edge: { ...signal.edge, net: plus(signal.edge.net, '0.01') },
  }),
  'small-profit': (signal) => withNet(signal, '0.1'),
  'no-profit': (signal) => withNet(signal, '-1'),
  'off-the-lot': (signal) =>
    onFirstLeg(signal, (leg) => ({ ...leg, quantity: plus(leg.quantity, '0.0000000001') })),
  'off-the-tick': (signal) =>
    onFirstLeg(signal, (leg) => ({ ...leg, limitPrice: plus(leg.limitPrice, '0.00000001') })),
  'two-buys': (signal) => onFirstLeg(signal, (leg) => ({ ...leg, side: signal.legs[1]!.side })),
  'own-counterparty': (signal) =>
    onFirstLeg(signal, (leg) => {
      const { exchange, instrument } = signal.legs[1]!;
      return { ...leg, exchange, instrument };
    }),
  tiny: (signal, prng) => scaled(signal, new Decimal(prng.pick(['0.000001', '0.001']))),
};
/** These keep the name of what they repeat. */
const SAME_NAME = new Set(['repeated', 'same-opportunity']);
export const BAD_SIGNALS: readonly string[] = Object.keys(DEFECTS).sort();

export interface BadSignal {
  readonly kind: string;
  readonly signal: Signal;
  readonly delayMs: number;
}

/** What the defective strategy makes of a signal it has overheard; the first of several is always a delayed one. */
export function badSignalOf(overheard: Signal, prng: Prng, position: number): BadSignal {
  const kind = position === 0 ? 'delayed' : prng.pick(BAD_SIGNALS);
  const signal = DEFECTS[kind]!(overheard, prng);
  return {
    kind,
    signal: SAME_NAME.has(kind) ? signal : renamed(signal, `bad${position}`),
    delayMs: kind === 'delayed' ? prng.between(1, 1_300) : prng.between(0, 50),
  };
}

const renamed = (signal: Signal, suffix: string): Signal => ({
  ...signal,
  signalId: `${signal.signalId}-${suffix}`,
  opportunityId: `${signal.opportunityId}-${suffix}`,
});

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
