import { cpus, loadavg } from 'node:os';

/** The value below which the share `part` of them lies; NaN of none. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
}

/** `p50 1, p99 2, longest 3 ms`. */
export function spread(values: readonly number[], unit = 'ms'): string {
  if (values.length === 0) return 'none';
  const [p50, p99, most] = [0.5, 0.99, 1].map((part) => Math.round(percentile(values, part) * 10) / 10);
  return `p50 ${p50}, p99 ${p99}, longest ${most} ${unit} of ${values.length}`;
}

/** Figures mean nothing without it. */
export function machine(): string {
  const load = loadavg()
    .map((one) => one.toFixed(1))
    .join(' ');
  return `${new Date().toISOString()} · ${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}, load ${load}`;
}
