// What no client means to send: noise, and connections that are dropped at every byte. Nothing is
// stored of it, everyone else is undisturbed, and the hub goes on.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { get, history, publish } from './lib/http.mjs';
import { SANITIZED, suiteHub } from './lib/hub.mjs';
import { Random, chooseSeed } from './lib/random.mjs';
import { RawSocket } from './lib/raw.mjs';
import { encode } from './lib/resp.mjs';
import { eventually } from './lib/wait.mjs';
import { OP, RawWebSocket, frame, handshake } from './lib/wsframe.mjs';
import { WsClient } from './lib/ws.mjs';

const AT_ONCE = 16;
const NOISES = SANITIZED ? 60 : 200;

/** Calls `task` for each item, a few at a time. */
async function forEach(items, task) {
  const rest = [...items];
  const worker = async () => {
    while (rest.length) await task(rest.shift());
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

const LISTENERS = { HTTP: { local: false }, 'the local socket': { local: true } };

const post = (topic, body) =>
  Buffer.from(
    `POST /t/${topic} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  );
const chunked = Buffer.from(
  'POST /t/drop HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n' +
    '3\r\nabc\r\n5;x=y\r\ndefgh\r\n0\r\nTrailer: z\r\n\r\n',
);
const batch = (() => {
  const body = '{"topic":"drop","data":1}\n{"topic":"drop","data":2}\n';
  return Buffer.from(
    `POST /t HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  );
})();
const webSocket = Buffer.concat([
  Buffer.from(handshake('/ws')),
  frame(OP.TEXT, '{"op":"subscribe","topic":"drop/#","after":"earliest"}'),
  frame(OP.PING, 'x'),
  frame(OP.TEXT, '{"op":"publish","topic":', { fin: false }),
  frame(OP.CONTINUATION, '"drop","data":1}'),
]);

/** What is sent, and its last byte's place: up to there nothing may be stored. */
const EXCHANGES = {
  'a publish': { bytes: post('drop', '{"a":1}') },
  'a chunked publish': { bytes: chunked },
  'a batch': { bytes: batch },
  'an upgrade with frames': { bytes: webSocket },
  'a long-poll': { bytes: Buffer.from('GET /t/drop?wait=30 HTTP/1.1\r\nHost: localhost\r\n\r\n') },
  'an event stream': {
    bytes: Buffer.from('GET /t/drop HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n'),
  },
  'a Redis command': { bytes: encode('PUBLISH', 'drop', 'x'), local: true },
  'a blocking Redis command': {
    bytes: encode('XREAD', 'BLOCK', '0', 'STREAMS', 'drop', '$'),
    local: true,
  },
  'an inline command': { bytes: Buffer.from('PUBLISH drop "in line"\r\n'), local: true },
  'HTTP on the local socket': { bytes: post('drop', '[1]'), local: true },
};

describe('noise', () => {
  const hub = suiteHub();

  /** What must be as before after every test here. */
  async function assertWell(witness) {
    assert.equal((await get(hub, '/readyz')).status, 200);
    const id = await publish(hub, 'witness', 'still here');
    assert.equal((await witness.nextMessage()).id, id);
    assert.equal((await get(hub, '/healthz', { local: true })).status, 200);
  }

  async function watch(t) {
    const witness = await (await WsClient.open(hub, 'witness')).live();
    t.after(() => witness.terminate());
    return witness;
  }

  for (const [name, where] of Object.entries(LISTENERS)) {
    test(`binary noise on ${name}`, async (t) => {
      const seed = chooseSeed();
      t.diagnostic(`LONGWIRE_SEED=${seed}`);
      const random = new Random(seed);
      const witness = await watch(t);
      const noises = Array.from({ length: NOISES }, () => {
        const noise = Buffer.alloc(random.int(1, random.pick([16, 300, 20_000])));
        for (let i = 0; i < noise.length; i++) noise[i] = random.int(0, 255);
        return Buffer.concat([
          Buffer.from(random.pick(['', '', '*', '*2\r\n$', 'GET /', 'P'])),
          noise,
        ]);
      });
      await forEach(noises, async (noise) => {
        const raw = await RawSocket.open(hub, where);
        await raw.write(noise);
        raw.halfClose();
        await raw.untilClosed();
        raw.destroy();
      });
      await assertWell(witness);
    });
  }

  for (const end of ['closed', 'reset']) {
    for (const [name, { bytes, local = false }] of Object.entries(EXCHANGES)) {
      test(`${name}, ${end} at every byte`, async (t) => {
        const witness = await watch(t);
        const before = (await history(hub, 'drop')).length;
        const cuts = Array.from({ length: bytes.length }, (_, n) => n);
        await forEach(cuts, async (cut) => {
          const raw = await RawSocket.open(hub, { local });
          await raw.write(bytes.subarray(0, cut));
          raw.destroy({ reset: end === 'reset' && !local });
        });
        await assertWell(witness);
        assert.equal((await history(hub, 'drop')).length, before, 'half a request was taken');
      });
    }
  }

  test('every connection of all that is gone', async () => {
    const text = async () => (await get(hub, '/metrics')).text;
    const open = async () => {
      const samples = [...(await text()).matchAll(/^longwire_connections\S* (\d+)$/gm)];
      assert.ok(samples.length > 0, 'no metric of open connections');
      return samples.reduce((sum, [, count]) => sum + Number(count), 0);
    };
    await eventually(async () => (await open()) <= 2, 'connections to be freed');
  });

  test('noise in frames ends that connection only', async (t) => {
    const witness = await watch(t);
    const seed = chooseSeed();
    t.diagnostic(`LONGWIRE_SEED=${seed}`);
    const random = new Random(seed);
    await forEach(Array.from({ length: NOISES / 2 }), async () => {
      const ws = await RawWebSocket.open(hub, '/t/drop/ws');
      const noise = Buffer.alloc(random.int(1, 3000));
      for (let i = 0; i < noise.length; i++) noise[i] = random.int(0, 255);
      await ws.send(noise);
      ws.raw.halfClose();
      await ws.raw.untilClosed();
      ws.destroy();
    });
    await assertWell(witness);
  });
});
