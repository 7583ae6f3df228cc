// Debian's redis-cli against the local socket.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { history, publish } from './lib/http.mjs';
import { launch, run, suiteHub } from './lib/hub.mjs';
import { eventually } from './lib/wait.mjs';

describe('redis-cli', () => {
  const hub = suiteHub();

  const cli = async (...words) => {
    const { code, stdout, stderr } = await run('redis-cli', ['-s', hub.socket, ...words]);
    assert.equal(code, 0, stderr);
    return stdout.trim();
  };

  /** Starts a redis-cli that stays; returns its growing output. */
  function listen(t, ...words) {
    const child = launch('redis-cli', ['-s', hub.socket, ...words], { stdio: ['pipe', 'pipe', 2] });
    t.after(() => child.kill('SIGKILL'));
    const output = { text: '' };
    child.stdout.on('data', (data) => {
      output.text += data;
    });
    return output;
  }

  test('publishes and reads back', async () => {
    assert.equal(await cli('ping'), 'PONG');
    assert.equal(await cli('publish', 'rc/a', 'hello'), '0');
    const id = await cli('xadd', 'rc/a', '*', 'data', 'world', 'event', 'e');
    assert.match(id, /^\d+-\d+$/);
    assert.equal(await cli('xlen', 'rc/a'), '2');
    assert.match(await cli('xrange', 'rc/a', '-', '+'), /hello[^]*world/);
    const [, second] = await history(hub, 'rc/a');
    assert.equal(second.id, id);
    assert.equal(second.event, 'e');
  });

  test('reads a payload from its standard input', async () => {
    const words = ['-s', hub.socket, '-x', 'publish', 'rc/stdin'];
    const { code } = await run('redis-cli', words, { input: 'from a pipe' });
    assert.equal(code, 0);
    assert.equal((await history(hub, 'rc/stdin'))[0].data, 'from a pipe');
  });

  test('subscribes, and gets what is published over HTTP', async (t) => {
    const output = listen(t, 'subscribe', 'rc/live');
    await eventually(() => output.text.includes('subscribe'), 'the subscription');
    await publish(hub, 'rc/live', 'over HTTP');
    await eventually(() => /message\s+rc\/live\s+over HTTP/.test(output.text), 'the message');
  });

  test('subscribes to patterns', async (t) => {
    const output = listen(t, 'psubscribe', 'rc/p/+', 'rc/q/#');
    await eventually(() => output.text.split('psubscribe').length === 3, 'two subscriptions');
    await publish(hub, 'rc/p/x', 'one');
    await publish(hub, 'rc/p/x/y', 'not me');
    await publish(hub, 'rc/q/x/y', 'two');
    await eventually(() => output.text.includes('two'), 'the second message');
    assert.match(output.text, /pmessage\s+rc\/p\/\+\s+rc\/p\/x\s+one/);
    assert.match(output.text, /pmessage\s+rc\/q\/#\s+rc\/q\/x\/y\s+two/);
    assert.ok(!output.text.includes('not me'));
  });

  test('pipes a thousand commands', async () => {
    const commands = Array.from({ length: 1000 }, (_, n) => `PUBLISH rc/pipe ${n}\r\n`).join('');
    const { stdout } = await run('redis-cli', ['-s', hub.socket, '--pipe'], { input: commands });
    assert.match(stdout, /errors: 0, replies: 1000/);
    assert.equal(await cli('xlen', 'rc/pipe'), '1000');
  });

  test('has its interactive mode served: COMMAND, HELLO and help', async () => {
    const { stdout } = await run('redis-cli', ['-s', hub.socket], {
      input: 'ping\necho x\nquit\n',
    });
    assert.match(stdout, /PONG\nx/);
    assert.match(await cli('-3', 'ping'), /PONG/);
    assert.match(await cli('info'), /loading:0/);
  });
});
