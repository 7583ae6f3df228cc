// longwirectl as a person and as a script uses it.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { history, publish, publishBatch } from './lib/http.mjs';
import { BUILD, launch, longwirectl, run, suiteHub } from './lib/hub.mjs';
import { eventually } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';

/** Every byte that a terminal would take for colour. */
const ESCAPE = '\u001b';

describe('longwirectl', () => {
  const hub = suiteHub();

  /** Runs a command that must succeed; returns its output. */
  async function ctl(...words) {
    const { code, stdout, stderr } = await longwirectl(hub, words);
    assert.equal(code, 0, stderr);
    assert.ok(!stdout.includes(ESCAPE), 'colour without a terminal');
    return stdout;
  }

  const ctlJson = async (...words) => JSON.parse(await ctl('--json', ...words));

  const lines = (text) => text.split('\n').filter(Boolean);

  test('publish prints the id', async () => {
    const id = (await ctl('publish', 'ctl/a', 'hello', '--event', 'e')).trim();
    const [message] = await history(hub, 'ctl/a');
    assert.equal(message.id, id);
    assert.equal(message.data, 'hello');
    assert.equal(message.event, 'e');
  });

  test('publish reads standard input, byte for byte or line by line', async () => {
    const input = 'one\ntwo\nthree\n';
    assert.equal((await longwirectl(hub, ['publish', 'ctl/whole', '-'], { input })).code, 0);
    assert.equal((await history(hub, 'ctl/whole'))[0].data, input);
    assert.equal((await longwirectl(hub, ['publish', '--lines', 'ctl/lines'], { input })).code, 0);
    assert.deepEqual(
      (await history(hub, 'ctl/lines')).map(({ data }) => data),
      ['one', 'two', 'three'],
    );
  });

  test('publish with a key stores once', async () => {
    const first = await ctl('publish', 'ctl/key', 'x', '--key', 'k');
    assert.equal(await ctl('publish', 'ctl/key', 'x', '--key', 'k'), first);
  });

  test('history pages by --after and --limit', async () => {
    const ids = await publishBatch(
      hub,
      [1, 2, 3, 4].map((data) => ({ topic: 'ctl/history', data })),
    );
    const page = lines(
      await ctl('--json', 'history', 'ctl/history', '--after', ids[0], '--limit', '2'),
    );
    assert.deepEqual(
      page.map((line) => JSON.parse(line).id),
      [ids[1], ids[2]],
    );
  });

  test('tail shows the last, and with -f follows through a restart', async (t) => {
    await publish(hub, 'ctl/tail', 'old');
    const words = ['--socket', hub.socket, 'tail', '-f', '--after', 'earliest', 'ctl/tail'];
    const child = launch(join(BUILD, 'longwirectl'), words, { stdio: ['ignore', 'pipe', 'pipe'] });
    t.after(() => child.kill('SIGKILL'));
    let text = '';
    child.stdout.on('data', (data) => {
      text += data;
    });
    await eventually(() => text.includes('old'), 'the old message');
    await publish(hub, 'ctl/tail', 'before');
    await eventually(() => text.includes('before'), 'the live message');
    await hub.kill9();
    await hub.restart();
    await publish(hub, 'ctl/tail', 'behind');
    await eventually(() => text.includes('behind'), 'the message after the restart');
    assert.equal(text.split('old').length, 2);
    assert.equal(text.split('before').length, 2);
    child.kill('SIGINT');
    await child.ended;
  });

  test('topics lists names, counts and subscribers', async (t) => {
    await publish(hub, 'ctl/topics/one', 'xyz');
    const ws = await (await WsClient.open(hub, 'ctl/topics/one')).live();
    t.after(() => ws.terminate());
    assert.match(await ctl('topics', 'ctl/topics/#'), /ctl\/topics\/one/);
    const json = await ctl('--json', 'topics', 'ctl/topics/#');
    const [topic] = [JSON.parse(json)].flat();
    const text = JSON.stringify(topic);
    assert.match(text, /"ctl\/topics\/one"/);
    assert.match(text, /"messages":1\b/);
  });

  test('topic shows one; an unknown one has its own exit code', async () => {
    await publish(hub, 'ctl/topic', 'x');
    assert.match(await ctl('topic', 'ctl/topic'), /ctl\/topic/);
    const { code, stderr } = await longwirectl(hub, ['topic', 'ctl/none']);
    assert.equal(code, 4);
    assert.match(stderr, /ctl\/none/);
  });

  test('clients lists connections, kick ends one', async () => {
    const ws = await (await WsClient.open(hub, 'ctl/kicked')).live();
    const find = async () => {
      const clients = await ctlJson('clients');
      const list = Array.isArray(clients) ? clients : clients.clients;
      return list.find((client) => JSON.stringify(client).includes('ctl/kicked'));
    };
    const client = await eventually(find, 'the client in the list');
    await ctl('kick', String(client.id));
    await ws.closed;
    assert.notEqual((await longwirectl(hub, ['kick', String(client.id)])).code, 0);
  });

  test('purge asks first, and removes', async () => {
    await publish(hub, 'ctl/purge', 'x');
    await longwirectl(hub, ['purge', 'ctl/purge'], { input: 'n\n' });
    assert.equal((await history(hub, 'ctl/purge')).length, 1);
    await ctl('purge', '--yes', 'ctl/purge');
    assert.equal((await history(hub, 'ctl/purge')).length, 0);
  });

  test('stats, top and ping', async () => {
    assert.ok((await ctl('stats')).length > 0);
    assert.equal(typeof (await ctlJson('stats')), 'object');
    assert.equal(typeof (await ctlJson('top')), 'object');
    assert.ok(await ctl('ping'));
  });

  test('what is wrong with the command line has exit code 2', async () => {
    for (const words of [['nonsense'], ['publish'], ['history'], ['topics', '--nonsense'], []]) {
      const { code, stderr } = await longwirectl(hub, words);
      assert.equal(code, 2, words.join(' '));
      assert.ok(stderr);
    }
  });

  test('what the hub refuses has exit code 1', async () => {
    const { code, stderr } = await longwirectl(hub, ['publish', '$bad', 'x']);
    assert.equal(code, 1);
    assert.ok(stderr);
  });

  test('says which path it tried when it cannot connect', async () => {
    const { code, stderr } = await run(join(BUILD, 'longwirectl'), [
      '-s',
      '/nowhere/x.sock',
      'ping',
    ]);
    assert.equal(code, 3);
    assert.match(stderr, /\/nowhere\/x\.sock/);
  });

  test('escapes what a topic could do to a terminal', async () => {
    await publish(hub, 'ctl/escape', `${ESCAPE}[2Jgone`);
    const { stdout } = await longwirectl(hub, ['history', 'ctl/escape']);
    assert.ok(!stdout.includes(ESCAPE));
  });
});
