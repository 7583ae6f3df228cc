// Hubs that use certificates of our own (certificates.mjs), and those who come to them.
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { after } from 'node:test';
import tls from 'node:tls';

import { Authority as Certificates } from './certificates.mjs';
import { run } from './hub.mjs';

/** An authority and what it signs for hubs; gone with the suite or test that calls. */
export class Authority extends Certificates {
  constructor(name = 'Test CA') {
    super(name);
    after(() => this.remove());
    this.file = this.root.cert;
    this.pem = readFileSync(this.file, 'utf8');
  }

  /** Signs a certificate for `names` and 127.0.0.1; returns its files. */
  issue(name, { names = ['localhost'], subject = `/CN=${names[0]}`, ...options } = {}) {
    const all = [...names.map((one) => `DNS:${one}`), 'IP:127.0.0.1'];
    const { cert, key } = this.sign(all, { name, subject, ...options });
    return { certificate: cert, key };
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
