// Runs test files, three at a time, and closes with one line: "N passed, N failed", and ", N skipped"
// if there were any.
// usage: node run.mjs FILE...     (LONGWIRE_BUILD says where the programs are, LONGWIRE_IO_URING
//                                  what hub.io_uring is)
import { resolve } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

/** Files at a time; each starts hubs of its own, and waits for much of its time. */
const CONCURRENCY = 3;
/** Longest time for one file, ms. */
const FILE_TIMEOUT = 5 * 60_000;

const files = process.argv.slice(2).map((file) => resolve(file));
let passed = 0;
let failed = 0;
let skipped = 0;

const isTest = ({ name, details }) => details?.type !== 'suite' && !files.includes(resolve(name));
/** Suites and files fail with their tests, which have been counted; or by themselves. */
const isOwnFailure = ({ details }) => details.error?.failureType !== 'subtestsFailed';

const stream = run({ files, concurrency: CONCURRENCY, timeout: FILE_TIMEOUT });
stream.on('test:pass', (test) => {
  if (!isTest(test)) return;
  if (test.skip === undefined) passed++;
  else skipped++;
});
stream.on('test:fail', (test) => {
  if (isOwnFailure(test)) failed++;
});
stream.compose(new spec()).pipe(process.stdout);
stream.on('end', () => {
  if (passed + failed === 0) failed = 1;
  process.exitCode = failed ? 1 : 0;
  const more = skipped ? `, ${skipped} skipped` : '';
  process.on('exit', () => console.log(`${passed} passed, ${failed} failed${more}`));
});
