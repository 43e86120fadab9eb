/**
 * What the runtime needs from an engine that gives actors their turns; nact is one (`engine-nact.ts`), a plain macrotask
 * queue another (`engine-plain.ts`). An engine knows neither messages nor lifecycles: mailbox, incarnations and
 * supervision are the runtime's own. One contract suite runs against each implementation.
 */

/** Opaque handle of a running engine; one for each actor system. */
export interface EngineSystem {
  readonly name: string;
}

/** Opaque handle of one incarnation inside the engine. */
export interface EngineCell {
  /** `path.incarnation`, unique in its system. */
  readonly name: string;
}

export interface ActorEngine {
  readonly name: string;
  /** Starts an empty system. Names may repeat: each call makes a system of its own. */
  start(name: string): EngineSystem;
  /**
   * Adds a cell. `turn` runs once or more after each `dispatch`, never twice at the same time, and never inside `dispatch`.
   * It must not throw; if it does, the engine reports it and stops the cell. `stopped` is called once, later, after the
   * cell has stopped for any reason. Throws when a cell of that name lives already.
   */
  spawn(
    system: EngineSystem,
    name: string,
    turn: () => void | Promise<void>,
    stopped: () => void,
  ): EngineCell;
  /** Says that there is work; carries no payload. To a stopped cell it does nothing. */
  dispatch(cell: EngineCell): void;
  /** No further turn starts. Does not wait for one that runs. A system is stopped after its cells. */
  stop(target: EngineCell | EngineSystem): void;
}

/** Told of a turn or a `stopped` that threw: a defect of the runtime, since both catch everything. */
export type EngineFault = (cell: string, error: unknown) => void;
