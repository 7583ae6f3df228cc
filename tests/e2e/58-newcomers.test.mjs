// Whoever comes and asks for little is served before those who ask for much, however many of them
// came before.
//
// What is asserted is order: how much of the others' work the hub had done, by its own figures, when
// it answered.
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';

import { publishBatch } from './lib/http.mjs';
import { startHub } from './lib/hub.mjs';
import { eventually, within } from './lib/wait.mjs';

const ATTACKERS = 60;
const PIPELINED = 50;
/** What may be done for the others meanwhile: a piece in each of a few turns. */
const BEFORE_MAX = 20;

const upTo = (count) => Array.from({ length: count }, (_, n) => n);
const get = (path) => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;

/** A connection that says `text`; what it gets, as far as it has come, is `heard`. */
class Client {
  heard = '';
  #socket;

  static async open(t, hub, text) {
    const client = new Client();
    client.#socket = net.connect(hub.port, '127.0.0.1');
    t.after(() => client.#socket.destroy());
    client.#socket.on('data', (data) => (client.heard += data.toString('latin1')));
    client.#socket.on('error', () => {});
    await new Promise((resolve) => client.#socket.once('connect', resolve));
    await new Promise((resolve) => client.#socket.write(text, resolve));
    return client;
  }

  /** How many far-back requests had been answered when the hub wrote its figures. */
  async polls() {
    const found = () => /^longwire_polls_total (\d+)$/m.exec(this.heard);
    while (!found())
      await within(new Promise((resolve) => this.#socket.once('data', resolve)), 'the figures');
    return Number(found()[1]);
  }

  get answers() {
    return this.heard.split('HTTP/1.1 200').length - 1;
  }
}

async function startFilled(t) {
  const hub = await startHub(t, { set: { 'hub.workers': 1, 'log.sync': 'never' } });
  const lines = upTo(10_000).map((n) => ({ topic: `log/${n % 50}`, data: 'x'.repeat(100) }));
  for (let n = 0; n < 2; n++) await publishBatch(hub, lines);
  return hub;
}

const FAR_BACK = {
  'that count far back': '/t?topic=log/%23&after=-15000&wait=0&limit=1',
  'that read from the beginning': '/t?topic=log/%23&after=earliest&wait=0',
};

const MODEST = {
  'a newcomer': get('/metrics'),
  'who comes back from a moment ago': get('/t/log/1?after=15000&wait=0&limit=1') + get('/metrics'),
};
const CASES = Object.entries(MODEST).flatMap(([who, asks]) =>
  Object.entries(FAR_BACK).map(([what, path]) => ({ who, asks, what, path })),
);

for (const { who, asks, what, path } of CASES) {
  test(`${who} is not behind requests ${what}`, async (t) => {
    const hub = await startFilled(t);
    await hub.pause(); // so that it finds them all at once, in the order in which they came
    const attackers = [];
    for (let n = 0; n < ATTACKERS; n++)
      attackers.push(await Client.open(t, hub, get(path).repeat(PIPELINED)));
    const newcomers = [];
    for (let n = 0; n < 5; n++) newcomers.push(await Client.open(t, hub, asks));
    hub.signal('SIGCONT');
    const seen = await Promise.all(newcomers.map((newcomer) => newcomer.polls()));
    t.diagnostic(`answered before them: ${seen}`);
    assert.ok(Math.max(...seen) <= BEFORE_MAX, `${seen} of the others' requests came first`);
    await eventually(() => attackers.every(({ answers }) => answers > 0), 'answers for all');
  });
}
