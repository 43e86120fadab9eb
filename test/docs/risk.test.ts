import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { RULES } from '../../src/risk/rule-catalogue.js';

const repository = resolve(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(repository, path), 'utf8');

t.test('docs/risk.md lists every rule with what sets it, and no other', async (t) => {
  const part = /<!-- rules:begin -->\n([\s\S]*?)<!-- rules:end -->/.exec(read('docs/risk.md'))?.[1] ?? '';
  const rows = part
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, rule, keys, meaning]) => [rule, keys, meaning]);
  const expected = RULES.map(({ rule, keys, meaning }) => [
    `\`${rule}\``,
    keys.length === 0 ? '–' : keys.map((key) => `\`${key}\``).join(', '),
    meaning,
  ]);
  t.strictSame(rows, expected);
});

t.test('every rule that the code can name is in the catalogue, and no other', async (t) => {
  const files = [
    ...readdirSync(join(repository, 'src/risk/rules')).map((name) => `src/risk/rules/${name}`),
    ...['evaluate', 'gate', 'mark-unknown'].map((name) => `src/risk/${name}.ts`),
  ];
  const named = new Set(
    files.flatMap((file) => {
      const text = read(file);
      const codes = [
        ...text.matchAll(/(?:refuse|alarmRule|scaledOrderCap|assetCap)\([^;]*?'([A-Z][A-Z_]+)'/g),
      ];
      if (file.includes('/rules/') && !file.endsWith('order-minimums.ts'))
        t.ok(codes.length > 0, `${file} names its rule`);
      return codes.map((match) => match[1]!);
    }),
  );
  // Those of the exchanges themselves.
  for (const rule of ['PRICE_TICK', 'LOT_SIZE', 'MIN_QUANTITY', 'MAX_QUANTITY', 'MIN_NOTIONAL'])
    named.add(rule);
  t.strictSame([...named].sort(), RULES.map(({ rule }) => rule).sort());
});

t.test('each key that sets a rule is a key of the trader’s file', async (t) => {
  const page = read('docs/configuration.md');
  const names = [...page.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
  for (const { keys } of RULES)
    for (const key of keys) {
      const isKnown = names.some(
        (name) =>
          name === key ||
          (name.startsWith('.') && key.endsWith(name)) ||
          name.startsWith(`${key}.`) ||
          name.startsWith(`${key}[`),
      );
      t.ok(isKnown, key);
    }
});
