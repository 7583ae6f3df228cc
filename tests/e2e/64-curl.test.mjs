// curl, over TCP and over the local socket: the first thing that anyone tries.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { history, publish } from './lib/http.mjs';
import { launch, run, suiteHub } from './lib/hub.mjs';
import { eventually } from './lib/wait.mjs';

describe('curl', () => {
  const hub = suiteHub();
  const ways = {
    TCP: { options: () => [], base: () => hub.url },
    'the local socket': { options: () => ['--unix-socket', hub.socket], base: () => 'http://hub' },
  };

  for (const [way, { options, base }] of Object.entries(ways)) {
    const curl = async (...words) => {
      const { code, stdout, stderr } = await run('curl', [
        '-sS',
        '-m',
        '20',
        ...options(),
        ...words,
      ]);
      assert.equal(code, 0, stderr);
      return stdout;
    };

    test(`publishes and reads over ${way}`, async () => {
      const topic = `cu/${way.length}`;
      const { id } = JSON.parse(await curl('-d', '{"a":1}', `${base()}/t/${topic}`));
      const page = JSON.parse(await curl(`${base()}/t/${topic}?after=earliest&wait=0`));
      assert.equal(page.messages[0].id, id);
      assert.deepEqual(page.messages[0].data, { a: 1 });
    });

    test(`streams over ${way}`, async (t) => {
      const words = [
        '-sSN',
        ...options(),
        '-H',
        'Accept: text/event-stream',
        `${base()}/t/cu/live`,
      ];
      const child = launch('curl', words, { stdio: ['ignore', 'pipe', 2] });
      t.after(() => child.kill('SIGKILL'));
      let text = '';
      child.stdout.on('data', (data) => {
        text += data;
      });
      await eventually(() => text.includes('longwire.live'), 'the stream to be live');
      await publish(hub, 'cu/live', 'tick');
      await eventually(() => text.includes('data: tick\n\n'), 'the message');
    });

    test(`healthz, readyz, metrics and problems over ${way}`, async () => {
      for (const path of ['healthz', 'readyz', 'metrics', 'cursor']) {
        assert.equal(
          await curl('-o', '/dev/null', '-w', '%{http_code}', `${base()}/${path}`),
          '200',
        );
      }
      assert.equal(JSON.parse(await curl(`${base()}/nowhere`)).status, 404);
    });

    test(`uploads a file of a megabyte, with Expect, over ${way}`, async () => {
      const topic = `cu/large/${way.length}`;
      const input = 'x'.repeat(1 << 20);
      const { code, stdout } = await run(
        'curl',
        ['-sS', ...options(), '-T', '-', '-X', 'POST', `${base()}/t/${topic}`],
        { input },
      );
      assert.equal(code, 0);
      assert.match(stdout, /"id"/);
      assert.equal((await history(hub, topic))[0].data.length, 1 << 20);
    });
  }
});
