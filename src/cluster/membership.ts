import type { MemberChanged, NodeAnnounced } from '../messages/cluster.js';

/**
 * Who is in the cluster, as one observer sees it (ACTORS §8): `step(state, event, nowMs)`. Times are the observer's own
 * monotonic clock; nobody else's clock is believed. Observers may disagree for a while, and nothing that spends depends on
 * their agreement.
 */

export interface MembershipPolicy {
  /** How often a node says that it is there. */
  readonly announceMs: number;
  /** Silent for so long = lost. Detection takes this, a look and the way of a message: below 3 s. */
  readonly lostAfterMs: number;
  /** How often an observer looks; when it could not look for longer, it could not listen either. */
  readonly lookMs: number;
}

export const MEMBERSHIP: MembershipPolicy = { announceMs: 1_000, lostAfterMs: 2_500, lookMs: 250 };

export interface Member {
  readonly announced: NodeAnnounced;
  /** When it was heard last, on the observer's clock. */
  readonly heardAtMs: number;
  readonly joinedAtMs: number;
  /** How far its wall clock seems ahead, less the way of the message; a negative value may be nothing but the way. */
  readonly clockAheadMs: number;
}

export interface MembershipState {
  readonly self: { readonly node: string; readonly nonce: string; readonly build: string };
  /** The others, by node. */
  readonly members: ReadonlyMap<string, Member>;
  /** Processes that are over, newest last: a late announcement of theirs brings nobody back. By node. */
  readonly over: ReadonlyMap<string, readonly string[]>;
  /** Another living process with this node's name, and when it was heard last. */
  readonly rival: { readonly nonce: string; readonly heardAtMs: number } | null;
  readonly lookedAtMs: number;
  /** Without a connection nobody can be heard, and nobody is lost. */
  readonly connected: boolean;
}

export type MembershipEvent =
  | { readonly kind: 'heard'; readonly announced: NodeAnnounced; readonly clockAheadMs: number }
  | { readonly kind: 'look' }
  | { readonly kind: 'connected' }
  | { readonly kind: 'disconnected' };

export interface MemberChange {
  readonly kind: MemberChanged['kind'];
  readonly announced: NodeAnnounced;
  readonly reason: string;
}

export interface MembershipStep {
  readonly state: MembershipState;
  readonly changes: readonly MemberChange[];
}

const REMEMBERED = 8;

export function startMembership(self: MembershipState['self'], nowMs: number): MembershipState {
  return { self, members: new Map(), over: new Map(), rival: null, lookedAtMs: nowMs, connected: true };
}

export function stepMembership(
  state: MembershipState,
  event: MembershipEvent,
  { nowMs, policy = MEMBERSHIP }: { readonly nowMs: number; readonly policy?: MembershipPolicy },
): MembershipStep {
  switch (event.kind) {
    case 'heard':
      return heard(state, event, nowMs);
    case 'look':
      return look(excused(state, nowMs, policy), nowMs, policy);
    case 'disconnected':
      return { state: { ...state, connected: false }, changes: [] };
    case 'connected':
      // Everybody gets as long as at the beginning: what they said meanwhile is lost.
      return { state: { ...heardNow(state, nowMs), connected: true, lookedAtMs: nowMs }, changes: [] };
  }
}

/** Nodes whose program differs from this one's. */
export const otherBuilds = ({ self, members }: MembershipState): NodeAnnounced[] =>
  [...members.values()].flatMap(({ announced }) => (announced.build === self.build ? [] : [announced]));

/**
 * Who was given another `trading.config.ts`, and which of the nodes that may trade have another key of approvals: an arbitrage that
 * one of them began could not be brought to its end by the other. Names, sorted; a node that does not say is not counted.
 */
export function otherSettings(
  own: Pick<NodeAnnounced, 'roles' | 'settings'>,
  { members }: Pick<MembershipState, 'members'>,
): { readonly trading: readonly string[]; readonly verdictKey: readonly string[] } {
  const others = [...members.values()].map(({ announced }) => announced);
  const differing = (of: 'trading' | 'verdictKey', among: readonly NodeAnnounced[]): string[] =>
    among
      .filter(({ settings }) => settings !== undefined && settings[of] !== own.settings?.[of])
      .map(({ node }) => node)
      .sort();
  if (own.settings === undefined) return { trading: [], verdictKey: [] };
  const traders = own.roles.includes('trade') ? others.filter(({ roles }) => roles.includes('trade')) : [];
  return { trading: differing('trading', others), verdictKey: differing('verdictKey', traders) };
}

type Heard = Extract<MembershipEvent, { kind: 'heard' }>;

function heard(state: MembershipState, event: Heard, nowMs: number): MembershipStep {
  const { announced } = event;
  const { node, nonce } = announced;
  if (node === state.self.node) return heardOwnName(state, announced, nowMs);
  if (state.over.get(node)?.includes(nonce) === true) return { state, changes: [] };
  const known = state.members.get(node);
  if (known !== undefined && known.announced.nonce === nonce && known.announced.seq >= announced.seq)
    return { state, changes: [] };
  if (announced.leaving)
    return known === undefined ? buried(state, node, nonce) : left(state, known, announced);
  const isNew = known?.announced.nonce !== nonce;
  const { clockAheadMs } = event;
  const joinedAtMs = isNew ? nowMs : known.joinedAtMs;
  const members = new Map(state.members).set(node, { announced, heardAtMs: nowMs, joinedAtMs, clockAheadMs });
  const next = { ...state, members };
  if (!isNew) return { state: next, changes: [] };
  const changes = arrival(state, known, announced);
  return known === undefined
    ? { state: next, changes }
    : { state: remember(next, node, known.announced.nonce), changes };
}

function arrival(
  state: MembershipState,
  known: Member | undefined,
  announced: NodeAnnounced,
): MemberChange[] {
  const joined: MemberChange =
    known === undefined
      ? { kind: 'joined', announced, reason: 'announced itself' }
      : { kind: 'restarted', announced, reason: 'another process of this name' };
  if (announced.build === state.self.build) return [joined];
  const reason = `its program is ${announced.build}, this node's is ${state.self.build}`;
  return [joined, { kind: 'build-differs', announced, reason }];
}

function heardOwnName(state: MembershipState, announced: NodeAnnounced, nowMs: number): MembershipStep {
  const { nonce } = announced;
  const isOver = state.over.get(announced.node)?.includes(nonce) === true;
  if (nonce === state.self.nonce || isOver) return { state, changes: [] };
  if (announced.leaving)
    return { state: { ...remember(state, announced.node, nonce), rival: null }, changes: [] };
  const reason = 'two processes have this name';
  const changes: MemberChange[] =
    state.rival?.nonce === nonce ? [] : [{ kind: 'name-taken', announced, reason }];
  return { state: { ...state, rival: { nonce, heardAtMs: nowMs } }, changes };
}

function left(state: MembershipState, known: Member, announced: NodeAnnounced): MembershipStep {
  const { node, nonce } = announced;
  const gone = without(remember(state, node, nonce), node);
  const state2 = known.announced.nonce === nonce ? gone : remember(gone, node, known.announced.nonce);
  return { state: state2, changes: [{ kind: 'left', announced, reason: 'stopped in order' }] };
}

const buried = (state: MembershipState, node: string, nonce: string): MembershipStep => ({
  state: remember(state, node, nonce),
  changes: [],
});

function look(state: MembershipState, nowMs: number, { lostAfterMs }: MembershipPolicy): MembershipStep {
  const looked = { ...state, lookedAtMs: nowMs };
  if (!state.connected) return { state: looked, changes: [] };
  const silent = [...state.members.values()].filter(({ heardAtMs }) => nowMs - heardAtMs > lostAfterMs);
  const changes = silent.map(({ announced, heardAtMs }): MemberChange => {
    return { kind: 'lost', announced, reason: `silent for ${Math.round(nowMs - heardAtMs)} ms` };
  });
  // A process that was only slow is the same one when it speaks again: it joins, and its nonce is not over.
  const state2 = silent.reduce(
    (left, { announced }) => without(left, announced.node),
    looked as MembershipState,
  );
  const isRivalGone = state2.rival !== null && nowMs - state2.rival.heardAtMs > lostAfterMs;
  return { state: isRivalGone ? { ...state2, rival: null } : state2, changes };
}

/** What this process slept through it could not hear: a pause of its own makes nobody silent. */
function excused(state: MembershipState, nowMs: number, { lookMs }: MembershipPolicy): MembershipState {
  const sleptMs = nowMs - state.lookedAtMs - lookMs * 2;
  return sleptMs <= 0 ? state : heardNow(state, nowMs, sleptMs);
}

function heardNow(state: MembershipState, nowMs: number, laterMs = Infinity): MembershipState {
  const members = [...state.members].map(
    ([node, member]) =>
      [node, { ...member, heardAtMs: Math.min(nowMs, member.heardAtMs + laterMs) }] as const,
  );
  return { ...state, members: new Map(members) };
}

function without(state: MembershipState, node: string): MembershipState {
  const members = new Map(state.members);
  members.delete(node);
  return { ...state, members };
}

function remember(state: MembershipState, node: string, nonce: string): MembershipState {
  const known = (state.over.get(node) ?? []).filter((one) => one !== nonce);
  return { ...state, over: new Map(state.over).set(node, [...known, nonce].slice(-REMEMBERED)) };
}
