// A worker whose allocations fail, each in turn, where a wrong answer costs more than the request: a
// browser's EventSource gives up for ever at any status but 200, and a change of a stream's topics
// is done as a whole or not at all.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { joinChunks } from './lib/chunks.mjs';
import { get, publish } from './lib/http.mjs';
import { SANITIZED, longwirectl, suiteHub } from './lib/hub.mjs';
import { Memory } from './lib/memory.mjs';
import { RawSocket } from './lib/raw.mjs';
import { SseStream } from './lib/sse.mjs';

/** More than any of the requests needs. */
const ALLOCATIONS = 200;

const head = (method, path, lines = '') => `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${lines}\r\n`;

/** Sends a request; returns all that comes until `end`, or until the hub closes. */
async function ask(hub, text, end) {
  const raw = await RawSocket.open(hub);
  await raw.write(text);
  await raw.until((received) => received.includes(end), JSON.stringify(end));
  raw.destroy();
  return raw.received.toString();
}

describe('without memory', { skip: SANITIZED && 'the sanitizer has the allocations' }, () => {
  const memory = new Memory();
  const hub = suiteHub({ set: { 'hub.workers': 1 }, env: memory.env });
  const ids = [];
  before(async () => {
    for (const data of ['1', '2', '3']) ids.push(await publish(hub, 'm/a', data));
  });
  after(() => memory.close());

  /** Does `request` with every allocation failing in turn; the last time none does. */
  async function eachFails(request) {
    for (let n = 0; n < ALLOCATIONS; n++) {
      const begun = await request.prepare?.();
      memory.fail(n);
      const result = await request.run(begun);
      const failed = memory.stop();
      await request.check(result, failed > 0, begun);
      if (!failed) return n;
    }
    throw new Error('the request takes too many allocations');
  }

  const LATER = /^retry: \d+\n\n$/;
  /** What a stream begins with, as far as it got: whole blocks only. */
  const BLOCKS = new RegExp(
    [
      '^retry: \\d+\\nid: \\d+-\\d+\\n\\n',
      'event: longwire\\.session\\ndata: \\{"session":"[0-9a-f]{32}"\\}\\n\\n',
      '(id: \\d+-\\d+\\nevent: longwire\\.gap\\ndata: \\{"requested":.*"reason":"epoch"\\}\\n\\n)?',
      '(id: \\d+-\\d+\\ndata: (.|\\{"id":.*"data":"."\\})\\n\\n)*',
      '(id: \\d+-\\d+\\nevent: longwire\\.live\\ndata: \\{"cursor":"\\d+-\\d+"\\}\\n\\n)?$',
    ].join(''),
  );
  const streams = {
    'a new one': () => '/t/m/a',
    'one that counts back': () => '/t/m/a?after=-2',
    'one of several topics': () => '/t?topic=m/a&topic=m/b/%23&topic=m/c&after=earliest',
    'one with a gap': () => `/t/m/a?after=${ids[0].replace(/-\d+$/, '-1')}`,
  };
  for (const [what, path] of Object.entries(streams)) {
    test(`an event stream begins, or is to come back: ${what}`, async (t) => {
      const origin = 'Origin: http://127.0.0.1:1\r\n';
      const text = head('GET', path(), `Accept: text/event-stream\r\n${origin}`);
      const seen = { closed: 0, later: 0, cut: 0 };
      const count = await eachFails({
        run: () => ask(hub, text, 'event: longwire.live\n'),
        check(answer, failed) {
          if (answer === '') {
            seen.closed++;
            return;
          }
          const [start, ...body] = answer.split('\r\n\r\n');
          assert.match(start, /^HTTP\/1\.1 200 OK\r\n/);
          assert.match(start, /\r\nContent-Type: text\/event-stream; charset=utf-8\r\n/);
          assert.match(start, /\r\nAccess-Control-Allow-Origin: http:\/\/127\.0\.0\.1:1\r\n/);
          const text = `${joinChunks(Buffer.from(body.join('\r\n\r\n')))}`;
          if (LATER.test(text)) seen.later++;
          else assert.match(text, BLOCKS);
          if (failed) seen.cut++;
          else assert.match(`${body}`, /longwire\.live/);
        },
      });
      t.diagnostic(`${count} allocations: ${JSON.stringify(seen)}`);
      assert.ok(seen.closed > 0 && seen.later > 0, JSON.stringify(seen));
    });
  }

  test('a stream waits to be accepted while there is none at all', async () => {
    memory.failAll();
    const text = head('GET', '/t/m/a', 'Accept: text/event-stream\r\n');
    assert.equal(await ask(hub, text, 'longwire.live'), '', 'the first is closed');
    const waiting = ask(hub, text, 'longwire.live');
    assert.ok(memory.stop() > 0);
    assert.match(await waiting, /^HTTP\/1\.1 200 OK\r\n[^]*longwire\.live/);
    assert.match(hub.stderr(), /accepting no more TCP connections for now: out of memory/);
  });

  const CHANGE = JSON.stringify({
    subscribe: ['m/c', { topic: 'm/a', after: 'earliest' }],
    unsubscribe: ['m/b'],
  });
  const OLD = ['m/b'];
  const NEW = ['m/a', 'm/c'];

  /** The topics of the streams that are there. */
  async function topicsNow() {
    const { stdout } = await longwirectl(hub, ['clients', '--json']);
    const found = JSON.parse(stdout).filter(({ transport }) => transport === 'sse');
    return found.map(({ topics }) => topics.sort());
  }

  test("a change of a stream's topics is done and answered, or not done", async (t) => {
    const seen = { closed: 0, refused: 0, done: 0 };
    const count = await eachFails({
      async prepare() {
        const stream = await (await SseStream.open(hub, OLD, { format: 'envelope' })).live();
        return { stream, session: await stream.session };
      },
      run({ session }) {
        const length = `Connection: close\r\nContent-Length: ${CHANGE.length}\r\n`;
        return ask(hub, head('POST', `/session/${session}`, length) + CHANGE, 'nothing more');
      },
      async check(answer, failed, { stream }) {
        const [start, body] = answer.split('\r\n\r\n');
        const topics = await topicsNow();
        if (answer === '') {
          seen.closed++; // nobody can say whether it was done
          for (const list of topics) assert.ok([`${OLD}`, `${NEW}`].includes(`${list}`), `${list}`);
        } else if (start.startsWith('HTTP/1.1 503 ')) {
          seen.refused++;
          assert.match(start, /\r\nRetry-After: 1\r\n/);
          assert.equal(JSON.parse(body).detail, 'The hub is out of memory');
          assert.deepEqual(topics, [OLD]);
        } else {
          seen.done++; // it may have cost the stream itself, whose client comes back
          assert.match(start, /^HTTP\/1\.1 200 OK\r\n/);
          const { subscribed, unsubscribed } = JSON.parse(body);
          assert.deepEqual(subscribed.map(({ topic }) => topic).sort(), NEW);
          assert.deepEqual(unsubscribed, OLD);
          if (topics.length || !failed) assert.deepEqual(topics, [NEW]);
        }
        stream.close();
      },
    });
    t.diagnostic(`${count} allocations: ${JSON.stringify(seen)}`);
    assert.ok(seen.refused > 5 && seen.done > 1, JSON.stringify(seen));
  });

  test('the hub goes on', async () => {
    const id = await publish(hub, 'm/a', '4');
    const [, epoch] = id.split('-');
    assert.equal((await get(hub, '/cursor')).json().cursor.split('-')[1], epoch);
  });
});
