import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** One holder's time under one fence, as the rows of the database showed it. Times are of the machine's clock, which all share. */
export interface Term {
  readonly fence: number;
  readonly holder: string;
  readonly seenAtMs: number;
  /** The last deadline that was granted, and how long a request may be valid beyond it. */
  deadlineMs: number;
  graceMs: number;
}

const LOOK_MS = 50;

/** Looks at the row of the lease `trade` again and again, from beside the cluster. */
export class LeaseWatch {
  readonly terms: Term[] = [];
  readonly wrong: string[] = [];
  private readonly url: string;
  private nonce: string | null = null;
  private stopped = false;
  private readonly looking: Promise<void>;

  constructor(url: string) {
    this.url = url;
    this.looking = this.look();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.looking;
  }

  private async look(): Promise<void> {
    while (!this.stopped) {
      const client = new pg.Client({
        connectionString: this.url,
        connectionTimeoutMillis: 1_000,
        query_timeout: 2_000,
      });
      client.on('error', () => undefined);
      try {
        await client.connect();
        while (!this.stopped) {
          this.note((await client.query<Row>(QUERY)).rows[0]);
          await sleep(LOOK_MS);
        }
      } catch {
        // The server is away: that is what is tried here.
        await sleep(LOOK_MS);
      } finally {
        await client.end().catch(() => undefined);
      }
    }
  }

  private note(row: Row | undefined): void {
    if (row === undefined || row.nonce === null || row.holder === null) return;
    const [fence, last] = [Number(row.fence), this.terms.at(-1)];
    const deadlineMs = Number(row.deadline);
    if (last?.fence === fence) {
      if (row.nonce !== this.nonce) this.wrong.push(`fence ${fence}: ${last.holder}, then ${row.holder}`);
      last.deadlineMs = Math.max(last.deadlineMs, deadlineMs);
      last.graceMs = Math.max(last.graceMs, row.grace);
      return;
    }
    if (last !== undefined && fence < last.fence) this.wrong.push(`fence ${fence} after ${last.fence}`);
    this.nonce = row.nonce;
    const { holder, grace: graceMs } = row;
    this.terms.push({ fence, holder, seenAtMs: Date.now(), deadlineMs, graceMs });
  }
}

interface Row {
  readonly fence: string;
  readonly holder: string | null;
  readonly nonce: string | null;
  readonly deadline: string;
  readonly grace: number;
}

const QUERY = `select fence::text, holder, nonce, (extract(epoch from expires_at) * 1000)::text as deadline, max_expiry_ms as grace
  from leases where resource = 'trade'`;
