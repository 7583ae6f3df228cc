// Other people's libraries that make tokens, and keys for each algorithm that the hub knows.
import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SignJWT, exportJWK } from 'jose';
import jsonwebtoken from 'jsonwebtoken';

import { run } from './hub.mjs';

/** Debian's, which has Debian's python3-jwt; there may be others. */
const PYTHON = '/usr/bin/python3';
const PROGRAM = fileURLToPath(new URL('../pyjwt_tokens.py', import.meta.url));

/** Each algorithm, and the name of its key. */
export const ALGORITHMS = {
  HS256: 'secret',
  HS384: 'secret',
  HS512: 'secret',
  RS256: 'rsa',
  RS384: 'rsa',
  RS512: 'rsa',
  PS256: 'rsa',
  PS384: 'rsa',
  PS512: 'rsa',
  ES256: 'p256',
  ES384: 'p384',
};

const PAIRS = {
  rsa: ['rsa', { modulusLength: 2048 }],
  p256: ['ec', { namedCurve: 'P-256' }],
  p384: ['ec', { namedCurve: 'P-384' }],
};

/** A secret and three pairs, with the files that a hub reads, while test or suite `t` runs. */
export class AllKeys {
  #folder = mkdtempSync(join(tmpdir(), 'longwire-keys-'));
  #public = {};
  /** What signs, by the key's name: a secret, or a private key in PEM form. */
  signing = { secret: randomBytes(48).toString('hex') };

  constructor(t) {
    t.after(() => rmSync(this.#folder, { recursive: true, force: true }));
    writeFileSync(this.#file('secret'), this.signing.secret);
    for (const [name, [type, options]] of Object.entries(PAIRS)) {
      const { publicKey, privateKey } = generateKeyPairSync(type, options);
      this.#public[name] = publicKey;
      this.signing[name] = privateKey.export({ type: 'pkcs8', format: 'pem' });
      writeFileSync(this.#file(name), publicKey.export({ type: 'spki', format: 'pem' }));
    }
  }

  #file(name) {
    return join(this.#folder, name);
  }

  /** The hub's settings: a file for each key. */
  get settings() {
    const names = Object.keys(this.signing);
    return { 'access.key': names.map((name) => `${name} ${this.#file(name)}`) };
  }

  /** The same of the public keys as a set in one file, as jose exports them. */
  async setOfKeys() {
    const named = Object.entries(this.#public).map(async ([kid, key]) => ({
      ...(await exportJWK(key)),
      kid,
      use: 'sig',
    }));
    writeFileSync(this.#file('jwks'), JSON.stringify({ keys: await Promise.all(named) }));
    return { 'access.jwks_file': this.#file('jwks') };
  }
}

/** jose takes keys as objects. */
const keyForJose = (kid, key) =>
  kid === 'secret' ? Buffer.from(key) : createPrivateKey(key);

/**
 * By the name of a library: what makes a token of each of a list of { alg, kid, key, claims }, in
 * their order.
 */
export const ISSUERS = {
  jose: (orders) =>
    Promise.all(
      orders.map(({ alg, kid, key, claims }) =>
        new SignJWT(claims).setProtectedHeader({ alg, kid }).sign(keyForJose(kid, key)),
      ),
    ),
  jsonwebtoken: (orders) =>
    orders.map(({ alg, kid, key, claims }) =>
      jsonwebtoken.sign(claims, key, { algorithm: alg, keyid: kid }),
    ),
  PyJWT: async (orders) => {
    const { code, stdout, stderr } = await run(PYTHON, [PROGRAM], { input: JSON.stringify(orders) });
    if (code !== 0) throw new Error(stderr);
    return JSON.parse(stdout);
  },
};
