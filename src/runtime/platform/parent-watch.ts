import { Worker } from 'node:worker_threads';

/**
 * Ends this process when its parent is gone, from a thread of its own: an endless loop on the main thread hears nothing of a channel
 * that closes. Plain JavaScript, so that the thread needs no loader; it sees no environment.
 */
const WATCH = `
const { workerData } = require('node:worker_threads');
setInterval(() => {
  if (process.ppid !== workerData.parent) process.kill(process.pid, 'SIGKILL');
}, workerData.everyMs);`;

/** Looks every `everyMs`; keeps no process alive by itself. */
export function endWithParent(parent: number, everyMs: number): void {
  const watch = new Worker(WATCH, {
    eval: true,
    env: {},
    execArgv: [],
    workerData: { parent, everyMs },
    resourceLimits: { maxOldGenerationSizeMb: 16 },
  });
  watch.unref();
}
