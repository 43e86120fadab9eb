import { hostFeed } from '../../src/modes/feed-host.js';

/** The program of a feed's process, which on a signal does what no program should. Only tests start it. */

process.on('SIGUSR2', () => {
  for (;;);
});
process.on('SIGWINCH', () => {
  throw new Error('planted in a process');
});

hostFeed();
