import { z } from 'zod';
import * as p from './primitives.js';
import { pairAction, residueText, signalShape } from './signal.js';

/** Messages between the arbitrage saga and the order gateways. */

/**
 * The gate's leave for exactly one recovery order whose verdict no order gateway knows any more, since it was given in a life
 * before. It is good for nothing but the order that carries it, once, and for a few seconds.
 */
export const recoveryPermit = z.strictObject({
  permitId: p.entityId,
  expiresAtMs: p.timeMs,
  /** The gate's mark over these two and everything that the order says (HMAC-SHA256). */
  seal: z.string().regex(/^[0-9a-f]{64}$/),
});
export type RecoveryPermit = z.infer<typeof recoveryPermit>;

/** Place one leg. Commands travel as request and reply; no reply means *outcome unknown*, never "not placed". */
export const submitLeg = z.strictObject({
  /** Deterministic: a function of (arbitrage, leg, attempt). */
  clientOrderId: p.entityId,
  arbitrageId: p.entityId,
  legIndex: z.number().int().min(0).max(3),
  attempt: z.number().int().min(0).max(99),
  verdictId: p.entityId,
  nonce: z.string().regex(/^[0-9a-f]{32}$/),
  verdictExpiresAtMs: p.timeMs,
  instrument: p.instrumentId,
  exchange: p.exchangeId,
  side: p.side,
  quantity: p.positiveDecimalText,
  limitPrice: p.positiveDecimalText,
  timeInForce: z.literal('IOC'),
  /** Best price of that side at decision, for slippage. */
  decisionPrice: p.positiveDecimalText,
  submittedAtMs: p.timeMs,
  /** In the place of the verdict, for a recovery order after a restart; journalled with it. */
  permit: recoveryPermit.optional(),
});
export type SubmitLeg = z.infer<typeof submitLeg>;

/** May this recovery order leave although its verdict was given in a life before? The reply is a `recoveryAnswer`. */
export const askRecovery = z.strictObject({ leg: submitLeg });
export type AskRecovery = z.infer<typeof askRecovery>;

/** The gate's answer, judged by the journal: leave for this one order, or the rule that forbids it. */
export const recoveryAnswer = z.strictObject({
  clientOrderId: p.entityId,
  permit: recoveryPermit.nullable(),
  /** Empty with a permit. */
  reason: z.string().max(200),
});
export type RecoveryAnswer = z.infer<typeof recoveryAnswer>;

/** One execution. Applied exactly once by (exchange, tradeId), for ever. */
export const fill = z.strictObject({
  exchange: p.exchangeId,
  instrument: p.instrumentId,
  tradeId: p.entityId,
  clientOrderId: p.entityId,
  arbitrageId: p.entityId,
  side: p.side,
  price: p.positiveDecimalText,
  quantity: p.positiveDecimalText,
  /** Signed cost: positive = charged, negative = rebate. */
  fee: p.decimalText,
  feeAsset: p.assetId,
  liquidity: z.enum(['taker', 'maker']),
  exchangeTimeMs: p.timeMs,
});
export type Fill = z.infer<typeof fill>;

/** How a leg ended. `unknown` is a state that is resolved by asking, not an error. */
export const legResult = z.strictObject({
  clientOrderId: p.entityId,
  arbitrageId: p.entityId,
  legIndex: z.number().int().min(0).max(3),
  status: z.enum(['filled', 'partially_filled', 'expired', 'rejected', 'unknown']),
  filledQuantity: p.unsignedDecimalText,
  averagePrice: p.positiveDecimalText.nullable(),
  fills: z.array(fill).max(200),
  reason: z.string().max(200),
  acknowledgedAtMs: p.timeMs,
});
export type LegResult = z.infer<typeof legResult>;

/**
 * What became of an order? The reply is a `legResult`; an order the gateway has never seen is `unknown` with reason
 * ORDER_NOT_FOUND, which is the exchange's word and therefore evidence (R3, R5); no reply is no evidence.
 */
export const queryOrder = z.strictObject({
  clientOrderId: p.entityId,
  arbitrageId: p.entityId,
  legIndex: z.number().int().min(0).max(3),
  instrument: p.instrumentId,
  exchange: p.exchangeId,
  /** When the order was handed to its gateway: it is looked for from then on. Absent = nobody knows. */
  submittedAtMs: p.timeMs.optional(),
  askedAtMs: p.timeMs,
});
export type QueryOrder = z.infer<typeof queryOrder>;

/**
 * Why an arbitrage made something else than its signal promised, signed, in quote: `expectedNet` and these five are
 * `realisedNet`, exactly.
 */
export const attribution = z.strictObject({
  /** The market between sending and matching. */
  priceMove: p.decimalText,
  /** Planned costs less what was really charged: fees, and the prices of moving and holding inventory, which no fill pays. */
  fees: p.decimalText,
  /** Depth taken at matching, against the depth that was expected. */
  slippage: p.decimalText,
  /** The market between decision and sending, and the decay that the signal had set aside for it. */
  latency: p.decimalText,
  /** What was not traded on both sides, and what it cost to bring home. */
  legFailure: p.decimalText,
});
export type Attribution = z.infer<typeof attribution>;

/** The position of a statistical pair after a trade of it. */
export const closedPosition = z.strictObject({
  positionId: pairAction.shape.positionId,
  action: pairAction.shape.action,
  /** What is held of it now, asset by asset, with what that was bought or sold for in quote. Empty = the position is closed. */
  carried: z.array(residueText).max(2),
  /** What the position has made since it was opened, all its trades together; of one that is closed now, the result of the round trip. */
  net: p.decimalText,
});
export type ClosedPosition = z.infer<typeof closedPosition>;

/**
 * The arbitrage ended: expected against realised. All money in the quote asset. Of a trade of a pair both are what this trade
 * was to make and made: of an entry its fees and its distance from the expected prices, of an exit also what the position was
 * carried at.
 */
export const arbitrageClosed = z.strictObject({
  arbitrageId: p.entityId,
  opportunityId: p.entityId,
  signalId: p.entityId,
  pair: p.pairId,
  buyExchange: p.exchangeId,
  sellExchange: p.exchangeId,
  /** Absent = `spatial`, the only strategy whose ends do not name it. */
  strategy: p.strategy.optional(),
  /** Absent = `two-sided` in one quote. */
  shape: signalShape.optional(),
  /** What the money is counted in, where the pair does not say it. */
  quote: p.assetId.optional(),
  outcome: z.enum(['completed', 'partial', 'unwound', 'failed', 'flagged']),
  /** Of a cycle the base of its first market that came in; of a pair the base that is bought. */
  boughtQuantity: p.unsignedDecimalText,
  /** Of a cycle what went out of it again; of a pair the other base. */
  soldQuantity: p.unsignedDecimalText,
  /** Base left over by unequal fills and fees in base; signed. */
  residualBase: p.decimalText,
  /** The same for every asset of a cycle or a bridged trade, with its worth in quote; absent = `residualBase` is all. */
  residues: z.array(residueText).max(4).optional(),
  /** Only of a pair. */
  position: closedPosition.optional(),
  expectedNet: p.decimalText,
  /** Quote change plus the residue at the average price of its own side. */
  realisedNet: p.decimalText,
  fees: p.decimalText,
  /** Absent where the signal is not known any more. */
  attribution: attribution.optional(),
  openedAtMs: p.timeMs,
  closedAtMs: p.timeMs,
});
export type ArbitrageClosed = z.infer<typeof arbitrageClosed>;
