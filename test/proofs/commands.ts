import { Option, type Command } from 'commander';
import { machine, spread } from './figures.js';
import type { ProofExchange } from './socket-world.js';

/** The proofs of order execution as commands; each loads its parts only when it is called. Exit 1 when one does not hold. */

interface Flags {
  readonly seed: string;
}

const say = (line: string): void => console.log(line);

/** What must hold is a line each; the exit code says whether all do. */
function judge(lines: Readonly<Record<string, boolean>>): void {
  for (const [line, holds] of Object.entries(lines)) {
    say(`${holds ? 'holds' : 'BROKEN'}: ${line}`);
    if (!holds) process.exitCode = 1;
  }
}

async function orders({
  unknowns,
  seed,
  speed,
  only,
}: Flags & { unknowns: string; speed: string; only?: ProofExchange[] }): Promise<void> {
  const { runUnknowns } = await import('./unknowns.js');
  say(machine());
  const options = {
    ...{ unknowns: Number(unknowns), seed: Number(seed), factor: Number(speed), heard: say },
    ...(only !== undefined && { exchanges: only }),
  };
  const { byExchange, wrongBalances, worldSeconds } = await runUnknowns(options);
  const all = Object.values(byExchange);
  for (const [exchange, one] of Object.entries(byExchange)) {
    say(
      `${exchange}: ${one.unknown} orders of unknown outcome, ${one.placed} of them placed; ${one.duplicates} duplicates; ` +
        `${one.resolved} settled as the exchange has it, without a person; ${one.blocked} kept back or refused in so many words; ` +
        `known after ${spread(one.settleMs)}`,
    );
    for (const line of one.wrong.slice(0, 3)) say(`  ${line}`);
  }
  const sum = (of: (one: (typeof all)[number]) => number) => all.reduce((total, one) => total + of(one), 0);
  const [unknown, resolved] = [sum((one) => one.unknown), sum((one) => one.resolved)];
  say(
    `in all ${unknown}, ${sum((one) => one.placed)} placed, in ${worldSeconds.toFixed(0)} s of the exchanges' time`,
  );
  for (const line of wrongBalances) say(`  ${line}`);
  judge({
    'no order was placed twice or unasked': sum((one) => one.duplicates) === 0,
    'the ledger holds what the exchanges hold': wrongBalances.length === 0,
    [`99 % were settled without a person: ${((100 * resolved) / unknown).toFixed(2)} %`]:
      resolved >= unknown * 0.99,
    'as many as were asked for': unknown >= Number(unknowns),
  });
}

async function halt({ trials, seed }: Flags & { trials: string }): Promise<void> {
  const { isBroken, runHalts, WAYS } = await import('./halts.js');
  say(machine());
  const done = await runHalts({ trials: Number(trials), seed: Number(seed), heard: say });
  for (const way of WAYS) {
    const own = done.filter((one) => one.way === way);
    const cancelled = own.flatMap((one) => one.cancelledMs ?? []);
    say(
      `${way}: last order taken ${spread(own.map((one) => one.lastTakenMs))}; last cancel there ${spread(cancelled)}`,
    );
  }
  say(`kept from the processor: ${spread(done.map((one) => one.stalledMs))}`);
  const broken = done.filter(isBroken);
  for (const one of broken) say(`  ${JSON.stringify(one)}`);
  judge({
    [`blocked within 100 ms and cancelled within 2 s in ${done.length - broken.length} of ${done.length}`]:
      broken.length === 0,
  });
}

async function legs({
  failures,
  seed,
  speed,
  worlds,
  minutes,
}: Flags & { failures: string; speed: string; worlds: string; minutes?: string }) {
  const { isBeyondCap, isWronglyFlagged, LEG_FAULTS, runLegs } = await import('./legs.js');
  say(machine());
  const budgetMs = minutes === undefined ? Infinity : Number(minutes) * 60_000;
  const options = {
    failures: Number(failures),
    seed: Number(seed),
    factor: Number(speed),
    worlds: Number(worlds),
    budgetMs,
    heard: say,
  };
  const { failures: all, arbitrages, wrongBalances } = await runLegs(options);
  say(`${all.length} failed legs in ${arbitrages} arbitrages`);
  for (const fault of LEG_FAULTS) {
    const own = all.filter((one) => one.fault === fault);
    const outcomes = [...new Set(own.map(({ outcome }) => outcome))].map(
      (outcome) => `${own.filter((one) => one.outcome === outcome).length} ${outcome}`,
    );
    say(
      `${fault}: ${own.length}: ${outcomes.join(', ')}; ended after ${spread(own.map(({ closedMs }) => closedMs))}`,
    );
  }
  const known = all.filter(({ wasUnknown }) => !wasUnknown);
  const hedged = known.flatMap(({ hedgeMs }) => hedgeMs ?? []);
  const inTime = known.filter(({ closedMs }) => closedMs <= 2_000);
  say(
    `known at once: first order against it after ${spread(hedged)}; ended after ${spread(known.map(({ closedMs }) => closedMs))}`,
  );
  say(`result: worst ${Math.min(...all.map(({ resultBps }) => resultBps)).toFixed(1)} bps of the notional`);
  const flagged = all.filter(({ outcome }) => outcome === 'flagged');
  say(
    `flagged: ${flagged.length}, ${flagged.filter(({ isUnknown }) => isUnknown).length} with an order unknown`,
  );
  const isNoteworthy = (one: (typeof all)[number]): boolean =>
    isBeyondCap(one) || isWronglyFlagged(one) || (!one.wasUnknown && one.closedMs > 2_000);
  for (const one of all.filter(isNoteworthy).slice(0, 40)) say(`  ${JSON.stringify(one)}`);
  judge({
    'the first order against a known imbalance leaves within 500 ms': hedged.every((ms) => ms <= 500),
    [`a known imbalance ends within 2 s: ${inTime.length} of ${known.length}`]:
      inTime.length === known.length,
    'nothing cost more than the cap': !all.some(isBeyondCap),
    'flagged only where no exchange that was well would have taken it within the cap':
      !all.some(isWronglyFlagged),
    'the ledger holds what the exchanges hold': wrongBalances.length === 0,
    'as many as were asked for': all.length >= Number(failures),
  });
}

async function kill({ times, seed, minutes }: Flags & { times: string; minutes?: string }): Promise<void> {
  const { runKills } = await import('./kills.js');
  say(machine());
  const budgetMs = minutes === undefined ? Infinity : Number(minutes) * 60_000;
  const report = await runKills({ times: Number(times), seed: Number(seed), budgetMs, heard: say });
  const { kills, halfDone, endless, arbitrages, strangers, wrongBalances, wrongRows, readyMs } = report;
  const { resumed, unwound, handedOver } = halfDone;
  say(
    `${kills} kills; ${arbitrages} arbitrages journalled, ${resumed + unwound + handedOver} of them open when their process died: ` +
      `${resumed} resumed, ${unwound} unwound or completed by a recovery order, ${handedOver} handed over; ready after ${spread(readyMs)}`,
  );
  const { endedMs, endedAfterReadyMs, wronglyHandedOver, unknownHandedOver, permitted } = report;
  say(
    `ended ${spread(endedMs)} after the start of the next process, ${spread(endedAfterReadyMs)} after its accounts were ready; ` +
      `${permitted} recovery orders with a permit; ${unknownHandedOver} handed over with an order unknown`,
  );
  for (const line of [...wronglyHandedOver, ...endless, ...strangers, ...wrongBalances, ...wrongRows].slice(
    0,
    12,
  ))
    say(`  ${line}`);
  judge({
    'handed over only what no exchange would have taken within the cap, or nobody knew':
      wronglyHandedOver.length === 0,
    'every journalled arbitrage has exactly one end': endless.length === 0,
    'no order at an exchange is unknown to the journal, and none is there twice': strangers.length === 0,
    'the ledger holds what the exchanges hold': wrongBalances.length === 0,
    'the rows of the store agree with one another': wrongRows.length === 0,
  });
}

async function pause({ times, seed }: Flags & { times: string }): Promise<void> {
  const { isLateAllowed, runPauses } = await import('./pauses.js');
  say(machine());
  const {
    pauses,
    late,
    refused,
    orders: taken,
    takeOverMs,
    areFencesGrowing,
  } = await runPauses({
    ...{ pauses: Number(times), seed: Number(seed), heard: say },
  });
  say(`${pauses} pauses, ${taken} orders taken in all; the successor may trade after ${spread(takeOverMs)}`);
  for (const [exchange, count] of Object.entries(late))
    say(
      `${exchange}: ${count} orders taken after the successor had begun, ${refused[exchange]} refused there`,
    );
  judge({
    'no late order was taken where requests expire': Object.entries(late).every(
      ([one, count]) => count === 0 || isLateAllowed(one),
    ),
    'the fence grew with every owner': areFencesGrowing,
  });
}

/** Adds them to `npm run chaos`. */
export function addProofs(program: Command): void {
  program
    .command('orders')
    .description('orders of unknown outcome on four exchanges, settled by asking')
    .option('--unknowns <n>', 'of all exchanges', '10000')
    .option('--speed <factor>', 'times real time', '12')
    .option('--seed <n>', 'of worlds and faults', '1')
    .addOption(
      new Option('--only <exchanges...>', 'instead of all four').choices([
        'binance',
        'okx',
        'bybit',
        'upbit',
      ]),
    )
    .action(orders);
  program
    .command('legs')
    .description('legs that fail in every way, on a whole node')
    .option('--failures <n>', 'arbitrages with a failed leg', '1000')
    .option('--worlds <n>', 'nodes beside each other', '2')
    .option('--speed <factor>', 'times real time', '1')
    .option('--minutes <n>', 'no longer than that')
    .option('--seed <n>', 'of worlds and faults', '1')
    .action(legs);
  program
    .command('kill')
    .description('kill -9 of the trading process at random moments, on the same data folder and exchanges')
    .option('--times <n>', 'kills', '100')
    .option('--minutes <n>', 'no further kill after so long')
    .option('--seed <n>', 'of the moments', '1')
    .action(kill);
  program
    .command('pause')
    .description('a trading process stopped past its lease, with a successor (PostgreSQL)')
    .option('--times <n>', 'pauses', '200')
    .option('--seed <n>', 'of the moments', '1')
    .action(pause);
  program
    .command('halt')
    .description('the kill switch by each of its ways, with each store away in turn')
    .option('--trials <n>', 'throws', '200')
    .option('--seed <n>', 'of the worlds', '1')
    .action(halt);
}
