// The framing of event streams: over HTTP/1.1 each block is a chunk, and the last chunk tells an
// orderly end from a cut; over HTTP/1.0 the same blocks come without.
import assert from 'node:assert/strict';
import http from 'node:http';
import { describe, test } from 'node:test';

import { readChunks } from './lib/chunks.mjs';
import { publish, publishBatch, request } from './lib/http.mjs';
import { launch, longwirectl, startHub, suiteHub } from './lib/hub.mjs';
import { UPGRADE, startNginx } from './lib/nginx.mjs';
import { RawSocket } from './lib/raw.mjs';
import { eventually, within } from './lib/wait.mjs';

const upTo = (n) => Array.from({ length: n }, (_, i) => i);

/** Opens an event stream: its socket, and what of its body has come, from `text` on. */
async function open(t, hub, path, { version = '1.1', text = 'longwire.live' } = {}) {
  const raw = await RawSocket.open(hub);
  t.after(() => raw.destroy());
  await raw.write(`GET ${path} HTTP/${version}\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n`);
  const [head] = (await raw.untilText(text)).split('\r\n\r\n');
  const body = () => raw.received.subarray(Buffer.byteLength(head) + 4);
  return { raw, head, body };
}

/** Every chunk is one block, which has no empty line but at its end. */
function assertBlocks(chunks) {
  for (const chunk of chunks) assert.match(`${chunk}`, /^(?:[^\n]+\n)+\n$/);
}

const kindOf = (chunk) => /^event: (.*)$/m.exec(chunk)?.[1] ?? /^data: (.*)$/m.exec(chunk)?.[1];

describe('chunks', () => {
  const hub = suiteHub({ set: { 'http.heartbeat': '1s', 'hub.workers': 1 } });

  test('each event and each block of the hub is one', async (t) => {
    const { raw, head, body } = await open(t, hub, '/t/c/a?after=1-1');
    assert.match(head, /^transfer-encoding: chunked$/im);
    assert.doesNotMatch(head, /^content-length:/im);
    await publish(hub, 'c/a', 'one');
    await publish(hub, 'c/a', 'a\nb\n', { type: 'text/plain' });
    const isBeat = (text) => /^id: \d+-\d+\n\n$/.test(text);
    const texts = () => readChunks(body()).chunks.map(String);
    await raw.until(() => texts().filter((text) => !isBeat(text)).length >= 6, 'both messages');
    await raw.until(() => texts().some(isBeat), 'a heartbeat');
    const { chunks, ended } = readChunks(body());
    assertBlocks(chunks);
    const [hello, session, gap, live, first, second] = texts().filter((text) => !isBeat(text));
    assert.match(hello, /^retry: \d+\nid: \d+-\d+\n\n$/);
    assert.deepEqual([session, gap, live].map(kindOf), [
      'longwire.session',
      'longwire.gap',
      'longwire.live',
    ]);
    assert.match(first, /^id: \d+-\d+\ndata: one\n\n$/);
    assert.match(second, /^id: \d+-\d+\ndata: a\ndata: b\ndata: \n\n$/);
    assert.equal(ended, false);
  });

  test('what is replayed and what comes together, too; HTTP/1.0 gets the same blocks', async (t) => {
    const lines = (from) => upTo(300).map((n) => ({ topic: 'c/many', data: `${from + n}` }));
    await publishBatch(hub, lines(0));
    const young = await open(t, hub, '/t/c/many?after=earliest');
    const old = await open(t, hub, '/t/c/many?after=earliest', { version: '1.0' });
    assert.doesNotMatch(old.head, /transfer-encoding|keep-alive/i);
    await publishBatch(hub, lines(300));
    for (const { raw } of [young, old]) await raw.until((all) => all.includes('data: 599\n\n'), 'all');
    await young.raw.until(() => `${readChunks(young.body()).chunks.at(-1)}`.includes('599'), 'its end');
    const { chunks } = readChunks(young.body());
    assertBlocks(chunks);
    const numbers = (blocks) => blocks.map(kindOf).filter((kind) => /^\d+$/.test(kind));
    const blocks = `${old.body()}`.split('\n\n').slice(0, -1);
    assert.doesNotMatch(`${old.body()}`, /\r/);
    assert.deepEqual(numbers(blocks), upTo(600).map(String));
    assert.deepEqual(numbers(chunks), upTo(600).map(String));
    const messages = (list) => list.map((one) => `${one}`.trim()).filter((one) => kindOf(one) > '');
    const own = (one) => !one.includes('longwire.');
    assert.deepEqual(messages(chunks).filter(own), messages(blocks).filter(own));
  });

  for (const version of ['1.0', '1.1']) {
    test(`of a topic that joins, over HTTP/${version}`, async (t) => {
      await publish(hub, `c/join/${version}`, 'before');
      const stream = await open(t, hub, '/t/c/other?format=envelope', { version });
      const [, session] = /"session":"(\w+)"/.exec(stream.body());
      const body = JSON.stringify({ subscribe: [{ topic: `c/join/${version}`, after: 'earliest' }] });
      const headers = { 'Content-Type': 'application/json' };
      const answer = await request(hub, 'POST', `/session/${session}`, { headers, body });
      assert.equal(answer.status, 200, answer.text);
      await stream.raw.untilText(`"topic":"c/join/${version}"}\n\n`);
      if (version === '1.0') {
        assert.doesNotMatch(`${stream.body()}`, /\r/);
        return;
      }
      const isWhole = () => `${readChunks(stream.body()).chunks.at(-1)}`.includes('c/join');
      await stream.raw.until(isWhole, 'its chunk');
      const { chunks } = readChunks(stream.body());
      assertBlocks(chunks);
      assert.ok(chunks.some((chunk) => /^data: .*"before"/.test(chunk)), 'without a place');
    });
  }
});

// Whom nginx asks by which version; it leaves a client the framing that this one understands.
describe('behind nginx', () => {
  const LOCATIONS = { 1.1: UPGRADE, '1.0': 'proxy_http_version 1.0;' };
  for (const [upstream, location] of Object.entries(LOCATIONS)) {
    test(`which asks by HTTP/${upstream}`, async (t) => {
      const hub = await startHub(t);
      const nginx = await startNginx(t, hub, { location: `${location} proxy_buffering off;` });
      for (const version of ['1.0', '1.1']) {
        const { raw, head, body } = await open(t, nginx, '/t/n', { version });
        assert.equal(/^transfer-encoding: chunked/im.test(head), version === '1.1');
        for (const n of upTo(3)) {
          await publish(hub, 'n', `${version}-${n}`);
          await raw.untilText(`data: ${version}-${n}\n\n`);
        }
        assert.doesNotMatch(`${body()}`, /^0+[0-9a-f]+\r\n0+[0-9a-f]+\r\n/m, 'not twice');
        raw.destroy();
      }
    });
  }

  test('the end of a stream passes through', async (t) => {
    const hub = await startHub(t);
    const nginx = await startNginx(t, hub);
    const { raw, body } = await open(t, nginx, '/t/n');
    await hub.stop();
    await raw.until(() => readChunks(body()).ended, 'the last chunk');
    assert.equal(readChunks(body()).ended, true);
  });
});

describe('the end', () => {
  const ENDS = {
    'the hub stops': (hub) => hub.stop(),
    'the administrator ends it': async (hub) => {
      const { stdout } = await longwirectl(hub, ['clients', '--json']);
      const { id } = JSON.parse(stdout).find(({ transport }) => transport === 'sse');
      await longwirectl(hub, ['kick', `${id}`]);
    },
  };
  for (const [what, end] of Object.entries(ENDS)) {
    test(`${what}: the last chunk`, async (t) => {
      const hub = await startHub(t);
      const { raw, body } = await open(t, hub, '/t/e');
      await end(hub);
      await raw.untilClosed();
      assert.equal(readChunks(body()).ended, true);
    });
  }

  test('fetch reads to the end', async (t) => {
    const hub = await startHub(t);
    const reply = await fetch(`${hub.url}/t/e`, { headers: { Accept: 'text/event-stream' } });
    const text = reply.text();
    await publish(hub, 'e', 'x');
    await hub.stop();
    assert.match(await within(text, 'the end'), /\ndata: x\n\n$/);
  });

  test('the hub is killed: none', async (t) => {
    const hub = await startHub(t);
    const { raw, body } = await open(t, hub, '/t/e');
    await hub.kill9();
    await raw.untilClosed();
    assert.equal(readChunks(body()).ended, false);
  });

  for (const [how, code, end] of [
    ['an end', 0, (hub) => hub.stop()],
    ['a cut', 18, (hub) => hub.kill9()], // CURLE_PARTIAL_FILE
  ]) {
    test(`curl tells ${how}`, async (t) => {
      const hub = await startHub(t);
      const words = ['-sN', '-H', 'Accept: text/event-stream', `${hub.url}/t/e`];
      const child = launch('curl', words, { stdio: ['ignore', 'pipe', 2] });
      t.after(() => child.kill('SIGKILL'));
      const ended = new Promise((resolve) => {
        child.on('close', resolve);
      });
      let text = '';
      child.stdout.on('data', (data) => {
        text += data;
      });
      await eventually(() => text.includes('longwire.live'), 'the stream');
      await end(hub);
      assert.equal(await within(ended, 'curl to end'), code);
    });

    test(`node:http tells ${how}`, async (t) => {
      const hub = await startHub(t);
      const headers = { Accept: 'text/event-stream' };
      const reply = await new Promise((resolve) => {
        http.get(`${hub.url}/t/e`, { headers, agent: false }, resolve);
      });
      const whole = new Promise((resolve) => {
        reply.on('close', () => resolve(reply.complete));
        reply.on('error', () => {});
        reply.resume();
      });
      await end(hub);
      assert.equal(await within(whole, 'the end'), code === 0);
    });
  }
});
