// On a terminal: colour, questions, and the live screen of `top`, which must give the terminal back
// whatever ends it. `script` (util-linux) makes the terminal.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { eventually } from '../e2e/lib/wait.mjs';
import { ctlTo, startOnTerminal } from './lib/ctl.mjs';
import { bulk, fakeHub, hangUp, json, number } from './lib/fake-hub.mjs';

const ENTER = '\x1b[?1049h';
const LEAVE = '\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l';

/** A hub with `count` topics, t0 the slowest, and one lagging client. */
const figures = (count) => {
  let published = 0;
  const topics = Array.from({ length: count }, (_, i) => ({ topic: `t${i}`, messages: i, rate: i }));
  const clients = [
    { id: 1, transport: 'ws', address: '127.0.0.1:1', lag: 0 },
    { id: 2, transport: 'sse', address: '127.0.0.1:2\x1b[2J', lag: 42, cursor: '8-7' },
  ];
  return ([, what, name]) => {
    published += what === 'STATS' ? 1000 : 0;
    switch (what) {
      case 'STATS':
        return json({
          version: '0.1.0',
          head: '50-7',
          connections: { ws: 1, sse: 1 },
          counters: { publishes: published, deliveries: 5 * published },
        });
      case 'TOPICS':
        return json(topics);
      case 'TOPIC':
        return json({ topic: name, messages: 17 });
      case 'PURGE':
        return number(17);
      default:
        return json(clients);
    }
  };
};

/** The frames that `top` has drawn so far, as lists of lines without their escape sequences. */
const frames = (terminal) =>
  terminal.stdout
    .split('\x1b[H')
    .slice(1)
    .filter((frame) => frame.includes('\x1b[J'))
    .map((frame) => frame.slice(0, frame.indexOf('\x1b[J')))
    .map((frame) => frame.replace(/\x1b\[[0-9;?]*[a-zA-Z]/g, '').split(/\r+\n/).slice(0, -1));

describe('moving messages', () => {
  const line = '{"id":"1-7","topic":"a","data":"\u0085\u202e"}';

  test('an export is made harmless on a terminal', async (t) => {
    const hub = await fakeHub(t, ([, what]) =>
      what === 'STATS'
        ? json({ head: '1-7' })
        : bulk(`{"cursor":"1-7","messages":[${line}],"end":true}`),
    );
    const run = startOnTerminal(hub, ['export']);
    await run.ended;
    assert.match(run.stdout, /"data":"\\u0085\\u202e"/);
  });

  test('an import shows how far it is, and takes that away', async (t) => {
    let offset = 1;
    const hub = await fakeHub(t, ([name]) =>
      name === 'HUB' ? json({ head: '1-7' }) : bulk(`${++offset}-7`),
    );
    const run = startOnTerminal(hub, ['import']);
    run.write(`${line}\n\x04`);
    await run.ended;
    assert.match(run.stdout, /\r\d lines/);
    assert.match(run.stdout, /\r\x1b\[K1 messages imported/);
  });
});

describe('colour', () => {
  const hubOf = (t) => fakeHub(t, figures(3));

  test('is used on a terminal', async (t) => {
    const run = startOnTerminal(await hubOf(t), ['topics']);
    await run.ended;
    assert.match(run.stdout, /\x1b\[32mt0\x1b\[0m/);
  });

  test('is not used with NO_COLOR, on a dumb terminal, or in a pipe', async (t) => {
    const hub = await hubOf(t);
    for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
      const run = startOnTerminal(hub, ['topics'], { env });
      await run.ended;
      assert.match(run.stdout, /t0/);
      assert.doesNotMatch(run.stdout, /\x1b/);
    }
    assert.doesNotMatch((await ctlTo(hub, ['topics'])).stdout, /\x1b/);
  });
});

describe('purge asks', () => {
  for (const [answer, code, purged] of [['y', 0, 1], ['YES', 0, 1], ['n', 2, 0], ['', 2, 0]]) {
    test(`and takes "${answer}" as ${purged ? 'yes' : 'no'}`, async (t) => {
      const hub = await fakeHub(t, figures(3));
      const run = startOnTerminal(hub, ['purge', 't\x1b1']);
      await run.until(/Remove all 17 messages of t\\x1b1 for ever\? \[y\/N\] /);
      run.write(`${answer}\n`);
      assert.equal((await run.ended).code, code);
      assert.equal(hub.commands.filter(([, what]) => what === 'PURGE').length, purged);
    });
  }

  test('and takes the end of input as no', async (t) => {
    const hub = await fakeHub(t, figures(3));
    const run = startOnTerminal(hub, ['purge', 'a']);
    await run.until(/\[y\/N\] /);
    run.write('\x04');
    assert.equal((await run.ended).code, 2);
    assert.ok(!hub.commands.some(([, what]) => what === 'PURGE'));
  });
});

describe('top', () => {
  async function started(t, options) {
    const hub = await fakeHub(t, figures(100));
    const top = startOnTerminal(hub, ['top'], options);
    t.after(() => top.child.kill());
    await eventually(() => frames(top).length >= 2, 'two frames');
    return { hub, top };
  }

  test('shows rates, the busiest topics first, and who lags', async (t) => {
    const { top } = await started(t);
    const [title, rates, connections, state, head, first, second] = frames(top)[1];
    assert.match(title, /^longwire 0\.1\.0 .*head 50-7/);
    const [, publishes, deliveries] = /publishes\/s ([\d.]+) +deliveries\/s ([\d.]+)/.exec(rates);
    assert.ok(publishes > 0 && publishes <= 1001, rates);
    assert.ok(Math.abs(deliveries - 5 * publishes) < 1, rates);
    assert.match(connections, /^connections 2 .*sse 1 ws 1/);
    assert.equal(state, '');
    assert.match(head, /TOPIC$/);
    assert.match(first, /^ *99\.0 .*t99$/);
    assert.match(second, /t98$/);
    assert.match(frames(top)[1].at(-1), /^ *42 +2 +sse +127\.0\.0\.1:2\\x1b\[2J +8-7$/);
  });

  test('fits the screen', async (t) => {
    const { top } = await started(t, { rows: 14, columns: 30 });
    for (const frame of frames(top)) {
      assert.equal(frame.length, 13);
      for (const line of frame) assert.ok(line.length < 30, line);
    }
  });

  test('fits a screen that is hardly one', async (t) => {
    const { top } = await started(t, { rows: 3, columns: 10 });
    assert.ok(frames(top).every((frame) => frame.length === 2));
  });

  test('follows a change of size', async (t) => {
    const { top } = await started(t);
    top.resize(10, 40);
    await eventually(() => frames(top).at(-1).length === 9, 'a frame of the new size');
    assert.ok(frames(top).at(-1).every((line) => line.length < 40));
  });

  test('Ctrl-Z gives the terminal back, and continuing takes it again', async (t) => {
    const { top } = await started(t);
    top.write('\x1a');
    /* `script` stops with its child, so what was shown before comes only after it is continued. */
    const goneOn = () => top.child.kill('SIGCONT') && top.stdout.split(ENTER).length === 3;
    await eventually(goneOn, 'the screen to be taken again');
    assert.ok(top.stdout.split(ENTER)[1].endsWith(LEAVE));
    top.write('q');
    assert.equal((await top.ended).code, 0);
    assert.ok(top.stdout.endsWith(LEAVE));
  });

  test('q ends it, and the terminal is given back', async (t) => {
    const { top } = await started(t);
    assert.ok(top.stdout.startsWith(ENTER));
    top.write('xq');
    assert.equal((await top.ended).code, 0);
    assert.ok(top.stdout.endsWith(LEAVE));
  });

  test('Ctrl-C ends it, and the terminal is given back', async (t) => {
    const { top } = await started(t);
    top.write('\x03');
    assert.equal((await top.ended).code, 128 + 2);
    await top.until(/\x1b\[\?1049l/);
    assert.ok(top.stdout.includes(LEAVE));
  });

  test('waits for a hub that is away, and keeps the last figures', async (t) => {
    const { hub, top } = await started(t);
    await hub.stop();
    await top.until(/no connection to .*; trying again/);
    assert.match(frames(top).at(-1).join('\n'), /t99/);
    const before = frames(top).length;
    await hub.start();
    await eventually(
      () => frames(top).length > before && frames(top).at(-1)[3] === '',
      'a frame without a complaint',
    );
    top.write('q');
    await top.ended;
  });

  test('says when there is no hub at all', async (t) => {
    const hub = await fakeHub(t, () => hangUp());
    await hub.stop();
    const top = startOnTerminal(hub, ['top']);
    assert.equal((await top.ended).code, 3);
    assert.ok(!top.stdout.includes(ENTER));
  });
});
