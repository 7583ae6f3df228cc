// An application that the hub asks about its clients (access.auth_request), as a test plays it.
import http from 'node:http';

import { within } from './wait.mjs';

export const claims = (sub, longwire = { subscribe: ['a/#'], publish: ['a/b'] }, more = {}) => ({
  sub,
  longwire,
  ...more,
});

/** What most tests answer with: the cookie `user=NAME` is NAME's, and without one it is 401. */
export function byCookie(request, maxAge = 60) {
  const user = /(?:^|; )user=([^;]*)/.exec(request.headers.cookie ?? '')?.[1];
  return user
    ? { headers: { 'Cache-Control': `max-age=${maxAge}` }, body: JSON.stringify(claims(user)) }
    : { status: 401, headers: { 'WWW-Authenticate': 'Session realm="app"' } };
}

export class Decider {
  /** Requests that came, { method, url, headers }. */
  requests = [];
  /** Says what is answered, { status, headers, body }; null: nothing, ever. */
  answer = byCookie;
  #server;
  #where;

  /** Listens at a free port of 127.0.0.1, or at the Unix socket `path`; again at the same. */
  async start(path = null) {
    this.#where ??= path ? { path } : { host: '127.0.0.1', port: 0 };
    this.#server = http.createServer((request, response) => this.#serve(request, response));
    const listening = new Promise((resolve, reject) => {
      this.#server.once('listening', resolve);
      this.#server.once('error', reject);
    });
    this.#server.listen(this.#where);
    await within(listening, 'the application to listen');
    if (!this.#where.path) this.#where.port = this.#server.address().port;
    return this;
  }

  get url() {
    const { path, port } = this.#where;
    return path ? `unix:${path}:/who?app=1` : `http://127.0.0.1:${port}/who?app=1`;
  }

  async #serve({ method, url, headers }, response) {
    const request = { method, url, headers };
    this.requests.push(request);
    const answer = await this.answer(request);
    if (!answer) return;
    response.writeHead(answer.status ?? 200, answer.headers);
    response.end(answer.body);
  }

  /** Ends it and all its connections. */
  async stop() {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await within(closed, 'the application to end');
  }
}
