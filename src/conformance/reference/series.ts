import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/** A folder of series with what is known of each: an index, CSV files, and one file of expected statistics per case. */

const caseSchema = z.looseObject({
  id: z.string().regex(/^[\w-]+$/),
  file: z.string().regex(/^(?:[\w-]+\/)?[\w-]+\.csv$/),
  columns: z.array(z.string()).min(2).max(12),
  tags: z.array(z.string()),
});

const indexSchema = z.looseObject({ cases: z.array(caseSchema).max(1_000) });

/** What is compared of each statistic is read by name where it is compared. */
export type Expected = Readonly<Record<string, unknown>>;

export interface SeriesCase {
  readonly id: string;
  readonly tags: readonly string[];
  /** As in the file, NaN included. */
  readonly columns: readonly Float64Array[];
  readonly expected: Expected;
}

/** True for the index of a folder of series. */
export function isSeriesIndex(json: unknown): boolean {
  return indexSchema.safeParse(json).success;
}

/** Rejects for a folder of another shape, naming the field. */
export async function readSeriesFolder(folder: string): Promise<SeriesCase[]> {
  const { cases } = indexSchema.parse(JSON.parse(await readFile(join(folder, 'cases.json'), 'utf8')));
  return Promise.all(
    cases.map(async ({ id, tags, file, columns }) => {
      const text = await readFile(join(folder, 'expected', `${id}.json`), 'utf8');
      const expected = z.record(z.string(), z.unknown()).parse(JSON.parse(text));
      const csv = await readFile(join(folder, file), 'utf8');
      return { id, tags, columns: columnsOf(csv, columns.length), expected };
    }),
  );
}

/** Without the header and the leading number of each row. */
function columnsOf(csv: string, count: number): Float64Array[] {
  const rows = csv
    .trim()
    .split('\n')
    .slice(1)
    .map((row) => row.split(',').slice(1).map(Number));
  return Array.from({ length: count }, (_, at) => Float64Array.from(rows, (row) => row[at] ?? NaN));
}
