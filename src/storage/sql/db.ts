/**
 * The port between the SQL of the stores and an engine. Parameters and columns are text or null throughout, so that no
 * driver turns a numeric into a float; SQL casts (`$1::text::numeric`, `amount::text`).
 */

export type SqlValue = string | null;
export type Row = Readonly<Record<string, SqlValue>>;

export interface Statement {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

export interface Session {
  query(sql: string, values?: readonly SqlValue[]): Promise<readonly Row[]>;
  /** Several statements without parameters. */
  exec(script: string): Promise<void>;
}

export interface Db {
  /**
   * One statement, one transaction. Rejects ARB_STORE_UNAVAILABLE (the outcome of a write is then unknown until it is read
   * back), ARB_STORE_CONFLICT, ARB_LEDGER_UNBALANCED, ARB_FENCE_STALE, or ARB_INVARIANT for SQL the engine does not understand.
   */
  query(sql: string, values?: readonly SqlValue[]): Promise<readonly Row[]>;
  /**
   * The same on one connection beside all others, which is kept: what is asked here waits behind nobody, is given up sooner,
   * and may hold what a session holds.
   */
  aside(sql: string, values?: readonly SqlValue[]): Promise<readonly Row[]>;
  /**
   * Statements committed together; rows of each. Given whole rather than step by step, so that no transaction stays open
   * across processes.
   */
  transaction(statements: readonly Statement[]): Promise<readonly (readonly Row[])[]>;
  /** One connection and one transaction for a step-by-step job. Only while opening, before the stores are handed out. */
  session<T>(work: (session: Session) => Promise<T>): Promise<T>;
  /** `postgresql 15.18`, `pglite 0.5.16`. */
  readonly engine: () => Promise<string>;
  /** Folder, or host and database; never a password. */
  readonly location: string;
  /** Reasons against LIVE that lie in the engine itself. */
  readonly hazards: readonly string[];
  close(): Promise<void>;
}
