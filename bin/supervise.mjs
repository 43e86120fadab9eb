#!/usr/bin/env node
// Keeps one node running where no systemd does it: supervise.mjs <folder of the node> <ms for an ordered stop> <name of the node>
import { register } from 'tsx/esm/api';

register();
const { supervise } = await import('../src/cli/supervise.ts');
const [folder, stopTimeoutMs, node] = process.argv.slice(2);
process.exit(await supervise({ folder, stopTimeoutMs: Number(stopTimeoutMs), node }));
