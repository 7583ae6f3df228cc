// RESP3 on the local socket, byte for byte: HELLO, maps, nulls, pushes, and what the newest clients
// ask first.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';

import { publish } from './lib/http.mjs';
import { suiteHub } from './lib/hub.mjs';
import { RespClient, RespError, RespPush, encode } from './lib/resp.mjs';
import { eventually, within } from './lib/wait.mjs';

const push = (...items) => new RespPush(items);

function assertError(reply, pattern) {
  assert.ok(reply instanceof RespError, `no error: ${JSON.stringify(reply)}`);
  assert.match(reply.text, pattern);
}

describe('RESP3', () => {
  const hub = suiteHub({ set: { 'hub.workers': 2 } });

  async function open(t, version) {
    const client = await RespClient.open(hub);
    t.after(() => client.close());
    if (version) await client.command('HELLO', version);
    return client;
  }

  test('HELLO 3 is answered by a map, HELLO alone by what is spoken', async (t) => {
    const c = await open(t);
    const flat = await c.command('HELLO');
    assert.equal(flat[flat.indexOf('proto') + 1], 2);
    const hello = await c.command('HELLO', '3');
    assert.equal(hello.get('server'), 'longwire');
    assert.equal(hello.get('proto'), 3);
    assert.equal(hello.get('id'), await c.command('CLIENT', 'ID'));
    assert.equal(hello.get('role'), 'master');
    assert.deepEqual(hello.get('modules'), []);
    assert.deepEqual(await c.command('HELLO'), hello);
    const back = await c.command('HELLO', '2');
    assert.equal(back[back.indexOf('proto') + 1], 2);
  });

  test('HELLO with a name and a user; what is wrong changes nothing', async (t) => {
    const c = await open(t);
    const words = ['AUTH', 'default', 'whatever', 'SETNAME', 'three'];
    assert.equal((await c.command('HELLO', '3', ...words)).get('proto'), 3);
    assert.equal(await c.command('CLIENT', 'GETNAME'), 'three');
    const d = await open(t);
    assertError(await d.command('HELLO', '3', 'AUTH', 'alice', 'x', 'SETNAME', 'd'), /^WRONGPASS /);
    assertError(await d.command('HELLO', '4'), /^NOPROTO /);
    assertError(await d.command('HELLO', '3', 'SETNAME'), /^ERR syntax error/);
    assertError(await d.command('HELLO', '3', 'AUTH', 'default'), /^ERR syntax error/);
    assertError(await d.command('HELLO', '3', 'SETNAME', 'a b'), /^ERR Client names/);
    await d.write(encode('CLIENT', 'GETNAME'));
    await d.raw.untilText('$-1\r\n');
  });

  test('AUTH as in a Redis without passwords', async (t) => {
    const c = await open(t);
    assert.equal(await c.command('AUTH', 'default', 'x'), 'OK');
    assertError(await c.command('AUTH', 'Default', 'x'), /^WRONGPASS /);
    assertError(await c.command('AUTH', 'x'), /^ERR AUTH <password> called without any password/);
  });

  /** What COMMAND is answered with, to the byte. */
  async function bytesOf(c, ...words) {
    const before = c.raw.received.length;
    await c.command(...words);
    return c.raw.received.toString('latin1', before);
  }

  test('each kind of reply in either version', async (t) => {
    const c = await open(t);
    const id = await c.command('XADD', 'r3/kinds', '*', 'data', 'x');
    const entry = `*2\r\n$${id.length}\r\n${id}\r\n*2\r\n$4\r\ndata\r\n$1\r\nx\r\n`;
    const topic = '$8\r\nr3/kinds\r\n';
    const cases = [
      [['PING'], '+PONG\r\n', '+PONG\r\n'],
      [['PING', 'x'], '$1\r\nx\r\n', '$1\r\nx\r\n'],
      [['CLIENT', 'GETNAME'], '$-1\r\n', '_\r\n'],
      [['CONFIG', 'GET', 'save'], '*0\r\n', '%0\r\n'],
      [['XLEN', 'r3/kinds'], ':1\r\n', ':1\r\n'],
      [['XRANGE', 'r3/kinds', '-', '+'], `*1\r\n${entry}`, `*1\r\n${entry}`],
      [
        ['XREAD', 'STREAMS', 'r3/kinds', '0'],
        `*1\r\n*2\r\n${topic}*1\r\n${entry}`,
        `%1\r\n${topic}*1\r\n${entry}`,
      ],
      [['XREAD', 'STREAMS', 'r3/none', '0'], '*-1\r\n', '_\r\n'],
      [['XREAD', 'BLOCK', '1', 'STREAMS', 'r3/none', '0'], '*-1\r\n', '_\r\n'],
      [['COMMAND', 'INFO', 'nonsense'], '*1\r\n*-1\r\n', '*1\r\n_\r\n'],
      [['CLIENT', 'TRACKING', 'OFF'], '+OK\r\n', '+OK\r\n'],
      [['CLIENT', 'GETREDIR'], ':-1\r\n', ':-1\r\n'],
      [['CLIENT', 'CAPA', 'redirect'], '+OK\r\n', '+OK\r\n'],
      [['CLIENT', 'REPLY', 'ON'], '+OK\r\n', '+OK\r\n'],
      [['CLIENT', 'NO-EVICT', 'ON'], '+OK\r\n', '+OK\r\n'],
      [['CLIENT', 'NO-TOUCH', 'ON'], '+OK\r\n', '+OK\r\n'],
    ];
    for (const [words, two] of cases) assert.equal(await bytesOf(c, ...words), two);
    await c.command('HELLO', '3');
    for (const [words, , three] of cases) assert.equal(await bytesOf(c, ...words), three);
    assert.match(await bytesOf(c, 'INFO'), /^=\d+\r\ntxt:# Server\r\n/);
    assert.match(await bytesOf(c, 'CLIENT', 'INFO'), /^=\d+\r\ntxt:id=\d+ /);
    assert.match(await bytesOf(c, 'CLIENT', 'LIST'), /^=\d+\r\ntxt:id=\d+ /);
    assert.match(await bytesOf(c, 'HUB', 'STATS'), /^\$\d+\r\n\{/);
  });

  test('COMMAND and its subcommands', async (t) => {
    const c = await open(t, 3);
    const count = await c.command('COMMAND', 'COUNT');
    assert.equal((await c.command('COMMAND')).length, count);
    const docs = await c.command('COMMAND', 'DOCS', 'xadd', 'client', 'nonsense');
    assert.deepEqual([...docs.keys()], ['xadd', 'client']);
    assert.equal(docs.get('xadd').get('group'), 'stream');
    assert.ok(docs.get('client').get('subcommands').get('client|setname').get('summary'));
    const [[name, arity, flags]] = await c.command('COMMAND', 'INFO', 'XADD');
    assert.deepEqual([name, arity, flags], ['xadd', -5, new Set(['write', 'fast'])]);
  });

  test('what is not offered is refused by a sentence', async (t) => {
    const c = await open(t, 3);
    assertError(await c.command('CLIENT', 'TRACKING', 'ON'), /^ERR CLIENT TRACKING is OFF: .*keys/);
    assertError(await c.command('CLIENT', 'REPLY', 'OFF'), /^ERR CLIENT REPLY is ON: /);
    assertError(await c.command('CLIENT', 'REPLY', 'SKIP'), /^ERR CLIENT REPLY is ON: /);
    assertError(await c.command('CLIENT', 'MAINT_NOTIFICATIONS', 'ON'), /^ERR unknown subcommand/);
    assert.equal(await c.command('PING'), 'PONG');
  });

  test('a subscribed connection may use any command, and messages are pushes', async (t) => {
    const c = await open(t, 3);
    await c.write(encode('SUBSCRIBE', 'r3/s/a', 'r3/s/b'));
    assert.deepEqual(await c.reply(), push('subscribe', 'r3/s/a', 1));
    assert.deepEqual(await c.reply(), push('subscribe', 'r3/s/b', 2));
    assert.equal(await c.command('PING'), 'PONG');
    assert.equal(await c.command('XLEN', 'r3/s/a'), 0);
    assert.ok((await c.command('HELLO')).get('proto'));
    await c.write(encode('PUBLISH', 'r3/s/a', 'own'));
    const both = [await c.reply(), await c.reply()];
    assert.ok(both.includes(1), 'the reply');
    assert.deepEqual(both.find((r) => r instanceof RespPush), push('message', 'r3/s/a', 'own'));
    await publish(hub, 'r3/s/b', 'other');
    assert.deepEqual(await c.reply(), push('message', 'r3/s/b', 'other'));
    assert.deepEqual(await c.command('PSUBSCRIBE', 'r3/p/#'), push('psubscribe', 'r3/p/#', 3));
    await publish(hub, 'r3/p/x', 'p');
    assert.deepEqual(await c.reply(), push('pmessage', 'r3/p/#', 'r3/p/x', 'p'));
    await publish(hub, 'r3/s/a', 'still');
    assert.deepEqual(await c.reply(), push('message', 'r3/s/a', 'still'));
    assert.deepEqual(await c.command('PUNSUBSCRIBE'), push('punsubscribe', 'r3/p/#', 2));
    await c.write(encode('UNSUBSCRIBE'));
    await c.reply();
    assert.equal((await c.reply()).items[2], 0);
    assert.deepEqual(await c.command('UNSUBSCRIBE'), push('unsubscribe', null, 0));
  });

  test('XREAD BLOCK on a subscribed connection: pushes go on meanwhile', async (t) => {
    const [c, other] = [await open(t, 3), await open(t)];
    await c.command('SUBSCRIBE', 'r3/while');
    await c.write(encode('XREAD', 'BLOCK', '0', 'STREAMS', 'r3/wait', '0'));
    for (const text of ['1', '2']) {
      await other.command('PUBLISH', 'r3/while', text);
      assert.deepEqual(await c.reply(), push('message', 'r3/while', text));
    }
    const id = await other.command('XADD', 'r3/wait', '*', 'data', 'x');
    assert.deepEqual(await c.reply(), new Map([['r3/wait', [[id, ['data', 'x']]]]]));
    await other.command('PUBLISH', 'r3/while', '3');
    assert.deepEqual(await c.reply(), push('message', 'r3/while', '3'));
  });

  test('the version may change while subscribed, and RESET goes back', async (t) => {
    const [c, other] = [await open(t, 3), await open(t)];
    await c.command('SUBSCRIBE', 'r3/change');
    assert.ok(Array.isArray(await c.command('HELLO', '2')));
    await other.command('PUBLISH', 'r3/change', '1');
    assert.deepEqual(await c.reply(), ['message', 'r3/change', '1']);
    assertError(await c.command('HELLO', '3'), /^ERR Can't execute 'hello'/);
    assert.equal(await c.command('RESET'), 'RESET');
    await c.command('HELLO', '3');
    assert.equal(await c.command('RESET'), 'RESET');
    assert.ok(Array.isArray(await c.command('HELLO')));
  });

  test('both versions get one message at once', async (t) => {
    const [two, three] = [await open(t), await open(t, 3)];
    await two.command('SUBSCRIBE', 'r3/both');
    await three.command('SUBSCRIBE', 'r3/both');
    for (const text of ['1', '2']) {
      await publish(hub, 'r3/both', text);
      assert.deepEqual(await two.reply(), ['message', 'r3/both', text]);
      assert.deepEqual(await three.reply(), push('message', 'r3/both', text));
    }
  });

  test('a subscriber that cannot go on without a gap is told by a push', async (t) => {
    const c = await open(t);
    const slow = connect(hub.socket);
    t.after(() => slow.destroy());
    slow.write(Buffer.concat([encode('HELLO', '3'), encode('SUBSCRIBE', 'r3/slow')]));
    const isSlow = ({ topics }) => topics.includes('r3/slow');
    const clients = async () => JSON.parse(await c.command('HUB', 'CLIENTS'));
    await eventually(async () => (await clients()).some(isSlow), 'SUBSCRIBE');
    const text = 'y'.repeat(256 * 1024);
    for (let n = 0; n < 40; n++) await c.command('PUBLISH', 'r3/slow', text);
    assert.equal(await c.command('HUB', 'PURGE', 'r3/slow'), 40);
    const chunks = [];
    slow.on('data', (chunk) => chunks.push(chunk));
    await within(once(slow, 'end'), 'the subscriber to be let go');
    const bulk = (pattern) => `\\$\\d+\\r\\n${pattern}\\r\\n`;
    const told = bulk('gap') + bulk('trimmed') + bulk('\\d+-\\d+') + bulk('\\d+-\\d+');
    assert.match(`${Buffer.concat(chunks)}`, new RegExp(`>4\\r\\n${told}$`));
  });

  test('CLIENT LIST and INFO have the fields of Redis', async (t) => {
    const c = await open(t, 3);
    await c.command('CLIENT', 'SETINFO', 'LIB-NAME', 'lib');
    await c.command('CLIENT', 'SETINFO', 'LIB-VER', '1.2');
    assertError(await c.command('CLIENT', 'SETINFO', 'LIB-NAME', 'a b'), /^ERR LIB-NAME and LIB-VER/);
    await c.command('SUBSCRIBE', 'r3/list');
    await c.command('PSUBSCRIBE', 'r3/list/#');
    const fieldsOf = (line) =>
      Object.fromEntries(line.trim().slice(line.startsWith('txt:') ? 4 : 0).split(' ').map((f) => f.split(/=(.*)/s)));
    const own = fieldsOf(await c.command('CLIENT', 'INFO'));
    const expected = [
      ...['id', 'addr', 'laddr', 'fd', 'name', 'age', 'idle', 'flags', 'db', 'sub', 'psub', 'ssub'],
      ...['multi', 'qbuf', 'qbuf-free', 'argv-mem', 'multi-mem', 'rbs', 'rbp', 'obl', 'oll'],
      ...['omem', 'tot-mem', 'events', 'cmd', 'user', 'redir', 'resp', 'lib-name', 'lib-ver'],
      'transport',
    ];
    assert.deepEqual(Object.keys(own), expected);
    const { sub, psub, flags, resp, cmd, user, transport } = own;
    assert.deepEqual(
      { sub, psub, flags, resp, cmd, user, transport },
      { sub: '1', psub: '1', flags: 'P', resp: '3', cmd: 'client|info', user: 'default', transport: 'resp' },
    );
    assert.deepEqual([own['lib-name'], own['lib-ver']], ['lib', '1.2']);
    const lines = (await c.command('CLIENT', 'LIST')).trim().split('\n');
    for (const line of lines) assert.deepEqual(Object.keys(fieldsOf(line)), expected);
  });

  test('INFO has what clients look for, by section', async (t) => {
    const c = await open(t);
    const all = await c.command('INFO');
    for (const line of ['redis_mode:standalone', 'loading:0', 'role:master', 'cluster_enabled:0']) {
      assert.ok(all.includes(`${line}\r\n`), line);
    }
    const one = await c.command('INFO', 'Replication');
    assert.equal(one, '# Replication\r\nrole:master\r\nconnected_slaves:0\r\n');
  });
});

// What redis-py 8 sends by itself on a new connection, to the byte, and its first commands.
describe('redis-py 8', () => {
  const hub = suiteHub();
  const command = (...words) => `*${words.length}\r\n${words.map((w) => `$${w.length}\r\n${w}\r\n`).join('')}`;

  async function connected(t, hello) {
    const c = await RespClient.open(hub);
    t.after(() => c.close());
    await c.write(hello);
    assert.equal((await c.reply()).get('proto'), 3);
    await c.write(command('CLIENT', 'MAINT_NOTIFICATIONS', 'ON', 'moving-endpoint-type', 'internal-ip'));
    assertError(await c.reply(), /^ERR unknown subcommand 'MAINT_NOTIFICATIONS'/);
    await c.write(command('CLIENT', 'SETINFO', 'LIB-NAME', 'redis-py') + command('CLIENT', 'SETINFO', 'LIB-VER', '8.0.0'));
    assert.deepEqual([await c.reply(), await c.reply()], ['OK', 'OK']);
    return c;
  }

  test('connects, with and without a password', async (t) => {
    const c = await connected(t, command('HELLO', '3'));
    assert.match(await c.command('CLIENT', 'INFO'), / lib-name=redis-py lib-ver=8\.0\.0 /);
    await connected(t, command('HELLO', '3', 'AUTH', 'default', 'secret'));
  });

  test('publishes, reads, and its pipeline is a transaction', async (t) => {
    const c = await connected(t, command('HELLO', '3'));
    await c.write(command('PING') + command('PUBLISH', 'py8/a', 'x'));
    assert.deepEqual([await c.reply(), await c.reply()], ['PONG', 0]);
    await c.write(
      command('MULTI') +
        command('PUBLISH', 'py8/a', 'y') +
        command('XADD', 'py8/a', '*', 'data', 'z') +
        command('EXEC'),
    );
    assert.deepEqual([await c.reply(), await c.reply(), await c.reply()], ['OK', 'QUEUED', 'QUEUED']);
    const [subscribers, id] = await c.reply();
    assert.equal(subscribers, 0);
    await c.write(command('XREAD', 'COUNT', '10', 'BLOCK', '1000', 'STREAMS', 'py8/a', '0'));
    assert.equal((await c.reply()).get('py8/a').at(-1)[0], id);
  });

  test('subscribes, and checks its connection by PING meanwhile', async (t) => {
    const c = await connected(t, command('HELLO', '3'));
    await c.write(command('SUBSCRIBE', 'py8/s') + command('PSUBSCRIBE', 'py8/p/*'));
    assert.deepEqual(await c.reply(), push('subscribe', 'py8/s', 1));
    assert.deepEqual(await c.reply(), push('psubscribe', 'py8/p/*', 2));
    await publish(hub, 'py8/p/x', 'm');
    assert.deepEqual(await c.reply(), push('pmessage', 'py8/p/*', 'py8/p/x', 'm'));
    await c.write(command('PING', 'redis-py-health-check'));
    assert.equal(await c.reply(), 'redis-py-health-check');
  });
});
