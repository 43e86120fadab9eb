/**
 * The file with a node's secrets: `NAME=value` lines as systemd's EnvironmentFile and Docker's env files take them, in the part that
 * all of them read alike. What they would read differently is refused by its line, never by its content.
 */

export interface EnvironmentFile {
  readonly values: ReadonlyMap<string, string>;
  /** Each names its line and never a value. */
  readonly problems: readonly string[];
}

const MAX_LINES = 1_000;
const MAX_VALUE = 16_384;
const PLAIN = /^[^\s'"\\$`#;]*$/;

export function parseEnvironmentFile(text: string): EnvironmentFile {
  const values = new Map<string, string>();
  const problems: string[] = [];
  const lines = text.split('\n');
  if (lines.length > MAX_LINES) return { values, problems: [`more than ${MAX_LINES} lines`] };
  lines.forEach((raw, index) => {
    const line = raw.replace(/\r$/, '').trim();
    if (line === '' || line.startsWith('#')) return;
    const problem = readLine(line, values);
    if (problem !== null) problems.push(`line ${index + 1}: ${problem}`);
  });
  return { values, problems };
}

function readLine(line: string, values: Map<string, string>): string | null {
  const [, name, text] = /^([A-Za-z_][A-Za-z0-9_]{0,127})=(.*)$/.exec(line) ?? [];
  if (name === undefined || text === undefined) return 'not NAME=value';
  if (values.has(name)) return `${name} is there twice`;
  const value = unquoted(text);
  if (value === null)
    return `${name}: quote it: '…' or "…" without a quote of the same kind, a backslash, $ or \` inside`;
  if (value.length > MAX_VALUE) return `${name} is longer than ${MAX_VALUE} characters`;
  if (/[\u0000-\u001f\u007f]/.test(value)) return `${name} holds a control character`;
  values.set(name, value);
  return null;
}

/** Null = read differently by different readers. */
function unquoted(text: string): string | null {
  const single = /^'([^']*)'$/.exec(text)?.[1];
  if (single !== undefined) return single.includes('\\') ? null : single;
  const double = /^"([^"\\$`]*)"$/.exec(text)?.[1];
  if (double !== undefined) return double;
  return PLAIN.test(text) ? text : null;
}

/** The same values in one spelling. A value that was parsed has at most one kind of quote in it. */
export function renderEnvironmentFile(values: ReadonlyMap<string, string>): string {
  const lines = [...values]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${spelled(value)}`);
  return lines.map((line) => `${line}\n`).join('');
}

function spelled(value: string): string {
  if (PLAIN.test(value)) return value;
  return value.includes("'") ? `"${value}"` : `'${value}'`;
}
