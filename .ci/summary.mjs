// Prints the closing line `N passed, N failed` from the runner's TAP-style totals; a run without totals counts as one failure.
import { readFileSync } from 'node:fs';

const [file, code] = process.argv.slice(2);
const text = readFileSync(file, 'utf8').replaceAll(/\u001b\[[0-9;]*m/g, '');
const totals = [
  ...text.matchAll(/^# \{ total: (\d+), pass: (\d+)(?:, fail: (\d+))?(?:, skip: (\d+))?.*\}$/gm),
].at(-1);
const passed = totals ? Number(totals[2]) : 0;
let failed = totals ? Number(totals[3] ?? 0) : 0;
const skipped = totals ? Number(totals[4] ?? 0) : 0;
if (code !== '0' && failed === 0) failed = 1;
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
