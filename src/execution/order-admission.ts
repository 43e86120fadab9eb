import { Decimal } from '../market/decimal.js';
import type { SubmitLeg } from '../messages/order.js';
import type { ApprovedVerdict, HaltChanged } from '../messages/risk.js';
import type { PlannedLeg } from '../messages/signal.js';
import type { Approved } from '../risk/approval.js';
import { clearedSwitch, newerSwitch, type KillSwitch } from '../risk/kill-switch.js';
import { RecentIds } from '../risk/recent-ids.js';
import { isSealed, type SealCheck } from '../risk/verdict-text.js';

export interface AdmissionLimits {
  /** How long after the expiry of its verdict a recovery order may still come. */
  readonly recoveryWindowMs: number;
  /** How far a recovery order's price may be from the approved limit, basis points. */
  readonly recoveryCollarBps: number;
  /** Whether a recovery order may leave while the kill switch is engaged (`flatten`), or nothing may (`freeze`). */
  readonly recoverWhileHalted: boolean;
}

const REMEMBERED_VERDICTS = 4_096;
const REMEMBERED_ORDERS = 65_536;
const BPS = 10_000;

/**
 * The last gate before an exchange (I7): an order leaves only under an approved, unexpired verdict, sealed by the risk gate,
 * that names its market, side, size and price, each (verdict, leg, attempt) once, and with the kill switch cleared. It
 * trusts nobody's word for any of these.
 */
export class OrderAdmission {
  private readonly limits: AdmissionLimits;
  private readonly seals: SealCheck;
  private readonly verdicts = new Map<string, Approved<ApprovedVerdict>>();
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
    this.verdicts.set(verdict.verdictId, verdict);
    const oldest = this.verdicts.keys().next();
    if (this.verdicts.size > REMEMBERED_VERDICTS && oldest.done !== true) this.verdicts.delete(oldest.value);
    return true;
  }

  onHalt(halt: HaltChanged): void {
    this.killSwitch = newerSwitch(this.killSwitch, halt);
  }

  get halted(): boolean {
    return this.killSwitch.engaged;
  }

  /** Null lets the order pass and uses it up; a text is the reason it is refused for. */
  admit(leg: SubmitLeg, nowMs: number): string | null {
    const refusal = this.refusalOf(leg, nowMs);
    if (refusal !== null) return refusal;
    return this.used.add(`${leg.verdictId}/${leg.legIndex}/${leg.attempt}`) ? null : 'VERDICT_USED';
  }

  private refusalOf(leg: SubmitLeg, nowMs: number): string | null {
    const recovery = leg.attempt > 0;
    if (this.killSwitch.engaged && !(recovery && this.limits.recoverWhileHalted)) return 'KILL_SWITCH';
    const verdict = this.verdicts.get(leg.verdictId);
    if (verdict === undefined) return 'VERDICT_UNKNOWN';
    if (verdict.nonce !== leg.nonce) return 'NONCE_WRONG';
    const expiresAtMs = verdict.expiresAtMs + (recovery ? this.limits.recoveryWindowMs : 0);
    if (nowMs >= expiresAtMs) return 'VERDICT_EXPIRED';
    const planned = verdict.signal.legs[leg.legIndex];
    if (planned === undefined || planned.instrument !== leg.instrument || planned.exchange !== leg.exchange)
      return 'LEG_NOT_APPROVED';
    return recovery ? this.recoveryRefusal(leg, planned) : firstRefusal(leg, planned);
  }

  /** A recovery order may turn the side, but not grow and not run away with the price. */
  private recoveryRefusal(leg: SubmitLeg, planned: PlannedLeg): string | null {
    if (new Decimal(leg.quantity).gt(planned.quantity)) return 'SIZE_NOT_APPROVED';
    const away = new Decimal(leg.limitPrice).div(planned.limitPrice).minus(1).abs().times(BPS);
    return away.gt(this.limits.recoveryCollarBps) ? 'PRICE_COLLAR' : null;
  }
}

function firstRefusal(leg: SubmitLeg, planned: PlannedLeg): string | null {
  if (planned.side !== leg.side) return 'SIDE_NOT_APPROVED';
  if (new Decimal(leg.quantity).gt(planned.quantity)) return 'SIZE_NOT_APPROVED';
  const worse =
    leg.side === 'buy'
      ? new Decimal(leg.limitPrice).gt(planned.limitPrice)
      : new Decimal(leg.limitPrice).lt(planned.limitPrice);
  return worse ? 'PRICE_NOT_APPROVED' : null;
}
