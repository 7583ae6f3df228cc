// Liveness, readiness, metrics, the head's cursor, and the files that the hub serves.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { get, publish } from './lib/http.mjs';
import { BUILD, suiteHub } from './lib/hub.mjs';
import { eventually } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';

/** The samples of a Prometheus text: { 'name{labels}': value }. */
function parseMetrics(text) {
  const samples = {};
  const described = new Set();
  for (const line of text.split('\n').filter(Boolean)) {
    const comment = /^# (HELP|TYPE) ([a-z_:][a-z0-9_:]*) \S/.exec(line);
    if (comment) {
      described.add(`${comment[1]} ${comment[2]}`);
      continue;
    }
    const sample = /^([a-z_:][a-z0-9_:]*)(\{[^}]*\})? (\S+)$/.exec(line);
    assert.ok(sample, `not a line of Prometheus text: ${line}`);
    const name = sample[1].replace(/_(bucket|sum|count)$/, '');
    assert.ok(described.has(`TYPE ${sample[1]}`) || described.has(`TYPE ${name}`), line);
    samples[sample[1] + (sample[2] ?? '')] = Number(sample[3]);
    assert.ok(!Number.isNaN(Number(sample[3])), line);
  }
  return samples;
}

describe('status', () => {
  const hub = suiteHub();

  for (const path of ['/healthz', '/readyz']) {
    test(`${path} is 200`, async () => {
      const reply = await get(hub, path);
      assert.equal(reply.status, 200, reply.text);
      assert.match(reply.headers['cache-control'] ?? '', /no-store|no-cache/);
    });
  }

  test('/cursor answers the head', async () => {
    const id = await publish(hub, 'st/cursor', 'x');
    const reply = await get(hub, '/cursor');
    assert.equal(reply.status, 200);
    assert.equal(reply.headers['longwire-cursor'], id);
    assert.ok(reply.text.includes(id));
    assert.match(reply.headers['cache-control'], /no-store/);
  });

  test('/metrics is Prometheus text whose figures move', async (t) => {
    const read = async () => {
      const reply = await get(hub, '/metrics');
      assert.equal(reply.status, 200);
      assert.match(reply.headers['content-type'], /^text\/plain; ?version=0\.0\.4/);
      return parseMetrics(reply.text);
    };
    const before = await read();
    assert.ok(Object.keys(before).every((name) => name.startsWith('longwire_')));
    const ws = await (await WsClient.open(hub, 'st/metrics')).live();
    t.after(() => ws.terminate());
    await publish(hub, 'st/metrics', 'x');
    await ws.nextMessage();
    const grown = async () => {
      const now = await read();
      return Object.fromEntries(
        Object.keys(now).map((name) => [name, now[name] - (before[name] ?? 0)]),
      );
    };
    const exactly = {
      longwire_publishes_total: 1,
      longwire_published_total: 1,
      longwire_deliveries_total: 1,
      longwire_commits_total: 1,
      'longwire_connections{transport="ws"}': 1,
      longwire_publish_errors_total: 0,
      longwire_ws_errors_total: 0,
      longwire_lags_total: 0,
    };
    await eventually(async () => (await grown()).longwire_deliveries_total, 'the delivery');
    const growth = await grown();
    for (const [name, by] of Object.entries(exactly)) assert.equal(growth[name], by, name);
    for (const name of ['http_requests', 'accepted', 'bytes_in', 'bytes_out', 'delivered_bytes']) {
      assert.ok(growth[`longwire_${name}_total`] > 0, name);
    }
  });

  test('/longwire.js is the browser client', async () => {
    const reply = await get(hub, '/longwire.js');
    assert.equal(reply.status, 200);
    assert.match(reply.headers['content-type'], /^(text|application)\/javascript/);
    assert.equal(reply.text, readFileSync(join(BUILD, 'clients/js/built/longwire.js'), 'utf8'));
  });

  test('the demo page is off unless it is asked for', async () => {
    assert.doesNotMatch((await get(hub, '/')).headers['content-type'], /html/);
    for (const path of ['/demo/demo.js', '/demo/demo.css']) {
      assert.equal((await get(hub, path)).status, 404);
    }
  });
});

describe('the demo page', () => {
  const hub = suiteHub({ set: { 'http.demo': 'on' } });

  test('is served with all that it refers to', async () => {
    const page = await get(hub, '/');
    assert.match(page.headers['content-type'], /^text\/html/);
    const files = [...page.text.matchAll(/(?:href|src)="(\/[^"]+)"/g)].map((match) => match[1]);
    assert.ok(files.length >= 3);
    for (const file of files) assert.equal((await get(hub, file)).status, 200, file);
  });
});
