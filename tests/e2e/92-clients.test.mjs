// Clients of all kinds against the transports that they speak, directly and with nginx in between,
// which buffers as it does by default: each replays from a cursor, gets what is published, publishes
// with an acknowledgement, and loses nothing when its connection breaks.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Browser } from './lib/browser.mjs';
import { CLIENTS, chromiumClients, prepareClients } from './lib/clients.mjs';
import { publish } from './lib/http.mjs';
import { suiteHub } from './lib/hub.mjs';
import { suiteNginx } from './lib/nginx.mjs';
import { startRelay } from './lib/relay.mjs';
import { Roamer } from './lib/transports.mjs';
import { counted, eventually } from './lib/wait.mjs';

let topics = 0;

/** A client that follows a topic through a relay, which can be cut. */
class Follower {
  /** Ids of what it is owed, in order. */
  owed = [];
  #over = false;

  constructor(hub, relay, client, topic) {
    Object.assign(this, { hub, relay, client, topic });
  }

  /** Publishes one message, by the hub's own door; returns its id. */
  async publish() {
    const id = await publish(this.hub, this.topic, { n: this.owed.length });
    this.owed.push(id);
    return id;
  }

  start(cursor) {
    this.roamer = new Roamer(this.relay, [this.topic], cursor);
    this.running = this.roamer.persist(this.client.follow, () => this.#over);
  }

  async stop() {
    this.#over = true;
    await this.running;
  }

  /** Waits for all that it is owed; it may get nothing else. */
  async caughtUp(what) {
    await counted(() => this.roamer.ids.length, this.owed.length, what).catch((error) => {
      throw new Error(`${error.message}: ${this.roamer.ids} of ${this.owed}`);
    });
    assert.deepEqual(this.roamer.ids, this.owed, what);
    assert.deepEqual(this.roamer.gaps, [], what);
  }
}

async function acknowledgedPublish(follower) {
  const { client, relay, topic, owed } = follower;
  const answer = await client.publish(relay, topic, { by: client.name });
  assert.match(answer.id, /^\d+-\d+$/, JSON.stringify(answer));
  owed.push(answer.id);
}

async function breakConnection(follower) {
  const { relay } = follower;
  await eventually(() => relay.connections > 0, 'a connection that can be broken');
  relay.cut();
  for (let n = 0; n < 3; n++) await follower.publish();
  relay.mend();
  await follower.caughtUp('what was published while it was away');
}

async function takeThroughAll(t, hub, target, client) {
  const topic = `clients/${++topics}`;
  const before = await publish(hub, topic, 'before the cursor');
  const follower = new Follower(hub, await startRelay(t, target), client, topic);
  for (let n = 0; n < 3; n++) await follower.publish();
  follower.start(before);
  t.after(() => follower.stop());
  await follower.caughtUp('replay');
  await follower.publish();
  await follower.caughtUp('a live message');
  if (client.publish) await acknowledgedPublish(follower);
  await follower.caughtUp('its own message');
  for (let n = 0; n < 2; n++) await breakConnection(follower);
  await follower.publish();
  await follower.caughtUp('a live message after reconnecting');
}

describe('clients', () => {
  const hub = suiteHub({ set: { 'http.retry': '100ms' } });
  const nginx = suiteNginx(hub);
  const ways = { directly: hub, 'through nginx': nginx };
  let browser;
  let page;

  before(async () => {
    browser = await Browser.launch();
    page = await browser.newPage();
    await prepareClients(page, `${hub.url}/`);
  });
  after(() => browser?.close());

  for (const [way, target] of Object.entries(ways)) {
    for (const client of [...CLIENTS, ...chromiumClients(() => page)]) {
      test(`${client.name}, ${way}`, (t) => takeThroughAll(t, hub, target, client));
    }
  }
});
