// Certificates renewed again and again under load (`./dev renewals [ROUNDS [CLIENTS]]`): those who
// follow stay connected and miss nothing, whoever comes new gets the new certificate, and a broken
// file changes nothing.
//
// usage: node renewals.mjs [ROUNDS [CLIENTS]]
import assert from 'node:assert/strict';
import { renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { counter } from './lib/counters.mjs';
import { startHub } from './lib/hub.mjs';
import { SseStream } from './lib/sse.mjs';
import { Authority, secureRequest, secureSettings, secureSocket, secureView } from './lib/tls.mjs';
import { eventually } from './lib/wait.mjs';

const ROUNDS = Number(process.argv[2] ?? 100);
const CLIENTS = Number(process.argv[3] ?? 1000);
/** Handshakes that clients begin at once. */
const AT_ONCE = 20;
/** Every so many rounds, the files are broken first. */
const BROKEN = 10;

async function inTurn(count, atOnce, run) {
  let next = 0;
  const one = async () => {
    while (next < count) await run(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

test(`${ROUNDS} renewals under ${CLIENTS} clients`, { timeout: 3_600_000 }, async (t) => {
  const authority = new Authority();
  const ca = authority.pem;
  const issued = [0, 1].map((i) => authority.issue(`c${i}`, { subject: `/CN=c${i}` }));
  const live = { certificate: authority.path('live.pem'), key: authority.path('live.key') };
  const broken = authority.path('broken');
  writeFileSync(broken, 'no certificate\n');

  function link(certificate, key) {
    for (const [from, to] of [[certificate, live.certificate], [key, live.key]]) {
      symlinkSync(from, `${to}.new`);
      renameSync(`${to}.new`, to);
    }
  }
  const use = ({ certificate, key }) => link(certificate, key);

  async function current(hub) {
    const socket = await secureSocket(hub, { ca });
    const { CN } = socket.getPeerCertificate().subject;
    socket.destroy();
    return CN;
  }

  use(issued[0]);
  const hub = await startHub(t, { set: secureSettings(live) });
  const secure = secureView(hub, ca);
  const streams = [];
  t.after(() => streams.forEach((stream) => stream.close()));
  await inTurn(CLIENTS, AT_ONCE, async (i) => {
    streams[i] = await SseStream.open(secure, 'renewals');
  });

  for (let round = 1; round <= ROUNDS; round++) {
    if (round % BROKEN === 0) {
      const errors = () => hub.stderr().match(/stay as they were/g)?.length ?? 0;
      const before = errors();
      link(broken, issued[0].key);
      await eventually(() => errors() > before, 'the broken file to be told');
      assert.equal(await current(hub), `c${(round - 1) % 2}`);
    }
    use(issued[round % 2]);
    await eventually(async () => (await current(hub)) === `c${round % 2}`, `round ${round}`);
    const body = `message ${round}`;
    const { status } = await secureRequest(hub, '/t/renewals', { ca, method: 'POST', body });
    assert.equal(status, 201);
  }

  const isMessage = ({ data, event }) => data !== undefined && event === undefined;
  for (const stream of streams) {
    for (let round = 1; round <= ROUNDS; round++) {
      const { data } = await stream.blocks.next(`message ${round}`, isMessage);
      assert.equal(data, `message ${round}`);
    }
  }
  for (const name of ['protocol', 'internal', 'suite'])
    assert.equal(await counter(hub, `tls_failed_${name}`), 0);
  t.diagnostic(`${await counter(hub, 'tls_handshakes')} handshakes`);
});
