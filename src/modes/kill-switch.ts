import type { HaltMemory } from '../actors/halt-memory.js';
import { errorText } from '../messages/errors.js';
import { haltChanged, type HaltChanged, type HaltPolicy } from '../messages/risk.js';
import type { Bus } from '../ports/bus.js';
import type { Files } from '../ports/files.js';
import type { Logger } from '../ports/log.js';
import type { SettingsStore } from '../ports/stores.js';
import { encodeKillSwitch, KILL_SWITCH_KEY } from '../risk/kill-switch.js';

/** In the data folder of the mode. While it is there the switch is engaged, whoever made it. */
export const KILL_FILE = 'KILL';

export interface KillSwitchPorts {
  readonly bus: Bus;
  /** Null while recording: nothing trades and nothing is stored. */
  readonly settings: SettingsStore | null;
  /** Where this process remembers it: told first, without bus and stores. Absent = by the bus alone. */
  readonly halts?: HaltMemory;
  /** Absent = only the store keeps it. */
  readonly flag?: KillFlag;
  readonly log?: Logger;
}

/**
 * Changes the kill switch so that nothing that is down loses it. Engaging acts first, in this process without bus and stores,
 * and is written next, in file and store: one of the two is enough. Clearing is written first, so that what a restart would find is
 * never more daring than what was answered. Told again at the end: who read the settings before the change was written has
 * subscribed by then. Resolves once it is written; rejects with what the store said, and then engaging is in force until a
 * restart and clearing is not at all. What was changed again while a slow store still wrote is written once more, so that
 * the older does not come last.
 */
export function changeKillSwitch(ports: KillSwitchPorts, halt: HaltChanged): Promise<void> {
  return halt.engaged ? engage(ports, halt) : clear(ports, halt);
}

async function engage(ports: KillSwitchPorts, halt: HaltChanged): Promise<void> {
  ports.halts?.tell(halt);
  tell(ports, halt);
  const written = await Promise.allSettled([writeFlag(ports, halt), writeStore(ports, halt)]);
  tell(ports, halt);
  const [inFile, inStore] = written;
  if (inStore.status === 'fulfilled') return;
  if (inFile.status === 'rejected' || ports.flag === undefined) throw inStore.reason;
  const error = errorText(inStore.reason);
  ports.log?.warn({ error }, 'the kill switch is written in its file only; the store is away');
}

async function clear(ports: KillSwitchPorts, halt: HaltChanged): Promise<void> {
  await writeStore(ports, halt);
  if (isOlder(halt, ports)) return;
  await ports.flag?.remove();
  ports.halts?.tell(halt);
  tell(ports, halt);
  await ports.bus.flush();
}

/** It was changed anew while this was being written. */
const isOlder = (halt: HaltChanged, { halts }: KillSwitchPorts): boolean =>
  halts !== undefined && halts.current.atMs > halt.atMs;

async function writeFlag({ flag }: KillSwitchPorts, halt: HaltChanged): Promise<void> {
  await flag?.write(halt);
}

async function writeStore({ settings, halts }: KillSwitchPorts, halt: HaltChanged): Promise<void> {
  await settings?.set(KILL_SWITCH_KEY, encodeKillSwitch(halt));
  for (let last = halt; halts !== undefined && halts.current.atMs > last.atMs;) {
    last = halts.current;
    await settings?.set(KILL_SWITCH_KEY, encodeKillSwitch(last));
  }
}

/** A bus that is away keeps nobody from stopping. */
function tell({ bus, log }: KillSwitchPorts, halt: HaltChanged): void {
  try {
    bus.publish('risk.halt', 'haltChanged', halt, { traceId: 'kill-switch' });
  } catch (error) {
    log?.warn({ error: errorText(error) }, 'the kill switch was not told over the bus');
  }
}

/**
 * The switch as a file: it works without every store, survives a restart, and anybody with a shell can make it. What is asked of it
 * is done one after the other: a slow write that ended after the removal that follows it would engage the switch again.
 */
export class KillFlag {
  readonly path: string;
  private readonly files: Files;
  private last: Promise<unknown> = Promise.resolve();

  constructor(files: Files, path: string) {
    this.files = files;
    this.path = path;
  }

  write(halt: HaltChanged): Promise<void> {
    return this.inTurn(() => this.files.writeAtomic(this.path, `${encodeKillSwitch(halt)}\n`));
  }

  remove(): Promise<void> {
    return this.inTurn(async () => {
      if (await this.files.exists(this.path)) await this.files.remove(this.path);
    });
  }

  exists(): Promise<boolean> {
    return this.inTurn(() => this.files.exists(this.path));
  }

  /**
   * Null when it is not there. A file that a person made may hold anything: its first word may be the policy, its text is the
   * reason, and `nowMs` is its time.
   */
  async read(nowMs: number): Promise<HaltChanged | null> {
    const text = await this.inTurn(() => this.text());
    if (text === null) return null;
    const written = haltChanged.safeParse(jsonOrNull(text));
    if (written.success) return { ...written.data, engaged: true };
    const policy: HaltPolicy = /^flatten\b/i.test(text.trim()) ? 'flatten' : 'freeze';
    const reason = text.trim().slice(0, 200) || `the file ${KILL_FILE} is there`;
    return { engaged: true, policy, reason, by: 'file', atMs: nowMs };
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.last.then(work);
    this.last = done.catch(() => undefined);
    return done;
  }

  private async text(): Promise<string | null> {
    try {
      return (await this.files.read(this.path)).toString('utf8');
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ENOENT') return null;
      // It is there and cannot be read: that it is there is enough.
      return '';
    }
  }
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
