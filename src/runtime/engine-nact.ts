import { dispatch, spawn, start, stop, type ActorSystemRef, type Ref } from 'nact';
import { invariant } from '../messages/errors.js';
import type { ActorEngine, EngineCell, EngineFault, EngineSystem } from './engine.js';

/** nact's own names allow few characters; everything else, `$` included, becomes `$<hex>$`, so that no two names meet. */
export function encodeName(name: string): string {
  return name.replace(
    /[^A-Za-z0-9._-]/gu,
    (character) => `$${(character.codePointAt(0) ?? 0).toString(16)}$`,
  );
}

/** Counted over all engines: nact finds systems by name in one table of the process, and a second of that name replaces the first. */
let startedSystems = 0;

class NactSystem implements EngineSystem {
  readonly name: string;
  readonly ref: ActorSystemRef;

  constructor(name: string) {
    this.name = name;
    this.ref = startNamed(name);
  }
}

class NactCell implements EngineCell {
  readonly name: string;
  ref: Ref<null> | null = null;
  live = true;

  constructor(name: string) {
    this.name = name;
  }
}

/**
 * nact behind the port, used for start, spawn, dispatch and stop only: flat top-level children, nothing is ever reset,
 * resumed or escalated (ARCHITECTURE.md says which of its hazards this avoids). It runs on real macrotasks, whatever clock
 * the rest of the system uses.
 */
export class NactEngine implements ActorEngine {
  readonly name = 'nact';
  private readonly fault: EngineFault;

  constructor(fault: EngineFault) {
    this.fault = fault;
  }

  start(name: string): EngineSystem {
    startedSystems += 1;
    return new NactSystem(`${name}#${startedSystems}`);
  }

  spawn(
    system: EngineSystem,
    name: string,
    turn: () => void | Promise<void>,
    stopped: () => void,
  ): EngineCell {
    invariant(system instanceof NactSystem, 'the system belongs to another engine');
    const cell = new NactCell(name);
    let told = false;
    cell.ref = spawn(system.ref, () => turn(), encodeName(name), {
      // The second net: turns catch everything themselves. Anything but `stop` is unsafe in nact.
      onCrash: (_message, error, context) => {
        this.fault(name, error);
        return context.stop;
      },
      // nact calls this twice when a running turn fails after a stop.
      afterStop: () => {
        if (told) return;
        told = true;
        cell.live = false;
        try {
          stopped();
        } catch (error) {
          this.fault(name, error);
        }
      },
    });
    return cell;
  }

  dispatch(cell: EngineCell): void {
    invariant(cell instanceof NactCell && cell.ref !== null, 'the cell belongs to another engine');
    if (cell.live) dispatch(cell.ref, null);
  }

  stop(target: EngineCell | EngineSystem): void {
    if (target instanceof NactSystem) {
      stop(target.ref);
      return;
    }
    invariant(target instanceof NactCell && target.ref !== null, 'the cell belongs to another engine');
    if (!target.live) return;
    target.live = false;
    stop(target.ref);
  }
}

/** nact takes a plain string for a plugin and names the system at random; the name has to come as an object, which its types do not know. */
function startNamed(name: string): ActorSystemRef {
  return (start as unknown as (named: { name: string }) => ActorSystemRef)({ name });
}
