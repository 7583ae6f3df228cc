// "From nothing to topics of each user" of doc/access.md, pasted as it stands: each of the three ways
// leads there.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';

import { BUILD, ROOT, launch } from './lib/hub.mjs';
import { takePort } from './lib/ports.mjs';
import { Keys } from './lib/tokens.mjs';
import { within } from './lib/wait.mjs';

const TEXT = readFileSync(join(ROOT, 'doc/access.md'), 'utf8');
const [, STEPS] = /^## From nothing (.*?)^## /ms.exec(TEXT);
const blocks = (language, text) =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, body]) => body);
const wayWith = (title) => new RegExp(`^### ${title}$(.*?)(?=^### |(?![^]))`, 'ms').exec(STEPS)[1];

/** Where a person looks at what is printed, before the next command. */
const until = (condition) => `until ${condition}; do sleep 0.05; done`;

/** A way of the document, in a folder of its own. */
class Way {
  #folder = mkdtempSync(join(tmpdir(), 'longwire-access-'));
  #changes;

  constructor(t, changes) {
    this.#changes = changes;
    t.after(() => rmSync(this.#folder, { recursive: true, force: true }));
  }

  file(name, text) {
    writeFileSync(join(this.#folder, name), this.#here(text));
  }

  #here(text) {
    for (const [from, to] of Object.entries(this.#changes)) text = text.replaceAll(from, to);
    return text;
  }

  /** Pastes the shell's blocks of `text`, one after the other; resolves to what they print. */
  async follow(text, env = {}) {
    const ready = until(`curl -sf ${this.#here('http://127.0.0.1:8420/healthz')} >ready`);
    const listens = until(this.#here('(: </dev/tcp/127.0.0.1/8000) 2>ready'));
    const script = this.#here(blocks('sh', text).join('\n'))
      .replace(/^longwired .*&$/m, `$&\n${ready}`)
      .replace(/^python3 .*&$/m, `/usr/bin/$&\n${listens}`);
    const child = launch('bash', ['-e', '-c', `${script}\nkill %1 %2 2>ready || true\nwait`], {
      cwd: this.#folder,
      env: { ...process.env, ...env, PATH: `${BUILD}:${process.env.PATH}` },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let [out, err] = ['', ''];
    child.stdout.on('data', (data) => (out += data));
    child.stderr.on('data', (data) => (err += data));
    const end = await within(child.ended, 'all to be pasted', 60_000).catch((error) => {
      process.kill(-child.pid, 'SIGKILL');
      throw new Error(`${error.message}: ${script}\n${out}\n${err}`);
    });
    assert.equal(end.code, 0, `${out}\n${err}`);
    return out;
  }
}

/** Ports for what the document has at its own, until test `t` ends. */
async function ports(t, ...documented) {
  const taken = await Promise.all(documented.map(() => takePort()));
  t.after(() => Promise.all(taken.map(({ free }) => free())));
  return Object.fromEntries(
    documented.map((one, n) => [`127.0.0.1:${one}`, `127.0.0.1:${taken[n].port}`]),
  );
}

describe('the first steps of doc/access.md', () => {
  const keys = new Keys({ after });

  test('with the session cookie of an application', async (t) => {
    const changes = await ports(t, 8420, 8000);
    const port = changes['127.0.0.1:8000'].split(':')[1];
    const way = new Way(t, {
      ...changes,
      '"127.0.0.1", 8000': `"127.0.0.1", ${port}`,
      '127.0.0.1/8000': `127.0.0.1/${port}`,
    });
    way.file('application.py', blocks('python', TEXT)[0]);
    const printed = await way.follow(wayWith('With the session cookie of your application'));
    assert.match(printed, /"messages":\[\{[^}]*"data":"hello Alice"\}\]/);
    assert.match(printed, /\}401\n$/);
  });

  test('with tokens of an identity provider', async (t) => {
    const provider = createServer((request, response) => {
      assert.equal(request.url, '/.well-known/jwks.json');
      const jwk = keys.rs.publicKey.export({ format: 'jwk' });
      response.end(JSON.stringify({ keys: [{ ...jwk, kid: 'rs', use: 'sig', alg: 'RS256' }] }));
    });
    await new Promise((resolve) => provider.listen(0, '127.0.0.1', resolve));
    t.after(() => provider.close());
    const issuer = `http://127.0.0.1:${provider.address().port}`;
    const changes = { ...(await ports(t, 8420)), 'https://id.example': issuer };
    const claims = { sub: 'alice', iss: issuer, aud: 'longwire' };
    const way = new Way(t, changes);
    const env = { TOKEN: keys.sign(claims, 'rs') };
    const printed = await way.follow(wayWith('With tokens of an identity provider'), env);
    assert.match(printed, /"messages":\[\{[^}]*"data":"hello Alice"\}\]/);
    assert.match(printed, /subscribe +yes .*"users\/alice\/inbox".*\[access "users\/\{sub\}\/#"\]/);
    assert.match(printed, /subscribe +no .*"users\/bob\/inbox"/);
  });

  test('with tokens as Mercure has them', async (t) => {
    const way = new Way(t, await ports(t, 8420));
    const printed = await way.follow(wayWith('With tokens as Mercure has them'));
    assert.match(printed, /"id":"\d+-\d+"/);
    assert.match(printed, /"messages":\[\{[^}]*"data":"hello Alice"\}\]/);
    assert.match(printed, /\}403\n$/);
  });
});
