import type { Command } from 'commander';
import type { LearnFlags } from './learn-run.js';
import type { Terminal } from './output.js';

/** Adds `arbot learn decay`. A running node holds its embedded stores; servers answer beside it. */
export function addLearn(program: Command, terminal: Terminal, done: (code: number) => void): void {
  const learn = program.command('learn').description('Figures that are learned of what was recorded.');
  learn
    .command('decay')
    .description('Learn how much of an edge is gone until orders arrive, direction by direction.')
    .option('--config <folder>', 'folder of cluster.config.ts and trading.config.ts (default: here)')
    .option('--node <name>', 'node of cluster.config.ts (default: ARBOT_NODE, else the first)')
    .option('--market <kind>', 'whose ticks and trades: simulated, replay or live', 'simulated')
    .option('--data <folder>', 'data folder (default: dataFolder of the node)')
    .option('--of <what>', 'books: the recorded ticks; fills: of live orders, never of paper', 'books')
    .option('--from <time>', 'first moment, UTC: 2026-11-01, 2026-11-01T10:00:00Z or Unix ms (default: all)')
    .option('--to <time>', 'moment before which it ends (default: all)')
    .option('--latency-ms <n>', 'from the quote to the fill (default: as measured)')
    .option('--floor-bps <n>', 'gross edge from which an edge counts (default: edge.reportFloorBps)')
    .option('--min-samples <n>', 'edges of a direction below which nothing is learned', '30')
    .option('--dry-run', 'show what would be learned and keep what is stored')
    .option('--json', 'as JSON')
    .option('--verbose', 'show where an error came from')
    .addHelpText(
      'after',
      '\nExamples:\n  $ arbot learn decay --market live\n' +
        '  $ arbot learn decay --market live --from 2026-11-01 --latency-ms 120 --dry-run',
    )
    .action(async (flags: LearnFlags) => {
      const { learnDecay } = await import('./learn-run.js');
      done(await learnDecay(flags, terminal));
    });
}
