// longwire-ws-echo, for the tests of a suite.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before } from 'node:test';

import { BUILD, launch } from './hub.mjs';
import { within } from './wait.mjs';

const SANITIZER_REPORT = /Sanitizer|runtime error:/;

function firstLine(child) {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (data) => {
      text += data;
      if (text.includes('\n')) resolve(text.split('\n')[0]);
    });
    child.ended.then(({ code }) => reject(new Error(`longwire-ws-echo ended with ${code}`)));
  });
}

/** Runs it for the suite that calls this; it has a `port` like a hub. */
export function suiteEcho() {
  const echo = { port: null };
  let child;
  let errors = '';
  before(async () => {
    child = launch(join(BUILD, 'longwire-ws-echo'), ['0'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stderr.on('data', (data) => {
      errors += data;
    });
    const line = await within(firstLine(child), 'longwire-ws-echo');
    echo.port = Number(/^ready ws=127\.0\.0\.1:(\d+)$/.exec(line)[1]);
  });
  after(async () => {
    child.kill('SIGTERM');
    const { signal } = await within(child.ended, 'longwire-ws-echo to end');
    assert.equal(signal, 'SIGTERM', `longwire-ws-echo ended by itself\n${errors}`);
    assert.ok(!SANITIZER_REPORT.test(errors), errors);
  });
  return echo;
}
