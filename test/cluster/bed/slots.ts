import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { tryRun } from './run.js';

/** Names and addresses of one bed. Beds of several test processes live beside each other. */
export interface Slot {
  readonly number: number;
  readonly bridge: string;
  /** The first three numbers of its addresses. */
  readonly subnet: string;
  readonly bridgeAddress: string;
  readonly folder: string;
}

const ROOT = '/var/lib/arbot-bed';
const SLOTS = 32;
/** A bed whose owner has not signed yet. */
const UNSIGNED_MS = 20_000;

const slotOf = (number: number): Slot => ({
  number,
  bridge: `arbed${number}`,
  subnet: `10.91.${number}`,
  bridgeAddress: `10.91.${number}.1`,
  folder: join(ROOT, String(number)),
});

/** Removes what dead test processes left behind, and takes the first free slot. */
export async function reserveSlot(): Promise<Slot> {
  mkdirSync(ROOT, { recursive: true, mode: 0o755 });
  for (const name of readdirSync(ROOT).sort()) if (/^\d+$/.test(name)) await sweepDead(slotOf(Number(name)));
  for (let number = 0; number < SLOTS; number++) {
    const slot = slotOf(number);
    try {
      mkdirSync(slot.folder, { mode: 0o755 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw error;
    }
    writeFileSync(join(slot.folder, 'owner'), `${process.pid} ${startTimeOf(process.pid)}`);
    return slot;
  }
  throw new Error(`all ${SLOTS} test beds are in use`);
}

async function sweepDead(slot: Slot): Promise<void> {
  const owner = join(slot.folder, 'owner');
  if (!existsSync(owner)) {
    const made = statSync(slot.folder, { throwIfNoEntry: false });
    if (made !== undefined && Date.now() - made.mtimeMs > UNSIGNED_MS) await sweepSlot(slot);
    return;
  }
  const [pid = '', started] = readFileSync(owner, 'utf8').split(' ');
  if (startTimeOf(Number(pid)) !== started) await sweepSlot(slot);
}

/** Ends every process of a bed and removes its networks and files. What is gone already is fine. */
export async function sweepSlot(slot: Slot): Promise<void> {
  endGuard(join(slot.folder, 'guard'));
  if (existsSync(slot.folder))
    for (const name of readdirSync(slot.folder).sort()) killInit(join(slot.folder, name, 'init.pid'));
  const listed = (await tryRun('ip', ['netns', 'list'])).out
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '');
  for (const name of listed) if (name.startsWith(`${slot.bridge}n`)) await removeNamespace(name);
  // The kernel takes its time with a network of which a connection is still dying: its end here goes at once.
  const links = (await tryRun('ip', ['-o', 'link', 'show', 'type', 'veth'])).out.split('\n');
  for (const line of links) {
    const name = /^\d+: ([^@:]+)/.exec(line)?.[1];
    if (name?.startsWith(`${slot.bridge}v`) === true) await tryRun('ip', ['link', 'del', name]);
  }
  await tryRun('ip', ['link', 'del', slot.bridge]);
  rmSync(slot.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

async function removeNamespace(name: string): Promise<void> {
  for (const pid of (await tryRun('ip', ['netns', 'pids', name])).out.split('\n'))
    signal(Number(pid), 'SIGKILL');
  for (let tries = 0; tries < 20; tries++) {
    if ((await tryRun('ip', ['netns', 'del', name])).code === 0) return;
    await sleep(100);
  }
}

/** It sweeps the same slot: two at once would take from a new bed what they meant for the old one. It leads a group of its own. */
function endGuard(path: string): void {
  if (!existsSync(path)) return;
  const [pid = '', started] = readFileSync(path, 'utf8').split(' ');
  if (startTimeOf(Number(pid)) === started) signal(Number(pid), 'SIGKILL', true);
}

function killInit(path: string): void {
  if (existsSync(path)) signal(Number(readFileSync(path, 'utf8')), 'SIGKILL');
}

export function signal(pid: number, name: NodeJS.Signals, isGroup = false): void {
  if (!Number.isInteger(pid) || pid <= 1) return;
  try {
    process.kill(isGroup ? -pid : pid, name);
  } catch (error) {
    // It has ended meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Field 22 of stat; null = no such process. Pids come again, a pid with its start time does not. */
export function startTimeOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}
