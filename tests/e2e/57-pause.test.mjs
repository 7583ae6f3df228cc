// The hub does not run for a while: its process is stopped, its container frozen, its machine saved
// and restored. Nobody is judged by a clock that went on meanwhile, and what came is read first.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { get, publish, subscribePath } from './lib/http.mjs';
import { startHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { RespClient, encode } from './lib/resp.mjs';
import { SseStream } from './lib/sse.mjs';
import { eventually, sleep } from './lib/wait.mjs';
import { OP, frame, handshake } from './lib/wsframe.mjs';

/** Short, but with time enough to get everything ready. */
const LIMITS = {
  'http.head_timeout': '3s',
  'http.body_timeout': '3s',
  'http.idle_timeout': '3s',
  'http.write_timeout': '3s',
  'http.heartbeat': '1s',
};
/** Longer than each of them, and than what a peer may leave pings unanswered (4 s). */
const PAUSE_MS = 6000;

const HEAD = 'POST /t/pause HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\n\r\n';

async function pause(hub, meanwhile) {
  await hub.pause();
  await meanwhile();
  await sleep(PAUSE_MS);
  hub.signal('SIGCONT');
}

async function countersOf(hub) {
  const admin = await RespClient.open(hub);
  const { counters } = JSON.parse(await admin.command('HUB', 'STATS'));
  admin.close();
  return counters;
}

async function connect(t, hub, text) {
  const socket = await RawSocket.open(hub);
  t.after(() => socket.destroy());
  if (text) await socket.write(text);
  return socket;
}

test('nobody is dropped for what the hub did not see', async (t) => {
  const hub = await startHub(t, { set: { 'hub.workers': 1, ...LIMITS } });
  const head = await connect(t, hub);
  const body = await connect(t, hub);
  const idle = await connect(t, hub);
  const websocket = await connect(t, hub, handshake('/t/pause'));
  await websocket.untilText('\r\n\r\n');
  const stream = await (await SseStream.open(hub, 'pause')).live();
  t.after(() => stream.close());
  const waiting = await RespClient.open(hub);
  t.after(() => waiting.close());
  await idle.write('GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  await idle.untilText('ok');
  await waiting.write(encode('XREAD', 'BLOCK', 3000, 'STREAMS', 'pause', '$'));
  await head.write(HEAD.slice(0, 20));
  await body.write(`${HEAD}ab`);
  await eventually(async () => (await get(hub, '/healthz')).status === 200, 'the hub');
  await pause(hub, async () => {
    await head.write(`${HEAD.slice(20)}head`);
    await body.write('cd');
    await idle.write('GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
    await websocket.write(frame(OP.PONG));
    await websocket.write(frame(OP.TEXT, '{"op":"ping","ref":"after"}'));
  });
  assert.match(await head.untilText('\r\n\r\n'), /^HTTP\/1\.1 201 /);
  assert.match(await body.untilText('\r\n\r\n'), /^HTTP\/1\.1 201 /);
  assert.match(await idle.untilText('ok'), /HTTP\/1\.1 200 /);
  await websocket.untilText('"after"');
  assert.ok(await waiting.reply(), 'XREAD was answered by its time limit');
  const id = await publish(hub, 'pause', 'x');
  let last;
  do last = (await stream.nextMessage()).id;
  while (last !== id);
  assert.match(hub.stderr(), /worker 0 did not run for \d+ ms/);
});

// Who is asked to stop is not asked to wait: that time goes on.
test('a hub that is stopping does not take longer for it', async (t) => {
  const hub = await startHub(t, { set: { 'hub.workers': 1 } });
  for (let n = 0; n < 8; n++) await publish(hub, 'much', 'x'.repeat(1_000_000));
  const stuck = await RawSocket.open(hub);
  t.after(() => stuck.destroy());
  stuck.pause();
  const get = 'GET /t/much?after=earliest HTTP/1.1\r\nHost: 127.0.0.1\r\n';
  await stuck.write(`${get}Accept: text/event-stream\r\n\r\n`);
  await eventually(async () => (await countersOf(hub)).deliveries > 0, 'the stream');
  const idle = await connect(t, hub);
  await idle.write('GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  await idle.untilText('ok');
  hub.signal('SIGTERM');
  await idle.untilClosed(); // its worker knows
  await pause(hub, () => {});
  // DRAIN_MS, 5 s, has passed; not so by the clock of the clients' limits.
  const line = () => /stopping without waiting any longer/.test(hub.stderr());
  const until = Date.now() + 4000;
  while (!line() && Date.now() < until) await sleep(20);
  assert.ok(line(), 'it waits for as long as it had not run');
  await hub.stop();
});

// The peers' bytes may not be here yet when the hub runs again.
test('limits go on where they stood', async (t) => {
  const hub = await startHub(t, { set: { 'hub.workers': 1, ...LIMITS } });
  const late = await connect(t, hub, HEAD.slice(0, 20));
  await eventually(async () => (await get(hub, '/healthz')).status === 200, 'the hub');
  await pause(hub, () => {});
  await late.write(`${HEAD.slice(20)}late`);
  assert.match(await late.untilText('\r\n\r\n'), /^HTTP\/1\.1 201 /);
  // They do go on.
  const never = await connect(t, hub, HEAD.slice(0, 20));
  assert.match(await never.untilText('\r\n\r\n'), /^HTTP\/1\.1 408 /);
});
