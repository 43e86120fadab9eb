import t from 'tap';
import { CONNECTED_EXCHANGES } from '../../../src/config/index.js';
import { judge, type Check } from './check.js';
import { BOOK_CHECKS } from './checks-book.js';
import { DECLARED_CHECKS } from './checks-declared.js';
import { FAULT_CHECKS } from './checks-faults.js';
import { FRAME_CHECKS } from './checks-frames.js';
import { LIFE_CHECKS } from './checks-life.js';
import type { Subject } from './subject.js';
import { BINANCE } from './subjects/binance.js';
import { BITGET } from './subjects/bitget.js';
import { BITHUMB } from './subjects/bithumb.js';
import { BYBIT } from './subjects/bybit.js';
import { GATE, GATE_DIFFS } from './subjects/gate.js';
import { KUCOIN, KUCOIN_DEPTH50, KUCOIN_LEVEL2 } from './subjects/kucoin.js';
import { OKX } from './subjects/okx.js';
import { UPBIT } from './subjects/upbit.js';

/**
 * What every connector promises, by number. An exchange joins with one file in `subjects/` that says how its frames are written,
 * and one line here.
 */
const SUBJECTS: Readonly<Record<string, Subject>> = {
  binance: BINANCE,
  okx: OKX,
  bybit: BYBIT,
  gate: GATE,
  'gate with diffs': GATE_DIFFS,
  bitget: BITGET,
  kucoin: KUCOIN,
  'kucoin with level2': KUCOIN_LEVEL2,
  'kucoin with level2Depth50': KUCOIN_DEPTH50,
  upbit: UPBIT,
  bithumb: BITHUMB,
};

const CHECKS: readonly Check[] = [
  ...BOOK_CHECKS,
  ...FRAME_CHECKS,
  ...DECLARED_CHECKS,
  ...LIFE_CHECKS,
  ...FAULT_CHECKS,
];

/** Of the many cases of a promise that a broken connector keeps, one in so many is tried again. */
const SAMPLE = 7;

const applicable = (subject: Subject): Check[] => {
  const { capabilities } = subject.connector();
  return CHECKS.filter((check) => check.applies?.(capabilities, subject) ?? true);
};

t.test('the checks are numbered without a hole, and every connector is under contract', async (t) => {
  t.same(
    CHECKS.map(({ id }) => id),
    CHECKS.map((_, index) => `C${String(index + 1).padStart(2, '0')}`),
  );
  const covered = new Set(Object.values(SUBJECTS).map(({ exchange }) => exchange));
  t.same(
    CONNECTED_EXCHANGES.filter((exchange) => !covered.has(exchange)),
    [],
  );
  for (const check of CHECKS)
    t.ok(
      Object.values(SUBJECTS).some((subject) => applicable(subject).includes(check)),
      `${check.id} is used`,
    );
});

for (const [name, subject] of Object.entries(SUBJECTS)) {
  const checks = applicable(subject);
  t.test(`${name} keeps the contract`, async (t) => {
    for (const check of checks) t.same(judge(check, subject), [], `${check.id} ${check.title}`);
  });

  t.test(`${name}: a connector that breaks one promise fails that check and no other`, async (t) => {
    for (const broken of checks) {
      const connect = () => broken.broken(subject.connector(), subject);
      // The slow check would repeat the others' work for each of them.
      const tried = checks.filter((check) => check === broken || !check.slow);
      const failed = tried.filter(
        (check) => judge(check, subject, connect, check === broken ? 1 : SAMPLE).length > 0,
      );
      t.same(
        failed.map(({ id }) => id),
        [broken.id],
        `without: ${broken.title}`,
      );
    }
  });
}
