// Certificates made on the spot by openssl(1): an authority, and what it signs for a test's servers.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

const NEW_KEY = {
  ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
  rsa: ['-newkey', 'rsa:2048', '-nodes'],
};

export const openssl = (...words) => execFileSync('openssl', words, { stdio: 'pipe' });

/** A certificate with its key, as files (PEM): `.cert` may have its issuer behind it. */
class Signed {
  constructor(folder, name) {
    this.cert = join(folder, `${name}.pem`);
    this.key = join(folder, `${name}.key`);
  }
}

/** A folder with an authority (`root`) and what it signs. */
export class Authority {
  #count = 0;

  folder = mkdtempSync(join(tmpdir(), 'longwire-certificates-'));

  constructor(name = 'Longwire test') {
    this.name = name;
    const usage = ['-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
    this.root = this.selfSigned(`/CN=${name}`, [], usage);
  }

  path(name) {
    return join(this.folder, name);
  }

  #next() {
    return new Signed(this.folder, `c${++this.#count}`);
  }

  /** One that is its own issuer, for these subjectAltNames. */
  selfSigned(subject, names, more = []) {
    const made = this.#next();
    const alt = names.length ? ['-addext', `subjectAltName=${names.join(',')}`] : [];
    const files = ['-keyout', made.key, '-out', made.cert];
    openssl('req', '-x509', ...NEW_KEY.ec, '-days', '30', '-subj', subject, ...alt, ...more, ...files);
    return made;
  }

  /** One for `names` (`DNS:localhost`, `IP:127.0.0.1`), signed by this authority or by `issuer`; in
   * files called `name`, instead of what is there. */
  sign(names, { days = 30, issuer = this.root, more = [], kind = 'ec', subject = '/CN=server', name } = {}) {
    const made = name ? new Signed(this.folder, name) : this.#next();
    const request = `${made.cert}.csr`;
    const extensions = `${made.cert}.ext`;
    const alt = names.length ? [`subjectAltName=${names.join(',')}`] : [];
    writeFileSync(extensions, [...alt, ...more, ''].join('\n'));
    openssl('req', '-new', ...NEW_KEY[kind], '-subj', subject, '-keyout', made.key, '-out', request);
    const by = ['-CA', issuer.cert, '-CAkey', issuer.key, '-CAcreateserial', '-days', `${days}`];
    openssl('x509', '-req', '-in', request, ...by, '-extfile', extensions, '-out', made.cert);
    return made;
  }

  /** The same, readable to a server that runs as somebody else. */
  signForAll(names, options) {
    const made = this.sign(names, options);
    chmodSync(this.folder, 0o755);
    chmodSync(made.key, 0o644);
    return made;
  }

  remove() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** One for all tests of the suite that calls it. */
export function suiteAuthority() {
  const authority = new Authority();
  after(() => authority.remove());
  return authority;
}
