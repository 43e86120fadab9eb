import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ArbotError } from '../messages/errors.js';

/** Which installed packages a node needs, read from the lock file. */

const lockFile = z.object({
  lockfileVersion: z.number().int().min(2),
  packages: z.record(
    z.string(),
    z.object({
      dev: z.boolean().optional(),
      optional: z.boolean().optional(),
      version: z.string().optional(),
    }),
  ),
});

export interface NeededPackages {
  /** Below `node_modules`, without packages inside packages, which come with them; sorted. */
  readonly required: readonly string[];
  /** The same of what may be absent: engines of other machines. */
  readonly optional: readonly string[];
  /** Changes whenever another set of packages would be installed. */
  readonly key: string;
}

/** Of the engine of the embedded tick store: half a gigabyte that only a node with that store needs. */
const isTickEngine = (name: string): boolean => name === 'chdb' || name.startsWith('@chdb/');

/** Throws ARB_CONFIG_INVALID for a lock file that is none. */
export function neededPackages(lockText: string, options: { readonly tickEngine: boolean }): NeededPackages {
  const parsed = lockFile.safeParse(jsonOf(lockText));
  if (!parsed.success) throw new ArbotError('ARB_CONFIG_INVALID', 'package-lock.json is not a lock file');
  const wanted = Object.entries(parsed.data.packages)
    .filter(([path, { dev }]) => path.startsWith('node_modules/') && dev !== true)
    .map(([path, one]) => ({ name: path.slice('node_modules/'.length), ...one }))
    .filter(({ name }) => options.tickEngine || !isTickEngine(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const top = wanted.filter(({ name }) => !name.includes('/node_modules/'));
  const hash = createHash('sha256');
  for (const { name, version } of wanted) hash.update(`${name}@${version ?? ''}\n`);
  return {
    required: top.filter(({ optional }) => optional !== true).map(({ name }) => name),
    optional: top.filter(({ optional }) => optional === true).map(({ name }) => name),
    key: hash.digest('hex').slice(0, 16),
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
