import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';

/** Who holds something on disk, so that a dead holder is told from a living one even when its pid was given out again. */
export const processIdentity = z.strictObject({
  pid: z.number().int().min(1),
  host: z.string().max(255),
  /** Start time in kernel ticks since boot; null where there is no /proc. */
  startTicks: z.string().max(32).nullable(),
});
export type ProcessIdentity = z.infer<typeof processIdentity>;

interface ProcessState {
  readonly running: boolean;
  readonly startTicks: string | null;
}

/** `/proc/<pid>/stat` (proc(5)): field 3 is the state, field 22 the start time; the name in field 2 may hold anything. */
function stateFromProc(pid: number): ProcessState | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { running: fields[0] !== 'Z' && fields[0] !== 'X', startTicks: fields[19] ?? null };
  } catch {
    // No such process, or no /proc on this system: the signal probe decides.
    return null;
  }
}

function stateOf(pid: number): ProcessState {
  const seen = stateFromProc(pid);
  if (seen !== null) return seen;
  try {
    process.kill(pid, 0);
    return { running: true, startTicks: null };
  } catch (error) {
    // EPERM: it lives and belongs to someone else.
    return { running: (error as NodeJS.ErrnoException).code === 'EPERM', startTicks: null };
  }
}

export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, host: hostname(), startTicks: stateOf(process.pid).startTicks };
}

/** `unknown` for a holder on another host (or in another container): its pid means nothing here. */
export function judgeHolder(holder: ProcessIdentity): 'alive' | 'dead' | 'unknown' {
  if (holder.host !== hostname()) return 'unknown';
  const state = stateOf(holder.pid);
  if (!state.running) return 'dead';
  const reused =
    holder.startTicks !== null && state.startTicks !== null && holder.startTicks !== state.startTicks;
  return reused ? 'dead' : 'alive';
}

/** The identity in a file; null when the file is absent or was torn by a crash while it was written. */
export function readIdentity(path: string): ProcessIdentity | null {
  try {
    const parsed = processIdentity.safeParse(JSON.parse(readFileSync(path, 'utf8')));
    return parsed.success ? parsed.data : null;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
