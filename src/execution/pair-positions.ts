import type { ArbitrageClosed, ClosedPosition } from '../messages/order.js';

/** More positions at once than pairs are followed would be a mistake; beyond, the oldest is forgotten and read from the stores at the next start. */
const MAX_POSITIONS = 1_000;

/**
 * What the positions of statistical pairs hold, by the newest end of each: an exit knows by it what its entry was bought and sold
 * for. Filled from the stores at a start, and kept by every end after it.
 */
export class PairPositions {
  private readonly held = new Map<string, ClosedPosition>();

  /** In the order in which they ended; another end of the same position replaces the one before. */
  onClosed({ position }: Pick<ArbitrageClosed, 'position'>): void {
    if (position === undefined) return;
    this.held.delete(position.positionId);
    if (position.carried.length === 0) return;
    this.held.set(position.positionId, position);
    const oldest = this.held.keys().next();
    if (this.held.size > MAX_POSITIONS && oldest.done !== true) this.held.delete(oldest.value);
  }

  /** Undefined where nothing is held. */
  of(positionId: string | undefined): Pick<ClosedPosition, 'carried' | 'net'> | undefined {
    const position = positionId === undefined ? undefined : this.held.get(positionId);
    return position === undefined ? undefined : { carried: position.carried, net: position.net };
  }

  get count(): number {
    return this.held.size;
  }
}
