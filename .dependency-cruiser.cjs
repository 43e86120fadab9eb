/** The folder rules of ARCHITECTURE.md. Each rule says why; `npm run imports` fails when one is broken. */
const pure = 'market|detectors|risk|execution|kernel|statistics|exports|rebalancing';
const rule = (name, comment, from, to) => ({ name, severity: 'error', comment, from, to });

module.exports = {
  forbidden: [
    rule('no-cycles', 'A cycle means two parts are one part.', {}, { circular: true }),
    rule(
      'resolvable',
      'An import that does not resolve fails on a fresh machine.',
      {},
      { couldNotResolve: true },
    ),
    rule(
      'not-from-test',
      'Shipped code never depends on tests.',
      { path: '^src/' },
      { path: '^(test|bench)/' },
    ),
    rule(
      'messages-are-the-floor',
      'The vocabulary imports nothing above it, only its schema library.',
      { path: '^src/messages/' },
      { pathNot: '^(src/messages/|node_modules/zod/|node_modules/decimal\\.js/)' },
    ),
    rule(
      'ports-are-interfaces',
      'Ports name what is needed; they know messages and nothing else.',
      { path: '^src/ports/' },
      { pathNot: '^src/(ports|messages)/' },
    ),
    rule(
      'pure-is-pure',
      'What decides about money has no I/O, clock, randomness or logger: only messages, other pure folders and decimals.',
      { path: `^src/(${pure})/` },
      { pathNot: `^(src/(messages|${pure})/|node_modules/decimal\\.js/)` },
    ),
    rule(
      'market-is-lowest',
      'Stage order: market below detectors below risk below execution below kernel.',
      { path: '^src/market/' },
      { path: '^src/(detectors|risk|execution|kernel|rebalancing)/' },
    ),
    rule(
      'detectors-order',
      'Stage order.',
      { path: '^src/detectors/' },
      { path: '^src/(risk|execution|kernel|rebalancing)/' },
    ),
    rule(
      'risk-order',
      'Stage order.',
      { path: '^src/risk/' },
      { path: '^src/(execution|kernel|rebalancing)/' },
    ),
    rule(
      'execution-order',
      'Stage order.',
      { path: '^src/execution/' },
      { path: '^src/(kernel|rebalancing)/' },
    ),
    rule(
      'connectors-are-pure-protocols',
      'A connector turns bytes into messages; sockets and HTTP are handed in as ports.',
      { path: '^src/connectors/' },
      {
        pathNot:
          '^(src/(connectors|messages|market|ports)/|crypto$|zlib$|node_modules/(decimal\\.js|lossless-json|ccxt)/)',
      },
    ),
    rule(
      'recording-is-a-core',
      'What records ticks is told of the market and handed its stores as ports; it decides without I/O.',
      { path: '^src/recording/' },
      { pathNot: '^src/(recording|messages|market|ports)/' },
    ),
    rule(
      'simulator-knows-no-connector',
      'The simulated exchanges are written from the protocol, so that they can prove the connectors wrong.',
      { path: '^src/simulator/' },
      {
        path: '^src/(connectors|actors|supervisors|runtime|detectors|risk|execution|kernel|storage|http|modes|cli)/',
      },
    ),
    rule(
      'launch-is-a-core',
      'What a launch does is decided without a machine; the command line runs it.',
      { path: '^src/launch/' },
      { pathNot: '^(src/(launch|messages|config)/|crypto$|path$|node_modules/zod/)' },
    ),
    rule(
      'security-is-small',
      'What signs and checks knows ports and messages, so that it can be read as a whole.',
      { path: '^src/security/' },
      { pathNot: '^(src/(security|messages|ports)/|crypto$|path$|node_modules/zod/)' },
    ),
    rule(
      'only-runtime-imports-nact',
      'nact stays behind ActorEngine.',
      { pathNot: '^src/runtime/' },
      { path: 'node_modules/nact/' },
    ),
    rule(
      'runtime-is-generic',
      'The runtime knows actors and ports, nothing of trading.',
      { path: '^src/runtime/' },
      { path: `^src/(${pure}|connectors|actors|supervisors|storage|http|modes|cli|cluster|simulator)/` },
    ),
    rule(
      'actors-are-thin',
      'Actors know pure folders, connectors, messages, ports and the runtime; adapters are handed in.',
      { path: '^src/actors/' },
      { path: '^src/(storage|http|cluster|modes|cli|supervisors|simulator|config|security)/' },
    ),
    rule(
      'only-modes-choose-adapters',
      'Which implementation stands behind a port is decided in modes (and shown by the command line).',
      { path: '^src/(?!modes/|cli/|storage/|cluster/|http/|security/|alerts/telegram/|runtime/platform/)' },
      { path: '^src/(storage|http|security|alerts/telegram|runtime/platform)/' },
    ),
    rule(
      'drivers-pg',
      'Only storage touches its drivers.',
      { pathNot: '^src/storage/' },
      { path: 'node_modules/(pg|@electric-sql|ioredis|@clickhouse|chdb|postgrator)/' },
    ),
    rule(
      'drivers-redis',
      'Everybody else uses the port of prices and events.',
      { pathNot: '^src/storage/redis/' },
      { path: 'node_modules/ioredis/' },
    ),
    rule(
      'drivers-nats',
      'Only cluster touches NATS.',
      { pathNot: '^src/cluster/' },
      { path: 'node_modules/nats/' },
    ),
    rule(
      'alerts-decide',
      'What is told to whom is decided without I/O; the way to Telegram is beside it, behind a port.',
      { path: '^src/alerts/', pathNot: '^src/alerts/telegram/' },
      { pathNot: '^(src/(alerts/(?!telegram/)|messages|market|risk|ports)|node_modules/zod/)' },
    ),
    rule(
      'drivers-telegram',
      'Only this folder speaks to Telegram.',
      { pathNot: '^src/alerts/telegram/' },
      { path: 'node_modules/(grammy|@grammyjs)/' },
    ),
    rule(
      'drivers-http',
      'Only http serves.',
      { pathNot: '^src/http/' },
      { path: 'node_modules/(fastify|prom-client)/' },
    ),
    rule(
      'drivers-ws',
      'Only the platform, the simulator and the replay server open WebSockets.',
      { pathNot: '^src/(runtime/platform|simulator|replay|modes)/' },
      { path: 'node_modules/ws/' },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
