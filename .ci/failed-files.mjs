// Prints the test files that failed, one a line; nothing when there are more than a few, since that is no chance any more.
import { readFileSync } from 'node:fs';

const MAX_FILES = 6;

const [file] = process.argv.slice(2);
const text = readFileSync(file, 'utf8').replaceAll(/\u001b\[[0-9;]*m/g, '');
const files = new Set(
  [...text.matchAll(/^not ok \d+ - (test\/[\w./-]+\.test\.ts)\b/gm)].map(([, path]) => path),
);
if (files.size <= MAX_FILES) for (const path of files) console.log(path);
