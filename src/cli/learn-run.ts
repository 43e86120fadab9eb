import { ArbotError } from '../messages/errors.js';
import { LEARNED_DECAYS_KEY, learnedDecays, type LearnedDecaysText } from '../messages/learned.js';
import { exchangeToFill, learnFromBooks, learnFromFills, tradeEvidence } from '../modes/learning.js';
import { MachineTime } from '../modes/machine-time.js';
import { MODE_OF, type MarketName } from '../modes/mode-of.js';
import type { Stores } from '../ports/stores.js';
import type { TimeRange } from '../ports/tick-store.js';
import { openExistingStores } from '../storage/existing-database.js';
import { momentFlag, withTicks } from './data-run.js';
import type { DataFlags } from './data-flags.js';
import { chooseDatabase } from './database.js';
import { EXIT, table, type Terminal } from './output.js';
import { marketFlag } from './start.js';

/** As commander hands them over: text, not yet checked. */
export interface LearnFlags extends DataFlags {
  readonly of: string;
  readonly from?: string;
  readonly to?: string;
  readonly latencyMs?: string;
  readonly floorBps?: string;
  readonly minSamples: string;
  readonly dryRun?: boolean;
}

interface LearnPlan {
  readonly market: MarketName;
  readonly of: 'books' | 'fills';
  readonly range: TimeRange;
  readonly latencyMs: number | null;
  readonly floorBps: number | null;
  readonly minSamples: number;
}

const END_OF_TIME_MS = Date.UTC(2100, 0, 1);
/** A market that showed nothing for longer says nothing about an edge. */
const MAX_GAP_MS = 2_000;

const usage = (message: string): ArbotError => new ArbotError('ARB_CLI_USAGE', message);

function numberFlag(text: string | undefined, flag: string, most: number): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= most)) throw usage(`${flag}: must be 0 to ${most}`);
  return value;
}

function planOf(flags: LearnFlags): LearnPlan {
  const { of } = flags;
  if (of !== 'books' && of !== 'fills') throw usage('--of: must be books or fills');
  const minSamples = numberFlag(flags.minSamples, '--min-samples', 1e6) ?? 0;
  if (!Number.isInteger(minSamples) || minSamples < 2) throw usage('--min-samples: must be 2 or more');
  const range = {
    fromMs: momentFlag(flags.from, '--from', 0),
    toMs: momentFlag(flags.to, '--to', END_OF_TIME_MS),
  };
  if (range.fromMs > range.toMs) throw usage('--to: is before --from');
  return {
    ...{ of, range, minSamples },
    market: marketFlag(flags.market ?? 'simulated'),
    latencyMs: numberFlag(flags.latencyMs, '--latency-ms', 60_000),
    floorBps: numberFlag(flags.floorBps, '--floor-bps', 10_000),
  };
}

/** `arbot learn decay`. Rejects ARB_MODE_MIXED for fills that are not live. */
export async function learnDecay(flags: LearnFlags, terminal: Terminal): Promise<number> {
  const plan = planOf(flags);
  const { choice, ports, loaded } = await chooseDatabase(flags, terminal);
  const stores = await openExistingStores(choice, ports);
  try {
    const evidence = await tradeEvidence(stores, MODE_OF[plan.market]);
    if (plan.of === 'fills')
      return await keep(stores, flags, terminal, plan, learnFromFills(evidence, plan.minSamples));
    const { trading } = loaded;
    const measured = exchangeToFill(trading, evidence);
    return await withTicks(flags, terminal, async (ticks) =>
      keep(
        stores,
        flags,
        terminal,
        plan,
        await learnFromBooks({
          ...{ trading, ticks, range: plan.range },
          question: {
            floorBps: plan.floorBps ?? trading.edge.reportFloorBps,
            maxGapMs: MAX_GAP_MS,
            minSamples: plan.minSamples,
          },
          latencyOf: (route) => plan.latencyMs ?? measured(route),
        }),
      ),
    );
  } finally {
    await stores.close();
  }
}

/** Stores what was learned, in the place of all that was before, and shows it. */
async function keep(
  stores: Pick<Stores, 'settings'>,
  flags: LearnFlags,
  terminal: Terminal,
  { market, of, range }: LearnPlan,
  decays: LearnedDecaysText['decays'],
): Promise<number> {
  const learned = learnedDecays.parse({
    version: 1,
    market,
    provenance: of === 'books' ? 'recorded-books' : 'live-fills',
    learnedAtMs: Math.floor(new MachineTime().nowMs()),
    ...range,
    decays,
  });
  const isKept = decays.length > 0 && flags.dryRun !== true;
  if (isKept) await stores.settings.set(LEARNED_DECAYS_KEY, JSON.stringify(learned));
  if (flags.json === true) {
    terminal.print(JSON.stringify({ ...learned, isKept }, null, 2));
    return EXIT.done;
  }
  for (const line of linesOf(learned)) terminal.print(line);
  const used = "edge.latencyDecaySource: 'learned' uses it from the next start on";
  terminal.print(isKept ? `Stored; ${used}.` : 'Nothing was stored.');
  return EXIT.done;
}

function linesOf({ decays }: LearnedDecaysText): string[] {
  if (decays.length === 0) return ['No direction had enough edges to learn from.'];
  const rows = decays.map(({ pair, buyOn, sellOn, bps, meanBps, samples, latencyMs }) => [
    ...[pair, buyOn, sellOn, bps.toFixed(3), meanBps.toFixed(3), String(samples), `${latencyMs} ms`],
  ]);
  return table([['pair', 'buy on', 'sell on', 'bps', 'mean', 'edges', 'latency'], ...rows]);
}
