#!/usr/bin/env node
// Starts a node as its release says: start-node.mjs <name of the node>. Going back to an earlier release thereby goes back to its arguments too.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [name] = process.argv.slice(2);
const starts = JSON.parse(readFileSync(new URL('../starts.json', import.meta.url), 'utf8'));
if (!Object.hasOwn(starts, name ?? '')) {
  console.error(`arbot: this release has no node ${name}`);
  process.exit(2);
}
const arbot = new URL('./arbot.mjs', import.meta.url);
process.argv = [process.argv[0], fileURLToPath(arbot), ...starts[name]];
await import(arbot.href);
