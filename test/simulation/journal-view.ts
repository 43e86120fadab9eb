import type { SubmitLeg } from '../../src/messages/order.js';
import { decodeEmergency } from '../../src/storage/emergency/record.js';
import type { MemoryDatabase } from '../../src/storage/memory/memory-database.js';
import type { SimulatedDisk } from './disk.js';

interface Journalled {
  readonly leg: SubmitLeg;
  readonly fence: number;
}

/** Where an order may be journalled: in the trade store, or on the disk while that is away (TRADING §4). Both outlive the process. */
export class JournalView {
  private readonly database: MemoryDatabase;
  private readonly disk: SimulatedDisk;
  private readonly path: string;

  constructor(database: MemoryDatabase, disk: SimulatedDisk, path: string) {
    this.database = database;
    this.disk = disk;
    this.path = path;
  }

  /** Null = it is in no journal at this moment. */
  of(clientOrderId: string): Journalled | null {
    const body = this.database.legs.get(clientOrderId);
    if (body !== undefined)
      return { leg: JSON.parse(body) as SubmitLeg, fence: this.database.legFences.get(clientOrderId)! };
    return this.local().find(({ leg }) => leg.clientOrderId === clientOrderId) ?? null;
  }

  private local(): readonly Journalled[] {
    return this.disk.paths().includes(this.path) ? decodeEmergency(this.disk.bytesOf(this.path)).records : [];
  }
}
