// Who is at a topic: members by every transport, what is listed and what is told, over reconnects,
// reloads, crashes, and a crowd that comes and goes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import { describe, test } from 'node:test';

import { start } from '../cli/lib/ctl.mjs';
import { counter } from './lib/counters.mjs';
import * as h2 from './lib/h2.mjs';
import {
  assertProblem,
  get,
  history,
  poll,
  post,
  postBatch,
  publish,
  request,
  subscribePath,
} from './lib/http.mjs';
import { longwirectl, startHub, suiteHub } from './lib/hub.mjs';
import {
  Follower,
  assertAlternating,
  hasMembers,
  list,
  nameOf,
  page,
} from './lib/presence.mjs';
import { Random, chooseSeed } from './lib/random.mjs';
import { RespClient, RespError } from './lib/resp.mjs';
import { SseStream } from './lib/sse.mjs';
import { follow, transportsFor } from './lib/transports.mjs';
import { eventually } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';

const CONFIG = '[topic "here/not/#"]\npresence = no\n[topic "here/#"]\npresence = yes\n';
const SHORT = { 'hub.presence_linger': '50ms' };
/** So long that nobody leaves while a test runs. */
const LONG = { 'hub.presence_linger': '1h' };

const membersGauge = async (hub) => {
  const text = (await get(hub, '/metrics')).text;
  return Number(/^longwire_presence_members (\d+)$/m.exec(text)[1]);
};

/** Opens an event stream, closed with test `t`, that has caught up. */
async function open(t, hub, topics) {
  const stream = await SseStream.open(hub, [topics].flat());
  t.after(() => stream.close());
  return stream.live();
}

/** Ways to subscribe to one topic besides those of transports.mjs; each returns a way to end it. */
const OTHERS = {
  'sse over HTTP/2': async (t, hub, topic) => {
    const session = await h2.connect(t, hub);
    const { stream, status } = h2.events(session, subscribePath([topic]));
    assert.equal(await status, 200);
    return () => stream.close();
  },
  'ws over HTTP/2': async (t, hub, topic) => {
    const session = await h2.connect(t, hub);
    await h2.websocket(session, subscribePath([topic]));
    return () => session.destroy();
  },
  'poll over HTTP/2': async (t, hub, topic) => {
    const session = await h2.connect(t, hub);
    h2.get(session, subscribePath([topic], { wait: 60 })).catch(() => {});
    return () => session.destroy();
  },
  'raw ws': async (t, hub, topic) => {
    const ws = await WsClient.open(hub, topic, { format: 'raw' });
    return () => ws.terminate();
  },
  'a changed event stream': async (t, hub, topic) => {
    const stream = await open(t, hub, ['elsewhere', 'elsewhere/2']);
    const change = async (body) => {
      const reply = await request(hub, 'POST', `/session/${await stream.session}`, {
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      });
      assert.equal(reply.status, 200, reply.text);
    };
    await change({ subscribe: [topic] });
    return () => change({ unsubscribe: [topic] });
  },
  'an unsubscribed ws': async (t, hub, topic) => {
    const ws = await WsClient.open(hub, 'elsewhere');
    t.after(() => ws.terminate());
    assert.equal((await ws.ask({ op: 'subscribe', topic })).op, 'subscribed');
    return () => ws.ask({ op: 'unsubscribe', topic });
  },
};

/** Subscribes by NAME; returns a way to end it. */
function subscribe(t, name, hub, topic) {
  if (OTHERS[name]) return OTHERS[name](t, hub, topic);
  return follow(name, hub, [topic], 'latest', () => {});
}

for (const workers of [1, 2]) {
  describe(`members, ${workers} workers`, () => {
    const hub = suiteHub({ set: { 'hub.workers': workers, ...SHORT }, config: CONFIG });

    for (const name of [...transportsFor(['one']), ...Object.keys(OTHERS)]) {
      test(`${name}: is listed, and told to join and to leave`, async (t) => {
        const topic = `here/by ${name}`;
        const follower = await Follower.open(t, hub, topic);
        assert.deepEqual((await page(hub, topic)).members, []);
        const end = await subscribe(t, name, hub, topic);
        await eventually(() => follower.members.size === 1, 'it to be told');
        const { number, members } = await page(hub, topic);
        assert.deepEqual([number, members.length], [1, 1]);
        assert.match(members[0].connection, /^[0-9a-f]{16}$/);
        assert.ok(Date.parse(members[0].since) > 0);
        assert.deepEqual(follower.names(), members.map(nameOf));
        await end();
        await eventually(() => follower.members.size === 0, 'it to be told gone');
        assertAlternating(follower);
        assert.equal(follower.told.at(-1)[2], 0);
        await hasMembers(hub, topic, 0);
        assert.equal(follower.gaps, 0);
      });
    }

    test('who subscribes is listed before the answer to it', async (t) => {
      for (let i = 0; i < 20; i++) {
        await open(t, hub, 'here/at once');
        assert.equal((await page(hub, 'here/at once')).number, i + 1);
      }
    });

    test('a connection is there once, and with each of its topics', async (t) => {
      const ws = await WsClient.open(hub, ['here/x', 'here/y', 'here/not/x', 'else'], {});
      t.after(() => ws.terminate());
      await ws.ask({ op: 'subscribe', topic: 'here/x', after: 'earliest' });
      const x = await list(hub, 'here/x');
      assert.equal(x.number, 1);
      assert.deepEqual(
        (await list(hub, 'here/y')).members.map(nameOf),
        x.members.map(nameOf),
        'the same name everywhere',
      );
      await ws.ask({ op: 'unsubscribe', topic: 'here/x' });
      await hasMembers(hub, 'here/x', 0);
      assert.equal((await list(hub, 'here/y')).number, 1);
    });

    test('subscribers of patterns, and services, are no members', async (t) => {
      const stream = await open(t, hub, ['here/#', 'here/+', '#']);
      const resp = await RespClient.open(hub);
      t.after(() => resp.close());
      await resp.command('SUBSCRIBE', 'here/none');
      assert.equal((await page(hub, 'here/none')).number, 0);
      await publish(hub, 'here/none', 'x');
      await stream.nextMessage();
    });

    test('who is gone with its process has left', async (t) => {
      const script = `
        const http = require('node:http');
        for (let i = 0; i < 25; i++)
          http.get('${hub.url}/t/here/dead', { agent: false, headers: { accept: 'text/event-stream' } },
                   (reply) => reply.resume());`;
      const child = spawn(process.execPath, ['-e', script], { stdio: 'ignore' });
      t.after(() => child.kill('SIGKILL'));
      const follower = await Follower.open(t, hub, 'here/dead');
      await eventually(() => follower.members.size === 25, 'all of them');
      child.kill('SIGKILL');
      await eventually(() => follower.members.size === 0, 'all of them to have left');
      assertAlternating(follower);
    });

    test('a page has as many as asked for, and says where the next begins', async (t) => {
      const topic = 'here/pages';
      for (let i = 0; i < 23; i++) await open(t, hub, topic);
      const whole = await page(hub, topic);
      assert.equal(whole.next, undefined);
      const first = await page(hub, topic, '?limit=10');
      assert.deepEqual([first.number, first.members.length], [23, 10]);
      const second = await page(hub, topic, `?limit=10&page=${first.next}`);
      const third = await page(hub, topic, `?page=${second.next}&limit=10`);
      assert.equal(third.next, undefined);
      assert.deepEqual([...first.members, ...second.members, ...third.members], whole.members);
      assert.deepEqual((await page(hub, topic, '?page=999999999')).members, []);
      assert.equal((await page(hub, topic, '?limit=99999999999')).members.length, 23);
    });

    test('what is asked wrongly is refused', async () => {
      const bad = (path) => get(hub, `/presence/${path}`);
      assertProblem(await bad('elsewhere'), 404);
      assertProblem(await bad('here/not/x'), 404);
      assertProblem(await bad('_presence/here/x'), 404);
      assertProblem(await bad(`here/${'x'.repeat(241)}`), 404);
      assert.equal((await bad(`here/${'x'.repeat(240)}`)).status, 200);
      assertProblem(await bad(''), 404);
      assertProblem(await bad('here/%23'), 400);
      assertProblem(await bad(`here/${'x'.repeat(251)}`), 400);
      for (const query of ['limit=0', 'limit=x', 'limit=', 'page=', 'page=-1', 'page=1x']) {
        assertProblem(await bad(`here/x?${query}`), 400);
      }
      assert.equal((await bad('here/x?other=1')).status, 200);
      const posted = await request(hub, 'POST', '/presence/here/x', { body: 'x' });
      assertProblem(posted, 405);
      assert.match(posted.headers.allow, /GET/);
      const head = await request(hub, 'HEAD', '/presence/here/x');
      assert.deepEqual([head.status, head.text], [200, '']);
      assert.equal((await request(hub, 'GET', '/presence/here/x', { local: true })).status, 200);
    });

    test('topics without presence have no members', async (t) => {
      await eventually(async () => (await membersGauge(hub)) === 0, 'those before to have left');
      await open(t, hub, ['elsewhere', 'here/not/x', '_presence/here/z']);
      assert.equal(await membersGauge(hub), 0);
    });

    test('HUB PRESENCE lists them, too', async (t) => {
      const resp = await RespClient.open(hub);
      t.after(() => resp.close());
      await open(t, hub, 'here/hub');
      const answer = JSON.parse(await resp.command('HUB', 'PRESENCE', 'here/hub'));
      assert.deepEqual(answer.members, (await page(hub, 'here/hub')).members);
      const rest = JSON.parse(await resp.command('HUB', 'PRESENCE', 'here/hub', '1000'));
      assert.deepEqual([rest.number, rest.members], [1, []]);
      for (const [words, error] of [
        [['elsewhere'], /^NOTFOUND /],
        [['here/#'], /^BADTOPIC /],
        [['here/hub', 'x'], /^ERR /],
      ]) {
        const refusal = await resp.command('HUB', 'PRESENCE', ...words);
        assert.ok(refusal instanceof RespError);
        assert.match(refusal.text, error);
      }
    });
  });
}

describe('below _presence', () => {
  const hub = suiteHub({ config: CONFIG });

  test('publishers of every protocol are refused', async (t) => {
    for (const topic of ['_presence', '_presence/here/x', '_presence/']) {
      assertProblem(await post(hub, topic, 'x'), 403);
      assertProblem(await postBatch(hub, `{"topic":"a","data":1}\n{"topic":"${topic}","data":1}\n`), 403);
      const ws = await WsClient.open(hub, null);
      t.after(() => ws.terminate());
      const answer = await ws.ask({ op: 'publish', topic, data: 1 });
      assert.deepEqual([answer.op, answer.code], ['error', 'forbidden']);
      const resp = await RespClient.open(hub);
      t.after(() => resp.close());
      for (const words of [
        ['PUBLISH', topic, 'x'],
        ['XADD', topic, '*', 'data', 'x'],
      ]) {
        const refusal = await resp.command(...words);
        assert.ok(refusal instanceof RespError, `${words}`);
        assert.match(refusal.text, /^FORBIDDEN /);
      }
      await resp.command('MULTI');
      assert.ok((await resp.command('PUBLISH', topic, 'x')) instanceof RespError);
      assert.ok((await resp.command('EXEC')) instanceof RespError);
    }
    assert.deepEqual(await history(hub, ['_presence/#', 'a']), []);
  });

  test('raw WebSockets do not publish there either', async (t) => {
    const ws = await WsClient.open(hub, '_presence/here/raw', { format: 'raw' });
    t.after(() => ws.terminate());
    ws.send('x');
    await ws.closed;
    assert.deepEqual(await history(hub, ['_presence/here/raw']), []);
  });

  test('only who names it hears what is told', async (t) => {
    const all = await open(t, hub, ['#', '+/here/heard']);
    const named = await open(t, hub, ['_presence/#']);
    await open(t, hub, 'here/heard');
    const told = JSON.parse((await named.nextMessage()).data);
    assert.equal(told.topic, '_presence/here/heard');
    assert.deepEqual([told.event, told.data.number], ['join', 1]);
    await publish(hub, 'plain', 'x');
    assert.equal(JSON.parse((await all.nextMessage()).data).topic, 'plain');
  });
});

describe('the linger', () => {
  const hub = suiteHub({ set: LONG, config: CONFIG });

  test('a connection is there between its polls', async (t) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    for (let i = 0; i < 5; i++) await poll(hub, ['here/polls'], { wait: 0 }, { agent });
    const { number, members } = await page(hub, 'here/polls');
    assert.equal(number, 1);
    const next = poll(hub, ['here/polls'], { wait: 60 }, { agent });
    await eventually(async () => {
      const topics = JSON.parse((await longwirectl(hub, ['--json', 'clients'])).stdout);
      return topics.some((one) => one.topics.includes('here/polls'));
    }, 'the poll to wait');
    assert.deepEqual((await page(hub, 'here/polls')).members, members);
    await publish(hub, 'here/polls', 'x');
    await next;
    assert.deepEqual((await page(hub, 'here/polls')).members, members);
    const told = await history(hub, ['_presence/here/polls']);
    assert.deepEqual(told.map(({ event }) => event), ['join']);
  });

  test('who went is still listed, and can be waited for', async (t) => {
    const stream = await open(t, hub, 'here/away');
    const { members } = await page(hub, 'here/away');
    stream.close();
    await eventually(async () => {
      const clients = JSON.parse((await longwirectl(hub, ['--json', 'clients'])).stdout);
      return !clients.some((one) => one.topics.includes('here/away'));
    }, 'it to be gone');
    assert.deepEqual((await page(hub, 'here/away')).members, members);
  });
});

test('a reload switches presence on for those who are there, and off', async (t) => {
  const hub = await startHub(t, { set: { 'hub.workers': 2, ...SHORT } });
  const reload = async (config) => {
    const before = hub.stderr().length;
    writeFileSync(hub.config, config);
    hub.signal('SIGHUP');
    await eventually(() => /reloaded\n/.test(hub.stderr().slice(before)), 'the reload');
  };
  const streams = [];
  for (let i = 0; i < 300; i++) streams.push(await open(t, hub, ['here/on', `here/${i}`, 'x/#']));
  const ws = await WsClient.open(hub, 'here/on');
  t.after(() => ws.terminate());
  const waiting = poll(hub, ['here/on'], { wait: 60 });
  await eventually(async () => {
    const { stdout } = await longwirectl(hub, ['--json', 'clients']);
    return JSON.parse(stdout).filter((one) => one.topics.includes('here/on')).length === 302;
  }, 'all subscribers');
  assertProblem(await get(hub, '/presence/here/on'), 404);
  assert.equal(await membersGauge(hub), 0);

  await reload(CONFIG);
  await hasMembers(hub, 'here/on', 302);
  assert.equal((await list(hub, 'here/17')).number, 1);
  const follower = await Follower.open(t, hub, 'here/on');
  streams[0].close();
  await eventually(() => follower.members.size === 301, 'one to leave');
  await publish(hub, 'here/on', 'x');
  await waiting;
  await eventually(() => follower.members.size === 300, 'the poll to leave');

  await reload(`${CONFIG}[topic "other"]\npresence = yes\n`);
  assert.equal((await list(hub, 'here/on')).number, 300);
  await reload('[topic "here/on"]\npresence = no\n[topic "here/#"]\npresence = yes\n');
  await eventually(() => follower.members.size === 0, 'all to leave');
  assertAlternating(follower);
  assertProblem(await get(hub, '/presence/here/on'), 404);
  assert.equal((await list(hub, 'here/17')).number, 1, 'others stay');
  for (const stream of streams) stream.close();
  await eventually(async () => (await membersGauge(hub)) === 0, 'nobody');
});

for (const [how, end] of [
  ['a restart', (hub) => hub.restart()],
  ['a crash', (hub) => hub.kill9().then(() => hub.start())],
]) {
  test(`behind ${how} those who follow are told a gap, and begin anew`, async (t) => {
    const hub = await startHub(t, { set: { 'hub.workers': 2, ...LONG }, config: CONFIG });
    const follower = await Follower.open(t, hub, 'here/again');
    for (let i = 0; i < 3; i++) await open(t, hub, 'here/again');
    await eventually(() => follower.members.size === 3, 'all three');
    await publish(hub, 'here/other', 'x');
    const elsewhere = await open(t, hub, 'here/other');
    const place = elsewhere.cursor;
    await end(hub);
    const stream = await SseStream.open(hub, ['here/other'], { after: place });
    t.after(() => stream.close());
    await stream.blocks.next('live, and no gap before it', (block) => {
      assert.notEqual(block.event, 'longwire.gap');
      return block.event === 'longwire.live';
    });
    assert.equal((await list(hub, 'here/again')).number, 0);
    await follower.resume();
    await eventually(() => follower.gaps === 1, 'the gap');
    await follower.again();
    assert.deepEqual(follower.names(), []);
    await open(t, hub, 'here/again');
    await eventually(() => follower.members.size === 1, 'who comes back');
  });
}

test('longwirectl presence shows who is there, and who comes and goes', async (t) => {
  const hub = await startHub(t, { set: SHORT, config: CONFIG });
  const ctl = async (...args) => longwirectl(hub, args);
  const none = await ctl('presence', 'here/ctl');
  assert.deepEqual([none.code, none.stdout], [0, '']);
  assert.match(none.stderr, /nobody is there/);
  assert.equal((await ctl('presence', 'elsewhere')).code, 4);
  for (let i = 0; i < 3; i++) await open(t, hub, 'here/ctl');
  const names = (await list(hub, 'here/ctl')).members.map(nameOf);
  const table = (await ctl('presence', 'here/ctl')).stdout;
  for (const name of names) assert.match(table, new RegExp(`^${name} +connection +1 `, 'm'));
  const document = JSON.parse((await ctl('--json', 'presence', 'here/ctl')).stdout);
  assert.deepEqual(document.members.map(nameOf), names);
  const following = start(hub, ['presence', '-f', 'here/ctl']);
  t.after(() => following.child.kill());
  await following.until(new RegExp(names[2]));
  const stream = await open(t, hub, 'here/ctl');
  await following.until(/\[join\]/);
  stream.close();
  await following.until(/\[leave\]/);
  await hub.restart();
  await following.until(/nobody is there/, 'stderr');
  await open(t, hub, 'here/ctl');
  await following.until(/\[join\].*"number":1\b/s);
});

/** Of a crowd, so many are on their way at once: more would wait for each other on a busy machine. */
const AT_A_TIME = 16;

/** Clients that come and go as they like, and what they are subscribed to. */
class Crowd {
  #hub;
  #random;
  #clients = [];

  constructor(hub, random, count) {
    this.#hub = hub;
    this.#random = random;
    for (let i = 0; i < count; i++) this.#clients.push(null);
  }

  /** How many are there now. */
  get size() {
    return this.#clients.filter(Boolean).length;
  }

  async #toggle(i, topic) {
    const before = this.#clients[i];
    this.#clients[i] = null;
    before?.();
    if (before && this.#random.int(0, 2)) return;
    if (this.#random.int(0, 1)) {
      const ws = await WsClient.open(this.#hub, topic);
      this.#clients[i] = () => ws.terminate();
    } else {
      const stream = await SseStream.open(this.#hub, [topic]);
      this.#clients[i] = () => stream.close();
    }
  }

  /** Each client comes or goes once, a few at a time. */
  async churn(topic) {
    const left = this.#random.sample([...this.#clients.keys()], this.#clients.length);
    const some = async () => {
      while (left.length) await this.#toggle(left.pop(), topic);
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, some));
  }

  end() {
    for (const close of this.#clients) close?.();
    this.#clients.fill(null);
  }
}

test('300 clients come and go, and whoever follows from whenever has the truth', async (t) => {
  const seed = chooseSeed();
  t.diagnostic(`LONGWIRE_SEED=${seed}`);
  const random = new Random(seed);
  const hub = await startHub(t, {
    set: { 'hub.workers': 2, 'hub.presence_linger': '20ms' },
    config: CONFIG,
  });
  const topic = 'here/crowd';
  const crowd = new Crowd(hub, random, 300);
  t.after(() => crowd.end());
  const first = await Follower.open(t, hub, topic);
  const followers = [first];
  for (let round = 0; round < 4; round++) {
    const churning = crowd.churn(topic);
    followers.push(await Follower.open(t, hub, topic)); /* in the middle of it */
    const lists = (async () => {
      for (let i = 0; i < 10; i++) {
        const { members } = await list(hub, topic, random.int(1, 100));
        const names = members.map(nameOf);
        assert.equal(new Set(names).size, names.length, 'each is listed once');
      }
    })();
    await Promise.all([churning, lists]);
    await hasMembers(hub, topic, crowd.size);
    const names = (await list(hub, topic, 50)).members.map(nameOf).sort();
    for (const follower of followers) {
      await eventually(
        () => JSON.stringify(follower.names()) === JSON.stringify(names),
        'what is told to come to what is listed',
      );
      assert.equal(follower.gaps, 0);
    }
  }
  assertAlternating(first);
  crowd.end();
  await eventually(() => first.members.size === 0, 'all to have left');
  assert.equal(first.told.at(-1)[2], 0);
  assert.equal(await counter(hub, 'presence_joins'), first.told.filter(([e]) => e === 'join').length);
  assert.equal(await counter(hub, 'presence_leaves'), first.told.length / 2);
});
