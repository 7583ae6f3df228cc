// What request readers make of a message: outcomes as messages.mjs writes them.
import http from 'node:http';

import { history } from './http.mjs';
import { RawSocket } from './raw.mjs';

/** How long a reader may wait for more. */
const LIMIT_MS = 1000;
/** The hub's settings for that. */
export const LIMITS = Object.fromEntries(
  ['head', 'body', 'idle'].map((what) => [`http.${what}_timeout`, `${LIMIT_MS}ms`]),
);

/** Statuses that say that a request was not understood. */
const REFUSALS = [400, 413, 414, 417, 431, 501, 505];

/** The statuses of all final answers. */
const statusesOf = (answers) =>
  [...`${answers}`.matchAll(/HTTP\/1\.1 (\d{3}) /g)]
    .map((m) => Number(m[1]))
    .filter((status) => status >= 200);

/** How it ended; a reader that says nothing at all has refused. */
function endOf(statuses) {
  const last = statuses.at(-1) ?? 400;
  return last === 408 ? 'late' : REFUSALS.includes(last) ? 'refused' : 'ok';
}

const outcome = (count, end, bodies) => [count, end, ...bodies.map((b) => `"${b}"`)].join(' ');

/** Sends a message and waits until the reader has closed; returns the connection. */
async function send(reader, message, path) {
  const raw = await RawSocket.open(reader);
  await raw.write(Buffer.from(message.replaceAll('POST @', `POST ${path}`), 'latin1'));
  await raw.untilClosed();
  return raw;
}

/** What the hub makes of a message; nobody else may use `path`, a topic's. */
export async function hubOutcome(hub, message, path) {
  const raw = await send(hub, message, path);
  raw.destroy();
  const statuses = statusesOf(raw.received);
  const end = endOf(statuses);
  const stored = await history(hub, path.slice('/t/'.length));
  const count = statuses.length - (end === 'ok' ? 0 : 1);
  return outcome(
    count,
    end,
    stored.map(({ data }) => data),
  );
}

/** Node.js's HTTP server as it is by default, but for its time limits. */
export class NodeReader {
  #server = http.createServer(
    {
      headersTimeout: LIMIT_MS,
      requestTimeout: LIMIT_MS,
      keepAliveTimeout: LIMIT_MS,
      connectionsCheckingInterval: 100,
    },
    (request, response) => this.#take(request, response),
  );
  /** By port of the client: the requests of a connection. */
  #requests = new Map();

  async start() {
    // A port is given to another connection as soon as one was reset.
    this.#server.on('connection', ({ remotePort }) => this.#requests.set(remotePort, []));
    await new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.port = this.#server.address().port;
  }

  stop() {
    this.#server.close();
  }

  #take(request, response) {
    const { remotePort } = request.socket;
    const chunks = [];
    this.#requests.get(remotePort).push({ request, chunks });
    request.on('error', () => {});
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => response.end());
  }

  /** What it makes of a message. */
  async outcome(message, path) {
    const raw = await send(this, message, path);
    const end = endOf(statusesOf(raw.received));
    const seen = this.#requests.get(raw.localPort) ?? [];
    const whole = seen.filter(({ request }) => request.complete);
    raw.destroy();
    const posts = whole.filter(({ request }) => request.method === 'POST');
    return outcome(
      whole.length,
      end,
      posts.map(({ chunks }) => Buffer.concat(chunks).toString('latin1')),
    );
  }
}
