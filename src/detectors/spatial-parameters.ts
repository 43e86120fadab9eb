import { ArbotError } from '../messages/errors.js';
import type { AssetId, DecimalText, ExchangeId, PairId } from '../messages/primitives.js';
import { BPS, Decimal, decimalOf, parsePositive, parseUnsigned, ZERO } from '../market/decimal.js';
import { BOARD_DEPTH } from '../market/quote-board.js';
import type { TransferBatch } from './amortisation.js';
import type { Amounts } from './holdings.js';
import type { InventoryTerms } from './inventory-price.js';
import type { WayState } from './refill.js';

/** Limits in units of a quote currency; a pair whose quote has none is not watched. */
export interface QuoteLimits {
  /** Least expected net profit of a trade. */
  readonly minNetProfit: DecimalText;
  /** Most quote one trade may spend, fees included. */
  readonly maxNotional: DecimalText;
  /** Least notional of either order of a trade, beyond what the exchanges demand. Absent = 0. */
  readonly minNotional?: DecimalText;
}

/** Withdrawals that bring inventory back. */
export interface TransferCosts {
  readonly batch: TransferBatch;
  /** In units of the asset; null = not known, and then what a trade costs is not known either. */
  readonly withdrawFee: (exchange: ExchangeId, asset: AssetId) => number | null;
}

/** What a trader allows of one pair. */
export interface PairTerms {
  /** The only directed routes watched; absent = from every exchange to every other. */
  readonly directions?: readonly { readonly buy: ExchangeId; readonly sell: ExchangeId }[];
  /** Most quote one trade of this pair may spend, fees included; absent = what its quote currency allows. */
  readonly maxNotional?: DecimalText;
}

export interface SpatialParameters {
  readonly limits: ReadonlyMap<AssetId, QuoteLimits>;
  /** The only pairs watched. Absent = every pair whose quote has limits, in every direction. */
  readonly pairs?: ReadonlyMap<PairId, PairTerms>;
  /** Coins in local money against the same coins in dollars, through the rate of the local exchange (`bridge/`). Absent = not compared. */
  readonly bridge?: { readonly kind: 'leg' | 'inventory'; readonly dollar: AssetId };
  /** Least net profit over quote spent, bps. */
  readonly minNetBps: number;
  /** Expected loss of edge until the orders arrive, bps of the buy notional, where nothing is learned. */
  readonly latencyDecayBps: number;
  /** What was learned of a direction's loss of edge, bps (`latency-decay.ts`); null = nothing. Absent = of none. */
  readonly learnedDecayBps?: (pair: PairId, buyOn: ExchangeId, sellOn: ExchangeId) => number | null;
  /** Amortised cost of moving the inventory back, bps of the buy notional. */
  readonly transferCostBps: number;
  /** What shares the withdrawals that bring inventory back; on top of `transferCostBps`. Absent = nothing more. */
  readonly transfers?: TransferCosts;
  /** Signed price of moving inventory. Absent = none. */
  readonly inventory?: InventoryTerms;
  /** The state of the way by which an asset comes back. Absent = nobody asks, and everything trades. */
  readonly refillWay?: (asset: AssetId, from: ExchangeId, to: ExchangeId) => WayState;
  /** Kept back, with `refillWay`: only what is above it trades where a way is not open. Absent = nothing. */
  readonly reserve?: Amounts;
  /** Levels per side that sizing may use, 1…BOARD_DEPTH. */
  readonly depth: number;
  /** Gross edges below this are nobody's business, bps. */
  readonly reportFloorBps: number;
  /** Oldest book that may be used, ms (TRADING §2). */
  readonly maxBookAgeMs: number;
  /** Longest time without any change of a book, ms. */
  readonly maxUnchangedMs: number;
  /** Exchanges whose books nothing proves complete, and which are traded all the same (`Instrument.bookProof`). Absent = none. */
  readonly acceptOpaqueBooks?: readonly ExchangeId[];
  /** Exchange clock − local clock, ms. Absent = 0. */
  readonly clockOffsetMs?: (exchange: ExchangeId) => number;
  /** How far a limit may be beyond the worst level needed, bps; never more than half of the edge above the minimum. */
  readonly limitSlackBps: number;
  /** A signal is worthless after this, ms. */
  readonly signalTtlMs: number;
  /** A refused opportunity may be signalled again after this, ms … */
  readonly retryCooldownMs: number;
  /** … or when its profit has grown by this factor. */
  readonly improvementFactor: number;
  /** True: what would be offered is only told of. Absent = false. */
  readonly watchOnly?: boolean;
}

/** Sensible values for everything but the limits per quote currency. */
export const DEFAULT_SPATIAL_PARAMETERS: Omit<SpatialParameters, 'limits'> = {
  minNetBps: 2,
  latencyDecayBps: 0.5,
  transferCostBps: 0.5,
  depth: BOARD_DEPTH,
  reportFloorBps: 3,
  maxBookAgeMs: 1_500,
  maxUnchangedMs: 60_000,
  limitSlackBps: 0,
  signalTtlMs: 500,
  retryCooldownMs: 1_000,
  improvementFactor: 1.25,
};

export interface QuoteLimitsExact {
  readonly minNetProfit: Decimal;
  /** The same in float64, for the test that runs per tick. */
  readonly minNetProfitNumber: number;
  readonly maxNotional: Decimal;
  readonly minNotional: Decimal;
}

/** Reads and checks the limits. Throws ARB_DECIMAL_INVALID naming the currency. */
export function exactLimits(parameters: Pick<SpatialParameters, 'limits'>): Map<AssetId, QuoteLimitsExact> {
  const exact = new Map<AssetId, QuoteLimitsExact>();
  for (const [quote, limits] of parameters.limits) {
    const minNetProfit = parseUnsigned(limits.minNetProfit, `minNetProfit of ${quote}`);
    const maxNotional = parsePositive(limits.maxNotional, `maxNotional of ${quote}`);
    const minNotional = parseUnsigned(limits.minNotional ?? '0', `minNotional of ${quote}`);
    exact.set(quote, {
      minNetProfit,
      minNetProfitNumber: minNetProfit.toNumber(),
      maxNotional,
      minNotional,
    });
  }
  return exact;
}

/** The limits of one pair: its quote's, with its own largest size. Throws ARB_DECIMAL_INVALID naming the pair. */
export function limitsOfPair(pair: PairId, ofQuote: QuoteLimitsExact, terms?: PairTerms): QuoteLimitsExact {
  if (terms?.maxNotional === undefined) return ofQuote;
  return { ...ofQuote, maxNotional: parsePositive(terms.maxNotional, `maxNotional of ${pair}`) };
}

/** Throws ARB_CONFIG_INVALID naming every number that makes no sense. */
export function checkParameters(parameters: SpatialParameters): void {
  const { depth, improvementFactor } = parameters;
  const notNegative = [
    'latencyDecayBps',
    'transferCostBps',
    'reportFloorBps',
    'limitSlackBps',
    'maxBookAgeMs',
    'maxUnchangedMs',
    'signalTtlMs',
    'retryCooldownMs',
  ] as const;
  const wrong: string[] = notNegative.filter((name) => !(parameters[name] >= 0));
  if (!Number.isFinite(parameters.minNetBps)) wrong.push('minNetBps');
  if (!Number.isInteger(depth) || depth < 1 || depth > BOARD_DEPTH) wrong.push('depth');
  if (!(improvementFactor > 1)) wrong.push('improvementFactor');
  if (wrong.length > 0) {
    throw new ArbotError('ARB_CONFIG_INVALID', `spatial detector: ${wrong.join(', ')} out of range`);
  }
}

/** Proportional costs of a direction as exact fractions of the buy notional. */
export interface RouteCosts {
  readonly latencyDecay: Decimal;
  readonly transfer: Decimal;
  /** Signed: positive is a credit. */
  readonly inventory: Decimal;
  /** What sizing charges: decay + transfer − inventory. */
  readonly rate: Decimal;
}

export interface CostsBps {
  readonly latencyDecay: number;
  readonly transfer: number;
  readonly inventory: number;
}

export function routeCosts(bps: CostsBps): RouteCosts {
  const fraction = (value: number) => (value === 0 ? ZERO : decimalOf(value).div(BPS));
  const latencyDecay = fraction(bps.latencyDecay);
  const transfer = fraction(bps.transfer);
  const inventory = fraction(bps.inventory);
  return { latencyDecay, transfer, inventory, rate: latencyDecay.plus(transfer).minus(inventory) };
}

/** The least that trading a direction may cost: with the largest credit, and without what only a look can tell. */
export function leastCosts(
  parameters: SpatialParameters,
  { pair, buyOn, sellOn }: { readonly pair: PairId; readonly buyOn: ExchangeId; readonly sellOn: ExchangeId },
): CostsBps {
  return {
    latencyDecay: parameters.learnedDecayBps?.(pair, buyOn, sellOn) ?? parameters.latencyDecayBps,
    transfer: parameters.transferCostBps,
    inventory: parameters.inventory?.limitBps ?? 0,
  };
}
