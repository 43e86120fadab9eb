import fc from 'fast-check';

/**
 * Loaded before every test file. Where a verdict on a commit is given, properties look at the same cases each time, so that the
 * verdict is of the commit; everywhere else each run looks at others, and a failure names its seed.
 */
if (process.env['CI'] !== undefined) fc.configureGlobal({ seed: 20_261 });
