// A full descriptor table: the hub stops accepting and resumes later, counts that each time and
// says it once; the local socket keeps a reserve.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { get, publish } from './lib/http.mjs';
import { longwirectl, startHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { SseStream } from './lib/sse.mjs';
import { eventually } from './lib/wait.mjs';

const DESCRIPTORS = 96;
const RESERVE = 16;
const CONNECTIONS = 150;

/** Opens more connections than the hub can have; all connect, in the kernel's queue at least. */
const openMany = (hub) =>
  Promise.all(Array.from({ length: CONNECTIONS }, () => RawSocket.open(hub)));

const isAnswered = (raw) => raw.received.includes('HTTP/1.1 200');

/** How often the hub has stopped accepting. */
async function countPauses(hub) {
  const { text } = await get(hub, '/metrics', { local: true });
  return Number(/^longwire_accept_paused_total (\d+)$/m.exec(text)[1]);
}

const pauseLines = (hub) => hub.stderr().match(/accepting no more TCP connections for now: .*/g);

/** How many connections over TCP it has accepted for them. */
async function countAccepted(hub) {
  const { stdout } = await longwirectl(hub, ['clients', '--json']);
  return JSON.parse(stdout).filter((one) => one.transport === 'http' && one.address !== 'unix').length;
}

/** How many of them are answered when all ask, and the hub accepts no more. */
async function countAnswered(hub, connections) {
  for (const raw of connections) raw.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await eventually(async () => (await countPauses(hub)) > 0, 'a pause to be counted');
  return eventually(async () => {
    const answered = connections.filter(isAnswered).length;
    return answered === (await countAccepted(hub)) && answered;
  }, 'connections to be served');
}

const LIMITS = {
  'the descriptor limit': {
    prefix: ['prlimit', `--nofile=${DESCRIPTORS}:${DESCRIPTORS}`],
    set: { 'socket.reserve_fds': RESERVE },
  },
  'http.max_connections': { set: { 'http.max_connections': 60 } },
};

for (const [what, options] of Object.entries(LIMITS)) {
  for (const workers of [1, 2]) {
    test(`stops accepting at ${what} and resumes, workers=${workers}`, async (t) => {
      const hub = await startHub(t, {
        ...options,
        set: { ...options.set, 'hub.workers': workers },
      });
      const stream = await (await SseStream.open(hub, 'fd/stream')).live();
      t.after(() => stream.close());
      const connections = await openMany(hub);
      t.after(() => connections.forEach((raw) => raw.destroy()));
      const answered = await countAnswered(hub, connections);
      assert.ok(answered < CONNECTIONS, 'there was no limit');
      assert.ok(answered >= 20, `only ${answered} connections were served`);

      const pauses = await countPauses(hub);
      const waiting = connections.filter((raw) => !isAnswered(raw));
      for (const raw of connections.filter(isAnswered).slice(0, 10)) raw.destroy();
      await eventually(() => waiting.filter(isAnswered).length >= 8, 'the next ones');
      assert.ok((await countPauses(hub)) > pauses, 'the next pause was not counted');
      assert.deepEqual(pauseLines(hub), [
        'accepting no more TCP connections for now: the limit of connections is reached',
      ]);

      const { code, stderr } = await longwirectl(hub, ['ping']);
      assert.equal(code, 0, stderr);
      const id = await publish(hub, 'fd/stream', 'still delivered', { local: true });
      assert.equal((await stream.nextMessage()).id, id);
      const served = waiting.find(isAnswered);
      served.take();
      await served.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await served.untilText('HTTP/1.1 200');

      for (const raw of connections) raw.destroy();
      const later = await eventually(() => get(hub, '/healthz'), 'a new connection to be served');
      assert.equal(later.status, 200);
    });
  }
}
