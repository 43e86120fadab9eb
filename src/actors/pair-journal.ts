import { ArbotError } from '../messages/errors.js';
import {
  decodePosition,
  encodePosition,
  POSITION_SLOTS,
  positionKey,
  POSITIONS_OWNER_KEY,
  type PairPosition,
} from '../messages/pair-positions.js';
import type { SettingsStore } from '../ports/stores.js';

/** Positions of pairs in the settings store, one setting each: bounded, and as they were after any kill. */
export class PairJournal {
  private readonly settings: SettingsStore;
  private readonly owner: string;
  /** By slot, as it is written. */
  private readonly written: (string | null)[];
  private readonly slots = new Map<string, number>();

  private constructor(settings: SettingsStore, owner: string, written: (string | null)[]) {
    this.settings = settings;
    this.owner = owner;
    this.written = written;
  }

  /**
   * Takes the journal over: whoever wrote it before may not any more. Rejects ARB_STORE_UNAVAILABLE, and ARB_CONFIG_INVALID when a position cannot be
   * read.
   */
  static async open(
    settings: SettingsStore,
    owner: string,
  ): Promise<{ readonly journal: PairJournal; readonly positions: readonly PairPosition[] }> {
    await settings.set(POSITIONS_OWNER_KEY, owner);
    const slots = Array.from({ length: POSITION_SLOTS }, (_, slot) => slot);
    const written = await Promise.all(slots.map((slot) => settings.get(positionKey(slot))));
    const journal = new PairJournal(settings, owner, written);
    const positions = written.flatMap((text, slot) => {
      const position = decodePosition(slot, text);
      if (position !== null) journal.slots.set(position.positionId, slot);
      return position === null ? [] : [position];
    });
    return { journal, positions };
  }

  /**
   * Writes what has changed. Resolves when a kill would no longer lose it. Rejects ARB_STORE_UNAVAILABLE, to be tried again, and ARB_STORE_CONFLICT when
   * another detector has taken over.
   */
  async write(positions: readonly PairPosition[]): Promise<void> {
    const owner = await this.settings.get(POSITIONS_OWNER_KEY);
    if (owner !== this.owner)
      throw new ArbotError('ARB_STORE_CONFLICT', 'another detector has taken over the positions of pairs');
    const held = new Set(positions.map(({ positionId }) => positionId));
    for (const [positionId, slot] of this.slots)
      if (!held.has(positionId)) {
        await this.put(slot, null);
        this.slots.delete(positionId);
      }
    for (const position of positions) await this.put(this.slotOf(position.positionId), position);
  }

  private slotOf(positionId: string): number {
    const known = this.slots.get(positionId);
    if (known !== undefined) return known;
    const used = new Set(this.slots.values());
    const free = this.written.findIndex((_, slot) => !used.has(slot));
    if (free < 0) throw new ArbotError('ARB_INVARIANT', 'more positions than the journal has room for');
    this.slots.set(positionId, free);
    return free;
  }

  private async put(slot: number, position: PairPosition | null): Promise<void> {
    const text = encodePosition(position);
    if (this.written[slot] === text) return;
    await this.settings.set(positionKey(slot), text);
    this.written[slot] = text;
  }
}
