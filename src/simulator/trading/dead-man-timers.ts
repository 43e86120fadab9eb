/** The running timers that cancel everything when they are not set again; each has a tag, '' = the whole account. */
export class DeadManTimers {
  private readonly maxTags: number;
  private readonly dueMs = new Map<string, number>();

  constructor(maxTags: number) {
    this.maxTags = maxTags;
  }

  /** Sets a timer, replacing its earlier setting. False when there are too many with a tag. */
  set(tag: string, dueMs: number): boolean {
    const tags = [...this.dueMs.keys()].filter((known) => known !== '').length;
    if (tag !== '' && !this.dueMs.has(tag) && tags >= this.maxTags) return false;
    this.dueMs.set(tag, dueMs);
    return true;
  }

  clear(tag: string): void {
    this.dueMs.delete(tag);
  }

  /** Tags whose time has come; they are off then. */
  takeDue(nowMs: number): string[] {
    const due = [...this.dueMs].filter(([, at]) => at <= nowMs).map(([tag]) => tag);
    for (const tag of due) this.dueMs.delete(tag);
    return due;
  }
}
