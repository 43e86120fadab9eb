import { ArbotError } from '../messages/errors.js';
import { haltChanged, type HaltChanged } from '../messages/risk.js';

/** The kill switch as it stands; what changes it is the same shape, so that it is told on and persisted unchanged. */
export type KillSwitch = HaltChanged;

/** Key of the persisted switch in the SettingsStore. */
export const KILL_SWITCH_KEY = 'kill-switch';

export const clearedSwitch = (atMs: number): KillSwitch => ({
  engaged: false,
  reason: '',
  by: 'start',
  atMs,
});

/** Decides between the switch known and one reported: the newer wins, and of two of the same moment the engaged one. */
export function newerSwitch(known: KillSwitch, reported: KillSwitch): KillSwitch {
  if (reported.atMs === known.atMs) return known.engaged ? known : reported;
  return reported.atMs > known.atMs ? reported : known;
}

export const encodeKillSwitch = (state: KillSwitch): string => JSON.stringify(state);

/**
 * Reads the persisted switch; null = never set, which is older than anything a person may say, also with a clock that was
 * set back. Throws ARB_CONFIG_INVALID when it cannot be read: nothing is assumed about it. */
export function decodeKillSwitch(text: string | null): KillSwitch {
  if (text === null) return clearedSwitch(0);
  const parsed = haltChanged.safeParse(jsonOrUndefined(text));
  if (!parsed.success) throw new ArbotError('ARB_CONFIG_INVALID', 'the persisted kill switch cannot be read');
  return parsed.data;
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
