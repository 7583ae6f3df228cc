// Headless Chromium with a profile of its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

import { WAIT_MS } from './wait.mjs';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export class Browser {
  #profile;
  #context;

  /** `args`: further words of Chromium's command line. */
  static async launch(args = []) {
    const browser = new Browser();
    browser.#profile = mkdtempSync(join(tmpdir(), 'longwire-browser-'));
    browser.#context = await chromium.launchPersistentContext(browser.#profile, {
      executablePath: CHROMIUM,
      args: [...ARGUMENTS, ...args],
    });
    return browser;
  }

  async newPage() {
    const page = await this.#context.newPage();
    page.setDefaultTimeout(WAIT_MS);
    return page;
  }

  /** Gives it a cookie for pages and requests of that host. */
  async setCookie(authority, name, value) {
    await this.#context.addCookies([{ url: `http://${authority}`, name, value }]);
  }

  async close() {
    await this.#context?.close();
    rmSync(this.#profile, { recursive: true, force: true });
  }
}
