import tseslint from 'typescript-eslint';

// Clocks, timers and randomness are ports (docs/determinism.md): only the platform folder may touch the real ones.
const rawTimeAndChance = [
  { name: 'setTimeout', message: 'Use the Timers port.' },
  { name: 'setInterval', message: 'Use the Timers port.' },
  { name: 'setImmediate', message: 'Use the Timers port.' },
  { name: 'performance', message: 'Use the Clock port.' },
];
const rawCalls = [
  {
    selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']",
    message: 'Use the Clock port.',
  },
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Use the Clock port.' },
  {
    selector: "CallExpression[callee.object.name='Math'][callee.property.name='random']",
    message: 'Use the Random port.',
  },
];

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
    files: ['src/**/*.ts'],
    ignores: ['src/runtime/platform/**'],
    rules: {
      'no-restricted-globals': ['error', ...rawTimeAndChance],
      'no-restricted-syntax': ['error', ...rawCalls],
    },
  },
  {
    // tap's own promise style; a test that floats is caught by tap itself.
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: { '@typescript-eslint/no-floating-promises': 'off', '@typescript-eslint/unbound-method': 'off' },
  },
);
