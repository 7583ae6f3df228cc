// Members who have a name: those whose tokens say who they are.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, describe, test } from 'node:test';

import { Longwire } from '../../clients/js/longwire.js';
import * as h2 from './lib/h2.mjs';
import { assertProblem, get, poll, publish, request, subscribePath } from './lib/http.mjs';
import { startHub, suiteHub } from './lib/hub.mjs';
import { Follower, assertAlternating, hasMembers, list, nameOf } from './lib/presence.mjs';
import { SseStream } from './lib/sse.mjs';
import { Keys, bearer } from './lib/tokens.mjs';
import { eventually } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';

const CONFIG = '[topic "room/#"]\npresence = yes\n';
const LONG = { 'hub.presence_linger': '1h' };
const SHORT = { 'hub.presence_linger': '50ms' };
/** Tests look on as whom this machine's own may do everything. */
const OPEN = { 'access.local': 'all' };

describe('members with a name', () => {
  const keys = new Keys({ after });
  const hub = suiteHub({
    set: { ...keys.settings, ...OPEN, ...SHORT, 'hub.workers': 2 },
    config: CONFIG,
  });
  const token = (sub, info) =>
    keys.sign({ sub, longwire: { subscribe: ['room/#'], presence: ['room/#'], info } });

  async function enter(t, topic, sub, info) {
    const stream = await SseStream.open(hub, [topic], {}, bearer(token(sub, info)));
    t.after(() => stream.close());
    return stream.live();
  }

  const ways = {
    sse: (t, topic, sub) => enter(t, topic, sub, { by: 'sse' }),
    ws: async (t, topic, sub) => {
      const headers = bearer(token(sub));
      const ws = await WsClient.open(hub, topic, {}, { headers });
      return { close: () => ws.terminate() };
    },
    'ws by auth': async (t, topic, sub) => {
      const ws = await WsClient.open(hub, null);
      assert.equal((await ws.ask({ op: 'auth', token: token(sub) })).op, 'authenticated');
      assert.equal((await ws.ask({ op: 'subscribe', topic })).op, 'subscribed');
      return { close: () => ws.terminate() };
    },
    poll: async (t, topic, sub) => {
      const agent = new http.Agent();
      const options = { agent, headers: bearer(token(sub)) };
      poll(hub, [topic], { wait: 60 }, options).catch(() => {});
      return { close: () => agent.destroy() };
    },
    'sse over HTTP/2': async (t, topic, sub) => {
      const session = await h2.connect(t, hub);
      const path = subscribePath([topic]);
      const { stream, status } = h2.events(session, path, { authorization: `Bearer ${token(sub)}` });
      assert.equal(await status, 200);
      return { close: () => stream.close() };
    },
  };

  for (const [name, way] of Object.entries(ways)) {
    test(`${name}: is there by its sub, and goes with its last connection`, async (t) => {
      const topic = `room/${name}`;
      const follower = await Follower.open(t, hub, topic);
      const one = await way(t, topic, 'alice');
      const two = await enter(t, topic, 'alice');
      const other = await enter(t, topic, 'bob');
      await eventually(() => follower.members.size === 2, 'both');
      await eventually(async () => {
        const { members } = await list(hub, topic);
        return members.find(({ sub }) => sub === 'alice').connections === 2;
      }, 'two connections');
      one.close();
      await eventually(async () => {
        const { members } = await list(hub, topic);
        return members.find(({ sub }) => sub === 'alice').connections === 1;
      }, 'one connection');
      other.close();
      await eventually(() => !follower.members.has('bob'), 'bob to leave');
      assert.ok(follower.members.has('alice'));
      two.close();
      await eventually(() => follower.members.size === 0, 'alice to leave');
      assert.deepEqual(
        follower.told.filter(([, who]) => who === 'alice').map(([event]) => event),
        ['join', 'leave'],
      );
      assertAlternating(follower);
    });
  }

  test('the info of a token is shown, and nothing else of it', async (t) => {
    const follower = await Follower.open(t, hub, 'room/info');
    const info = { name: 'Ada "L"', colours: ['red', 1, null] };
    await enter(t, 'room/info', 'ada', info);
    await eventually(() => follower.members.size === 1, 'her');
    const [{ since, ...told }] = follower.members.values();
    assert.ok(since);
    assert.deepEqual(told, { sub: 'ada', number: 1, info });
    const [listed] = (await list(hub, 'room/info')).members;
    assert.deepEqual(listed, { sub: 'ada', since, connections: 1, info });
  });

  test('a connection that gets a name is there as that', async (t) => {
    const ws = await WsClient.open(hub, 'room/renamed');
    t.after(() => ws.terminate());
    const follower = await Follower.open(t, hub, 'room/renamed');
    const [before] = (await list(hub, 'room/renamed')).members;
    assert.ok(before.connection);
    await ws.ask({ op: 'auth', token: token('carol') });
    await eventually(() => follower.names().join() === 'carol', 'carol, alone');
    assert.deepEqual((await list(hub, 'room/renamed')).members.map(nameOf), ['carol']);
    ws.terminate();
    await hasMembers(hub, 'room/renamed', 0);
    await eventually(() => follower.members.size === 0, 'carol to leave');
  });

  test('who may see presence is asked, and nothing else', async (t) => {
    const may = keys.sign({ sub: 'x', longwire: { presence: ['room/seen'] } });
    const mayNot = keys.sign({ sub: 'x', longwire: { subscribe: ['#', 'room/#', '_presence/#'] } });
    const strict = await startHub(t, { set: keys.settings, config: CONFIG });
    const ask = async (path, secret) =>
      (await get(strict, path, { headers: secret ? bearer(secret) : {} })).status;
    for (const [path, other] of [
      ['/presence/room/seen', '/presence/room/unseen'],
      ['/t/_presence/room/seen?wait=0', '/t/_presence/room/unseen?wait=0'],
    ]) {
      assert.equal(await ask(path, may), 200, path);
      assert.equal(await ask(other, may), 403, other);
      assert.equal(await ask(path, mayNot), 403, path);
      assert.equal(await ask(path), 401, path);
    }
    for (const pattern of ['_presence/%23', '_presence/room/%2B', '%23']) {
      assert.equal(await ask(`/t?topic=${pattern}&wait=0`, may), 403, pattern);
    }
    const local = await request(strict, 'GET', '/presence/room/seen', { local: true });
    assert.equal(local.status, 200);
    assertProblem(
      await get(strict, '/presence/room/unseen', { headers: bearer(may) }),
      403,
    );
  });
});

test('who reconnects in time has not left, by whatever it comes back', async (t) => {
  const keys = new Keys(t);
  const hub = await startHub(t, {
    set: { ...keys.settings, ...OPEN, ...LONG, 'hub.workers': 2 },
    config: CONFIG,
  });
  const token = () => keys.sign({ sub: 'dora', longwire: { subscribe: ['room/#'] } });
  const follower = await Follower.open(t, hub, 'room/back');
  let since;
  for (let i = 0; i < 12; i++) {
    const headers = bearer(token());
    if (i % 3 === 0) {
      const stream = await SseStream.open(hub, ['room/back'], {}, headers);
      stream.close();
    } else if (i % 3 === 1) {
      const ws = await WsClient.open(hub, 'room/back', {}, { headers });
      ws.terminate();
      await ws.closed;
    } else {
      await poll(hub, ['room/back'], { wait: 0 }, { headers });
    }
    const { number, members } = await list(hub, 'room/back');
    assert.deepEqual([number, members[0].sub], [1, 'dora']);
    since ??= members[0].since;
    assert.equal(members[0].since, since);
  }
  await publish(hub, 'room/back', 'x');
  await eventually(() => follower.told.length === 1, 'one join');
  assert.deepEqual(follower.told, [['join', 'dora', 1]]);
});

test('the client keeps the list, over a restart of the hub too', async (t) => {
  const keys = new Keys(t);
  const hub = await startHub(t, {
    set: { ...keys.settings, ...SHORT, 'hub.workers': 2 },
    config: CONFIG,
  });
  const enter = (sub) => {
    const longwire = { subscribe: ['room/#'], presence: ['room/#'], info: { name: sub } };
    const client = new Longwire(hub.url, { token: () => keys.sign({ sub, longwire }) });
    t.after(() => client.close());
    const backoff = { base: 20, cap: 200 };
    return client.subscribe('room/js', { onMessage() {}, transport: 'sse', backoff });
  };
  const events = [];
  const eve = enter('eve');
  const presence = eve.presence({
    onJoin: ({ sub, info }) => events.push(`+${sub} ${info?.name}`),
    onLeave: ({ sub }) => events.push(`-${sub}`),
    transport: 'sse',
    backoff: { base: 20, cap: 200 },
  });
  await presence.ready;
  const here = (...subs) =>
    eventually(() => presence.members.map(nameOf).sort().join() === subs.join(), subs.join());
  await here('eve');
  const finn = enter('finn');
  await here('eve', 'finn');
  const gwen = enter('gwen');
  await here('eve', 'finn', 'gwen');
  finn.close();
  await here('eve', 'gwen');
  assert.ok(events.includes('+finn finn') && events.includes('-finn'));
  gwen.pause();
  await here('eve');
  gwen.resume();
  await here('eve', 'gwen');
  gwen.pause();
  await hub.restart();
  await here('eve');
  gwen.resume();
  await here('eve', 'gwen');
  const token = keys.grant('hal', { subscribe: ['room/#'] });
  const client = new Longwire(hub.url, { token });
  t.after(() => client.close());
  const blind = client.subscribe('room/js', { onMessage() {}, transport: 'sse' });
  await assert.rejects(blind.presence().ready, (error) => error.status === 403);
});
