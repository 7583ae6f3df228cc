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

  test('speaks RESP3 when it is told to', async (t) => {
    assert.equal(await cli('-3', 'publish', 'rc/three', 'x'), '0');
    const id = await cli('-3', 'xadd', 'rc/three', '*', 'data', 'y');
    assert.match(await cli('-3', 'xrange', 'rc/three', '-', '+'), new RegExp(`x[^]*${id}[^]*y`));
    assert.match(await cli('-3', 'xread', 'streams', 'rc/three', '0'), /rc\/three[^]*x[^]*y/);
    assert.match(await cli('-3', 'hello'), /proto[^]*3/);
    const output = listen(t, '-3', 'psubscribe', 'rc/three/*');
    await eventually(() => output.text.includes('psubscribe'), 'the subscription');
    await publish(hub, 'rc/three/four', 'pushed');
    await eventually(() => output.text.includes('pushed'), 'the message');
  });

  for (const version of [[], ['-3']]) {
    test(`runs transactions (${version})`, async () => {
      const { stdout } = await run('redis-cli', ['-s', hub.socket, ...version], {
        input: 'multi\npublish rc/multi 1\nxadd rc/multi * data 2\nexec\nmulti\nnonsense\nexec\n',
      });
      assert.match(stdout, /OK\nQUEUED\nQUEUED\n0\n\d+-\d+\n\n?OK\n/);
      assert.match(stdout, /EXECABORT/);
    });
  }

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

describe('redis-benchmark', () => {
  const hub = suiteHub();

  for (const version of [[], ['-3']]) {
    for (const words of [
      ['publish', 'rb/publish', 'x'],
      ['xadd', 'rb/xadd', '*', 'data', 'x'],
      ['xlen', 'rb/xadd'],
    ]) {
      test(`${words[0]}, down pipelines (${version})`, async () => {
        const load = ['-n', '2000', '-c', '5', '-P', '16', '--csv'];
        const args = ['-s', hub.socket, ...version, ...load, ...words];
        const { code, stdout, stderr } = await run('redis-benchmark', args);
        assert.equal(code, 0, stderr);
        assert.doesNotMatch(`${stdout}${stderr}`, /error/i);
        assert.match(stdout, /"[0-9.]+"/);
      });
    }
  }

  test('has stored what it said', async () => {
    assert.equal((await history(hub, 'rb/publish')).length, 4000);
    assert.equal((await history(hub, 'rb/xadd')).length, 4000);
  });
});
