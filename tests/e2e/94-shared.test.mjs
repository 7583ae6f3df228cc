// Whether longwire.js knows in Chromium that its connection is shared.
import http from 'node:http';
import { after, before, describe, test } from 'node:test';

import { Browser } from './lib/browser.mjs';
import { suiteAuthority } from './lib/certificates.mjs';
import { suiteHub } from './lib/hub.mjs';
import { suiteNginx, withTls } from './lib/nginx.mjs';
import { eventually } from './lib/wait.mjs';

describe('longwire.js in Chromium', () => {
  const hub = suiteHub({ set: { 'http.demo': 'on' } });
  const authority = suiteAuthority();
  const nginx = suiteNginx(hub, { text: withTls(authority.signForAll(['IP:127.0.0.1'])) });
  let browser;

  before(async () => {
    browser = await Browser.launch(['--ignore-certificate-errors']);
  });
  after(() => browser?.close());

  /** The page at `address`, which is subscribed to the hub at `url` by `transport`. */
  async function subscribed(address, url, transport) {
    const page = await browser.newPage();
    await page.goto(address);
    await page.evaluate(
      async ([to, by]) => {
        const { Longwire } = await import(`${to}/longwire.js`);
        window.subscription = new Longwire(to).subscribe('a', { transport: by, onMessage() {} });
      },
      [url, transport],
    );
    return page;
  }

  const seen = (page) =>
    page.evaluate(() => ({ state: window.subscription.state, shared: window.subscription.shared }));

  /** Waits until it is live and `shared` is so. */
  async function expectShared(page, shared) {
    const is = (now) => now.state === 'live' && now.shared === shared;
    await eventually(async () => is(await seen(page)), `live, and shared to be ${shared}`);
    await page.close();
  }

  test('over HTTP/2 it is', async () => {
    const secure = `https://127.0.0.1:${nginx.port}`;
    for (const transport of ['sse', 'poll']) {
      await expectShared(await subscribed(`${secure}/`, secure, transport), true);
    }
  });

  test('over HTTP/1.1 it is not', async () => {
    await expectShared(await subscribed(`${hub.url}/`, hub.url, 'sse'), false);
  });

  test('a page of another origin is told, too', async (t) => {
    const other = http.createServer((request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<title>other</title>');
    });
    await new Promise((resolve) => other.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      other.closeAllConnections();
      other.close();
    });
    const page = await subscribed(`http://127.0.0.1:${other.address().port}/`, hub.url, 'poll');
    await expectShared(page, false);
  });
});
