import { ArbotError } from '../messages/errors.js';
import { riskMonitorRecord, type RiskMonitorRecord } from '../messages/risk-control.js';

/** Key of the SettingsStore under which losses and breakers outlive a restart. */
export const MONITORS_KEY = 'risk-monitors';

/** FNV-1a over the lines: enough to notice a change that nobody hides. */
export function fingerprint(lines: readonly string[]): string {
  let hash = 0x811c9dc5;
  for (const character of lines.join('\n')) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}

export const encodeMonitors = (record: RiskMonitorRecord): string => JSON.stringify(record);

/** @throws ArbotError ARB_CONFIG_INVALID when it cannot be read: no loss is forgotten by assuming none. */
export function decodeMonitors(text: string): RiskMonitorRecord {
  const parsed = riskMonitorRecord.safeParse(jsonOrUndefined(text));
  if (!parsed.success)
    throw new ArbotError('ARB_CONFIG_INVALID', `the setting ${MONITORS_KEY} cannot be read`);
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
