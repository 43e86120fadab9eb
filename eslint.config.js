import tseslint from 'typescript-eslint';

// The determinism rule (docs/determinism.md): clocks, timers, randomness, sockets and files are ports, and nothing rests on an
// order that nobody promises. An exception carries `-- dst-ok: <reason>`; test/simulation/determinism.test.ts bounds them.
const port = (name, wanted) => ({ name, message: `Use the ${wanted} port.` });
const rawGlobals = [
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'].map((name) => port(name, 'Timers')),
  port('performance', 'Clock'),
  ...['fetch', 'WebSocket', 'EventSource'].map((name) => port(name, 'network')),
  ...['WeakRef', 'FinalizationRegistry'].map((name) => ({
    name,
    message: 'It follows the garbage collector.',
  })),
];
const call = (object, names, message) => ({
  selector: `CallExpression[callee.object.name='${object}'][callee.property.name=/^(${names})$/]`,
  message,
});
const rawCalls = [
  call('Date', 'now', 'Use the Clock port.'),
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Use the Clock port.' },
  { selector: "CallExpression[callee.name='Date']", message: 'Use the Clock port.' },
  call('process', 'hrtime|uptime|nextTick', 'Use the Clock or the Timers port.'),
  call('AbortSignal', 'timeout', 'Use the Timers port.'),
  {
    selector: 'MemberExpression[object.name=/^(globalThis|global)$/]',
    message: 'Globals by another name: use a port.',
  },
  call('Math', 'random', 'Use the Random port.'),
  call('crypto', 'randomUUID|getRandomValues', 'Use the Random or the Ids port.'),
  {
    selector:
      'ImportSpecifier[imported.name=/^(randomBytes|randomUUID|randomInt|randomFill\\w*|webcrypto)$/]',
    message: 'Use the Random or the Ids port.',
  },
];
const unordered = [
  call('Promise', 'race|any', 'Whoever is first wins by chance: say who wins.'),
  {
    selector: 'CallExpression[callee.name=/^(readdir|readdirSync|opendir|glob)$/]',
    message: 'A folder has no order: sort what it holds.',
  },
  {
    selector: 'CallExpression[callee.property.name=/^(readdir|readdirSync|opendir|glob)$/]',
    message: 'A folder has no order: sort what it holds.',
  },
  {
    selector: 'ForInStatement',
    message: 'Keys of foreign objects come in an order of their own: use a Map.',
  },
  {
    selector: 'CallExpression[callee.property.name=/^(localeCompare|toLocale\\w*String)$/]',
    message: 'It follows the locale of the machine.',
  },
  { selector: "MemberExpression[object.name='Intl']", message: 'It follows the locale of the machine.' },
];
const rawModules = {
  patterns: [
    {
      regex:
        '^(node:)?(net|tls|dgram|dns|http|https|http2|fs|timers|perf_hooks|worker_threads|child_process|cluster)(/.*)?$',
      message: 'What touches the machine is a port; see docs/determinism.md.',
    },
    { regex: '^(ws|undici)$', message: 'Use the network port.' },
  ],
};
/** What lies behind a port or beside every node: drivers, servers, the command line. None of it runs in a simulated world. */
const ADAPTERS = [
  'src/runtime/platform/**',
  'src/cli/**',
  'src/conformance/**',
  'src/http/**',
  'src/config/{load,overrides}.ts',
  'src/storage/{sql,child,pglite,clickhouse}/**',
  'src/cluster/nats-*.ts',
  'src/simulator/face-server.ts',
  'src/replay/replay-{server,session}.ts',
];
/** The harness's own: what replaces the globals, and what starts processes around the worlds. */
const HARNESS = ['test/simulation/globals.ts'];
const RUNNERS = ['test/simulation/{main,seed-pool,seed-process,catch-bugs}.ts', 'test/simulation/*.test.ts'];

export default tseslint.config(
  {
    ignores: [
      'dist',
      '.tap',
      'node_modules',
      'dashboard',
      '.arbot',
      '*.config.js',
      '.dependency-cruiser.cjs',
      'bin',
      '.ci',
      'test/setup',
    ],
  },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      'no-empty': ['error', { allowEmptyCatch: false }],
      eqeqeq: 'error',
    },
  },
  {
    files: ['src/**/*.ts', 'test/simulation/**/*.ts'],
    ignores: ['src/runtime/platform/**', ...HARNESS],
    rules: {
      'no-restricted-globals': ['error', ...rawGlobals],
      'no-restricted-syntax': ['error', ...rawCalls, ...unordered],
    },
  },
  {
    files: ['src/**/*.ts', 'test/simulation/**/*.ts'],
    ignores: [...ADAPTERS, ...HARNESS, ...RUNNERS],
    rules: { 'no-restricted-imports': ['error', rawModules] },
  },
  {
    // Nobody's world: a command, and reports on files that a person reads.
    files: ['src/cli/**/*.ts', 'src/conformance/**/*.ts'],
    rules: { 'no-restricted-syntax': ['error', ...rawCalls] },
  },
  {
    // tap's own promise style; a test that floats is caught by tap itself.
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: { '@typescript-eslint/no-floating-promises': 'off', '@typescript-eslint/unbound-method': 'off' },
  },
);
