// Names every check that failed, then prints the closing line `N passed, N failed` from the runner's TAP-style totals; a run
// without totals counts as one failure.
import { readFileSync } from 'node:fs';

const MAX_LISTED = 60;
const CONTEXT_LINES = 25;

const [file, code] = process.argv.slice(2);
const text = readFileSync(file, 'utf8').replaceAll(/\u001b\[[0-9;]*m/g, '');
const lines = text.split('\n');
const isFailure = (line) => /^\s*not ok \d+/.test(line) && !/# (?:skip|todo)\b/i.test(line);
const failures = lines.flatMap((line, at) => (isFailure(line) ? [at] : []));

// The runner's output is long, and what is kept of it may be its end only: the failures are told again there.
for (const at of failures.slice(0, MAX_LISTED)) {
  const diagnosis = lines.slice(at + 1, at + 1 + CONTEXT_LINES);
  const end = diagnosis.findIndex((line) => /^\s*(?:\.\.\.|(?:not )?ok \d+|# Subtest)/.test(line));
  console.log([lines[at], ...diagnosis.slice(0, end < 0 ? diagnosis.length : end)].join('\n'));
}
const totals = [
  ...text.matchAll(/^# \{ total: (\d+), pass: (\d+)(?:, fail: (\d+))?(?:, skip: (\d+))?.*\}$/gm),
].at(-1);
const passed = totals ? Number(totals[2]) : 0;
let failed = totals ? Number(totals[3] ?? 0) : 0;
const skipped = totals ? Number(totals[4] ?? 0) : 0;
if (code !== '0' && failed === 0) failed = 1;
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
