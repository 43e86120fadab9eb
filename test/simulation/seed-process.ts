import { runSeed, type RunRequest } from './run.js';
import { reportOf } from './seed-report.js';

/** A process that does nothing but run seeds: one request in, one report out. Its parent is `seed-pool.ts`. */
process.on('message', (request: RunRequest) => {
  runSeed(request).then(
    (outcome) => process.send!(reportOf(outcome, request.bug)),
    (error: unknown) => {
      process.stderr.write(`seed ${request.seed}: ${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(1);
    },
  );
});
