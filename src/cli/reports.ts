import type { Command } from 'commander';
import type { CommandWorld } from './command-world.js';
import { withDatabase } from './db.js';
import { EXIT } from './output.js';
import type { ReportFlags } from './report-run.js';

/** Adds `arbot trades`, `arbot pnl` and `arbot explain <arbitrage>`: from the stores, or from the node that runs on them. */
export function addReports(program: Command, world: CommandWorld, done: (code: number) => void): void {
  const report = (command: Command): Command =>
    withDatabase(command)
      .option(
        '--url <address>',
        'ask a running node there (default: its stores, or the node that holds them)',
      )
      .option(
        '--port <n>',
        'port of that node on this machine (default: the http of the node in cluster.config.ts)',
      )
      .option('--json', 'as JSON');
  report(
    program.command('trades').description('Arbitrages that ended, newest first: expected, realised and why.'),
  )
    .option('--limit <n>', 'how many, 1 to 500', '20')
    .option('--pair <pair>', 'only this one')
    .option('--outcome <word>', 'only completed, partial, unwound, failed or flagged ones')
    .addHelpText(
      'after',
      '\nExamples:\n  $ arbot trades\n  $ arbot trades --outcome flagged --market live --json',
    )
    .action(async (flags: ReportFlags) => {
      const { showTrades } = await import('./report-run.js');
      await showTrades(flags, world.terminal);
      done(EXIT.done);
    });
  report(program.command('pnl').description('What arbitrages made, and why it was not what they promised.'))
    .option('--tz <zone>', 'IANA zone that days are told in', 'UTC')
    .option('--from <day>', 'first day in that zone (default: the first there is)')
    .option('--to <day>', 'last day in that zone (default: the last there is)')
    .addHelpText(
      'after',
      '\nExamples:\n  $ arbot pnl\n  $ arbot pnl --tz Asia/Seoul --from 2026-01-01 --to 2026-01-31',
    )
    .action(async (flags: ReportFlags) => {
      const { showProfitAndLoss } = await import('./report-run.js');
      await showProfitAndLoss(flags, world.terminal);
      done(EXIT.done);
    });
  report(
    program
      .command('explain <arbitrage>')
      .description('One arbitrage: its books, signal, rules, orders, fills and money.'),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  $ arbot explain arb-v-0198c0de\n  $ arbot explain arb-v-0198c0de --json',
    )
    .action(async (arbitrageId: string, flags: ReportFlags) => {
      const { showExplanation } = await import('./report-run.js');
      await showExplanation(arbitrageId, flags, world.terminal);
      done(EXIT.done);
    });
}
