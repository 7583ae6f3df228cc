// Debian's nginx in front of a hub: a process of the test's own, with its own configuration and
// folders, that knows nothing of an nginx of the system.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';

import { launch } from './hub.mjs';
import { takePort } from './ports.mjs';
import { sleep, within } from './wait.mjs';

const NGINX = process.env.NGINX ?? '/usr/sbin/nginx';
/** Debian's `nobody`: what the test is when it is root need not be what a server is. */
const NOBODY = 65534;

/** What a WebSocket needs of a proxy. */
export const UPGRADE = `
  proxy_http_version 1.1;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $connection_upgrade;
`;

/** The `text` of startNginx() for one that speaks TLS and HTTP/2, with a certificate that nobody
 * else need read (certificates.mjs, signForAll). */
export const withTls =
  ({ cert, key }) =>
  (hubPort, port) => `
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  server {
    listen 127.0.0.1:${port} ssl http2;
    ssl_certificate ${cert};
    ssl_certificate_key ${key};
    client_max_body_size 16m;
    location / { proxy_pass http://127.0.0.1:${hubPort}; ${UPGRADE} }
  }`;

/** Resolves to whether somebody listens there. */
function answers(port) {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

class Nginx {
  #hub;
  #options;
  #folder;
  #taken = null;
  #child = null;
  #stderr = '';

  constructor(hub, options) {
    this.#hub = hub;
    this.#options = options;
  }

  get port() {
    return this.#taken.port;
  }

  get pid() {
    return this.#child.pid;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  #blocks() {
    const { text, location = UPGRADE, prefix = '/' } = this.#options;
    if (text) return text(this.#hub.port, this.port);
    return `
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  server {
    listen 127.0.0.1:${this.port};
    location ${prefix} {
      proxy_pass http://127.0.0.1:${this.#hub.port}${prefix === '/' ? '' : '/'};
      ${location}
    }
  }`;
  }

  #configuration() {
    const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    return `
daemon off;
# One process, which nothing can be left of.
master_process off;
pid ${this.#folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log off;
  ${folders.map((name) => `${name}_temp_path ${this.#folder}/${name};`).join('\n  ')}
  ${this.#blocks()}
}
`;
  }

  #prepare() {
    this.#folder = mkdtempSync(join(tmpdir(), 'longwire-nginx-'));
    chmodSync(this.#folder, 0o777);
  }

  async start() {
    this.#prepare();
    this.#taken = await takePort();
    const file = join(this.#folder, 'nginx.conf');
    writeFileSync(file, this.#configuration());
    const identity = process.getuid() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
    const words = ['-p', this.#folder, '-c', file, '-e', 'stderr'];
    const child = launch(NGINX, words, { stdio: ['ignore', 'ignore', 'pipe'], ...identity });
    child.stderr.on('data', (data) => {
      this.#stderr += data;
    });
    let over = false;
    child.ended.then(({ error }) => {
      over = true;
      this.#stderr += error ?? '';
    });
    while (!over && !(await answers(this.port))) await sleep(20);
    assert.ok(!over, `nginx does not start:\n${this.#stderr}`);
    this.#child = child;
  }

  async remove() {
    if (this.#child) {
      this.#child.kill('SIGTERM');
      await within(this.#child.ended, 'nginx to stop').catch((error) => {
        this.#child.kill('SIGKILL');
        throw error;
      });
    }
    if (this.#folder) rmSync(this.#folder, { recursive: true, force: true });
    await this.#taken?.free();
  }
}

/**
 * Starts nginx in front of `hub`, until test `t` ends. `location`: directives for the one location,
 * by default what a WebSocket needs, and nothing else: it buffers. `prefix`: the path of that location
 * with slashes around it, which the hub does not get to see. Instead of both, `text(hubPort, port)`
 * may return all that is in the http block.
 */
export async function startNginx(t, hub, options = {}) {
  const nginx = new Nginx(hub, options);
  t.after(() => nginx.remove());
  await nginx.start();
  return nginx;
}

/** The same for all tests of the suite that calls it, after suiteHub(). */
export function suiteNginx(hub, options = {}) {
  const nginx = new Nginx(hub, options);
  before(() => nginx.start());
  after(() => nginx.remove());
  return nginx;
}
