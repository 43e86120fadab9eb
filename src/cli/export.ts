import type { Command } from 'commander';
import type { CommandWorld } from './command-world.js';
import { withDatabase } from './db.js';
import type { ExportFlags, ExportKind } from './export-run.js';
import { EXIT } from './output.js';

/** Adds `arbot export trades|transfers|tax`; docs/exports.md describes every column. */
export function addExport(program: Command, world: CommandWorld, done: (code: number) => void): void {
  const group = program.command('export').description('Trades, transfers and tax lots for other programs.');
  const subcommand = (kind: ExportKind, description: string): Command =>
    withDatabase(group.command(kind).description(description))
      .option('--tz <zone>', 'IANA zone that days and times are told in', 'UTC')
      .option('--from <day>', 'first day in that zone (default: the first there is)')
      .option('--to <day>', 'last day in that zone (default: the last there is)')
      .option('--format <kind>', 'csv or json', 'csv')
      .option('--out <file>', 'a new file (default: standard output)')
      .addHelpText('after', EXAMPLES[kind])
      .action(async (flags: ExportFlags) => {
        const { runExport } = await import('./export-run.js');
        await runExport(kind, flags, world.terminal);
        done(EXIT.done);
      });
  subcommand('trades', 'Every fill with its fee.');
  subcommand('transfers', 'What moved between exchanges, or came from or went to the outside.');
  subcommand('tax', 'Disposals with acquisition cost, proceeds and gain, and the lots that are left.')
    .requiredOption('--cost-basis <method>', 'fifo or average')
    .option(
      '--opening-price <asset=price>',
      'what an opening balance cost per unit; may be repeated (default: not known)',
      (text: string, before: readonly string[]) => [...before, text],
      [],
    );
}

const EXAMPLES: Readonly<Record<ExportKind, string>> = {
  trades: '\nExamples:\n  $ arbot export trades --tz Asia/Seoul --from 2026-01-01 --out trades.csv',
  transfers: '\nExamples:\n  $ arbot export transfers --market live --format json',
  tax: '\nExamples:\n  $ arbot export tax --cost-basis fifo --tz Asia/Seoul --from 2026-01-01 --to 2026-12-31 --out 2026.csv',
};
