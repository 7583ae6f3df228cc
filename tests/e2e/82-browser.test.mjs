// Headless Chromium on the demo page, through every button, against the real hub and publisher:
// no gap, no duplicate, no hole in a chart after any of it.
import assert from 'node:assert/strict';
import { readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Browser } from './lib/browser.mjs';
import { history } from './lib/http.mjs';
import { BUILD, launch, suiteHub } from './lib/hub.mjs';
import { eventually } from './lib/wait.mjs';

/** The publisher sends five readings of five topics a second. */
const ONE_SECOND = 25;
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

describe('the demo page in Chromium', () => {
  const hub = suiteHub({ set: { 'http.demo': 'on' } });
  const errors = [];
  let browser;
  let page;
  let publisher;

  before(async () => {
    publisher = launch(join(BUILD, 'longwire-demo'), ['--socket', hub.socket], {
      stdio: 'inherit',
    });
    browser = await Browser.launch();
    page = await browser.newPage();
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.goto(`${hub.url}/`);
  });

  after(async () => {
    await browser?.close();
    publisher.kill('SIGTERM');
    await publisher.ended;
  });

  const element = (id) => page.locator(`[data-testid="${id}"]`);
  const demo = () => page.evaluate(() => window.__demo.all());

  /** Waits until the page is as `wanted` says. */
  const until = (wanted, what) =>
    eventually(async () => {
      const now = await demo();
      return wanted(now) && now;
    }, what);

  /** Waits until figures flow live again, and looks at the counters. */
  async function assertWhole(what) {
    const { received } = await demo();
    const now = await until(
      (d) => d.state === 'live' && d.received > received + 2 * ONE_SECOND,
      `figures to flow after ${what}`,
    );
    assert.deepEqual(
      { gaps: now.gaps, duplicates: now.duplicates, holes: now.holes },
      { gaps: 0, duplicates: 0, holes: 0 },
      what,
    );
    assert.equal(await page.evaluate(() => window.__demo.reported), 0, `gaps reported, ${what}`);
    assert.deepEqual(errors, [], what);
    for (const id of ['gaps', 'duplicates', 'holes']) {
      await eventually(async () => (await element(id).textContent()) === '0', `${id} to show 0`);
    }
  }

  test('draws live figures', async () => {
    await assertWhole('opening the page');
    const { cursor, transport } = await demo();
    assert.match(cursor, /^\d+-\d+$/);
    assert.equal(transport, 'websocket');
    assert.equal(await element('status').getAttribute('data-state'), 'live');
  });

  for (const transport of ['sse', 'poll', 'websocket', 'auto']) {
    test(`changes to ${transport}`, async () => {
      await element(`transport-${transport}`).check({ force: true });
      if (transport !== 'auto') await until((d) => d.transport === transport, transport);
      await assertWhole(`changing to ${transport}`);
    });
  }

  for (const transport of ['websocket', 'sse', 'poll']) {
    test(`drops the connection on ${transport}`, async () => {
      await element(`transport-${transport}`).check({ force: true });
      await until((d) => d.transport === transport && d.state === 'live', transport);
      for (let n = 0; n < 3; n++) await element('drop').click();
      await assertWhole(`dropping ${transport}`);
    });
  }

  test('goes offline for some seconds', async () => {
    await element('offline').click();
    await until((d) => d.state !== 'live', 'the page to be offline');
    await assertWhole('being offline');
  });

  test('says what an empty list is for', async () => {
    const empty = await browser.newPage();
    await empty.route('**/t*', (route) => route.abort());
    await empty.route('**/t/**', (route) => route.abort());
    await empty.goto(`${hub.url}/demo/index.html`).catch(() => {});
    await empty.goto(`${hub.url}/`);
    for (const id of ['log', 'chat']) {
      const text = await empty.evaluate((name) => {
        const list = document.getElementById(name).cloneNode(false);
        document.getElementById(name).replaceWith(list);
        return getComputedStyle(list, '::before').content;
      }, id);
      assert.match(text, /Nothing yet/, id);
    }
    await empty.close();
  });

  test('passes an accessibility check', async () => {
    await page.evaluate(readFileSync(AXE, 'utf8')); // the page's own rules let no script in
    const { violations, passes } = await page.evaluate(() => window.axe.run());
    assert.ok(passes.some(({ id, nodes }) => id === 'listitem' && nodes.length > 0));
    assert.deepEqual(
      violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`),
      [],
    );
  });

  test('names the program and the socket of this hub', async () => {
    const words = `${join(BUILD, 'longwirectl')} -s ${realpathSync(hub.socket)}`;
    await eventually(async () => (await element('ctl').textContent()) === words, words);
  });

  // Replayed messages counted as if they had come at that rate: hundreds a second after a reload.
  test('counts what comes, not what is replayed', async () => {
    const counts = () => page.evaluate(() => window.__demo.counts());
    await element('offline').click();
    await until((d) => d.state !== 'live', 'the page to be offline');
    const before = await counts();
    await eventually(async () => (await counts()).replayed > before.replayed, 'a replay');
    const now = await counts();
    const live = now.received - before.received - (now.replayed - before.replayed);
    assert.ok(now.counted <= live, `${now.counted} are counted, ${live} came live`);
    await assertWhole('looking at the rate');
  });

  test('publishes, and gets its own message', async () => {
    const text = 'hello from <b>Chromium</b> & ünïcode';
    await element('publish-text').fill(text);
    await element('publish-send').click();
    await eventually(async () => (await element('chat').textContent()).includes(text), 'the chat');
    const { data } = (await history(hub, 'demo/chat')).at(-1);
    assert.ok(JSON.stringify(data).includes('Chromium'));
    assert.ok(await element('publish-result').textContent());
    await assertWhole('publishing');
  });

  test('survives kill -9 of the hub', async () => {
    await element('transport-auto').check({ force: true });
    await hub.kill9();
    await until((d) => d.state !== 'live', 'the page to notice');
    await hub.restart();
    await assertWhole('a crash of the hub');
  });

  test('a second page shows the same past at once', async () => {
    const second = await browser.newPage();
    await second.goto(`${hub.url}/`);
    const all = () => second.evaluate(() => window.__demo.all());
    const now = await eventually(async () => {
      const state = await all();
      return state.received > 5 * ONE_SECOND && state.state === 'live' && state;
    }, 'the second page to be live');
    assert.equal(now.holes, 0);
    assert.equal(now.duplicates, 0);
    await second.close();
    await assertWhole('a second page');
  });
});
