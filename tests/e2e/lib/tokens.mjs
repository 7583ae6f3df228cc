// Tokens as others make them: JSON Web Tokens, signed by node's own crypto.
import { createHmac, generateKeyPairSync, randomBytes, sign as signWith } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Unix seconds. */
export const now = () => Math.floor(Date.now() / 1000);

/**
 * Three keys and their files, for as long as test or suite `t` runs: `hs` (a secret), `es` (P-256)
 * and `rs` (RSA). `settings` are the hub's.
 */
export class Keys {
  constructor(t) {
    this.folder = mkdtempSync(join(tmpdir(), 'longwire-keys-'));
    t.after(() => rmSync(this.folder, { recursive: true, force: true }));
    this.secret = randomBytes(48).toString('hex');
    this.es = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.rs = generateKeyPairSync('rsa', { modulusLength: 2048 });
    writeFileSync(join(this.folder, 'hs'), this.secret);
    for (const name of ['es', 'rs']) {
      const pem = this[name].publicKey.export({ type: 'spki', format: 'pem' });
      writeFileSync(join(this.folder, name), pem);
    }
  }

  /** The same as lines of a configuration file. */
  get lines() {
    return this.settings['access.key'].map((key) => `key = ${key}`);
  }

  get settings() {
    return { 'access.key': ['hs', 'es', 'rs'].map((name) => `${name} ${join(this.folder, name)}`) };
  }

  #signature(kid, text) {
    if (kid === 'hs') return createHmac('sha256', this.secret).update(text).digest();
    if (kid === 'rs') return signWith('sha256', Buffer.from(text), this.rs.privateKey);
    return signWith('sha256', Buffer.from(text), {
      key: this.es.privateKey,
      dsaEncoding: 'ieee-p1363',
    });
  }

  /** A token with these claims, by key `kid`; without `exp` it counts for an hour. */
  sign(claims, kid = 'hs') {
    const alg = { hs: 'HS256', es: 'ES256', rs: 'RS256' }[kid];
    const text = `${part({ alg, kid, typ: 'JWT' })}.${part({ exp: now() + 3600, ...claims })}`;
    return `${text}.${this.#signature(kid, text).toString('base64url')}`;
  }

  /** The same for `sub`, who may subscribe and publish to these patterns; `seconds`: for how long. */
  grant(sub, { subscribe = [], publish = [], deny = [], seconds = 3600, kid = 'hs' } = {}) {
    return this.sign({ sub, exp: now() + seconds, longwire: { subscribe, publish, deny } }, kid);
  }
}

export const bearer = (token) => ({ Authorization: `Bearer ${token}` });

/**
 * A test of tokens that count for `seconds`. What has to be done before the end may not be, on a busy
 * machine: then it is tried with longer ones.
 */
export function testEnd(name, body) {
  test(name, async (t) => {
    for (const seconds of [5, 15]) {
      const error = await body(t, seconds).then(
        () => null,
        (one) => one,
      );
      if (!error) return;
      t.diagnostic(`${seconds} s: ${error.message}`);
    }
    await body(t, 16); // less than what is waited for anything
  });
}
