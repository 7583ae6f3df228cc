// Hooks: an application is told which topics have subscribers and who is a member of them, in order
// and until it has answered, whatever ends in between.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { counter } from './lib/counters.mjs';
import { HookReceiver, sign } from './lib/hooks.mjs';
import { assertProblem, publish, request } from './lib/http.mjs';
import { ROOT, launch, longwirectl, run, startHub } from './lib/hub.mjs';
import { takePort } from './lib/ports.mjs';
import { RespClient } from './lib/resp.mjs';
import { SseStream } from './lib/sse.mjs';
import { Keys, bearer } from './lib/tokens.mjs';
import { counted, eventually, sleep } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';

const CONFIG = '[topic "room/#"]\nhooks = yes\n[topic "club/#"]\nhooks = yes\npresence = yes\n';
const SHORT = { 'hooks.linger': '50ms', 'hub.presence_linger': '50ms' };
const LONG = { 'hooks.linger': '1h', 'hub.presence_linger': '1h' };

const receiver = (t) => new HookReceiver(t).start();
const hubOf = (t, app, set = SHORT) =>
  startHub(t, { set: { 'hub.workers': 2, ...app.settings, ...set }, config: CONFIG });

async function enter(t, hub, topic, headers = {}) {
  const stream = await SseStream.open(hub, [topic], {}, headers);
  t.after(() => stream.close());
  return stream.live();
}

async function ask(hub, ...words) {
  const resp = await RespClient.open(hub);
  const document = JSON.parse(await resp.command('HUB', ...words));
  resp.close();
  return document;
}

const status = (hub) => ask(hub, 'HOOKS');

test('the first subscriber of a topic and the last one are told, those between are not', async (t) => {
  const app = await receiver(t);
  const hub = await hubOf(t, app);
  const one = await enter(t, hub, 'room/1');
  await app.told('room/1', 1);
  const two = await WsClient.open(hub, 'room/1');
  await enter(t, hub, 'other/1');
  one.close();
  two.terminate();
  assert.deepEqual(await app.told('room/1', 2), ['occupied', 'vacated']);
  const { id, time, ...rest } = app.events[0];
  assert.match(id, /^1-[0-9a-f]{16}$/);
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(rest, { event: 'occupied', topic: 'room/1' });
  await enter(t, hub, 'room/2');
  await app.told('room/2', 1);
  assert.deepEqual(app.of('other/1'), []);
  await eventually(async () => (await counter(hub, 'hooks_delivered')) === 3, 'the count');
  assert.equal(await counter(hub, 'hooks_events'), 3);
});

test('who comes back within the linger has never gone', async (t) => {
  const app = await receiver(t);
  const hub = await hubOf(t, app, LONG);
  const one = await enter(t, hub, 'room/1');
  await app.told('room/1', 1);
  one.close();
  const streams = async () => (await ask(hub, 'CLIENTS')).filter(({ topics }) => topics?.length);
  await eventually(async () => (await streams()).length === 0, 'the end of the stream');
  await enter(t, hub, 'room/1');
  await enter(t, hub, 'room/2');
  await app.told('room/2', 1);
  assert.deepEqual(app.of('room/1'), ['occupied']);
});

test('members are told with their names', async (t) => {
  const app = await receiver(t);
  const keys = new Keys(t);
  const hub = await hubOf(t, app, { ...SHORT, ...keys.settings, 'access.local': 'all' });
  const longwire = { subscribe: ['club/#'], info: { name: 'A "quoted",since' } };
  const token = keys.sign({ sub: 'alice', longwire });
  const one = await enter(t, hub, 'club/1', bearer(token));
  assert.deepEqual((await app.told('club/1', 2)).sort(), ['join alice', 'occupied']);
  const { id, time, since, ...join } = app.events.find(({ event }) => event === 'join');
  assert.ok(id && time && since);
  assert.deepEqual(join, { event: 'join', topic: 'club/1', sub: 'alice', info: longwire.info, number: 1 });
  one.close();
  assert.deepEqual((await app.told('club/1', 4)).slice(2).sort(), ['leave alice', 'vacated']);
});

test('a batch that is not answered with 2xx comes again, and nothing overtakes it', async (t) => {
  const app = await receiver(t);
  const hub = await hubOf(t, app, { ...LONG, 'hooks.timeout': '1s' });
  const answers = [503, 400, null, 302];
  app.answer = () => (answers.length ? answers.shift() : 200);
  for (let i = 1; i <= 5; i++) await enter(t, hub, `room/${i}`);
  await app.told('room/5', 1);
  assert.deepEqual(app.events.map(({ topic }) => topic), [1, 2, 3, 4, 5].map((i) => `room/${i}`));
  const firsts = app.batches.slice(0, 5).map(({ events }) => events[0].id);
  assert.equal(new Set(firsts).size, 1);
  assert.ok((await counter(hub, 'hooks_failed')) >= 4);
});

test('what cannot be delivered waits, and is said by `longwirectl hooks`', async (t) => {
  const app = await receiver(t);
  await app.stop();
  const hub = await hubOf(t, app, LONG);
  await enter(t, hub, 'room/1');
  const trouble = await eventually(async () => {
    const now = await status(hub);
    return now.failures && now.backlog === 1 && now;
  }, 'a failure');
  assert.equal(typeof trouble.error, 'string');
  const { stdout } = await longwirectl(hub, ['hooks']);
  assert.match(stdout, /backlog +1 events[^]*failed +\d+ times/);
  await app.start();
  await app.told('room/1', 1);
  await eventually(async () => (await status(hub)).backlog === 0, 'an empty backlog');
  assert.equal((await status(hub)).error, null);
});

/** What a start tells of those who do not come back in `linger`. */
const setLinger = (hub, linger) => writeFileSync(hub.config, `${CONFIG}[hooks]\nlinger = ${linger}\n`);

test('nothing is lost when the hub is killed, and who did not come back has gone', async (t) => {
  const app = await receiver(t);
  const hub = await hubOf(t, app, {});
  await enter(t, hub, 'room/away');
  await app.told('room/away', 1);
  await app.stop();
  await enter(t, hub, 'room/untold');
  await eventually(async () => (await status(hub)).backlog === 1, 'what is not told');
  await hub.kill9();
  await app.start();
  setLinger(hub, '0');
  await hub.start();
  assert.deepEqual(await app.told('room/away', 2), ['occupied', 'vacated']);
  assert.deepEqual(await app.told('room/untold', 2), ['occupied', 'vacated']);
  await eventually(async () => (await status(hub)).here === 0, 'nobody to be here');
});

for (const end of ['kill9', 'stop'])
  test(`who is back in time after ${end} has never gone, members neither`, async (t) => {
    const app = await receiver(t);
    const keys = new Keys(t);
    const hub = await hubOf(t, app, { ...keys.settings, 'access.local': 'all' });
    const token = (sub) => bearer(keys.sign({ sub, longwire: { subscribe: ['club/#'] } }));
    setLinger(hub, '1h');
    await hub.restart();
    await enter(t, hub, 'club/1', token('alice'));
    await enter(t, hub, 'club/1', token('bob'));
    await app.told('club/1', 3);
    await hub[end]();
    await hub.start();
    await enter(t, hub, 'club/1', token('bob'));
    await enter(t, hub, 'club/2', token('bob'));
    await app.told('club/2', 2);
    assert.deepEqual(app.of('club/1').sort(), ['join alice', 'join bob', 'occupied']);
    await hub[end]();
    setLinger(hub, '0');
    await hub.start();
    const gone = (await app.told('club/1', 6)).slice(3);
    assert.deepEqual(gone.sort(), ['leave alice', 'leave bob', 'vacated']);
    assert.deepEqual((await app.told('club/2', 4)).slice(2).sort(), ['leave bob', 'vacated']);
  });

test('an answer that was lost with the hub: the same events again, by the same ids', async (t) => {
  const app = await receiver(t);
  const hub = await hubOf(t, app, LONG);
  app.answer = () => null;
  await enter(t, hub, 'room/1');
  await counted(() => app.batches.length, 1, 'batches');
  await hub.kill9();
  app.answer = () => 200;
  await hub.start();
  await app.told('room/1', 1);
  assert.equal(app.batches.at(-1).events[0].id, app.batches[0].events[0].id);
});

test('whenever the hub is killed, what was told last is the truth in the end', async (t) => {
  const app = await receiver(t);
  const hub = await hubOf(t, app, { 'hooks.linger': '0' });
  const topics = Array.from({ length: 8 }, (_, i) => `room/${i}`);
  for (let round = 0; round < 8; round++) {
    const sockets = await Promise.all(topics.map((topic) => WsClient.open(hub, topic)));
    for (const ws of sockets.slice(round)) ws.terminate();
    await sleep(Math.random() * 30); // wherever it is by then
    await hub.kill9();
    await hub.start();
  }
  const here = topics.slice(0, 4);
  for (const topic of here) await enter(t, hub, topic);
  const last = () => topics.map((topic) => app.of(topic).at(-1) === 'occupied');
  const truth = topics.map((topic) => here.includes(topic));
  await eventually(async () => {
    const { here: names, backlog } = await status(hub);
    return names === here.length && backlog === 0 && last().every((is, i) => is === truth[i]);
  }, 'the truth');
});

test('with two workers each topic comes and goes in turn', async (t) => {
  const app = await receiver(t);
  const hub = await hubOf(t, app, { ...SHORT, 'hooks.linger': '0' });
  const topics = Array.from({ length: 12 }, (_, i) => `room/${i}`);
  let calls = 0;
  app.answer = () => (++calls % 3 ? 200 : 500);
  for (let round = 0; round < 6; round++) {
    const sockets = await Promise.all(topics.map((topic) => WsClient.open(hub, topic)));
    for (const ws of sockets) ws.terminate();
  }
  await eventually(
    async () => {
      const { here, backlog } = await status(hub);
      return here === 0 && backlog === 0;
    },
    'all to be told gone',
  );
  for (const topic of topics) {
    const told = app.of(topic);
    assert.ok(told.length >= 2 && told.length % 2 === 0, `${told}`);
    assert.ok(told.every((event, i) => event === (i % 2 ? 'vacated' : 'occupied')), `${told}`);
  }
});

test('events that are no longer kept are told as a gap', async (t) => {
  const app = await receiver(t);
  await app.stop();
  const hub = await hubOf(t, app, LONG);
  for (let i = 1; i <= 3; i++) await enter(t, hub, `room/${i}`);
  await eventually(async () => (await status(hub)).backlog === 3, 'three events');
  const { code } = await longwirectl(hub, ['purge', '--yes', '_hooks/events']);
  assert.equal(code, 0);
  await enter(t, hub, 'room/4');
  await eventually(async () => (await status(hub)).backlog === 4, 'another one');
  await app.start();
  await app.told('room/4', 1);
  assert.deepEqual(app.batches.at(-1).gap, { missing: 3 });
  assert.equal(app.events.length, 1);
});

test('only the hub publishes below _hooks/, and no pattern matches it', async (t) => {
  const app = await receiver(t);
  const hub = await hubOf(t, app);
  const reply = await request(hub, 'POST', '/t/_hooks/events', { body: '{}' });
  assertProblem(reply, 403);
  const all = await enter(t, hub, '#');
  const named = await enter(t, hub, '_hooks/#');
  await enter(t, hub, 'room/1');
  const { event, topic } = (await named.messages(1, JSON.parse))[0].data;
  assert.deepEqual({ event, topic }, { event: 'occupied', topic: 'room/1' });
  await publish(hub, 'a', 'x');
  assert.equal((await all.messages(1, JSON.parse))[0].topic, 'a');
});

test('a secret that cannot be read, or is short, is said at the start', async (t) => {
  const app = await receiver(t);
  const start = (set) => startHub(t, { set: { ...app.settings, ...set } });
  await assert.rejects(start({ 'hooks.secret_file': '/none' }), /hooks\.secret_file = \/none: cannot be read/);
  writeFileSync(app.secretFile, 'short\n');
  await assert.rejects(start({}), /hooks\.secret_file = \S+: is too short: a secret must be at least 16 bytes/);
});

test('a reload reads the secret again, and leaves the rest', async (t) => {
  const app = await receiver(t);
  const hub = await hubOf(t, app, LONG);
  await enter(t, hub, 'room/1');
  await app.told('room/1', 1);
  app.setSecret('another secret, of some length too');
  hub.signal('SIGHUP');
  await eventually(() => /reloaded/.test(hub.stderr()), 'the reload');
  await enter(t, hub, 'room/2');
  await app.told('room/2', 1);
  assert.deepEqual(app.of('room/1'), ['occupied']);
});

test('the examples of doc/access.md', async (t) => {
  const text = readFileSync(join(ROOT, 'doc/access.md'), 'utf8').split('\n## Hooks\n')[1];
  const example = (language) => new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'ms').exec(text)[1];
  const app = new HookReceiver(t);
  const { port, free } = await takePort();
  t.after(free);
  const program = example('js')
    .replace('8000', String(port))
    .replace('/etc/longwire/hooks.secret', app.secretFile);
  const child = launch('node', ['--input-type=module', '-e', program]);
  t.after(() => child.kill());
  let said = '';
  child.stdout.on('data', (data) => {
    said += data;
  });
  const url = `http://127.0.0.1:${port}/longwire-events`;
  const set = { ...LONG, 'hooks.url': url, 'hooks.secret_file': app.secretFile };
  const hub = await startHub(t, { set, config: CONFIG });
  await enter(t, hub, 'room/1');
  await eventually(() => said.trim() === 'occupied room/1', 'the event to be said');
  assert.equal((await fetch(url, { method: 'POST', body: '{}' })).status, 401);

  const check = `import sys\n${example('python')}
header, body, secret = sys.argv[1:]
print(is_genuine(header, body.encode(), secret.encode()))`;
  const header = sign('secret', 'body');
  for (const [body, result] of Object.entries({ body: 'True', other: 'False' })) {
    const { stdout } = await run('python3', ['-c', check, header, body, 'secret']);
    assert.equal(stdout.trim(), result);
  }
});
