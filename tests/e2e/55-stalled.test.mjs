// A log that does not answer for longer than anybody waits: who asks whether the hub is ready is told
// so in time; what needs no commit goes on; and nothing that was taken is lost.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { assertProblem, get, history, poll, publish, request } from './lib/http.mjs';
import { RawSocket } from './lib/raw.mjs';
import { startSlowHub } from './lib/slowlog.mjs';
import { eventually } from './lib/wait.mjs';

const PROBE = 'GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n';
const HEALTH = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';

const taken = async (hub) =>
  Number(/^longwire_publishes_total (\d+)$/m.exec((await get(hub, '/metrics')).text)[1]);

/** A hub with one commit under way that does not end; returns [hub, gate, its answer]. */
async function startStalled(t) {
  const [hub, gate] = await startSlowHub(t);
  await publish(hub, 'a', 'before');
  gate.close();
  const before = await taken(hub);
  const answer = request(hub, 'POST', '/t/a', { body: 'late' });
  await eventually(async () => (await taken(hub)) > before, 'the publish to be taken');
  return [hub, gate, answer];
}

describe('a log that does not answer', () => {
  test('is told to who asks whether the hub is ready, and all is well behind it', async (t) => {
    const [hub, gate, answer] = await startStalled(t);
    const reply = await get(hub, '/readyz');
    assert.equal(assertProblem(reply, 503).detail, 'The log did not answer in time');
    assert.equal(reply.headers['retry-after'], '5');
    assert.equal(reply.headers.connection, 'close');
    gate.open();
    assert.equal((await answer).status, 201, 'the publish itself waits for the log');
    const ready = await get(hub, '/readyz');
    assert.deepEqual([ready.status, ready.text], [200, 'ready\n']);
    assert.deepEqual(
      (await history(hub, 'a')).map(({ data }) => data),
      ['before', 'late'],
    );
  });

  test('the answer that comes too late goes to nobody', async (t) => {
    const [hub, gate, answer] = await startStalled(t);
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    await raw.write(PROBE + HEALTH);
    await raw.untilText('The log did not answer in time');
    gate.open();
    await answer;
    await raw.untilClosed();
    assert.deepEqual(`${raw.received}`.match(/^HTTP\/1\.1 \d+/gm), ['HTTP/1.1 503']);
  });

  test('keeps nobody who only reads waiting', async (t) => {
    const [hub, gate, answer] = await startStalled(t);
    assert.equal((await get(hub, '/healthz')).status, 200);
    const { messages } = await poll(hub, 'a', { after: 'earliest', wait: 0 });
    assert.deepEqual(messages.map(({ data }) => data), ['before'], 'nothing before it is safe');
    gate.open();
    assert.equal((await answer).status, 201);
  });
});
