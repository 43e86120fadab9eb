import { nodeRole, type NodeRole } from '../config/cluster.js';
import { MESSAGES, type MessageKind } from '../messages/catalogue.js';
import { inboxPrefixOf } from './inbox.js';

/**
 * Who may publish and hear what, by role. Facts may be heard by every node, since each has a page; what moves money may be said and
 * heard by nodes that trade, and by no other. docs/messages.md shows the same table; a test tries it against a real server.
 */
export interface Grant {
  readonly publish: readonly NodeRole[];
  readonly subscribe: readonly NodeRole[];
  /** The subject's token is a node: only this node's own may be published or heard. */
  readonly own?: 'publish' | 'subscribe';
}

const ALL = nodeRole.options;
const NOBODY: readonly NodeRole[] = [];

const said = (...publish: NodeRole[]): Grant => ({ publish, subscribe: ALL });
const EVERYBODY: Grant = { publish: ALL, subscribe: ALL };
const AMONG_TRADERS: Grant = { publish: ['trade'], subscribe: ['trade'] };
/** Comes only to the inbox of who asked, which needs no grant of its own. */
const REPLY: Grant = { publish: NOBODY, subscribe: NOBODY };

export const GRANTS: Readonly<Record<MessageKind, Grant>> = {
  feedStatus: said('feeds'),
  instrumentStateChanged: EVERYBODY,
  walletStateChanged: EVERYBODY,
  tradePrint: said('feeds'),
  bookTop: said('feeds'),
  boardBatch: said('feeds'),
  boardWanted: { publish: ALL, subscribe: ['feeds'] },
  signal: said('detectors'),
  opportunityEvent: said('detectors', 'trade'),
  verdict: said('trade'),
  // A person stops, resumes and limits on the page of any node, behind its token.
  haltChanged: EVERYBODY,
  limitsChanged: EVERYBODY,
  breakerChanged: said('trade'),
  controlRisk: { publish: ALL, subscribe: ['trade'] },
  riskHold: said('trade'),
  askRecovery: AMONG_TRADERS,
  recoveryAnswer: REPLY,
  submitLeg: AMONG_TRADERS,
  queryOrder: AMONG_TRADERS,
  legResult: said('trade'),
  fill: said('trade'),
  arbitrageClosed: said('trade'),
  ledgerEntry: said('trade'),
  balancesChanged: said('trade'),
  gatewayStatus: said('trade'),
  externalFlow: said('trade'),
  dayClosed: said('trade', 'recorder'),
  alertsHandled: EVERYBODY,
  remoteCall: { ...EVERYBODY, own: 'subscribe' },
  remoteAnswer: REPLY,
  remoteWatch: { ...EVERYBODY, own: 'subscribe' },
  remoteWatched: REPLY,
  remoteEnded: { ...EVERYBODY, own: 'subscribe' },
  nodeAnnounced: { ...EVERYBODY, own: 'publish' },
  memberChanged: { ...EVERYBODY, own: 'publish' },
  supervisionEvent: { ...EVERYBODY, own: 'publish' },
};

export interface NodeSubjects {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/** Discovery of services (`$SRV`), which carries no trade. */
const SERVICES = '$SRV.>';
/** Questions to a node about itself, which it alone hears. */
const QUESTIONS = 'service';

/** The subjects of one node, whatever the mode it runs in. Replies need no grant: a server lets through one per request. */
export function subjectsOf(cluster: string, node: string, roles: readonly NodeRole[]): NodeSubjects {
  const may = (who: readonly NodeRole[]): boolean => who.some((role) => roles.includes(role));
  const kinds = Object.keys(MESSAGES) as MessageKind[];
  const subjects = (what: 'publish' | 'subscribe'): string[] =>
    kinds
      .filter((kind) => may(GRANTS[kind][what]))
      .map((kind) => {
        const { subject } = MESSAGES[kind];
        return `${cluster}.*.${GRANTS[kind].own === what ? subject.replace('*', node) : subject}`;
      });
  return {
    publish: [...subjects('publish'), `${cluster}.*.${QUESTIONS}.>`, SERVICES],
    subscribe: [
      ...subjects('subscribe'),
      `${cluster}.*.${QUESTIONS}.${node}.>`,
      `${inboxPrefixOf(node)}.>`,
      SERVICES,
    ],
  };
}
