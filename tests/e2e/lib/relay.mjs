// A relay between a client and what it connects to, so that a test can break connections which the
// client itself would keep.
import net from 'node:net';

/** The head of a request, wherever it begins. */
const HEAD = /[A-Z]+ \S+ HTTP\/1\.1\r\n(?:.+\r\n)*\r\n/;

/** Ends with a reset, where Node can: after end() it would turn in circles instead of exiting. */
function reset(socket) {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

class Relay {
  /** Heads of requests, of all connections and in the order in which they were complete. */
  heads = [];
  #answers = '';
  #server;
  #pairs = new Set();
  #isCut = false;
  #held = null;

  constructor(target) {
    this.#server = net.createServer((client) => this.#accept(client, target.port));
  }

  get port() {
    return this.#server.address().port;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Connections that are open now. */
  get connections() {
    return this.#pairs.size;
  }

  listen() {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', resolve);
    });
  }

  #accept(client, port) {
    if (this.#isCut) {
      client.resetAndDestroy();
      return;
    }
    const upstream = net.connect({ port, host: '127.0.0.1', noDelay: true });
    const pair = [client, upstream];
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [upstream, client]]) {
      from.on('error', () => to.destroy());
      from.on('close', () => {
        to.destroy();
        this.#pairs.delete(pair);
      });
      from.on('end', () => to.end());
    }
    upstream.on('data', (data) => {
      this.#answers += data.toString('latin1');
      client.write(data);
    });
    let rest = '';
    client.on('data', (data) => {
      rest = this.#noteHeads(rest + data.toString('latin1'));
      this.#forward(data, upstream);
    });
  }

  /** Returns what follows the last whole head. */
  #noteHeads(sent) {
    for (let head = HEAD.exec(sent); head; head = HEAD.exec(sent)) {
      this.heads.push(head[0]);
      sent = sent.slice(head.index + head[0].length);
    }
    return sent;
  }

  #forward(data, upstream) {
    if (!this.#held) {
      upstream.write(data);
      return;
    }
    const held = this.#held;
    held.push(() => upstream.write(data.subarray(-1)));
    upstream.write(data.subarray(0, -1), () => held.noticed());
  }

  /** Everything that was answered, on all connections, as it came. */
  answers() {
    return this.#answers;
  }

  /** Resets every connection, and each new one, until mend(). */
  cut() {
    this.#isCut = true;
    for (const pair of this.#pairs) {
      for (const socket of pair) reset(socket);
    }
  }

  mend() {
    this.#isCut = false;
  }

  /**
   * Keeps back the last byte of what clients send next, so that a request stays incomplete. Resolves
   * when the rest has been sent on, to a function that lets the byte go.
   */
  holdBack() {
    return new Promise((resolve) => {
      const held = [];
      this.#held = held;
      held.noticed = () =>
        resolve(() => {
          this.#held = null;
          for (const release of held) release();
        });
    });
  }

  close() {
    this.cut();
    return new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Starts a relay to `target`, a hub or anything else with a port, for test `t`. */
export async function startRelay(t, target) {
  const relay = new Relay(target);
  t.after(() => relay.close());
  await relay.listen();
  return relay;
}
