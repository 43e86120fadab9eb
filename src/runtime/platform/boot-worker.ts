import { Worker } from 'node:worker_threads';

/**
 * From source, a thread cannot load TypeScript by itself, not even with tsx in its arguments: a boot text registers tsx
 * inside the thread first. From compiled files the thread starts directly. It sees no environment, hence no secrets.
 */
const BOOT = `const { workerData } = require('node:worker_threads');
import(workerData.tsx).then(({ register }) => { register(); return import(workerData.entry); });`;

/** Starts a module of this folder in a thread: `entry` is its name without extension, `data` what it reads as `workerData`. */
export function bootWorker(
  entry: string,
  data: Readonly<Record<string, unknown>>,
  maxHeapMb: number,
): Worker {
  const shared = { env: {}, execArgv: [], resourceLimits: { maxOldGenerationSizeMb: maxHeapMb } };
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL(`./${entry}.js`, import.meta.url), { ...shared, workerData: data });
  }
  const source = new URL(`./${entry}.ts`, import.meta.url).href;
  const tsx = import.meta.resolve('tsx/esm/api');
  return new Worker(BOOT, { ...shared, eval: true, workerData: { ...data, entry: source, tsx } });
}
