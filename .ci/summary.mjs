// Names every check that failed, then prints the closing line `N passed, N failed` from the runner's TAP-style totals; a run
// without totals counts as one failure. With a second run of the files that failed, its failures are the ones that count.
import { readFileSync } from 'node:fs';

const MAX_LISTED = 60;
const CONTEXT_LINES = 25;

const [file, code, again, againCode] = process.argv.slice(2);
const read = (path) => readFileSync(path, 'utf8').replaceAll(/\u001b\[[0-9;]*m/g, '');

/** The runner's output is long, and what is kept of it may be its end only: the failures are told again there. */
function tellFailures(text) {
  const lines = text.split('\n');
  const isFailure = (line) => /^\s*not ok \d+/.test(line) && !/# (?:skip|todo)\b/i.test(line);
  const failures = lines.flatMap((line, at) => (isFailure(line) ? [at] : []));
  for (const at of failures.slice(0, MAX_LISTED)) {
    const diagnosis = lines.slice(at + 1, at + 1 + CONTEXT_LINES);
    const end = diagnosis.findIndex((line) => /^\s*(?:\.\.\.|(?:not )?ok \d+|# Subtest)/.test(line));
    console.log([lines[at], ...diagnosis.slice(0, end < 0 ? diagnosis.length : end)].join('\n'));
  }
}

function totalsOf(text, exitCode) {
  const totals = [
    ...text.matchAll(/^# \{ total: (\d+)(?:, pass: (\d+))?(?:, fail: (\d+))?(?:, skip: (\d+))?.*\}$/gm),
  ].at(-1);
  const [passed, failed, skipped] = [2, 3, 4].map((group) => Number(totals?.[group] ?? 0));
  return { passed, failed: exitCode !== '0' && failed === 0 ? 1 : failed, skipped };
}

const first = totalsOf(read(file), code);
tellFailures(read(file));
let { failed } = first;
if (againCode) {
  const second = totalsOf(read(again), againCode);
  console.log(`second run of what failed: ${second.passed} passed, ${second.failed} failed`);
  tellFailures(read(again));
  failed = second.failed;
}
const { passed, skipped } = first;
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
