/** What a person may write to the bot. */

export const READING_COMMANDS = ['status', 'actors', 'pnl', 'positions', 'help', 'ack'] as const;
export const DANGEROUS_COMMANDS = ['pause', 'resume', 'kill'] as const;
export type ReadingCommand = (typeof READING_COMMANDS)[number];
export type DangerousCommand = (typeof DANGEROUS_COMMANDS)[number];

export interface Command {
  readonly name: ReadingCommand | DangerousCommand | 'confirm' | 'start';
  /** What follows, without spaces around it. */
  readonly rest: string;
}

const NAMES: ReadonlySet<string> = new Set([...READING_COMMANDS, ...DANGEROUS_COMMANDS, 'confirm', 'start']);

/** `/status`, `/kill@arbot_bot losing money`. Null = no command, or one for another bot. */
export function commandOf(text: string, botName: string): Command | null {
  const found = /^\/([a-z]{1,32})(?:@([A-Za-z0-9_]{1,64}))?(?:\s+([\s\S]*))?$/i.exec(text.trim());
  if (found === null) return null;
  const [, name = '', addressee, rest = ''] = found;
  if (addressee !== undefined && addressee.toLowerCase() !== botName.toLowerCase()) return null;
  const known = name.toLowerCase();
  return NAMES.has(known) ? { name: known as Command['name'], rest: rest.trim().slice(0, 300) } : null;
}

/** Something that changes how the node trades. */
export type Action =
  | { readonly kind: 'kill'; readonly reason: string }
  /** No new arbitrages, on one exchange or (null) on all. */
  | { readonly kind: 'pause' | 'resume'; readonly exchange: string | null };

/** Null = the words after the command are no exchange. */
export function actionOf(name: DangerousCommand, rest: string): Action | null {
  if (name === 'kill') return { kind: 'kill', reason: rest || 'asked for over Telegram' };
  if (rest === '') return { kind: name, exchange: null };
  return /^[a-z][a-z0-9]{1,31}$/.test(rest) ? { kind: name, exchange: rest } : null;
}

export function questionOf(action: Action): string {
  if (action.kind === 'kill')
    return `Engage the kill switch? No risk is added until it is cleared at the page or over HTTP. Reason: ${action.reason}`;
  const where = action.exchange ?? 'all exchanges';
  return action.kind === 'pause'
    ? `Pause ${where}? No new arbitrage begins there; what is under way is brought to its end.`
    : `Resume ${where}? New arbitrages may begin there again.`;
}

export function helpText(level: 'read' | 'all'): string {
  const reading = [
    '/status  mode, feeds, kill switch, what is not in order',
    '/actors  what does not run, and what has restarted',
    '/pnl  today and the last 7 days',
    '/positions  what is held where',
    '/ack  acknowledge every critical alert',
  ];
  const acting = [
    '/pause [exchange]  no new arbitrages',
    '/resume [exchange]  takes a pause back',
    '/kill [reason]  the kill switch',
    'The last three ask for a confirmation.',
  ];
  return [
    ...reading,
    ...(level === 'all' ? acting : ['/pause, /resume and /kill are switched off here']),
  ].join('\n');
}
