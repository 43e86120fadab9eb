import t from 'tap';
import { brokenDesk } from './check.js';
import { CHECKS } from './checks.js';
import { TraderDesk, TRADING } from './trader-desk.js';

/**
 * The numbered checks of order entry, for each exchange at its simulated face; and the same order entry with one promise broken, which the
 * check of that promise has to notice.
 */

t.test('the checks are numbered without a hole', (t) => {
  t.same(
    CHECKS.map(({ id }) => id),
    CHECKS.map((_, at) => `E${String(at + 1).padStart(2, '0')}`),
  );
  t.end();
});

for (const name of TRADING)
  t.test(`${name} keeps what order entry promises, and a broken one is found out`, (t) => {
    for (const check of CHECKS) {
      const title = `${check.id} ${check.promise}`;
      if (check.applies?.(new TraderDesk(name)) === false) {
        t.comment(`${title}: does not apply to ${name}`);
        continue;
      }
      t.doesNotThrow(() => check.run(new TraderDesk(name)), title);
      t.throws(() => check.run(brokenDesk(name, check)), `${check.id} notices the broken one`);
    }
    t.end();
  });
