// A socket that is full behind any byte of what is sent at once, also exactly between two messages:
// nothing is lost, and nothing comes twice.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { endianness, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { get, publishBatch } from './lib/http.mjs';
import { BUILD, startHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { SseStream } from './lib/sse.mjs';
import { eventually } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';

const LIBRARY = join(BUILD, 'tests/e2e/cut_send.so');
const COUNT = 4;

/** The sends that are cut in a hub that was started with `env`. */
class Cut {
  #folder = mkdtempSync(join(tmpdir(), 'longwire-cut-'));
  #file = join(this.#folder, 'cut');

  constructor() {
    assert.ok(existsSync(LIBRARY), `${LIBRARY} is not built`);
    writeFileSync(this.#file, Buffer.alloc(8));
    const asan = `${process.env.ASAN_OPTIONS ?? ''}:verify_asan_link_order=0`;
    this.env = { LD_PRELOAD: LIBRARY, ASAN_OPTIONS: asan, LONGWIRE_CUT_SEND: this.#file };
  }

  /** The next send of more bytes than that takes so many. */
  set(at) {
    const bytes = Buffer.alloc(4);
    if (endianness() === 'LE') bytes.writeUInt32LE(at);
    else bytes.writeUInt32BE(at);
    writeFileSync(this.#file, bytes, { flag: 'r+' });
  }

  get done() {
    const bytes = readFileSync(this.#file);
    return endianness() === 'LE' ? bytes.readUInt32LE(4) : bytes.readUInt32BE(4);
  }

  remove() {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const RECEIVERS = {
  'raw WebSocket': async (hub) => {
    const ws = await WsClient.open(hub, 'cut', { format: 'raw' });
    return { next: async () => `${(await ws.next()).data}`, close: () => ws.terminate() };
  },
  WebSocket: async (hub) => {
    const ws = await (await WsClient.open(hub, 'cut')).live();
    return { next: async () => (await ws.nextMessage()).data, close: () => ws.terminate() };
  },
  'event stream': async (hub) => {
    const stream = await SseStream.open(hub, 'cut');
    const next = async () => (await stream.messages(1))[0];
    return { next, close: () => stream.close() };
  },
  // Its part of the shared bytes begins and ends inside of them.
  'event stream without chunks': async (hub) => {
    const raw = await RawSocket.open(hub);
    await raw.write('GET /t/cut HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n');
    await raw.untilText('"cursor"');
    await raw.untilText('}\n\n');
    const isWhole = (all) => /^data: .*\n\n/m.test(all);
    await raw.until((all) => `${all}`.endsWith('}\n\n'), 'all of its beginning');
    raw.take();
    let text = '';
    const next = async () => {
      await raw.until((all) => isWhole(text + all), 'a message');
      text += raw.take();
      const end = text.indexOf('\n\n') + 2;
      const block = /^id: [0-9-]+\ndata: (.*)\n\n$/.exec(text.slice(0, end));
      assert.ok(block, text);
      text = text.slice(end);
      return block[1];
    };
    return { next, close: () => raw.destroy() };
  },
};

describe('a send that is cut short', () => {
  for (const [name, open] of Object.entries(RECEIVERS)) {
    test(`${name}: behind every byte of several messages`, async (t) => {
      const cut = new Cut();
      t.after(() => cut.remove());
      // The library cuts send(2).
      const set = { 'log.sync': 'never', 'hub.io_uring': 'no' };
      const hub = await startHub(t, { set, env: cut.env });
      const receiver = await open(hub);
      t.after(() => receiver.close());
      const round = async (at) => {
        const data = Array.from({ length: COUNT }, (_, n) => `${at}-${n}`);
        const before = cut.done;
        cut.set(at);
        const lines = data.map((one) => ({ topic: 'cut', data: one }));
        await publishBatch(hub, lines, { local: true });
        for (const one of data) assert.equal(await receiver.next(), one, `cut behind ${at} bytes`);
        return cut.done > before;
      };
      await round(0);
      let at = 1;
      while (await round(at)) at++;
      assert.ok(at > COUNT * 5, `only ${at} bytes were sent`);
      cut.set(0);
      // Workers count behind what they send: a figure that is too large stays so.
      const counted = async () => {
        const { text } = await get(hub, '/metrics');
        return Number(/^longwire_deliveries_total (\d+)$/m.exec(text)[1]);
      };
      await eventually(async () => (await counted()) === (at + 1) * COUNT, 'each to be counted once');
    });
  }
});
