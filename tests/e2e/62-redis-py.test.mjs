// Debian's redis-py (redis_py_client.py) publishing, reading, subscribing, in pipelines.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

import { history } from './lib/http.mjs';
import { run, startHub } from './lib/hub.mjs';

const PYTHON = '/usr/bin/python3';
const PROGRAM = fileURLToPath(new URL('redis_py_client.py', import.meta.url));

test('redis-py as it is', async (t) => {
  const hub = await startHub(t);
  const { code, stdout, stderr } = await run(PYTHON, [PROGRAM, hub.socket]);
  assert.equal(code, 0, stderr);
  const got = JSON.parse(stdout);
  assert.deepEqual([got.ping, got.name, Number(got.omem), got.role], [true, 'the-client', 0, 'master']);
  assert.ok(got.listed >= 1);
  const entries = [
    [got.range[0][0], { data: 'one' }],
    [got.second, { data: 'two', event: 'e' }],
  ];
  assert.deepEqual(got.range, entries);
  assert.deepEqual(got.read, [['py/a', entries]]);
  assert.deepEqual(got.nothing, []);
  assert.deepEqual([got.transaction[0], got.transaction[2]], [0, 2]);
  assert.equal((await history(hub, 'py/pipe'))[1].id, got.transaction[1]);
  assert.deepEqual(got.plain, Array(200).fill(0));
  assert.match(got.bad, /py\/#|topic/i);
  assert.equal(got.left, 0);
  assert.deepEqual(got.confirmed, [
    ['subscribe', null, 'py/s', 1],
    ['psubscribe', null, 'py/p/*', 2],
  ]);
  assert.deepEqual(got.messages, [
    ['message', null, 'py/s', 'a'],
    ['pmessage', 'py/p/*', 'py/p/x', 'b'],
  ]);
});
