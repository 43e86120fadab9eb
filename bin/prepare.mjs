#!/usr/bin/env node
// Runs after `npm install`, so that a first start is as fast as the next ones: makes the empty database that a data folder
// begins with, and has every source translated once. Whatever fails here is done by the first start instead; an
// installation never fails for it.
try {
  const { register } = await import('tsx/esm/api');
  register();
  const { prepareSeed } = await import('../src/storage/pglite/seed.ts');
  const made = prepareSeed();
  made.catch(() => undefined);
  await Promise.all([
    import('../src/cli/main.ts'),
    import('../src/modes/start.ts'),
    import('../src/modes/run.ts'),
  ]);
  await made;
} catch (error) {
  console.log(`arbot: the first start will take some seconds longer: ${error?.message ?? error}`);
}
