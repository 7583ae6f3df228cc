// The local socket, spoken byte for byte.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { epochOf, moved, offsetOf } from './lib/cursor.mjs';
import { history, publish } from './lib/http.mjs';
import { suiteHub } from './lib/hub.mjs';
import { RespClient, RespError, encode } from './lib/resp.mjs';

describe('local socket', () => {
  const hub = suiteHub();

  async function open(t) {
    const client = await RespClient.open(hub);
    t.after(() => client.close());
    return client;
  }

  function assertError(reply, pattern) {
    assert.ok(reply instanceof RespError, `no error: ${JSON.stringify(reply)}`);
    assert.match(reply.text, pattern);
  }

  const xadd = (client, topic, ...rest) => client.command('XADD', topic, '*', 'data', ...rest);
  const fieldsOf = ([, fields]) =>
    Object.fromEntries(
      fields.map((field, n) => [field, fields[n + 1]]).filter((_, n) => n % 2 === 0),
    );

  test('PING and ECHO', async (t) => {
    const c = await open(t);
    assert.equal(await c.command('PING'), 'PONG');
    assert.equal(await c.command('PING', 'hello'), 'hello');
    assert.equal(await c.command('ECHO', 'zwölf\r\n'), 'zwölf\r\n');
  });

  test('commands and options in any letter case', async (t) => {
    const c = await open(t);
    assert.equal(await c.command('pInG'), 'PONG');
    assert.match(await c.command('xAdD', 'q/case', '*', 'data', 'x'), /^\d+-\d+$/);
    assert.equal((await c.command('xread', 'Count', 1, 'sTreams', 'q/case', '0'))[0][0], 'q/case');
    assert.ok((await c.command('hub', 'stats')).length > 0);
    assert.equal(await c.command('client', 'setname', 'n'), 'OK');
  });

  test('HELLO 2 describes the server, 3 is spoken or refused', async (t) => {
    const c = await open(t);
    const hello = await c.command('HELLO', '2');
    assert.equal(hello[hello.indexOf('proto') + 1], 2);
    assert.ok(hello.includes('server') && hello.includes('version'));
    const plain = await c.command('HELLO');
    assert.ok(plain.includes('proto'));
    const other = await open(t);
    await other.write(encode('HELLO', '3'));
    const first = await other.raw.until((data) => data.length > 8, 'an answer to HELLO 3');
    assert.match(`${first}`, /^(-NOPROTO |%\d+\r\n)/);
    assertError(await c.command('HELLO', '9'), /^NOPROTO /);
  });

  test('CLIENT, SELECT, CONFIG, COMMAND, INFO: what client libraries ask first', async (t) => {
    const c = await open(t);
    assert.equal(await c.command('SELECT', '0'), 'OK');
    assertError(await c.command('SELECT', '1'), /^ERR /);
    assert.equal(await c.command('CLIENT', 'GETNAME'), null);
    assert.equal(await c.command('CLIENT', 'SETNAME', 'worker-7'), 'OK');
    assert.equal(await c.command('CLIENT', 'GETNAME'), 'worker-7');
    assert.equal(await c.command('CLIENT', 'SETINFO', 'LIB-NAME', 'test'), 'OK');
    assert.ok((await c.command('CLIENT', 'ID')) > 0);
    assert.match(await c.command('CLIENT', 'LIST'), /name=worker-7/);
    assert.deepEqual(await c.command('CONFIG', 'GET', 'save'), []);
    assert.match(await c.command('INFO'), /\r\nloading:0\r\n/);
    assert.ok(Array.isArray(await c.command('COMMAND')));
    assert.ok(Array.isArray(await c.command('COMMAND', 'DOCS')));
  });

  test('CLIENT KILL ends another connection', async (t) => {
    const [c, victim] = [await open(t), await open(t)];
    const id = await victim.command('CLIENT', 'ID');
    assert.equal(await c.command('CLIENT', 'KILL', 'ID', id), 1);
    await victim.raw.untilClosed();
    assert.equal(await c.command('CLIENT', 'KILL', 'ID', id), 0);
  });

  test('QUIT says OK and closes', async (t) => {
    const c = await open(t);
    assert.equal(await c.command('QUIT'), 'OK');
    await c.raw.untilClosed();
  });

  test('PUBLISH counts the local subscribers, after commit', async (t) => {
    const [c, one, two] = [await open(t), await open(t), await open(t)];
    assert.equal(await c.command('PUBLISH', 'q/count', 'none'), 0);
    assert.deepEqual(await one.command('SUBSCRIBE', 'q/count'), ['subscribe', 'q/count', 1]);
    assert.equal(await c.command('PUBLISH', 'q/count', 'one'), 1);
    assert.deepEqual(await two.command('PSUBSCRIBE', 'q/#'), ['psubscribe', 'q/#', 1]);
    assert.equal(await c.command('PUBLISH', 'q/count', 'two'), 2);
    assert.deepEqual(await one.reply(), ['message', 'q/count', 'one']);
    assert.deepEqual(await one.reply(), ['message', 'q/count', 'two']);
    assert.deepEqual(await two.reply(), ['pmessage', 'q/#', 'q/count', 'two']);
    assert.equal((await history(hub, 'q/count')).length, 3);
  });

  test('SUBSCRIBE, UNSUBSCRIBE and their patterns count together', async (t) => {
    const c = await open(t);
    await c.write(encode('SUBSCRIBE', 'q/s/a', 'q/s/b'));
    assert.deepEqual(await c.reply(), ['subscribe', 'q/s/a', 1]);
    assert.deepEqual(await c.reply(), ['subscribe', 'q/s/b', 2]);
    assert.deepEqual(await c.command('PSUBSCRIBE', 'q/s/+/x'), ['psubscribe', 'q/s/+/x', 3]);
    assert.deepEqual(await c.command('SUBSCRIBE', 'q/s/a'), ['subscribe', 'q/s/a', 3]);
    assert.deepEqual(await c.command('UNSUBSCRIBE', 'q/s/a'), ['unsubscribe', 'q/s/a', 2]);
    assert.deepEqual(await c.command('UNSUBSCRIBE', 'never'), ['unsubscribe', 'never', 2]);
    assert.deepEqual(await c.command('PUNSUBSCRIBE'), ['punsubscribe', 'q/s/+/x', 1]);
    assert.deepEqual(await c.command('UNSUBSCRIBE'), ['unsubscribe', 'q/s/b', 0]);
    assert.deepEqual(await c.command('UNSUBSCRIBE'), ['unsubscribe', null, 0]);
    assert.equal(await c.command('PING'), 'PONG');
  });

  test('a subscribed connection takes only what a subscriber may say', async (t) => {
    const c = await open(t);
    await c.command('SUBSCRIBE', 'q/mode');
    assertError(await c.command('PUBLISH', 'q/mode', 'x'), /^ERR /);
    assert.deepEqual(await c.command('PING'), ['pong', '']);
    assert.deepEqual(await c.command('PING', 'x'), ['pong', 'x']);
  });

  test('XADD answers the id; everyone sees the message', async (t) => {
    const c = await open(t);
    const id = await xadd(c, 'q/xadd', '{"a":1}', 'event', 'named');
    const [message] = await history(hub, 'q/xadd');
    assert.equal(message.id, id);
    assert.equal(message.event, 'named');
    assert.deepEqual(message.data, { a: 1 });
  });

  test('XADD with a key stores once', async (t) => {
    const c = await open(t);
    const first = await xadd(c, 'q/key', 'x', 'key', 'k');
    assert.equal(await xadd(c, 'q/key', 'x', 'key', 'k'), first);
    assert.notEqual(await xadd(c, 'q/key', 'x', 'key', 'other'), first);
    assert.equal(await c.command('XLEN', 'q/key'), 2);
  });

  test('XADD with a kind does not sniff', async (t) => {
    const c = await open(t);
    const cases = [
      ['12', 'json', 12],
      ['"x"', 'json', 'x'],
      ['[1]', 'text', '[1]'],
      ['[1]', 'json', [1]],
      ['x', 'text', 'x'],
      ['', 'text', ''],
      ['x', 'binary', 'eA=='],
    ];
    for (const [payload, kind] of cases) await xadd(c, 'q/kind', payload, 'kind', kind);
    await c.command('XADD', 'q/kind', '*', 'kind', 'binary', 'event', 'e', 'data', '[1]');
    const messages = await history(hub, 'q/kind');
    assert.deepEqual(
      messages.map(({ data }) => data),
      [...cases.map(([, , data]) => data), 'WzFd'],
    );
    assert.deepEqual(
      messages.map(({ encoding }) => encoding),
      [...Array(6).fill(undefined), 'base64', 'base64'],
    );
    assertError(await xadd(c, 'q/kind', '{', 'kind', 'json'), /^BADDATA /);
  });

  test('XADD and HTTP share one window of keys', async (t) => {
    const c = await open(t);
    const first = await publish(hub, 'q/key/both', 'x', { key: 'k' });
    assert.equal(await xadd(c, 'q/key/both', 'x', 'key', 'k'), first);
  });

  test('binary passes as it is', async (t) => {
    const c = await open(t);
    const bytes = Buffer.from([0, 255, 13, 10, 128]);
    await xadd(c, 'q/binary', bytes);
    const [message] = await history(hub, 'q/binary');
    assert.equal(message.encoding, 'base64');
    assert.deepEqual(Buffer.from(message.data, 'base64'), bytes);
    await c.write(encode('XRANGE', 'q/binary', '-', '+'));
    const data = await c.raw.until((d) => d.includes(bytes), 'the payload');
    assert.ok(data.includes(Buffer.concat([Buffer.from('$5\r\n'), bytes])));
  });

  for (const [what, ...words] of [
    ['no arguments', 'XADD'],
    ['an id of its own', 'XADD', 'q/bad', '5-1', 'data', 'x'],
    ['no fields', 'XADD', 'q/bad', '*'],
    ['half a field', 'XADD', 'q/bad', '*', 'data'],
    ['no data', 'XADD', 'q/bad', '*', 'event', 'x'],
    ['an unknown field', 'XADD', 'q/bad', '*', 'data', 'x', 'colour', 'red'],
    ['a pattern', 'XADD', 'q/#', '*', 'data', 'x'],
    ['a reserved event', 'XADD', 'q/bad', '*', 'data', 'x', 'event', 'longwire.gap'],
    ['an unknown kind', 'XADD', 'q/bad', '*', 'data', 'x', 'kind', 'JSON'],
    ['two kinds', 'XADD', 'q/bad', '*', 'data', 'x', 'kind', 'text', 'kind', 'text'],
    ['malformed JSON', 'XADD', 'q/bad', '*', 'data', '{', 'kind', 'json'],
    ['text that is not UTF-8', 'XADD', 'q/bad', '*', 'data', Buffer.from([255]), 'kind', 'text'],
    ['a long key', 'XADD', 'q/bad', '*', 'data', 'x', 'key', 'k'.repeat(256)],
    ['a topic that is not UTF-8', 'XADD', Buffer.from([255]), '*', 'data', 'x'],
  ]) {
    test(`XADD refuses ${what}`, async (t) => {
      const c = await open(t);
      assertError(await c.command(...words), /^[A-Z]+ \S/);
      assert.equal(await c.command('PING'), 'PONG');
      assert.equal(await c.command('XLEN', 'q/bad'), 0);
    });
  }

  for (const words of [
    ['PUBLISH'],
    ['PUBLISH', 'q/bad'],
    ['PUBLISH', 'q/bad', 'x', 'y'],
    ['PUBLISH', '$sys', 'x'],
    ['PUBLISH', 'q/+', 'x'],
    ['SUBSCRIBE'],
    ['SUBSCRIBE', ''],
    ['PSUBSCRIBE', 'a/#/b'],
    ['XRANGE', 'q/bad'],
    ['XRANGE', 'q/bad', 'x', '+'],
    ['XRANGE', 'q/bad', '-', '+', 'COUNT', 'x'],
    ['XREAD'],
    ['XREAD', 'STREAMS', 'q/bad'],
    ['XREAD', 'BLOCK', '-1', 'STREAMS', 'q/bad', '$'],
    ['XREAD', 'BLOCK', 'x', 'STREAMS', 'q/bad', '$'],
    ['XREAD', 'STREAMS', 'q/bad', 'q/bad', '0'],
    ['XLEN'],
    ['HELLO', 'x'],
    ['HUB'],
    ['HUB', 'NONSENSE'],
    ['CLIENT'],
    ['CLIENT', 'NONSENSE'],
    ['SELECT', 'x'],
    ['NONSENSE'],
    ['ECHO'],
    ['FLUSHALL'],
    [''],
  ]) {
    test(`an error for ${JSON.stringify(words)}, and the connection goes on`, async (t) => {
      const c = await open(t);
      assertError(await c.command(...words), /^[A-Z]+ \S/);
      assert.equal(await c.command('PING'), 'PONG');
    });
  }

  describe('reading', () => {
    let ids;

    async function filled(c) {
      if (ids) return ids;
      ids = [];
      for (let n = 0; n < 8; n++) {
        await xadd(c, 'q/other', 'between');
        ids.push(await xadd(c, 'q/read', `m${n}`));
      }
      return ids;
    }

    const range = async (c, ...words) =>
      (await c.command(...words)).map(fieldsOf).map((f) => f.data);

    test('XRANGE from - to +, with borders and COUNT', async (t) => {
      const c = await open(t);
      const all = await filled(c);
      assert.deepEqual(
        (await c.command('XRANGE', 'q/read', '-', '+')).map(([id]) => id),
        all,
      );
      assert.deepEqual(await range(c, 'XRANGE', 'q/read', all[2], all[4]), ['m2', 'm3', 'm4']);
      assert.deepEqual(await range(c, 'XRANGE', 'q/read', `(${all[2]}`, `(${all[4]}`), ['m3']);
      assert.deepEqual(await range(c, 'XRANGE', 'q/read', '-', '+', 'COUNT', 2), ['m0', 'm1']);
      assert.deepEqual(await range(c, 'XRANGE', 'q/read', `${offsetOf(all[6])}`, '+'), [
        'm6',
        'm7',
      ]);
      assert.deepEqual(await range(c, 'XRANGE', 'q/read', all[4], all[2]), []);
      assert.deepEqual(await range(c, 'XRANGE', 'q/none', '-', '+'), []);
    });

    test('XREVRANGE the other way round', async (t) => {
      const c = await open(t);
      const all = await filled(c);
      assert.deepEqual(await range(c, 'XREVRANGE', 'q/read', '+', '-', 'COUNT', 3), [
        'm7',
        'm6',
        'm5',
      ]);
      assert.deepEqual(await range(c, 'XREVRANGE', 'q/read', all[1], all[0]), ['m1', 'm0']);
    });

    test('XLEN', async (t) => {
      const c = await open(t);
      await filled(c);
      assert.equal(await c.command('XLEN', 'q/read'), 8);
      assert.equal(await c.command('XLEN', 'q/none'), 0);
    });

    test('XREAD after a cursor, of one topic and of several', async (t) => {
      const c = await open(t);
      const all = await filled(c);
      const one = await c.command('XREAD', 'STREAMS', 'q/read', all[5]);
      assert.equal(one.length, 1);
      assert.equal(one[0][0], 'q/read');
      assert.deepEqual(
        one[0][1].map(([id]) => id),
        all.slice(6),
      );
      const two = await c.command('XREAD', 'COUNT', 2, 'STREAMS', 'q/read', 'q/other', all[0], '0');
      assert.deepEqual(
        two.map(([topic, entries]) => [topic, entries.length]),
        [
          ['q/read', 2],
          ['q/other', 2],
        ],
      );
      assert.equal(await c.command('XREAD', 'STREAMS', 'q/read', all[7]), null);
      assert.equal(await c.command('XREAD', 'STREAMS', 'q/none', '0'), null);
    });

    test('XREAD BLOCK waits for what comes', async (t) => {
      const [c, waiting] = [await open(t), await open(t)];
      await waiting.write(encode('XREAD', 'BLOCK', '0', 'STREAMS', 'q/block', '$'));
      await waiting.write(encode('PING'));
      assert.equal(await c.command('PING'), 'PONG');
      let id;
      // $ is the head at the time the hub reads the command: publish until it is answered.
      const answer = waiting.reply();
      let done = false;
      answer.finally(() => (done = true)).catch(() => {});
      while (!done) id = await xadd(c, 'q/block', 'x');
      const [[topic, [[first]]]] = await answer;
      assert.equal(topic, 'q/block');
      assert.ok(offsetOf(first) <= offsetOf(id));
      assert.equal(await waiting.reply(), 'PONG');
    });

    test('XREAD BLOCK ends at its time with nil', async (t) => {
      const c = await open(t);
      const begin = Date.now();
      assert.equal(await c.command('XREAD', 'BLOCK', '300', 'STREAMS', 'q/never', '$'), null);
      assert.ok(Date.now() - begin >= 290);
    });

    test('XREAD BLOCK answers at once what is there already', async (t) => {
      const c = await open(t);
      const all = await filled(c);
      const [[, entries]] = await c.command('XREAD', 'BLOCK', '0', 'STREAMS', 'q/read', all[6]);
      assert.equal(entries.length, 1);
    });

    test('a cursor of another epoch is refused, never silently fixed', async (t) => {
      const c = await open(t);
      const all = await filled(c);
      const foreign = `${offsetOf(all[3])}-${epochOf(all[3]) === 7 ? 8 : 7}`;
      assertError(await c.command('XREAD', 'STREAMS', 'q/read', foreign), /\S/);
      const ahead = moved(all[7], 1_000_000);
      assertError(await c.command('XREAD', 'STREAMS', 'q/read', ahead), /\S/);
    });
  });

  test('a pipeline is answered in order', async (t) => {
    const c = await open(t);
    const commands = [];
    for (let n = 0; n < 300; n++) {
      commands.push(encode('XADD', 'q/pipe', '*', 'data', n), encode('ECHO', n));
      if (n % 3 === 0) commands.push(encode('PUBLISH', 'q/pipe/p', n), encode('NONSENSE'));
    }
    await c.write(Buffer.concat(commands));
    let last = 0;
    for (let n = 0; n < 300; n++) {
      const id = await c.reply();
      assert.ok(offsetOf(id) > last);
      last = offsetOf(id);
      assert.equal(await c.reply(), String(n));
      if (n % 3 === 0) {
        assert.equal(await c.reply(), 0);
        assertError(await c.reply(), /^ERR /);
      }
    }
    assert.equal(await c.command('XLEN', 'q/pipe'), 300);
  });

  test('inline commands', async (t) => {
    const c = await open(t);
    await c.write('PING\r\n');
    assert.equal(await c.reply(), 'PONG');
    await c.write('\r\n\nping\n');
    assert.equal(await c.reply(), 'PONG');
    await c.write('publish q/inline "two words \\x41\\n"\r\n');
    assert.equal(await c.reply(), 0);
    assert.equal((await history(hub, 'q/inline'))[0].data, 'two words A\n');
  });

  const protocolErrors = {
    'a count that is no number': '*x\r\n',
    'a huge count': '*1000000000\r\n',
    'a negative length': '*1\r\n$-5\r\n',
    'a huge length': '*2\r\n$4\r\nECHO\r\n$99999999999\r\n',
    'a length that is no number': '*1\r\n$a\r\n',
    'an item that is no bulk string': '*1\r\n:1\r\n',
    'a bulk string without its end': '*1\r\n$4\r\nPINGxx',
    'quotes that do not end': 'ECHO "abc\r\n',
    'an inline command without end': 'x'.repeat(200_000),
    'a length line without end': `*1\r\n$${'1'.repeat(70_000)}`,
  };
  for (const [what, bytes] of Object.entries(protocolErrors)) {
    test(`answers ${what} with a protocol error and closes`, async (t) => {
      const c = await open(t);
      await c.write(encode('PING'));
      c.write(bytes).catch(() => {});
      assert.equal(await c.reply(), 'PONG');
      assertError(await c.reply(), /^ERR Protocol error/);
      await c.raw.untilClosed();
    });
  }

  test('a payload beyond the limit is refused', async (t) => {
    const c = await open(t);
    c.write(encode('PUBLISH', 'q/large', Buffer.alloc(2 << 20, 'x'))).catch(() => {});
    assertError(await c.reply(), /^TOOLARGE |^ERR Protocol error/);
    assert.deepEqual(await history(hub, 'q/large'), []);
  });

  describe('HUB', () => {
    const json = async (c, ...words) => JSON.parse(await c.command('HUB', ...words));

    test('TOPICS and TOPIC', async (t) => {
      const c = await open(t);
      await xadd(c, 'hub/one', 'x');
      await xadd(c, 'hub/two', 'xyz');
      const text = await c.command('HUB', 'TOPICS', 'hub/#');
      assert.ok(text.includes('hub/one') && text.includes('hub/two'));
      assert.ok(!text.includes('q/read'));
      const topic = await json(c, 'TOPIC', 'hub/two');
      assert.ok(JSON.stringify(topic).includes('hub/two'));
      assertError(await c.command('HUB', 'TOPIC', 'hub/none'), /^\S/);
    });

    test('STATS and CLIENTS', async (t) => {
      const [c, other] = [await open(t), await open(t)];
      await other.command('SUBSCRIBE', 'hub/watched');
      assert.equal(typeof (await json(c, 'STATS')), 'object');
      const clients = await c.command('HUB', 'CLIENTS');
      assert.ok(clients.includes('hub/watched'));
    });

    test('PURGE takes a topic away', async (t) => {
      const c = await open(t);
      await xadd(c, 'hub/purge', 'x');
      await c.command('HUB', 'PURGE', 'hub/purge');
      assert.equal(await c.command('XLEN', 'hub/purge'), 0);
      assert.deepEqual(await history(hub, 'hub/purge'), []);
    });
  });
});
