import { z } from 'zod';
import { durationMs, environmentName } from './fields.js';

/** The parts of `cluster.config.ts` that only `arbot cluster` reads. */

const filePath = z
  .string()
  .min(1)
  .max(500)
  .regex(/^[\x20-\x7e]+$/, 'must be a path of printable characters');
const absolutePath = z
  .string()
  .max(200)
  .regex(/^(?:\/[A-Za-z0-9._@+-]+)+$/, 'must be an absolute path of letters, digits and . _ @ + -')
  .refine((path) => !/\/\.\.?(?:\/|$)/.test(path), 'must not contain . or .. as a part');
const loginName = z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'must be the name of an account');

/** Name of a variable HERE that holds the path of a file with secrets; of a node before that of all. */
export const environmentFileEnv = environmentName.optional();

/** How `arbot cluster` reaches the machine of a node; what is absent is decided by the user's own ssh configuration. */
export const ssh = z.strictObject({
  user: loginName.optional(),
  port: z.number().int().min(1).max(65_535).optional(),
  identityFile: filePath.optional(),
  /** Name of a variable that holds the path instead. */
  identityFileEnv: environmentName.optional(),
});

/** What `arbot cluster` does on every machine. */
export const deployment = z.strictObject({
  /** On the machines; made when absent. */
  folder: absolutePath.default('/opt/arbot'),
  keepReleases: z.number().int().min(2).max(50).default(3),
  service: z.enum(['auto', 'systemd', 'supervised']).default('auto'),
  /** Who runs the node under systemd; absent = who logs in. */
  serviceUser: loginName.optional(),
  install: z.enum(['auto', 'copy', 'npm']).default('auto'),
  /** Absent = `node` on the PATH of the login. */
  nodeBinary: absolutePath.optional(),
  market: z.enum(['simulated', 'live']).default('simulated'),
  /** Further arguments of `arbot start`. */
  startArguments: z.array(filePath).max(32).default([]),
  environmentFileEnv,
  /** Instead of the user's own `~/.ssh/config`; relative to the folder of this file. */
  sshConfigFile: filePath.optional(),
  minFreeMegabytes: z.number().int().min(1).max(1_000_000).default(1_024),
  joinTimeoutMs: durationMs.min(1_000).default(90_000),
  stopTimeoutMs: durationMs.min(1_000).default(30_000),
});

export type DeploymentConfig = z.output<typeof deployment>;
