// Certificates made on the spot by openssl(1): an authority, and what it signs for a test's servers.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export const openssl = (...words) => execFileSync('openssl', words, { stdio: 'pipe' });

/** A certificate with its key, as files (PEM): `.cert` may have its issuer behind it. */
class Signed {
  constructor(folder, name) {
    this.cert = join(folder, `${name}.pem`);
    this.key = join(folder, `${name}.key`);
  }
}

export class Authority {
  #folder = mkdtempSync(join(tmpdir(), 'longwire-certificates-'));
  #count = 0;

  constructor(name = 'Longwire test') {
    this.name = name;
    this.root = this.selfSigned(`/CN=${name}`, []);
  }

  #next() {
    return new Signed(this.#folder, `c${++this.#count}`);
  }

  /** One that is its own issuer, for these subjectAltNames. */
  selfSigned(subject, names) {
    const made = this.#next();
    const alt = names.length ? ['-addext', `subjectAltName=${names.join(',')}`] : [];
    const days = ['-days', '30'];
    openssl('req', '-x509', ...KEY, ...days, '-subj', subject, ...alt, '-keyout', made.key, '-out', made.cert);
    return made;
  }

  /** One for `names` (`DNS:localhost`, `IP:127.0.0.1`), signed by this authority or by `issuer`. */
  sign(names, { days = 30, issuer = this.root, more = [] } = {}) {
    const made = this.#next();
    const request = `${made.cert}.csr`;
    const extensions = `${made.cert}.ext`;
    const alt = names.length ? [`subjectAltName=${names.join(',')}`] : [];
    writeFileSync(extensions, [...alt, ...more, ''].join('\n'));
    openssl('req', '-new', ...KEY, '-subj', '/CN=server', '-keyout', made.key, '-out', request);
    const by = ['-CA', issuer.cert, '-CAkey', issuer.key, '-CAcreateserial', '-days', `${days}`];
    openssl('x509', '-req', '-in', request, ...by, '-extfile', extensions, '-out', made.cert);
    return made;
  }

  /** The same, readable to a server that runs as somebody else. */
  signForAll(names, options) {
    const made = this.sign(names, options);
    chmodSync(this.#folder, 0o755);
    chmodSync(made.key, 0o644);
    return made;
  }

  remove() {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** One for all tests of the suite that calls it. */
export function suiteAuthority() {
  const authority = new Authority();
  after(() => authority.remove());
  return authority;
}
