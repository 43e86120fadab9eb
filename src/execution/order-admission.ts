import { Decimal, ZERO } from '../market/decimal.js';
import type { LegResult, RecoveryPermit, SubmitLeg } from '../messages/order.js';
import type { InstrumentId, Side } from '../messages/primitives.js';
import type { ApprovedVerdict, HaltChanged } from '../messages/risk.js';
import type { PlannedLeg } from '../messages/signal.js';
import { approvedFor, type Approved } from '../risk/approval.js';
import { clearedSwitch, newerSwitch, type KillSwitch } from '../risk/kill-switch.js';
import { RecentIds } from '../risk/recent-ids.js';
import { isPermitted } from '../risk/recovery-permit.js';
import { isSealed, type SealCheck } from '../risk/verdict-text.js';

export interface AdmissionLimits {
  /** How long after the expiry of its verdict a recovery order may still come. */
  readonly recoveryWindowMs: number;
  /** How far a recovery order's price may be outside the band of the approved limits, basis points. */
  readonly recoveryCollarBps: number;
  /** Whether a recovery order may leave while the kill switch is engaged, whatever the switch's own policy says. */
  readonly recoverWhileHalted: boolean;
  /** Recovery orders of one verdict that may leave here; absent = 8. */
  readonly maxRecoveries?: number;
}

const REMEMBERED_VERDICTS = 4_096;
const REMEMBERED_ORDERS = 65_536;
const MAX_RECOVERIES = 8;
const BPS = 10_000;

/** A recovery order under a verdict: in full until its end is known, then what it filled. */
interface Counted {
  readonly instrument: InstrumentId;
  readonly side: Side;
  readonly quantity: Decimal;
}

interface Admitted {
  readonly verdict: Approved<ApprovedVerdict>;
  /** By leg and attempt: whoever sends may choose an order's id, and not these twice. */
  readonly recoveries: Map<string, Counted>;
}

/**
 * The last gate before an exchange (I7): an order leaves only under an approved, unexpired verdict, sealed by the risk gate,
 * that names its market, side, size and price, each (verdict, leg, attempt) once, and with the kill switch cleared. It
 * trusts nobody's word for any of these.
 *
 * Where the legs are of several pairs, each market is judged by its own leg.
 *
 * A recovery order (attempt above 0) may turn the side, come a little later, and go to a hedge market of the verdict. All
 * recovery orders of a verdict together stay, on each side, within what was approved of the largest leg; what an exchange
 * has said not to have filled is free again. One whose verdict was given in a life before brings the gate's permit for exactly
 * itself, which the gate has judged by the journal.
 */
export class OrderAdmission {
  private readonly limits: AdmissionLimits;
  private readonly seals: SealCheck;
  private readonly verdicts = new Map<string, Admitted>();
  /** The place of each recovery order that may still tell what it filled, by its id. */
  private readonly placeOf = new Map<string, readonly [verdictId: string, key: string]>();
  private readonly used = new RecentIds(REMEMBERED_ORDERS);
  private killSwitch: KillSwitch;

  constructor(limits: AdmissionLimits, seals: SealCheck, killSwitch: KillSwitch = clearedSwitch(0)) {
    this.limits = limits;
    this.seals = seals;
    this.killSwitch = killSwitch;
  }

  /** False for a verdict that the gate has not sealed, or that was changed since: nothing leaves under it. */
  onVerdict(verdict: Approved<ApprovedVerdict>): boolean {
    if (!isSealed(verdict, this.seals)) return false;
    // Told twice, its recovery orders stay counted.
    if (this.verdicts.has(verdict.verdictId)) return true;
    this.verdicts.set(verdict.verdictId, { verdict, recoveries: new Map() });
    const oldest = this.verdicts.entries().next();
    if (this.verdicts.size > REMEMBERED_VERDICTS && oldest.done !== true) this.forget(oldest.value);
    return true;
  }

  private forget([verdictId]: readonly [string, Admitted]): void {
    this.verdicts.delete(verdictId);
    for (const [id, [of]] of this.placeOf) if (of === verdictId) this.placeOf.delete(id);
  }

  onHalt(halt: HaltChanged): void {
    this.killSwitch = newerSwitch(this.killSwitch, halt);
  }

  /**
   * What became of an order, as often as it is told. The unfilled rest of a recovery order that has ended is free for the
   * next one; until then, and for an unknown one, it counts in full.
   */
  onResult(result: Pick<LegResult, 'clientOrderId' | 'status' | 'filledQuantity'>): void {
    const [verdictId, key] = this.placeOf.get(result.clientOrderId) ?? ['', ''];
    const recoveries = this.verdicts.get(verdictId)?.recoveries;
    const counted = recoveries?.get(key);
    if (recoveries === undefined || counted === undefined || result.status === 'unknown') return;
    recoveries.set(key, { ...counted, quantity: new Decimal(result.filledQuantity) });
  }

  get halted(): boolean {
    return this.killSwitch.engaged;
  }

  /** The policy is part of the switch, so that whoever engages it decides; the limits may allow it always. */
  get mayRecoverHalted(): boolean {
    return this.limits.recoverWhileHalted || this.killSwitch.policy === 'flatten';
  }

  /** Null lets the order pass and uses it up; a text is the reason it is refused for. */
  admit(leg: SubmitLeg, nowMs: number): string | null {
    const refusal = this.refusalOf(leg, nowMs);
    if (refusal !== null) return refusal;
    if (!this.used.add(`${leg.verdictId}/${leg.legIndex}/${leg.attempt}`)) return 'VERDICT_USED';
    if (leg.attempt > 0 && leg.permit === undefined) this.count(leg);
    return null;
  }

  private count(leg: SubmitLeg): void {
    const key = `${leg.legIndex}/${leg.attempt}`;
    const { instrument, side } = leg;
    const counted = { instrument, side, quantity: new Decimal(leg.quantity) };
    this.verdicts.get(leg.verdictId)?.recoveries.set(key, counted);
    // An id that is used again tells nothing of the order before.
    this.placeOf.set(leg.clientOrderId, [leg.verdictId, key]);
  }

  private refusalOf(leg: SubmitLeg, nowMs: number): string | null {
    const isRecovery = leg.attempt > 0;
    if (this.killSwitch.engaged && !(isRecovery && this.mayRecoverHalted)) return 'KILL_SWITCH';
    if (leg.permit !== undefined) return this.permitRefusal(leg, leg.permit, nowMs);
    const admitted = this.verdicts.get(leg.verdictId);
    if (admitted === undefined) return 'VERDICT_UNKNOWN';
    const { verdict } = admitted;
    if (verdict.nonce !== leg.nonce) return 'NONCE_WRONG';
    const expiresAtMs = verdict.expiresAtMs + (isRecovery ? this.limits.recoveryWindowMs : 0);
    if (nowMs >= expiresAtMs) return 'VERDICT_EXPIRED';
    const planned = verdict.signal.legs[leg.legIndex];
    if (planned === undefined || exchangeOf(leg.instrument) !== leg.exchange) return 'LEG_NOT_APPROVED';
    const isOwn = planned.instrument === leg.instrument;
    if (!isOwn && !(isRecovery && verdict.hedges?.includes(leg.instrument) === true))
      return 'LEG_NOT_APPROVED';
    return isRecovery ? this.recoveryRefusal(leg, admitted) : firstRefusal(leg, planned);
  }

  /** Everything else that an order must be within was judged with the permit, which is good for no other order. */
  private permitRefusal(leg: SubmitLeg, { permitId, expiresAtMs }: RecoveryPermit, nowMs: number) {
    if (!isPermitted(leg, this.seals)) return 'PERMIT_NOT_SEALED';
    if (nowMs >= expiresAtMs) return 'PERMIT_EXPIRED';
    if (leg.attempt === 0 || exchangeOf(leg.instrument) !== leg.exchange) return 'LEG_NOT_APPROVED';
    return this.used.add(`permit/${permitId}`) ? null : 'PERMIT_USED';
  }

  private recoveryRefusal(leg: SubmitLeg, { verdict, recoveries }: Admitted): string | null {
    const most = (this.limits.maxRecoveries ?? MAX_RECOVERIES) + 2 * (verdict.signal.legs.length - 2);
    if (recoveries.size >= most) return 'RECOVERIES_SPENT';
    // Quantities and prices of several pairs say nothing about each other: each market is judged by its own leg.
    const isOnePair = isPlainTrade(verdict.signal);
    const legs = verdict.signal.legs.filter((one) => isOnePair || one.instrument === leg.instrument);
    if (legs.length === 0) return 'LEG_NOT_APPROVED';
    const largest = Decimal.max(...legs.map((planned) => planned.quantity));
    const approved = approvedFor(largest, leg.side);
    const before = [...recoveries.values()]
      .filter(({ side, instrument }) => side === leg.side && (isOnePair || instrument === leg.instrument))
      .reduce((sum, { quantity }) => sum.plus(quantity), ZERO);
    if (before.plus(leg.quantity).gt(approved)) return 'SIZE_NOT_APPROVED';
    const prices = legs.map((planned) => planned.limitPrice);
    const collar = new Decimal(this.limits.recoveryCollarBps).div(BPS);
    const price = new Decimal(leg.limitPrice);
    const isInside =
      price.gte(Decimal.min(...prices).times(collar.negated().plus(1))) &&
      price.lte(Decimal.max(...prices).times(collar.plus(1)));
    return isInside ? null : 'PRICE_COLLAR';
  }
}

const isPlainTrade = ({ legs }: ApprovedVerdict['signal']): boolean =>
  new Set(legs.map(({ instrument }) => pairOf(instrument))).size === 1;
const pairOf = (instrument: InstrumentId): string => instrument.slice(instrument.indexOf(':') + 1);

const exchangeOf = (instrument: InstrumentId): string => instrument.slice(0, instrument.indexOf(':'));

function firstRefusal(leg: SubmitLeg, planned: PlannedLeg): string | null {
  if (planned.side !== leg.side) return 'SIDE_NOT_APPROVED';
  const isOther = leg.quantity !== planned.quantity;
  if (isOther && new Decimal(leg.quantity).gt(planned.quantity)) return 'SIZE_NOT_APPROVED';
  if (leg.limitPrice === planned.limitPrice) return null;
  const worse =
    leg.side === 'buy'
      ? new Decimal(leg.limitPrice).gt(planned.limitPrice)
      : new Decimal(leg.limitPrice).lt(planned.limitPrice);
  return worse ? 'PRICE_NOT_APPROVED' : null;
}
