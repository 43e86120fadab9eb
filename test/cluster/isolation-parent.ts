import { join } from 'node:path';
import { feedProcesses } from '../../src/modes/feed-processes.js';
import { MachineTime } from '../../src/modes/machine-time.js';

/** A node reduced to a parent of two feeds' processes: prints their ids when both are ready, and waits to be killed. */

const start = feedProcesses(new MachineTime(), join(import.meta.dirname, 'misbehaving-feed-process.ts'));
const ready = new Set<number>();
const processes = [0, 1].map((index) =>
  start({
    message: () => {
      // Beats follow the first word.
      if (ready.size === 2 || ready.add(index).size < 2) return;
      console.log(`pids ${processes.map(({ pid }) => pid).join(' ')}`);
    },
    lost: () => undefined,
    ended: (_, reason) => console.log(`ended ${reason}`),
  }),
);
