import { z } from 'zod';

/** One line of JSON; printed on one machine and read on another. */
export const hereReport = z.object({
  node: z.string(),
  joined: z.boolean(),
  build: z.string().nullable(),
  mode: z.string().nullable(),
  startedAtMs: z.number().nullable(),
  /** Holds the lease `trade`. */
  trades: z.boolean(),
  detail: z.string(),
});
export type HereReport = z.infer<typeof hereReport>;

/** The last line of an output; null = it is no report. */
export function reportOf(out: string): HereReport | null {
  const parsed = hereReport.safeParse(jsonOf(out.trim().split('\n').at(-1) ?? ''));
  return parsed.success ? parsed.data : null;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
