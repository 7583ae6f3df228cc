// POST /t with application/x-ndjson: many messages, all or none.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { offsetOf } from './lib/cursor.mjs';
import { assertProblem, get, history, postBatch, publishBatch, request } from './lib/http.mjs';
import { suiteHub } from './lib/hub.mjs';

describe('publishing a batch', () => {
  const hub = suiteHub();

  const head = async () => (await get(hub, '/t/none?wait=0')).headers['longwire-cursor'];

  test('answers the ids in the order of the lines', async () => {
    const ids = await publishBatch(hub, [
      { topic: 'b/one', data: { n: 1 } },
      { topic: 'b/two', data: 'text', event: 'named' },
      { topic: 'b/one', data: [3] },
    ]);
    const offsets = ids.map(offsetOf);
    assert.deepEqual(offsets, [offsets[0], offsets[0] + 1, offsets[0] + 2]);
    const one = await history(hub, 'b/one');
    assert.deepEqual(
      one.map(({ id, data }) => [id, data]),
      [
        [ids[0], { n: 1 }],
        [ids[2], [3]],
      ],
    );
    const [two] = await history(hub, 'b/two');
    assert.equal(two.id, ids[1]);
    assert.equal(two.data, 'text');
    assert.equal(two.event, 'named');
  });

  test('takes lines that end in CRLF, and a last line without an end', async () => {
    const reply = await postBatch(
      hub,
      '{"topic":"b/crlf","data":1}\r\n{"topic":"b/crlf","data":2}',
    );
    assert.equal(reply.status, 201, reply.text);
    assert.deepEqual(
      (await history(hub, 'b/crlf')).map(({ data }) => data),
      [1, 2],
    );
  });

  test('takes a thousand lines', async () => {
    const lines = Array.from({ length: 1000 }, (_, n) => ({ topic: `b/many/${n % 7}`, data: n }));
    const ids = await publishBatch(hub, lines);
    assert.equal(new Set(ids).size, 1000);
    const stored = await history(hub, 'b/many/#');
    assert.deepEqual(
      stored.map(({ data }) => data),
      lines.map(({ data }) => data),
    );
  });

  test('takes keys and bytes in base64', async () => {
    const lines = [
      { topic: 'b/members', data: 'AP8=', encoding: 'base64', key: 'k1', event: null },
      { topic: 'b/members', data: 'again', key: 'k1' },
      { topic: 'b/members', data: 'text', unknown: true },
    ];
    const ids = await publishBatch(hub, lines);
    assert.equal(ids[1], ids[0]);
    const [binary, text, ...others] = await history(hub, 'b/members');
    assert.deepEqual([binary.data, binary.encoding], ['AP8=', 'base64']);
    assert.deepEqual([text.id, text.data], [ids[2], 'text']);
    assert.equal(others.length, 0);
  });

  test('bytes of a line are those of the line, whatever came before it', async () => {
    const lines = ['QQ==', 'QkJC', '', 'Q0M='].map((data) => ({ topic: 'b/bytes', data, encoding: 'base64' }));
    await publishBatch(hub, lines);
    const stored = await history(hub, 'b/bytes');
    assert.deepEqual(stored.map(({ data, encoding }) => ({ data, encoding })),
      lines.map(({ data, encoding }) => ({ data, encoding })));
  });

  test('a line that has only blanks is none', async () => {
    const reply = await postBatch(hub, ' \t\r\n{"topic":"b/blank","data":1}\r\n\r\n \r\n');
    assert.equal(reply.status, 201, reply.text);
    assert.equal((await history(hub, 'b/blank')).length, 1);
  });

  test('refuses more than 10000 lines with 413', async () => {
    const before = await head();
    assertProblem(await postBatch(hub, '{"topic":"b/bad","data":1}\n'.repeat(10_001)), 413);
    assert.equal(await head(), before);
  });

  const badLines = {
    'malformed JSON': '{"topic":"b/bad","data":',
    'no object': '[1]',
    'no topic': '{"data":1}',
    'no data': '{"topic":"b/bad"}',
    'a topic that is no string': '{"topic":7,"data":1}',
    'a pattern as topic': '{"topic":"b/#","data":1}',
    'an empty topic': '{"topic":"","data":1}',
    'bytes that are no base64': '{"topic":"b/bad","data":"?","encoding":"base64"}',
    'an unknown encoding': '{"topic":"b/bad","data":"x","encoding":"hex"}',
    'a topic given twice': '{"topic":"b/bad","topic":"b/bad","data":1}',
    'a reserved event': '{"topic":"b/bad","data":1,"event":"longwire.live"}',
    'an event that is no string': '{"topic":"b/bad","data":1,"event":{}}',
  };
  for (const [what, line] of Object.entries(badLines)) {
    test(`stores nothing when one line has ${what}`, async () => {
      const before = await head();
      const good = '{"topic":"b/bad","data":"good"}';
      for (const body of [`${line}\n${good}\n`, `${good}\n${line}\n${good}`, `${good}\n${line}`]) {
        assertProblem(await postBatch(hub, body), 400);
      }
      assert.deepEqual(await history(hub, 'b/bad'), []);
      assert.equal(await head(), before);
    });
  }

  test('says which line is wrong', async () => {
    const reply = await postBatch(hub, '{"topic":"b/bad","data":1}\n{"topic":"b/bad"\n');
    assert.match(assertProblem(reply, 400).detail, /\b2\b/);
  });

  test('refuses a body with no lines', async () => {
    assertProblem(await postBatch(hub, ''), 400);
  });

  for (const type of [undefined, 'application/json', 'text/plain']) {
    test(`refuses the type ${type} with 415`, async () => {
      const headers = type ? { 'Content-Type': type } : {};
      const body = '{"topic":"b/bad","data":1}';
      assertProblem(await request(hub, 'POST', '/t', { headers, body }), 415);
    });
  }
});
