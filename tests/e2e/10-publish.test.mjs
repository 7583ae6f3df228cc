// POST /t/{topic}: what is stored, and what each mistake gets.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { epochOf, offsetOf } from './lib/cursor.mjs';
import { assertProblem, get, history, poll, post, publish, request } from './lib/http.mjs';
import { suiteHub } from './lib/hub.mjs';

describe('publishing by POST', () => {
  const hub = suiteHub();

  /** The only message of a topic. */
  async function only(topic) {
    const messages = await history(hub, topic);
    assert.equal(messages.length, 1);
    return messages[0];
  }

  test('answers 201 with the id after commit', async () => {
    const reply = await post(hub, 'p/basic', 'hello', { type: 'text/plain' });
    assert.equal(reply.status, 201);
    assert.match(reply.headers['content-type'], /^application\/json/);
    const message = await only('p/basic');
    assert.equal(message.id, reply.json().id);
    assert.equal(message.topic, 'p/basic');
    assert.equal(message.data, 'hello');
    assert.match(message.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.ok(Math.abs(Date.parse(message.time) - Date.now()) < 60_000);
    assert.ok(!('event' in message) && !('encoding' in message));
  });

  test('gives dense offsets of one epoch, over all topics', async () => {
    const first = await publish(hub, 'p/dense/a', '1');
    const second = await publish(hub, 'p/dense/b', '2');
    const third = await publish(hub, 'p/dense/a', '3');
    assert.equal(offsetOf(second), offsetOf(first) + 1);
    assert.equal(offsetOf(third), offsetOf(first) + 2);
    assert.equal(epochOf(first), epochOf(third));
  });

  const kinds = [
    [
      'a JSON object',
      'application/json',
      '{"a":[1,2.5,null,"\\u00e9"]}',
      { a: [1, 2.5, null, 'é'] },
    ],
    ['JSON with a charset', 'application/json; charset=utf-8', '[true]', [true]],
    ['a JSON string', 'application/json', '"text"', 'text'],
    ['a JSON number', 'application/json', '42', 42],
    ['JSON null', 'application/json', 'null', null],
    ['text', 'text/plain', 'zwölf\n"quoted" \\ \u0001', 'zwölf\n"quoted" \\ \u0001'],
    ['text that looks like JSON', 'text/plain', '{"a":1}', '{"a":1}'],
    ['an object without a type', undefined, '{"sniffed":true}', { sniffed: true }],
    ['an array without a type', undefined, '[1,2]', [1, 2]],
    ['a bare number without a type', undefined, '42', '42'],
    ['a broken object without a type', undefined, '{"a":', '{"a":'],
    ['text without a type', undefined, 'plain €', 'plain €'],
    ['nothing at all', undefined, '', ''],
  ];
  for (const [name, type, body, data] of kinds) {
    test(`stores ${name}`, async () => {
      const topic = `p/kind/${name}`;
      await publish(hub, topic, body, { type });
      const message = await only(topic);
      assert.deepEqual(message.data, data);
      assert.ok(!('encoding' in message));
    });
  }

  const binaries = [
    ['bytes without a type', undefined, Buffer.from([0xff, 0x00, 0x80, 0x0a])],
    ['bytes of a binary type', 'application/octet-stream', Buffer.from('plain ASCII')],
    ['a truncated character', undefined, Buffer.from([0x61, 0xe2, 0x82])],
  ];
  for (const [name, type, body] of binaries) {
    test(`stores ${name} as base64`, async () => {
      const topic = `p/binary/${name}`;
      await publish(hub, topic, body, { type });
      const message = await only(topic);
      assert.equal(message.encoding, 'base64');
      assert.equal(message.data, body.toString('base64'));
    });
  }

  test('takes what `curl -d` sends', async () => {
    await publish(hub, 'p/curl', 'temp=21', { type: 'application/x-www-form-urlencoded' });
    assert.equal((await only('p/curl')).data, 'temp=21');
  });

  const malformed = [
    '',
    '{',
    '{"a":1}x',
    "{'a':1}",
    '[1,]',
    '"\ud800',
    'nul',
    '{"a":1e}',
    '\u0001',
  ];
  for (const body of malformed) {
    test(`refuses malformed JSON ${JSON.stringify(body)}`, async () => {
      assertProblem(await post(hub, 'p/malformed', body, { type: 'application/json' }), 400);
    });
  }

  test('refuses JSON that is not UTF-8', async () => {
    const body = Buffer.from('"\xff"', 'latin1');
    assertProblem(await post(hub, 'p/malformed', body, { type: 'application/json' }), 400);
  });

  test('refuses text that is not UTF-8', async () => {
    const body = Buffer.from('\xff', 'latin1');
    assertProblem(await post(hub, 'p/malformed', body, { type: 'text/plain' }), 400);
  });

  test('refuses JSON that is nested without end', async () => {
    const body = '['.repeat(200_000);
    assertProblem(await post(hub, 'p/malformed', body, { type: 'application/json' }), 400);
  });

  test('stores nothing of what it refuses', async () => {
    assert.deepEqual(await history(hub, 'p/malformed'), []);
  });

  test('keeps the event name', async () => {
    await publish(hub, 'p/event', 'x', { event: 'price_update' });
    assert.equal((await only('p/event')).event, 'price_update');
  });

  test('keeps an event name beyond ASCII', async () => {
    const event = Buffer.from('größe', 'utf8').toString('latin1');
    await publish(hub, 'p/event/utf8', 'x', { event });
    assert.equal((await only('p/event/utf8')).event, 'größe');
  });

  for (const event of ['longwire.gap', 'longwire.', 'e'.repeat(256), 'tab\there', '\xff']) {
    test(`refuses the event name ${JSON.stringify(event.slice(0, 20))}`, async () => {
      assertProblem(await post(hub, 'p/event/bad', 'x', { event }), 400);
    });
  }

  const topics = ['a', 'a b', 'ünï/cödé', 'a//b', 'a/', '…', 'x'.repeat(255), "it's?&=%"];
  for (const topic of topics) {
    test(`accepts the topic ${topic.slice(0, 20)}`, async () => {
      await publish(hub, `${topic}`, 'x');
      assert.equal((await only(topic)).topic, topic);
    });
  }

  const badPaths = {
    'a leading slash': '/t//a',
    'a dollar sign in front': '/t/$SYS/x',
    'a + wildcard': '/t/a/+',
    'a # wildcard': '/t/a/%23',
    'a control character': '/t/a%0ab',
    'a NUL': '/t/a%00',
    DEL: '/t/a%7f',
    'a C1 control': '/t/a%c2%85',
    'broken UTF-8': '/t/a%ff',
    'a surrogate': '/t/%ed%a0%80',
    '256 bytes': `/t/${'x'.repeat(256)}`,
    'half an escape': '/t/a%2',
    'no escape': '/t/a%zz',
  };
  for (const [what, path] of Object.entries(badPaths)) {
    test(`refuses a topic with ${what}`, async () => {
      assertProblem(await request(hub, 'POST', path, { body: 'x' }), 400);
      assertProblem(await get(hub, path.replace('+', '%01').replace('%23', '%01')), 400);
    });
  }

  test('answers 404 for an unknown path', async () => {
    assertProblem(await request(hub, 'POST', '/nowhere', { body: 'x' }), 404);
    assertProblem(await get(hub, '/tx'), 404);
    assertProblem(await request(hub, 'POST', '/t/', { body: 'x' }), 404);
  });

  for (const [method, path] of [
    ['PUT', '/t/a'],
    ['DELETE', '/t/a'],
    ['PATCH', '/t'],
    ['POST', '/healthz'],
    ['DELETE', '/metrics'],
    ['POST', '/cursor'],
  ]) {
    test(`answers ${method} ${path} with 405 and Allow`, async () => {
      const reply = await request(hub, method, path, { body: 'x' });
      assertProblem(reply, 405);
      assert.ok(reply.headers.allow);
      assert.ok(!reply.headers.allow.split(/, */).includes(method));
    });
  }

  test('names POST among what a topic allows', async () => {
    const { headers } = await request(hub, 'PUT', '/t/a');
    assert.ok(headers.allow.includes('GET') && headers.allow.includes('POST'));
  });

  test('refuses an encoded body with 415', async () => {
    const headers = { 'Content-Encoding': 'gzip' };
    assertProblem(await post(hub, 'p/gzip', 'x', { headers }), 415);
  });
});

describe('sizes of publishes', () => {
  const hub = suiteHub({ set: { 'hub.max_message_bytes': '64K', 'http.max_body_bytes': '128K' } });

  test('takes a message of the largest size', async () => {
    await publish(hub, 'size/max', Buffer.alloc(65536, 'x'));
    const { messages } = await poll(hub, 'size/max', { after: 'earliest', wait: 0 });
    assert.equal(messages[0].data.length, 65536);
  });

  test('refuses one byte more with 413', async () => {
    assertProblem(await post(hub, 'size/more', Buffer.alloc(65537, 'x')), 413);
    assert.deepEqual(await history(hub, 'size/more'), []);
  });

  test('refuses a body beyond the limit with 413', async () => {
    assertProblem(await post(hub, 'size/more', Buffer.alloc(300_000, 'x')), 413);
  });

  test('refuses a chunked body beyond the limit with 413', async () => {
    const headers = { 'Transfer-Encoding': 'chunked' };
    assertProblem(await post(hub, 'size/more', Buffer.alloc(300_000, 'x'), { headers }), 413);
  });

  test('stores text with every character escaped in its envelope', async () => {
    await publish(hub, 'size/escapes', Buffer.alloc(65536, 1), { type: 'text/plain' });
    const { messages } = await poll(hub, 'size/escapes', { after: 'earliest', wait: 0 });
    assert.equal(messages[0].data, '\u0001'.repeat(65536));
  });
});
