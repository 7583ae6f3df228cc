// Edges between the loop, the sockets and the log: what a peer or an unlucky moment can bring
// about, and what used to go wrong there.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { poll, publish, publishBatch } from './lib/http.mjs';
import { BUILD, run, startHub, suiteHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { RespClient } from './lib/resp.mjs';
import { eventually, sleep } from './lib/wait.mjs';

/** Processor time that the hub has used, ms. */
function cpuMs(hub) {
  const [, rest] = readFileSync(`/proc/${hub.pid}/stat`, 'latin1').split(') ');
  const fields = rest.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Fails when the hub works although there is nothing to do. */
async function assertIdle(hub, what) {
  const before = cpuMs(hub);
  await sleep(1000);
  const used = cpuMs(hub) - before;
  assert.ok(used < 300, `${what}: the hub used ${used} ms of one second`);
}

/** How many polls wait. */
async function waiting(hub) {
  const admin = await RespClient.open(hub);
  const { connections } = JSON.parse(await admin.command('HUB', 'STATS'));
  admin.close();
  return connections.poll;
}

const get = (path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

describe('a waiting long-poll', () => {
  const hub = suiteHub({ set: { 'hub.workers': 1 } });

  // The kept input was offered again in every turn of the loop, without end.
  test('costs nothing while another request waits behind it', async () => {
    const raw = await RawSocket.open(hub);
    await raw.write(get('/cursor') + get('/t/e/idle?wait=20') + get('/healthz'));
    await eventually(async () => (await poll(hub, 'e/x', { wait: 0 })).live, 'the hub');
    await assertIdle(hub, 'a pipelined request');
    await publish(hub, 'e/idle', 'go');
    await raw.untilText('"go"');
    await raw.untilText('ok\n');
    raw.destroy();
  });

  // The first one's answer was put together where the bytes for the others lay.
  test('gets its own answer beside one with a smaller limit', async () => {
    for (let round = 0; round < 5; round++) {
      const topic = `e/limits/${round}`;
      const small = poll(hub, topic, { wait: 20, limit: 5 });
      await eventually(async () => (await waiting(hub)) === 1, 'the poll to wait');
      const large = [1, 2, 3].map(() => poll(hub, topic, { wait: 20, limit: 100 }));
      await eventually(async () => (await waiting(hub)) === 4, 'the others to wait');
      const data = Array.from({ length: 20 }, (_, i) => `${i}`.repeat(i + 1));
      await publishBatch(hub, data.map((one) => ({ topic, data: one })));
      assert.deepEqual((await small).messages.map((m) => m.data), data.slice(0, 5));
      for (const answer of await Promise.all(large)) {
        assert.deepEqual(answer.messages.map((m) => m.data), data);
      }
    }
  });
});

describe('a slow reader', () => {
  const hub = suiteHub({
    set: { 'hub.workers': 1, 'http.idle_timeout': '1s', 'http.send_buffer': '4k' },
  });

  // The deadline for the next request cut off the answer to this one.
  test('gets an answer that takes longer than a connection may be idle', async () => {
    const line = 'x'.repeat(100_000);
    await publishBatch(hub, Array.from({ length: 30 }, () => ({ topic: 'e/slow', data: line })));
    const raw = await RawSocket.open(hub);
    raw.pause();
    await raw.write(get('/t/e/slow?after=earliest&wait=0'));
    // Twice as long as a connection may be idle.
    for (let n = 0; n < 2; n++) {
      const idle = await RawSocket.open(hub);
      await idle.untilClosed();
      idle.destroy();
    }
    raw.resume();
    await raw.untilText(']}');
    raw.destroy();
  });
});

describe('stopping', () => {
  // Commands that visit all workers were lost with the first one that had ended.
  test('waits for what administrators asked', async (t) => {
    const hub = await startHub(t, { set: { 'hub.workers': 4 } });
    let answers = 0;
    const ask = async (client) => {
      for (;; answers++) await client.command('HUB', 'CLIENTS');
    };
    const clients = await Promise.all(Array.from({ length: 8 }, () => RespClient.open(hub)));
    const asking = clients.map((client) => ask(client).catch(() => {}));
    await eventually(() => answers > 100, 'them to be busy');
    await hub.stop();
    for (const client of clients) client.close();
    await Promise.all(asking);
  });
});

test('a hub that finds its port taken leaves no socket behind', async (t) => {
  const hub = await startHub(t);
  const settings = {
    'hub.data_dir': `${hub.dataDir}-2`,
    'socket.path': `${hub.socket}-2`,
    'http.listen': `127.0.0.1:${hub.port}`,
  };
  const words = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  const { code } = await run(join(BUILD, 'longwired'), ['--config', '/dev/null', ...words]);
  assert.notEqual(code, 0);
  assert.ok(!existsSync(settings['socket.path']));
});
