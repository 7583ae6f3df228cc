// longwire-bench: each mode runs, counts everything and finds nothing wrong; and says so when
// something is. How fast anything was is not looked at.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { OnTerminal } from '../cli/lib/ctl.mjs';
import { suiteAuthority } from './lib/certificates.mjs';
import { BUILD, launch, ROOT, run, startHub, suiteHub } from './lib/hub.mjs';
import { suiteNginx, withTls } from './lib/nginx.mjs';
import { startSlowHub } from './lib/slowlog.mjs';
import { Authority as TlsAuthority, secureSettings } from './lib/tls.mjs';
import { eventually } from './lib/wait.mjs';

const PROGRAM = join(BUILD, 'longwire-bench');
const MODES = ['fanout', 'raw', 'publish', 'log', 'fill', 'replay', 'resume', 'handshake', 'seal', 'token'];

const words = (text) => text.split(' ').filter(Boolean);

/** Runs a mode that must succeed; returns its figures. */
async function bench(options) {
  const { code, stdout, stderr } = await run(PROGRAM, [...words(options), '--json']);
  assert.equal(code, 0, `${options}: ${stderr}`);
  return JSON.parse(stdout);
}

const reach = (hub) => `--socket ${hub.socket} --url 127.0.0.1:${hub.port}`;
const SHORT = '--seconds 1 --warmup 100';

/** Everything published has arrived, once, in order. */
function assertWhole(figures, { subscribers }) {
  assert.ok(figures.published > 0);
  assert.equal(figures.expected, figures.published * subscribers);
  assert.equal(figures.delivered, figures.expected);
  for (const key of ['missing', 'repeated', 'late', 'foreign', 'lost', 'refused']) {
    assert.equal(figures[key], 0, key);
  }
  assert.ok(figures.latency_p50_ms > 0);
  assert.ok(figures.latency_p50_ms <= figures.latency_p99_ms);
  assert.ok(figures.latency_p99_ms <= figures.latency_p999_ms);
  assert.ok(figures.latency_p999_ms <= figures.latency_max_ms);
  assert.ok(figures.cpu_per_delivery_us > 0);
}

describe('fanout', () => {
  const hub = suiteHub();

  for (const transport of ['ws', 'ws --raw', 'sse', 'sse --raw', 'poll', 'poll --raw', 'poll --browser', 'resp']) {
    test(transport, async () => {
      const options = `fanout --transport ${transport} --subscribers 30 ${SHORT} ${reach(hub)}`;
      const figures = await bench(options);
      assertWhole(figures, { subscribers: 30 });
      assert.equal(figures.transport, words(transport)[0]);
    });
  }

  test('as fast as possible, several topics and publishers', async () => {
    const load = '--subscribers 24 --topics 6 --publishers 3 --rate 0';
    const figures = await bench(`fanout ${load} ${SHORT} ${reach(hub)}`);
    assertWhole(figures, { subscribers: 4 });
  });

  for (const by of ['resp', 'http', 'ws']) {
    test(`published by ${by}`, async () => {
      const load = `--publish-by ${by} --subscribers 12 --topics 3 --publishers 4`;
      for (const rate of [300, 0]) {
        const figures = await bench(`fanout ${load} --rate ${rate} ${SHORT} ${reach(hub)}`);
        assertWhole(figures, { subscribers: 4 });
        assert.equal(figures.publish_by, by);
        assert.equal(figures.unanswered, 0);
        assert.ok(figures.ack_p50_ms > 0);
      }
    });
  }

  test('payloads larger than what is read at once', async () => {
    for (const transport of ['ws --raw', 'sse', 'resp']) {
      const load = `--transport ${transport} --subscribers 5 --size 600000 --rate 10`;
      const figures = await bench(`fanout ${load} ${SHORT} ${reach(hub)}`);
      assertWhole(figures, { subscribers: 5 });
    }
  });

  test('further topics', async () => {
    for (const transport of ['ws', 'sse', 'poll']) {
      const load = `--transport ${transport} --subscribers 20 --further-topics 15`;
      const figures = await bench(`fanout ${load} ${SHORT} ${reach(hub)}`);
      assertWhole(figures, { subscribers: 20 });
      assert.equal(figures.further_topics, 15);
    }
  });

  test('subscribers that never read', async () => {
    const load = '--transport sse --subscribers 12 --stuck 4 --size 20000 --rate 200 --seconds 2';
    const figures = await bench(`fanout ${load} --warmup 100 ${reach(hub)}`);
    assertWhole(figures, { subscribers: 8 });
    assert.equal(figures.stuck, 4);
    assert.equal(typeof figures.memory_grown, 'number');
  });

  test('it measures on until something arrives', async (t) => {
    const [slow, gate] = await startSlowHub(t);
    gate.close();
    const options = `fanout --subscribers 4 --rate 20 ${SHORT} ${reach(slow)} --json`;
    const child = launch(PROGRAM, words(options));
    let said = '';
    let stdout = '';
    child.stdout.on('data', (data) => {
      stdout += data;
    });
    child.stderr.on('data', (data) => {
      said += data;
    });
    await eventually(() => /nothing arrived within --seconds; measuring on/.test(said), 'words');
    gate.open();
    assert.equal((await child.ended).code, 0, said);
    assertWhole(JSON.parse(stdout), { subscribers: 4 });
  });

  test('the hub is found by its socket', async () => {
    const figures = await bench(`fanout --subscribers 10 ${SHORT} ${reach(hub)} --pid ${hub.pid}`);
    assert.equal(typeof figures.memory_per_connection, 'number');
    assert.ok(figures.server_cpu_percent > 0);
  });

  test('the table has the same figures', async () => {
    const options = words(`fanout --subscribers 10 ${SHORT} ${reach(hub)}`);
    const { code, stdout } = await run(PROGRAM, options);
    assert.equal(code, 0);
    assert.match(stdout, /^ {2}subscribers +10$/m);
    assert.match(stdout, /^ {2}publish to delivery +[\d.]+ ms {2}p50/m);
    assert.match(stdout, /^ {2}missing +0$/m);
  });
});

// `script` (util-linux) makes the terminal.
describe('over HTTP/2', () => {
  const files = new TlsAuthority().issue('hub');
  const hub = suiteHub({ set: secureSettings(files, { 'http.h2_max_streams': '64' }) });
  const fanout = (options, where) =>
    bench(`fanout --transport sse ${options} ${SHORT} --socket ${hub.socket} --url ${where}`);
  const places = () => [`127.0.0.1:${hub.port}`, `https://127.0.0.1:${hub.securePort}`];

  test('subscribers share connections', async () => {
    for (const where of places()) {
      for (const options of ['--streams 32', '--streams 7 --raw', '--streams 1']) {
        const figures = await fanout(`--subscribers 32 ${options}`, where);
        assertWhole(figures, { subscribers: 32 });
        assert.equal(figures.tls, where.startsWith('https') ? 'yes' : 'no');
      }
    }
  });

  test('payloads larger than a window', async () => {
    for (const where of places()) {
      const figures = await fanout('--subscribers 3 --streams 3 --size 300000 --rate 5', where);
      assertWhole(figures, { subscribers: 3 });
    }
  });

  test('streams that never open their windows keep nobody from the others', async () => {
    const load = '--subscribers 10 --streams 10 --stuck 3 --size 10000 --rate 50';
    const figures = await fanout(load, places()[0]);
    assertWhole(figures, { subscribers: 7 });
  });

  test('tokens alone', async () => {
    const figures = await bench('token --seconds 1');
    assert.equal(figures.algorithm, 'HS256');
    assert.ok(figures.verify_cpu_us > 0 && figures.cached_cpu_us > 0);
    assert.ok(figures.principal_bytes <= 600, figures.principal_bytes);
  });

  test('who does not speak it is told', async () => {
    const words = ['fanout', '--transport', 'ws', '--streams', '2'];
    const { code, stderr } = await run(PROGRAM, words);
    assert.equal(code, 2);
    assert.match(stderr, /over HTTP\/2 there are event streams only/);
  });
});

describe('over TLS', () => {
  const hub = suiteHub();
  const authority = suiteAuthority();
  const server = authority.signForAll(['IP:127.0.0.1']);
  const nginx = suiteNginx(hub, { text: withTls(server) });
  const secure = () => `--socket ${hub.socket} --url https://127.0.0.1:${nginx.port}`;

  for (const transport of ['ws', 'sse', 'poll', 'ws --tls-resume']) {
    test(`fanout: ${transport}`, async () => {
      const options = `fanout --transport ${transport} --subscribers 20 ${SHORT} ${secure()}`;
      const figures = await bench(options);
      assertWhole(figures, { subscribers: 20 });
      assert.equal(figures.tls, 'yes');
      assert.equal(figures.resumed > 0, transport.includes('resume'));
    });
  }

  test('more than is read at once', async () => {
    const load = '--transport sse --raw --subscribers 3 --size 600000 --rate 5';
    assertWhole(await bench(`fanout ${load} ${SHORT} ${secure()}`), { subscribers: 3 });
  });

  for (const by of ['http', 'ws']) {
    test(`publish by ${by}`, async () => {
      const load = `--publish-by ${by} --connections 3 --count 200 --warmup 0 --seconds 60`;
      const figures = await bench(`publish ${load} ${secure()}`);
      assert.deepEqual([figures.acknowledged, figures.refused, figures.unanswered], [200, 0, 0]);
    });
  }

  test('handshakes, whole and resumed', async () => {
    const options = `handshake --connections 4 --count 30 ${secure()}`;
    const whole = await bench(options);
    assert.deepEqual([whole.handshakes, whole.resumed], [30, 0]);
    const resumed = await bench(`${options} --tls-resume`);
    assert.deepEqual([resumed.handshakes, resumed.resumed], [30, 30]);
    assert.equal(resumed.memory_per_connection, null);
    // So many take more than what others, who come and go, may share of nginx's pages.
    const held = await bench(`handshake --hold --count 400 --pid ${nginx.pid} ${secure()}`);
    assert.equal(held.handshakes, 400);
    assert.ok(held.memory_per_connection > 0);
    const plain = await bench(`handshake --plain --count 30 ${reach(hub)}`);
    assert.deepEqual([plain.handshakes, plain.resumed], [30, 0]);
  });

  test('sealing alone', async () => {
    const figures = await bench('seal --size 100 --seconds 1');
    assert.equal(figures.size, 100);
    assert.ok(figures.records > 0 && figures.seal_cpu_us > 0 && figures.sealed_mb_per_s >= 0);
  });

  test('who does not speak it is told', async () => {
    for (const mode of ['fanout --subscribers 1', 'handshake', 'publish --publish-by http']) {
      const options = `${mode} --url https://127.0.0.1:${hub.port} --socket ${hub.socket}`;
      const { code, stderr } = await run(PROGRAM, words(options));
      assert.notEqual(code, 0, mode);
      assert.match(stderr, /what answers does not speak TLS|ends before the TLS handshake/);
    }
  });
});

describe('how it is going', () => {
  const hub = suiteHub();
  const load = () => `--seconds 2 --warmup 100 --subscribers 20 --rate 100 ${reach(hub)}`;
  /** What the line has shown, one after the other. */
  const shown = (terminal) => terminal.stdout.split('\r\x1b[K').slice(1);

  test('a terminal is shown it, until the figures come', async () => {
    const terminal = new OnTerminal([PROGRAM, ...words(`fanout ${load()}`)], { columns: 120 });
    assert.equal((await terminal.ended).code, 0);
    const going = shown(terminal).slice(0, -1);
    const pattern = /^(\d+) s {2}(\d+) deliveries\/s {2}(\d+) behind {2}missing 0 {2}repeated 0 {2}out of order 0$/;
    const lines = going.map((line) => pattern.exec(line)?.slice(1).map(Number)).filter(Boolean);
    assert.ok(lines.length >= 4, terminal.stdout);
    assert.ok(lines.some(([, rate]) => rate > 0));
    assert.match(shown(terminal).at(-1), /^ {2}mode +fanout/);
  });

  test('what does not fit the terminal is cut', async () => {
    const terminal = new OnTerminal([PROGRAM, ...words(`fanout ${load()}`)], { columns: 30 });
    assert.equal((await terminal.ended).code, 0);
    const going = shown(terminal).slice(0, -1);
    assert.ok(going.length >= 4);
    assert.ok(going.every((line) => line.length < 30 && !line.includes('\n')));
  });

  test('publishing shows what is acknowledged', async () => {
    const options = words(`publish ${SHORT} --socket ${hub.socket}`);
    const terminal = new OnTerminal([PROGRAM, ...options], { columns: 120 });
    assert.equal((await terminal.ended).code, 0);
    assert.match(terminal.stdout, /\r\x1b\[K\d+ s {2}\d+ acknowledged\/s {2}p50 /);
  });

  test('not with --quiet', async () => {
    const options = words(`fanout --quiet ${load()}`);
    const terminal = new OnTerminal([PROGRAM, ...options]);
    assert.equal((await terminal.ended).code, 0);
    assert.match(terminal.stdout, /^ {2}mode +fanout/);
    assert.doesNotMatch(terminal.stdout, /\x1b|\d s {2}/);
  });

  test('nor where there is no terminal', async () => {
    const { code, stderr } = await run(PROGRAM, words(`fanout ${load()}`));
    assert.equal(code, 0);
    assert.equal(stderr, '');
  });
});

describe('raw', () => {
  for (const options of ['', '--batch', '--transport sse', '--transport sse --raw --batch', '--transport poll',
    '--transport poll --browser --batch']) {
    test(options || 'one write each', async () => {
      const figures = await bench(`raw ${options} --subscribers 30 --rate 200 ${SHORT}`);
      assertWhole(figures, { subscribers: 30 });
    });
  }

  test('as fast as possible, several topics and publishers', async () => {
    const load = '--subscribers 24 --topics 6 --publishers 3 --rate 0';
    assertWhole(await bench(`raw --batch ${load} ${SHORT}`), { subscribers: 4 });
    assertWhole(await bench(`raw --transport poll ${load} --window 100 ${SHORT}`), { subscribers: 4 });
  });
});

describe('publish', () => {
  const hub = suiteHub();

  test('every message is acknowledged', async () => {
    const load = '--connections 3 --pipeline 50 --topics 7 --count 5000 --warmup 0 --seconds 60';
    const figures = await bench(`publish ${load} --socket ${hub.socket}`);
    assert.equal(figures.acknowledged, 5000);
    assert.equal(figures.unanswered + figures.refused, 0);
    assert.ok(figures.ack_p50_ms > 0);
  });

  test('one outstanding', async () => {
    const figures = await bench(`publish --pipeline 1 ${SHORT} --socket ${hub.socket}`);
    assert.ok(figures.acknowledged > 0);
  });

  /** How many messages the hub's log has. */
  const head = async (of) => Number.parseInt((await (await fetch(`${of.url}/cursor`)).json()).cursor);

  for (const by of ['http', 'ws']) {
    test(`by ${by}: every message is acknowledged, and in the log`, async () => {
      const before = await head(hub);
      const load = '--connections 5 --pipeline 20 --topics 7 --count 600 --warmup 0 --seconds 60';
      const figures = await bench(`publish --publish-by ${by} ${load} ${reach(hub)}`);
      assert.equal(figures.acknowledged, 600);
      assert.equal(figures.unanswered + figures.refused, 0);
      assert.ok(figures.ack_p50_ms > 0);
      assert.ok(figures.cpu_per_message_us > 0);
      assert.equal((await head(hub)) - before, 600);
    });
  }

  for (const [by, said] of [
    ['resp', /the hub answers -/],
    ['http', /the hub answers HTTP\/1\.1 413 /],
    ['ws', /the hub answers {"op":"error","code":"too_large"/],
  ]) {
    test(`by ${by}: refused ones are counted`, async (t) => {
      const small = await startHub(t, { set: { 'hub.max_message_bytes': 100 } });
      const load = `publish --publish-by ${by} --count 10 --warmup 0 ${reach(small)} --json`;
      const { code, stdout, stderr } = await run(PROGRAM, words(load));
      assert.equal(code, 1);
      const figures = JSON.parse(stdout);
      assert.equal(figures.refused, 10);
      assert.equal(figures.acknowledged + figures.unanswered, 0);
      assert.match(stderr, said);
      assert.equal(await head(small), 0);
    });
  }

  test('by http: a connection that the hub closed for being idle is opened anew', async (t) => {
    // Not after whole seconds, when the next requests are due.
    const brief = await startHub(t, { set: { 'http.idle_timeout': '1500ms' } });
    const load = `--publish-by http --connections 4 --rate 1 --count 8 --warmup 0 --seconds 60`;
    const figures = await bench(`publish ${load} ${reach(brief)}`);
    assert.equal(figures.acknowledged, 8);
    assert.equal(figures.unanswered + figures.refused, 0);
  });
});

function temporaryFolder(t) {
  const folder = mkdtempSync(join(tmpdir(), 'longwire-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Every figure of these is there and above 0; returns how many there are. */
function assertMeasured(figures) {
  const measured = Object.entries(figures).filter(([key]) => /_per_s$|_us$|_ratio$/.test(key));
  for (const [key, value] of measured) assert.ok(value > 0, key);
  return measured.length;
}

describe('log', () => {
  test('all is measured, and nothing is left behind', async (t) => {
    const folder = temporaryFolder(t);
    const figures = await bench(`log --dir ${folder} --seconds 1 --count 20000 --batch 500`);
    assert.equal(assertMeasured(figures), 8 * 4 + 1);
    assert.deepEqual(readdirSync(folder), []);
  });

  test('--synced: half of it', async (t) => {
    const folder = temporaryFolder(t);
    const figures = await bench(`log --synced --dir ${folder} --seconds 1 --count 2000`);
    assert.equal(assertMeasured(figures), 4 * 4 + 1);
    assert.equal(figures.store_nosync_per_s, undefined);
  });
});

/** A hub on a log that the mode fill has made: topic 0 has `messages` of it. */
async function filledHub(t, options, messages) {
  const hub = await startHub(t);
  await hub.stop();
  rmSync(hub.dataDir, { recursive: true });
  const figures = await bench(`fill --dir ${hub.dataDir} ${options}`);
  assert.equal(figures.hot_messages, messages);
  assertMeasured(figures);
  await hub.start();
  return hub;
}

describe('fill, replay and resume', () => {
  test('each transport reads all of a topic that is alone', async (t) => {
    const hub = await filledHub(t, '--count 2500 --batch 300', 2500);
    for (const transport of ['ws', 'ws --raw', 'sse', 'sse --raw', 'poll', 'poll --raw']) {
      const load = `--transport ${transport} --subscribers 4 --count 2500 --rounds 2`;
      const figures = await bench(`replay ${load} ${reach(hub)}`);
      assert.equal(figures.delivered, 4 * 2 * 2500, transport);
      assert.equal(figures.expected, figures.delivered, transport);
      assert.equal(figures.missing + figures.repeated + figures.foreign + figures.lost, 0);
      assert.ok(figures.deliveries_per_s > 0);
      assert.ok(figures.cpu_per_delivery_us > 0);
    }
  });

  test('and of one among others', async (t) => {
    const hub = await filledHub(t, '--count 20000 --topics 50 --share 4', 5000);
    const figures = await bench(`replay --transport sse --count 5000 ${reach(hub)}`);
    assert.equal(figures.delivered, 5000);
  });

  test('a live subscriber beside', async (t) => {
    const hub = await filledHub(t, '--count 20000', 20000);
    for (const transport of ['ws', 'sse --raw', 'poll']) {
      const load = `--transport ${transport} --count 20000 --rounds 5 --live 200`;
      const figures = await bench(`replay ${load} ${reach(hub)}`);
      assert.equal(figures.delivered, 100000);
      for (const when of ['alone', 'beside']) {
        assert.ok(figures[`live_${when}_p50_ms`] > 0, transport);
        assert.ok(figures[`live_${when}_p50_ms`] <= figures[`live_${when}_p99_ms`], transport);
      }
    }
  });

  test('the server that only writes', async () => {
    for (const options of ['ws', 'ws --raw', 'sse --topics 2', 'sse --raw --size 200000']) {
      const load = `--transport ${options} --subscribers 4 --count 3000`;
      const figures = await bench(`replay --bare ${load}`);
      assert.equal(figures.delivered, 4 * 3000, options);
      assert.equal(figures.missing + figures.repeated + figures.foreign, 0, options);
    }
  });

  test('a log that has fewer messages, or more', async (t) => {
    const hub = await filledHub(t, '--count 100', 100);
    for (const [count, missing] of [
      [103, 3],
      [97, 0],
    ]) {
      const options = words(`replay --count ${count} --drain 1 ${reach(hub)} --json`);
      const { code, stdout } = await run(PROGRAM, options);
      assert.equal(code, 1);
      assert.equal(JSON.parse(stdout).missing, missing);
      assert.equal(JSON.parse(stdout).delivered, 100);
    }
  });

  test('the last messages of a topic, of a pattern, and none', async (t) => {
    const hub = await filledHub(t, '--count 20000 --topics 100', 4000);
    for (const [options, messages] of [
      ['', 10],
      ['--filter bench/00000063', 10], // the rare one, which has 12
      ['--filter bench/00000063 --last 50', 12],
      ['--filter bench/+ --last 30', 30],
      ['--filter #', 10],
      ['--last 0', 0],
    ]) {
      const figures = await bench(`resume --count 20 ${options} ${reach(hub)}`);
      assert.equal(figures.messages, messages, options);
      assert.equal(figures.requests, 20);
      assert.equal(figures.same, 'yes');
      assert.ok(figures.cpu_per_request_us > 0);
    }
  });

  test('resume: a topic that is not there', async (t) => {
    const hub = await startHub(t);
    const { code, stderr } = await run(PROGRAM, words(`resume --filter x ${reach(hub)}`));
    assert.equal(code, 1);
    assert.match(stderr, /x has no messages/);
  });

  test('fill: not into a log that is there', async (t) => {
    const folder = join(temporaryFolder(t), 'data');
    await bench(`fill --dir ${folder} --count 10`);
    const { code, stderr } = await run(PROGRAM, words(`fill --dir ${folder} --count 10`));
    assert.equal(code, 1);
    assert.match(stderr, /is a log already/);
  });
});

describe('when something is wrong', () => {
  test('no hub', async () => {
    const { code, stderr } = await run(PROGRAM, ['fanout', '--socket', '/nonexistent/sock']);
    assert.equal(code, 3);
    assert.match(stderr, /\/nonexistent\/sock: No such file/);
  });

  test('no hub to replay from, none to resume at', async () => {
    for (const mode of ['replay', 'resume']) {
      const { code, stderr } = await run(PROGRAM, [mode, '--socket', '/nonexistent/sock']);
      assert.equal(code, 3);
      assert.match(stderr, /\/nonexistent\/sock: No such file/);
    }
  });

  test('a live subscriber that cannot connect', async (t) => {
    const hub = await startHub(t);
    const options = words(`replay --live 1 --socket ${hub.socket} --url 127.0.0.1:1`);
    const { code, stderr } = await run(PROGRAM, options);
    assert.equal(code, 3);
    assert.match(stderr, /127\.0\.0\.1 port 1: Connection refused/);
  });

  // It waited ten seconds, and then a million messages were missing.
  test('a log without messages to replay', async (t) => {
    const hub = await startHub(t);
    for (const transport of ['ws', 'sse', 'poll']) {
      const { code, stderr } = await run(PROGRAM, words(`replay --transport ${transport} ${reach(hub)}`));
      assert.equal(code, 1);
      assert.match(stderr, /no messages of bench\/00000000 at .*longwire-bench fill/);
    }
  });

  test('an address that is none is named', async (t) => {
    const hub = await startHub(t);
    for (const mode of ['fanout', 'replay', 'resume']) {
      const options = words(`${mode} --socket ${hub.socket} --url nonsense`);
      const { code, stderr } = await run(PROGRAM, options);
      assert.equal(code, 2, mode);
      assert.match(stderr, /--url is HOST:PORT, not nonsense/, mode);
    }
  });

  test('a socket, but nobody at the URL', async (t) => {
    const hub = await startHub(t);
    const options = ['fanout', '--socket', hub.socket, '--url', '127.0.0.1:1'];
    const { code, stderr } = await run(PROGRAM, options);
    assert.equal(code, 3);
    assert.match(stderr, /127\.0\.0\.1 port 1: Connection refused/);
  });

  test('a hub that dies: the run ends, with a report', async (t) => {
    const hub = await startHub(t);
    const options = words(`fanout --subscribers 10 --seconds 60 --warmup 0 ${reach(hub)} --json`);
    const child = launch(PROGRAM, options);
    let stdout = '';
    child.stdout.on('data', (data) => {
      stdout += data;
    });
    const figures = async () => (await fetch(`${hub.url}/metrics`)).text();
    const delivered = async () => /^longwire_deliveries_total [1-9]/m.test(await figures());
    await eventually(delivered, 'something to be delivered');
    await hub.kill9();
    assert.equal((await child.ended).code, 1);
    const told = JSON.parse(stdout);
    assert.equal(told.subscribers, 10);
    assert.ok(told.delivered > 0);
  });

  for (const [options, message] of [
    ['', /which mode/],
    ['fan', /no mode fan/],
    ['fanout --transport mqtt', /one of ws, sse, poll/],
    ['fanout --publish-by mqtt', /one of resp, http, ws/],
    ['publish --url nonsense', /HOST:PORT/],
    ['fanout --further-topics 3 --raw', /takes envelopes/],
    ['fanout --subscribers 5 --stuck 5', /nobody to read/],
    ['raw --publish-by ws', /no option of this mode/],
    ['fanout --subscribers 0', /--subscribers takes a whole number from 1/],
    ['fanout --rate -1', /--rate takes/],
    ['fanout --size 39', /from 40/],
    ['fanout --batch', /no option of this mode/],
    ['fanout --url nonsense', /HOST:PORT/],
    ['raw --transport resp', /ws, sse and, in raw, poll/],
    ['raw --transport poll --raw', /take envelopes/],
    ['log extra', /said by options/],
    ['fill', /--dir says where/],
    ['replay --transport resp', /one of ws, sse and poll/],
    ['replay --bare --transport poll', /transports ws and sse/],
    ['replay --bare --live 1', /nobody beside/],
    ['resume --url nonsense --pid 1', /HOST:PORT/],
  ]) {
    test(`wrong usage: ${options}`, async () => {
      const { code, stdout, stderr } = await run(PROGRAM, words(options));
      assert.equal(code, 2);
      assert.equal(stdout, '');
      assert.match(stderr, message);
    });
  }
});

describe('the report of the standard set', () => {
  const quoted = join(ROOT, 'doc/performance');
  const plots = ['idle.svg', 'latency.svg', 'saturation.svg', 'steady.svg'];
  const figures = () => JSON.parse(readFileSync(join(quoted, 'figures.json'), 'utf8'));

  /** Writes report and plots of `of` into a folder; with `document`, the tables into that. */
  async function report(t, of, document) {
    const folder = temporaryFolder(t);
    const file = join(folder, 'figures.json');
    writeFileSync(file, JSON.stringify(of));
    const into = join(folder, document ? 'performance.md' : 'report.md');
    if (document) writeFileSync(into, document);
    const program = join(ROOT, 'tools/bench/bench_report.py');
    const args = [program, file, folder, ...(document ? [into] : [])];
    const { code, stderr } = await run('python3', args, {
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    });
    assert.equal(code, 0, stderr);
    return { folder, text: readFileSync(into, 'utf8') };
  }

  /** The last cell of the row of targets whose second cell matches. */
  const verdict = ({ text }, what) =>
    text
      .split('\n')
      .map((line) => line.split(' | '))
      .find(([, target]) => what.test(target ?? ''))
      .at(-1)
      .replace(/ \|$/, '');

  test('the document quotes its figures, and shows their plots', async (t) => {
    const document = readFileSync(join(ROOT, 'doc/performance.md'), 'utf8');
    const made = await report(t, figures(), document);
    assert.equal(made.text, document);
    for (const plot of plots) {
      assert.ok(document.includes(`](performance/${plot})`), plot);
      const shown = readFileSync(join(quoted, plot), 'utf8');
      assert.equal(readFileSync(join(made.folder, plot), 'utf8'), shown, plot);
    }
  });

  test('it has every target of the hub, and its plots', async (t) => {
    const { text } = await report(t, figures());
    for (const target of [1, 2, 3, 4, 5, 6, 7, 8]) {
      assert.match(text, new RegExp(`^\\| ${target} \\| .+ \\| (met|\\*\\*missed\\*\\*) \\|$`, 'm'));
    }
    for (const plot of plots) assert.ok(text.includes(`](${plot})`), plot);
  });

  test('what is met is what was measured', async (t) => {
    const changed = figures();
    const sse = changed.idle.find(({ name }) => name === 'SSE');
    const [workers] = changed.workers;
    for (const [bytes, saved, said] of [
      [400, 0.8, 'met'],
      [401, 1.2, '**missed**'],
      [null, null, 'not measured'],
    ]) {
      sse.hub.memory_per_connection = bytes;
      workers.one.cpu_per_delivery_us = 1;
      workers.two.cpu_per_delivery_us = saved;
      const made = await report(t, changed);
      assert.equal(verdict(made, /^memory of an idle connection, SSE/), said);
      assert.equal(verdict(made, /^two workers to one/), said);
    }
  });

  test('publishing by HTTP stands beside its targets', async (t) => {
    const changed = figures();
    const [first] = changed.publishing;
    const name = 'HTTP, 16 with 16, `durability = memory`';
    const row = { name, target: '1,000,000', result: { ...first.result } };
    const fanout = { local: { deliveries_per_s: 1000 }, http: { deliveries_per_s: 800 } };
    changed.publishing.push(row);
    changed.published_by = [{ name: 'all', ...fanout }];
    for (const of of Object.values(fanout)) of.cpu_per_delivery_us = 1;
    for (const [rate, delivered, said] of [
      [1000000, 800, 'met'],
      [999999, 799, '**missed**'],
    ]) {
      row.result.acknowledged_per_s = rate;
      fanout.http.deliveries_per_s = delivered;
      const made = await report(t, changed);
      assert.equal(verdict(made, /^publishing: HTTP, 16 with 16/), said);
      assert.equal(verdict(made, /^fan-out published by HTTP/), said);
      assert.match(made.text, /^\| HTTP, 16 with 16, .* \| 1,300,000 \|  \|$/m);
    }
  });

  test('what was lost is told', async (t) => {
    const changed = figures();
    changed.saturation[0].hub.missing = 17;
    assert.match((await report(t, changed)).text, /\| 17 missing \|/);
  });
});

describe('the manual', () => {
  const manual = readFileSync(join(ROOT, 'doc/longwire-bench.1'), 'utf8');

  /** "option (modes)" of each option, as the program has it. */
  async function options() {
    const found = new Map();
    for (const mode of MODES) {
      const { stdout } = await run(PROGRAM, [mode, '--help']);
      for (const [, name, arg] of stdout.matchAll(/^ {2}--([\w-]+)( [A-Z:]+)?/gm)) {
        const key = name + (arg ? ' …' : '');
        found.set(key, [...(found.get(key) ?? []), mode]);
      }
    }
    return [...found].map(([key, modes]) => `${key} (${modes.join(', ')})`).sort();
  }

  test('describes every option with its modes, and no other', async () => {
    const described = [...manual.matchAll(/^\.It Fl -([\w-]+)( Ar .+)? Pq (.+)$/gm)].map(
      ([, name, arg, modes]) => `${name}${arg ? ' …' : ''} (${modes})`,
    );
    assert.deepEqual(described.sort(), await options());
  });

  test('describes every mode', async () => {
    const { stdout } = await run(PROGRAM, ['--help']);
    for (const mode of MODES) {
      assert.match(stdout, new RegExp(`^  ${mode} `, 'm'));
      assert.match(manual, new RegExp(`^\\.It Cm ${mode}$`, 'm'));
    }
  });
});
