/** Orders that were approved lately: a loop that runs wild is stopped before an exchange bans the account. */
const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const ORDERS_OF_A_TRADE = 2;

export class OrderRate {
  /** One entry per approval; bounded by what may be approved within a minute. */
  private approvals: { readonly atMs: number; readonly orders: number }[] = [];
  /** Older ones come first. */
  private isInOrder = true;

  approved(orders: number, nowMs: number): void {
    this.forget(nowMs);
    this.isInOrder &&= nowMs >= (this.approvals.at(-1)?.atMs ?? nowMs);
    this.approvals.push({ atMs: nowMs, orders });
  }

  /** After a restart: when trades of the life before began, in any order. Each had its two orders at least. */
  restore(startedAtMs: readonly number[], nowMs: number): void {
    const before = startedAtMs.filter((atMs) => atMs > nowMs - MINUTE_MS && atMs <= nowMs);
    const approvals = before.map((atMs) => ({ atMs, orders: ORDERS_OF_A_TRADE }));
    this.approvals = [...approvals, ...this.approvals].sort((a, b) => a.atMs - b.atMs);
    this.isInOrder = true;
  }

  inLastSecond(nowMs: number): number {
    return this.since(nowMs - SECOND_MS);
  }

  inLastMinute(nowMs: number): number {
    return this.since(nowMs - MINUTE_MS);
  }

  /** Of (from, now]. Newest first; only a clock that was set back makes it go through all of them. */
  private since(fromMs: number): number {
    let orders = 0;
    for (let i = this.approvals.length - 1; i >= 0; i--) {
      const approval = this.approvals[i]!;
      if (approval.atMs > fromMs) orders += approval.orders;
      else if (this.isInOrder) break;
    }
    return orders;
  }

  private forget(nowMs: number): void {
    const oldestMs = nowMs - MINUTE_MS;
    if (this.approvals.length > 0 && this.approvals[0]!.atMs <= oldestMs)
      this.approvals = this.approvals.filter(({ atMs }) => atMs > oldestMs);
  }
}
