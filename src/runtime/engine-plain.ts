import { invariant } from '../messages/errors.js';
import type { Timers } from '../ports/time.js';
import type { ActorEngine, EngineCell, EngineFault, EngineSystem } from './engine.js';

class PlainCell implements EngineCell {
  readonly name: string;
  readonly owner: PlainSystem;
  readonly turn: () => void | Promise<void>;
  readonly ended: () => void;
  live = true;
  scheduled = false;
  running = false;
  again = false;

  constructor(name: string, owner: PlainSystem, turn: () => void | Promise<void>, ended: () => void) {
    this.name = name;
    this.owner = owner;
    this.turn = turn;
    this.ended = ended;
  }
}

class PlainSystem implements EngineSystem {
  readonly name: string;
  readonly cells = new Map<string, PlainCell>();

  constructor(name: string) {
    this.name = name;
  }
}

/**
 * The engine without nact: one macrotask of the Timers port per turn. It proves that the port is small enough to replace
 * nact, and it lets a simulation supply its own order of turns.
 */
export class PlainEngine implements ActorEngine {
  readonly name = 'plain';
  private readonly timers: Timers;
  private readonly fault: EngineFault;

  constructor(timers: Timers, fault: EngineFault) {
    this.timers = timers;
    this.fault = fault;
  }

  start(name: string): EngineSystem {
    return new PlainSystem(name);
  }

  spawn(
    system: EngineSystem,
    name: string,
    turn: () => void | Promise<void>,
    stopped: () => void,
  ): EngineCell {
    invariant(system instanceof PlainSystem, 'the system belongs to another engine');
    invariant(!system.cells.has(name), `a cell named ${name} lives already`);
    const cell = new PlainCell(name, system, turn, stopped);
    system.cells.set(name, cell);
    return cell;
  }

  dispatch(target: EngineCell): void {
    const cell = plain(target);
    if (!cell.live || cell.scheduled) return;
    if (cell.running) {
      cell.again = true;
      return;
    }
    cell.scheduled = true;
    this.timers.setImmediate(() => this.run(cell));
  }

  stop(target: EngineCell | EngineSystem): void {
    if (target instanceof PlainSystem) {
      for (const cell of [...target.cells.values()]) this.stop(cell);
      return;
    }
    const cell = plain(target);
    if (!cell.live) return;
    cell.live = false;
    cell.owner.cells.delete(cell.name);
    this.timers.setImmediate(() => this.tellStopped(cell));
  }

  private tellStopped(cell: PlainCell): void {
    try {
      cell.ended();
    } catch (error) {
      this.fault(cell.name, error);
    }
  }

  private run(cell: PlainCell): void {
    cell.scheduled = false;
    if (!cell.live) return;
    cell.running = true;
    try {
      const result = cell.turn();
      if (result === undefined) this.finish(cell);
      else
        result.then(
          () => this.finish(cell),
          (error: unknown) => this.fail(cell, error),
        );
    } catch (error) {
      this.fail(cell, error);
    }
  }

  private finish(cell: PlainCell): void {
    cell.running = false;
    if (!cell.again) return;
    cell.again = false;
    this.dispatch(cell);
  }

  private fail(cell: PlainCell, error: unknown): void {
    cell.running = false;
    this.fault(cell.name, error);
    this.stop(cell);
  }
}

function plain(cell: EngineCell | EngineSystem): PlainCell {
  invariant(cell instanceof PlainCell, 'the cell belongs to another engine');
  return cell;
}
