import t from 'tap';
import { runWireFolder } from '../../src/conformance/wire/run-folder.js';
import { wireFolder } from '../shared-data.js';

const folder = wireFolder();

t.test(
  'captured connections give exactly the books of their answers',
  { skip: folder === null && 'no captured frames are present' },
  async (t) => {
    const reports = await runWireFolder(folder!);
    for (const report of reports.filter(({ kind }) => kind !== 'none')) {
      t.same(report.failures, [], `${report.file}: ${report.passed} comparisons`);
    }
    const answers = reports.filter(({ kind, skipped }) => kind === 'answer' && skipped.length === 0);
    t.ok(answers.length >= 9, 'the answers of Binance, OKX and Bybit were all run');
    t.ok(
      // An answer without a book has only its trades and its counts of frames.
      answers.every(({ file, passed }) => passed > (file.includes('ticker-match') ? 30 : 60)),
      'every answer was compared in full',
    );
    for (const report of reports.filter(({ skipped }) => skipped.length > 0)) {
      t.notMatch(
        report.skipped[0]!.reason,
        /binance|okx|bybit|kucoin/,
        `${report.file} is skipped for what is not built`,
      );
    }
  },
);
