// Bare sockets, for what no well-behaved client would send.
import net from 'node:net';

import { within } from './wait.mjs';

export class RawSocket {
  /** Everything received so far. */
  received = Buffer.alloc(0);
  closed = false;
  #socket;
  #changed = () => {};

  /**
   * Connects over TCP, with `from` from that address, to another `port` than the plain one if it is
   * given, or with `local` to the local socket.
   */
  static async open(hub, { local = false, from, port = hub.port } = {}) {
    const raw = new RawSocket();
    const tcp = { host: '127.0.0.1', port, localAddress: from };
    const where = local ? { path: hub.socket } : tcp;
    await within(raw.#connect(where), 'a connection');
    return raw;
  }

  #connect(where) {
    return new Promise((resolve, reject) => {
      this.#socket = net.connect({ ...where, allowHalfOpen: true, noDelay: true }, resolve);
      this.#socket.on('data', (data) => {
        this.received = Buffer.concat([this.received, data]);
        this.#changed();
      });
      const end = () => {
        this.closed = true;
        this.#changed();
      };
      this.#socket.on('end', end);
      this.#socket.on('close', end);
      this.#socket.on('error', (error) => {
        end();
        reject(error);
      });
    });
  }

  /** Its port on this side. */
  get localPort() {
    return this.#socket.localPort;
  }

  /** Sends bytes (strings as UTF-8); resolves when they have been handed to the kernel. */
  write(data) {
    return new Promise((resolve) => {
      this.#socket.write(data, () => resolve());
    });
  }

  /** Waits until `enough` says so of what was received, or the peer has closed. */
  async until(enough, what) {
    const done = async () => {
      while (!enough(this.received) && !this.closed) {
        await new Promise((resolve) => {
          this.#changed = resolve;
        });
      }
    };
    const seen = () => this.received.toString('latin1').slice(-300);
    await within(done(), what).catch((error) => {
      throw new Error(`${error.message}; received: ${JSON.stringify(seen())}`);
    });
    return this.received;
  }

  /** Waits for a text. */
  async untilText(text) {
    const received = await this.until((data) => data.includes(text), JSON.stringify(text));
    if (!received.includes(text)) {
      throw new Error(`closed before ${JSON.stringify(text)}: ${JSON.stringify(`${received}`)}`);
    }
    return received.toString();
  }

  /** Everything until the peer closes. */
  untilClosed() {
    return this.until(() => false, 'the hub to close the connection');
  }

  /** Reads no more until resume(): what the hub sends stays in the kernel, as far as it fits. */
  pause() {
    this.#socket.pause();
  }

  resume() {
    this.#socket.resume();
  }

  /** Takes out what was received so far. */
  take() {
    const received = this.received;
    this.received = Buffer.alloc(0);
    return received;
  }

  /** The socket itself, for another who reads and writes from now on. */
  release() {
    this.#socket.removeAllListeners('data');
    return this.#socket;
  }

  /** No more will be sent; what comes can still be read. */
  halfClose() {
    this.#socket.end();
  }

  /** Ends at once; with `reset`, by RST. */
  destroy({ reset = false } = {}) {
    if (reset) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }
}

/** Sends `data` and returns all that comes until the hub closes. */
export async function exchange(hub, data, options) {
  const raw = await RawSocket.open(hub, options);
  await raw.write(data);
  const received = await raw.untilClosed();
  raw.destroy();
  return received;
}
