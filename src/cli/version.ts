import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';

/** Version of package.json, from the sources or from the compiled output. */
export const VERSION: string = readVersion();

function readVersion(): string {
  for (const place of ['../../package.json', '../../../package.json']) {
    const url = new URL(place, import.meta.url);
    if (existsSync(url))
      return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(url, 'utf8'))).version;
  }
  return 'unknown';
}
