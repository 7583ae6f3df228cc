// Headless Firefox with a profile of its own, driven by WebDriver BiDi, which it speaks by itself.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import WebSocket from 'ws';

import { launch } from './hub.mjs';
import { WAIT_MS, within } from './wait.mjs';

const FIREFOX = process.env.FIREFOX ?? '/usr/bin/firefox-esr';
/** Its first start makes a profile, which takes a busy machine a while. */
const START_MS = 90_000;
const LISTENING = /WebDriver BiDi listening on (ws:\S+)/;

/** Nothing but what the tests ask for: no updates, no reports, no first page. */
const PREFERENCES = {
  'app.normandy.enabled': false,
  'app.update.disabledForTesting': true,
  'browser.safebrowsing.downloads.enabled': false,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.page': 0,
  'datareporting.policy.dataSubmissionEnabled': false,
  'extensions.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,#remote-settings-dummy/v1',
  'toolkit.telemetry.reportingpolicy.firstRun': false,
};

export class Firefox {
  #profile = mkdtempSync(join(tmpdir(), 'longwire-firefox-'));
  #child;
  #socket;
  #next = 1;
  #waiting = new Map();
  #stderr = '';

  /** `preferences`: further ones. It takes any certificate. */
  static async launch(preferences = {}) {
    const firefox = new Firefox();
    try {
      await firefox.#start({ ...PREFERENCES, ...preferences });
    } catch (error) {
      await firefox.close();
      throw new Error(`${error.message}\n${firefox.#stderr}`);
    }
    return firefox;
  }

  async #start(preferences) {
    const lines = Object.entries(preferences).map(
      ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`,
    );
    writeFileSync(join(this.#profile, 'user.js'), lines.join(''));
    const words = ['--headless', '--remote-debugging-port', '0', '--profile', this.#profile];
    this.#child = launch(FIREFOX, words, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, HOME: this.#profile, MOZ_DISABLE_CONTENT_SANDBOX: '1' },
    });
    const url = await within(this.#url(), 'Firefox to listen', START_MS);
    await within(this.#connect(`${url}/session`), 'a session of Firefox', START_MS);
    const capabilities = { alwaysMatch: { acceptInsecureCerts: true } };
    await this.command('session.new', { capabilities });
  }

  #url() {
    return new Promise((resolve, reject) => {
      this.#child.stderr.on('data', (data) => {
        this.#stderr += data;
        const found = LISTENING.exec(this.#stderr);
        if (found) resolve(found[1]);
      });
      this.#child.ended.then((end) => reject(new Error(`Firefox ended: ${JSON.stringify(end)}`)));
    });
  }

  #connect(url) {
    this.#socket = new WebSocket(url);
    this.#socket.on('message', (data) => this.#take(JSON.parse(data.toString())));
    return new Promise((resolve, reject) => {
      this.#socket.once('open', resolve);
      this.#socket.on('error', reject);
    });
  }

  #take({ id, type, result, error, message }) {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    if (type === 'success') waiting.resolve(result);
    else waiting.reject(new Error(`${error}: ${message}`));
  }

  /** A command of WebDriver BiDi; resolves to its result. */
  command(method, params, ms = START_MS) {
    const id = this.#next++;
    const answer = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#socket.send(JSON.stringify({ id, method, params }));
    return within(answer, method, ms);
  }

  async newPage() {
    const { context } = await this.command('browsingContext.create', { type: 'tab' });
    return new Page(this, context);
  }

  async close() {
    this.#socket?.terminate();
    if (this.#child) {
      this.#child.kill('SIGTERM');
      await within(this.#child.ended, 'Firefox to end').catch(async () => {
        this.#child.kill('SIGKILL');
        await this.#child.ended;
      });
    }
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

/** A tab, as far as Playwright's pages are used here. */
class Page {
  #firefox;
  #context;

  constructor(firefox, context) {
    this.#firefox = firefox;
    this.#context = context;
  }

  async goto(url) {
    const params = { context: this.#context, url, wait: 'complete' };
    await this.#firefox.command('browsingContext.navigate', params);
  }

  /** What `run`, called in the page with `argument`, returns or resolves to, by way of JSON. */
  async evaluate(run, argument) {
    const call = `(${run})(${JSON.stringify(argument) ?? ''})`;
    const { result, exceptionDetails } = await this.#firefox.command(
      'script.evaluate',
      {
        expression: `Promise.resolve(${call}).then((value) => JSON.stringify(value))`,
        target: { context: this.#context },
        awaitPromise: true,
      },
      WAIT_MS * 2,
    );
    if (exceptionDetails) throw new Error(exceptionDetails.text);
    return result.value === undefined ? undefined : JSON.parse(result.value);
  }

  close() {
    return this.#firefox.command('browsingContext.close', { context: this.#context });
  }
}
