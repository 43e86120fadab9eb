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
    for (const { file, kind, skipped } of reports) {
      const built = kind === 'signing' ? /binance|okx|bybit|upbit/ : /binance|okx|bybit|kucoin/;
      for (const { reason } of skipped) t.notMatch(reason, built, `${file} is skipped for what is not built`);
    }
    const signing = reports.filter(({ kind }) => kind === 'signing');
    t.ok(
      signing.length >= 2 && signing.every(({ passed }) => passed > 0),
      'the vectors of signatures were run',
    );
  },
);
