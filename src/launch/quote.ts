import { ArbotError } from '../messages/errors.js';

/**
 * One word of a POSIX shell, whatever the text holds: in single quotes nothing has a meaning, and a single quote itself is written
 * outside of them. Throws ARB_CLI_USAGE for a NUL, which no argument can carry.
 */
export function quote(text: string): string {
  if (text.includes('\0')) throw new ArbotError('ARB_CLI_USAGE', 'an argument holds a NUL character');
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A command line that a POSIX shell splits into exactly these words. */
export function commandLine(words: readonly string[]): string {
  return words.map(quote).join(' ');
}

/** What ssh hands to the login shell: a POSIX shell that runs `script` with `$1`, `$2` … whatever shell the login has. */
export function scriptLine(script: string, words: readonly string[]): string {
  return commandLine(['sh', '-c', script, 'arbot', ...words]);
}
