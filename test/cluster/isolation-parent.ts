import { join } from 'node:path';
import { feedProcesses } from '../../src/modes/feed-processes.js';
import { MachineTime } from '../../src/modes/machine-time.js';

/** A node reduced to a parent of two feeds' processes: prints their ids when both are ready, and waits to be killed. */

const start = feedProcesses(new MachineTime(), join(import.meta.dirname, 'misbehaving-feed-process.ts'));
let ready = 0;
const processes = [0, 1].map(() =>
  start({
    message: () => {
      if (++ready === 2) console.log(`pids ${processes.map(({ pid }) => pid).join(' ')}`);
    },
    lost: () => undefined,
    ended: (_, reason) => console.log(`ended ${reason}`),
  }),
);
