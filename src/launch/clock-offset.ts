/** One question for the time: when it left and came back by our clock, and what the machine's `date` said. */
export interface ClockSample {
  readonly sentMs: number;
  readonly receivedMs: number;
  readonly answer: string;
}

export interface ClockOffset {
  /** The machine's clock minus ours. */
  readonly offsetMs: number;
  /** Half of the way there and back, and what `date` leaves out. */
  readonly uncertaintyMs: number;
}

/** Answers each line of its input with the time: nanoseconds where `date` has them, else seconds. */
export const CLOCK_SCRIPT = 'while read -r _; do date +%s%N; done';

/** The quickest answer is the best one; null = no answer was a time. */
export function clockOffset(samples: readonly ClockSample[]): ClockOffset | null {
  const offsets = samples.flatMap(({ sentMs, receivedMs, answer }) => {
    const [, seconds, nanoseconds] = /^(\d{9,11}?)(\d{9})?(?:%?N)?$/.exec(answer.trim()) ?? [];
    if (seconds === undefined) return [];
    // Without a fraction the time lies somewhere within the second.
    const fractionMs = nanoseconds === undefined ? 500 : Number(nanoseconds) / 1e6;
    const offsetMs = Number(seconds) * 1_000 + fractionMs - (sentMs + receivedMs) / 2;
    const uncertaintyMs = (receivedMs - sentMs) / 2 + (nanoseconds === undefined ? 500 : 0);
    return [{ offsetMs, uncertaintyMs }];
  });
  return offsets.sort((a, b) => a.uncertaintyMs - b.uncertaintyMs)[0] ?? null;
}
