#!/usr/bin/env node
// Starts the TypeScript entry point through tsx, so that a fresh clone needs no build step.
import { register } from 'tsx/esm/api';

register();
const { main } = await import('../src/cli/main.ts');
await main(process.argv);
