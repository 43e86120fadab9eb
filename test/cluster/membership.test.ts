import fc from 'fast-check';
import t from 'tap';
import {
  MEMBERSHIP,
  otherBuilds,
  otherSettings,
  startMembership,
  stepMembership,
  type MembershipEvent,
  type MembershipState,
} from '../../src/cluster/membership.js';
import {
  damp,
  ownerOf,
  place,
  tasksOf,
  undamped,
  type Candidate,
  type Damped,
  type Task,
} from '../../src/cluster/placement.js';
import type { NodeAnnounced, NodeRole } from '../../src/messages/cluster.js';
import { SAMPLES } from '../messages/samples.js';

/** Who is there, and who does what: the pure part of a cluster. */

const nonceOf = (process: number): string => process.toString(16).padStart(32, '0');
const said = (node: string, change: Partial<NodeAnnounced> = {}): NodeAnnounced => ({
  ...SAMPLES.nodeAnnounced,
  node,
  nonce: nonceOf(1),
  seq: 1,
  build: 'aaaaaaaa',
  ...change,
});
const heard = (announced: NodeAnnounced): MembershipEvent => ({ kind: 'heard', announced, clockAheadMs: 0 });
const LOOK: MembershipEvent = { kind: 'look' };

class Observer {
  state: MembershipState;
  nowMs = 0;
  readonly told: string[] = [];

  constructor() {
    this.state = startMembership({ node: 'self', nonce: nonceOf(0), build: 'aaaaaaaa' }, 0);
  }

  step(event: MembershipEvent): void {
    const { state, changes } = stepMembership(this.state, event, { nowMs: this.nowMs });
    this.state = state;
    for (const { kind, announced } of changes) this.told.push(`${announced.node} ${kind}`);
  }

  /** Looks as often as it should for so long; `speak` is asked before each look what is heard. */
  live(forMs: number, speak: (nowMs: number) => readonly NodeAnnounced[] = () => []): void {
    const endMs = this.nowMs + forMs;
    while (this.nowMs < endMs) {
      this.nowMs += MEMBERSHIP.lookMs;
      for (const announced of speak(this.nowMs)) this.step(heard(announced));
      this.step(LOOK);
    }
  }
}

t.test('a node that falls silent is lost within 3 s, one that speaks is not', (t) => {
  const observer = new Observer();
  let seq = 1;
  observer.live(10_000, (nowMs) =>
    nowMs % 1_000 === 0 ? [said('a', { seq: seq++ }), ...(nowMs <= 3_000 ? [said('b', { seq })] : [])] : [],
  );
  t.strictSame(observer.told, ['a joined', 'b joined', 'b lost']);
  const fresh = new Observer();
  fresh.step(heard(said('a')));
  fresh.live(MEMBERSHIP.lostAfterMs);
  t.strictSame(fresh.told, ['a joined']);
  fresh.live(MEMBERSHIP.lookMs);
  t.strictSame(fresh.told, ['a joined', 'a lost']);
  t.ok(fresh.nowMs < 3_000, `${fresh.nowMs} ms`);
  fresh.step(heard(said('a', { seq: 2 })));
  t.strictSame(fresh.told.at(-1), 'a joined', 'it was only slow');
  t.end();
});

t.test('a pause of the observer itself, or of its connection, makes nobody lost', (t) => {
  const observer = new Observer();
  observer.step(heard(said('a')));
  observer.live(1_000);
  observer.nowMs += 60_000;
  observer.step(LOOK);
  t.strictSame(observer.told, ['a joined'], 'paused for a minute');
  observer.step({ kind: 'disconnected' });
  observer.live(60_000);
  t.strictSame(observer.told, ['a joined'], 'without a connection nobody can be heard');
  observer.step({ kind: 'connected' });
  observer.live(MEMBERSHIP.lostAfterMs);
  t.strictSame(observer.told, ['a joined'], 'and gets time to be heard again');
  observer.live(1_000);
  t.strictSame(observer.told, ['a joined', 'a lost']);
  t.end();
});

t.test('another process of a name is told at once, and the former one brings itself back no more', (t) => {
  const observer = new Observer();
  observer.step(heard(said('a', { seq: 900 })));
  observer.step(heard(said('a', { nonce: nonceOf(2), build: 'bbbbbbbb' })));
  t.strictSame(observer.told, ['a joined', 'a restarted', 'a build-differs']);
  t.strictSame(
    otherBuilds(observer.state).map(({ node }) => node),
    ['a'],
  );
  observer.step(heard(said('a', { seq: 901 })));
  observer.step(heard(said('a', { nonce: nonceOf(2), seq: 1, build: 'bbbbbbbb' })));
  t.equal(observer.told.length, 3, 'late words and repeated ones change nothing');
  observer.step(heard(said('a', { nonce: nonceOf(2), seq: 2, leaving: true, build: 'bbbbbbbb' })));
  t.strictSame(observer.told.at(-1), 'a left');
  observer.step(heard(said('a', { nonce: nonceOf(2), seq: 3, build: 'bbbbbbbb' })));
  t.equal(observer.told.length, 4, 'who left is over');
  t.strictSame(otherBuilds(observer.state), []);
  t.end();
});

t.test(
  'settings are compared among those who tell them, the key of approvals among those who may trade',
  (t) => {
    const settings = { trading: '1'.repeat(16), verdictKey: '2'.repeat(16) };
    const other = { trading: '3'.repeat(16), verdictKey: '4'.repeat(16) };
    const observer = new Observer();
    observer.step(heard(said('equal', { settings })));
    observer.step(heard(said('trader', { settings: other, roles: ['trade'] })));
    observer.step(heard(said('ears', { settings: other, roles: ['feeds'] })));
    const { settings: _, ...silent } = said('silent');
    observer.step(heard(silent));
    const { state } = observer;
    t.strictSame(otherSettings({ roles: ['trade', 'feeds'], settings }, state), {
      trading: ['ears', 'trader'],
      verdictKey: ['trader'],
    });
    t.strictSame(otherSettings({ roles: ['feeds'], settings }, state).verdictKey, []);
    t.strictSame(otherSettings({ roles: ['trade'] }, state), { trading: [], verdictKey: [] });
    t.end();
  },
);

t.test('a second living process of the own name is a fault that is told once and ends with it', (t) => {
  const observer = new Observer();
  observer.step(heard(said('self', { nonce: nonceOf(0) })));
  t.strictSame(observer.told, [], 'its own voice');
  observer.step(heard(said('self', { nonce: nonceOf(9) })));
  observer.step(heard(said('self', { nonce: nonceOf(9), seq: 2 })));
  t.strictSame(observer.told, ['self name-taken']);
  t.equal(observer.state.rival?.nonce, nonceOf(9));
  observer.live(3_000);
  t.equal(observer.state.rival, null);
  t.end();
});

t.test('whatever is heard in whatever order, only living processes are members', (t) => {
  const word = fc.record({
    node: fc.constantFrom('a', 'b', 'c'),
    process: fc.integer({ min: 1, max: 3 }),
    seq: fc.integer({ min: 1, max: 6 }),
    leaving: fc.boolean(),
    afterMs: fc.integer({ min: 0, max: 4_000 }),
  });
  fc.assert(
    fc.property(fc.array(word, { maxLength: 40 }), (words) => {
      const observer = new Observer();
      for (const { afterMs, process, ...rest } of words) {
        observer.live(Math.floor(afterMs / MEMBERSHIP.lookMs) * MEMBERSHIP.lookMs);
        observer.step(heard(said(rest.node, { ...rest, nonce: nonceOf(process) })));
        const { members, over } = observer.state;
        for (const [node, { announced, heardAtMs }] of members) {
          if (over.get(node)?.includes(announced.nonce) === true) return false;
          if (announced.leaving || observer.nowMs - heardAtMs > MEMBERSHIP.lostAfterMs) return false;
        }
        if ([...over.values()].some((nonces) => nonces.length > 8)) return false;
      }
      observer.live(3_000);
      return observer.state.members.size === 0;
    }),
  );
  t.end();
});

const roles: readonly NodeRole[] = ['feeds', 'detectors', 'trade', 'recorder'];
const candidate = (node: string, change: Partial<Candidate> = {}): Candidate => ({
  node,
  region: 'tokyo',
  roles,
  capacity: 1,
  ...change,
});
const TASKS: readonly Task[] = Array.from({ length: 600 }, (_, index) => ({
  id: `asset:A${index}`,
  role: 'detectors',
  regions: null,
}));
const names = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/), { minLength: 2, maxLength: 9 });

t.test('a change of members moves only what the member had, or now has, and no more than its share', (t) => {
  fc.assert(
    fc.property(names, ([joiner = '', ...others]) => {
      const before = place(
        TASKS,
        others.map((node) => candidate(node)),
      );
      const after = place(
        TASKS,
        [...others, joiner].map((node) => candidate(node)),
      );
      const moved = TASKS.filter(({ id }) => before.get(id) !== after.get(id));
      if (!moved.every(({ id }) => after.get(id) === joiner)) return false;
      const share = TASKS.length / (others.length + 1);
      // Five standard deviations of a fair draw.
      return Math.abs(moved.length - share) <= 5 * Math.sqrt(share * (1 - 1 / (others.length + 1)));
    }),
    { numRuns: 200 },
  );
  t.end();
});

t.test(
  'placement does not depend on the order in which members are known, and follows their capacity',
  (t) => {
    fc.assert(
      fc.property(names, (all) => {
        const one = place(
          TASKS.slice(0, 40),
          all.map((node) => candidate(node)),
        );
        const other = place(
          TASKS.slice(0, 40),
          [...all].reverse().map((node) => candidate(node)),
        );
        return JSON.stringify([...one]) === JSON.stringify([...other]);
      }),
    );
    const owners = [...place(TASKS, [candidate('a'), candidate('b', { capacity: 3 })]).values()];
    const share = owners.filter((owner) => owner === 'b').length / TASKS.length;
    t.ok(Math.abs(share - 0.75) < 0.08, `${share}`);
    t.end();
  },
);

t.test('roles and regions bind: the first region with a member, and no other than the named', (t) => {
  const members = [
    candidate('t1'),
    candidate('s1', { region: 'seoul', roles: ['feeds'] }),
    candidate('s2', { region: 'seoul', roles: ['trade'] }),
    candidate('g1', { region: 'singapore', roles: ['detectors', 'recorder'] }),
  ];
  const feed = (regions: readonly string[] | null): Task => ({ id: 'feed:upbit', role: 'feeds', regions });
  t.equal(ownerOf(feed(['seoul', 'tokyo']), members), 's1');
  t.equal(ownerOf(feed(['singapore', 'tokyo']), members), 't1', 'nobody there has the role');
  t.equal(ownerOf(feed(['singapore']), members), null, 'a person said nowhere else');
  t.equal(ownerOf(feed(['seoul', 'tokyo']), members.slice(0, 1)), 't1');
  t.ok(['t1', 's1'].includes(ownerOf(feed(null), members) ?? ''));
  const tasks = tasksOf({
    exchanges: ['okx', 'upbit'],
    assets: ['BTC'],
    cycles: ['okx', 'upbit'],
    regions: new Map([['upbit', ['seoul']]]),
  });
  t.strictSame(
    tasks.map(({ id, role }) => `${id} ${role}`),
    [
      'feed:okx feeds',
      'feed:upbit feeds',
      'asset:BTC detectors',
      'cycles:okx detectors',
      'cycles:upbit detectors',
      'ticks:okx recorder',
      'ticks:upbit recorder',
      'watch recorder',
    ],
  );
  const placed = place(tasks, members);
  t.equal(placed.get('feed:upbit'), 's1');
  t.ok(['t1', 'g1'].includes(placed.get('cycles:upbit') ?? ''), 'the node of its feed has not the role');
  const exchanges = ['binance', 'okx', 'bybit', 'gate', 'upbit'];
  const able = place(tasksOf({ exchanges, assets: [], cycles: exchanges, regions: new Map() }), [
    candidate('a'),
    candidate('b'),
    candidate('c'),
  ]);
  for (const exchange of exchanges)
    t.equal(able.get(`cycles:${exchange}`), able.get(`feed:${exchange}`), 'where the books arrive first');
  t.end();
});

t.test('a restart within the damping moves nothing, a planned leave moves at once', (t) => {
  const [a, b] = [candidate('a'), candidate('b')];
  const nobody: ReadonlySet<string> = new Set();
  const at = (state: Damped, nowMs: number, present: Candidate[], left = nobody): Damped =>
    damp(state, { present, left, nowMs, dampMs: 1_000 });
  const start = undamped([a, b]);
  const gone = at(start, 100, [a]);
  t.ok(gone.believed.has('b'));
  const back = at(gone, 900, [a, b]);
  t.equal(back.doubted.size, 0);
  t.ok(at(back, 1_200, [a]).believed.has('b'), 'the time begins anew');
  const lost = at(at(back, 1_200, [a]), 2_200, [a]);
  t.notOk(lost.believed.has('b'));
  const returning = at(lost, 2_300, [a, b]);
  t.notOk(returning.believed.has('b'));
  t.ok(at(returning, 3_300, [a, b]).believed.has('b'));
  t.notOk(at(start, 100, [a], new Set(['b'])).believed.has('b'));
  const moved = candidate('b', { region: 'seoul' });
  t.equal(
    at(start, 100, [a, moved]).believed.get('b')?.region,
    'seoul',
    'what it says of itself counts at once',
  );
  t.end();
});
