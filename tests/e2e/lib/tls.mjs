// Certificates of our own, made on the spot, and hubs that use them.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import tls from 'node:tls';

import { run } from './hub.mjs';

const openssl = (args) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });

const NEW_KEY = {
  ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  rsa: ['-newkey', 'rsa:2048'],
};

/** A folder with an authority (ca.pem) and what it signs; gone with the suite or test that calls. */
export class Authority {
  constructor(name = 'Test CA') {
    this.folder = mkdtempSync(join(tmpdir(), 'longwire-tls-'));
    after(() => rmSync(this.folder, { recursive: true, force: true }));
    this.file = this.path('ca.pem');
    const usage = ['-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
    this.#request(['-x509', '-days', '3650', '-subj', `/CN=${name}`, ...usage], 'ec', 'ca');
    this.pem = readFileSync(this.file, 'utf8');
  }

  path(name) {
    return join(this.folder, name);
  }

  #request(args, kind, name) {
    const out = args[0] === '-x509' ? `${name}.pem` : `${name}.csr`;
    const files = ['-keyout', this.path(`${name}.key`), '-out', this.path(out)];
    openssl(['req', ...args, ...NEW_KEY[kind], '-nodes', ...files]);
  }

  /** Signs a certificate for `names`; returns its files. */
  issue(name, { names = ['localhost'], kind = 'ec', days = 30, subject = `/CN=${names[0]}` } = {}) {
    this.#request(['-new', '-subj', subject], kind, name);
    const alternatives = [...names.map((one) => `DNS:${one}`), 'IP:127.0.0.1'].join();
    writeFileSync(this.path(`${name}.ext`), `subjectAltName=${alternatives}\n`);
    const ca = ['-CA', this.file, '-CAkey', this.path('ca.key'), '-CAcreateserial'];
    const files = ['-in', this.path(`${name}.csr`), '-out', this.path(`${name}.pem`)];
    const when = ['-days', String(days), '-extfile', this.path(`${name}.ext`)];
    openssl(['x509', '-req', ...ca, ...files, ...when]);
    return { certificate: this.path(`${name}.pem`), key: this.path(`${name}.key`) };
  }
}

/** Settings of a hub with a plain listener and one with TLS. */
export const secureSettings = ({ certificate, key }, more = {}) => ({
  'http.listen': ['127.0.0.1:0', 'tls:127.0.0.1:0'],
  'tls.certificate': certificate,
  'tls.key': key,
  ...more,
});

/** The hub as those see it who come by TLS: to be given to SseStream and WsClient. */
export const secureView = (hub, ca) => ({ port: hub.securePort, ca });

/** A TLS socket on which the handshake is over; `options` as of tls.connect. */
export function secureSocket(hub, options = {}) {
  return new Promise((resolve, reject) => {
    const where = { host: '127.0.0.1', port: hub.securePort, servername: 'localhost' };
    const socket = tls.connect({ ...where, ...options }, () => resolve(socket));
    socket.on('error', reject);
  });
}

/** The same, and why it fails: the alert's name in OpenSSL's words. */
export async function refusal(hub, options) {
  const error = await secureSocket(hub, options).then(
    (socket) => {
      socket.destroy();
      return null;
    },
    (one) => one,
  );
  return error && (error.reason ?? error.code);
}

/** What `openssl s_client` says about a connection with `args`; it ends when `input` has ended. */
export const sClient = (hub, args, options = {}) =>
  run('openssl', ['s_client', '-connect', `127.0.0.1:${hub.securePort}`, ...args], options);

/** One request; `options` as of https.request. Resolves to status, headers, body and the socket. */
export function secureRequest(hub, path, { ca, body, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const where = { host: '127.0.0.1', port: hub.securePort, servername: 'localhost', path, ca };
    const request = https.request({ agent: false, ...where, ...options }, (response) => {
      const { socket } = response;
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (data) => (text += data));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body: text, socket }),
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}
