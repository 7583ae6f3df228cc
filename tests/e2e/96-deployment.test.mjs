// What doc/deployment.md has people copy: the hook for certificates and the configuration.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { BUILD, ROOT, longwirectl, run, startHub } from './lib/hub.mjs';
import { Authority } from './lib/tls.mjs';
import { eventually } from './lib/wait.mjs';

const text = readFileSync(join(ROOT, 'doc/deployment.md'), 'utf8');

/** The file that is written between `<<'END'` and `END` behind `>NAME`. */
function fileOf(name) {
  const [, body] = new RegExp(`>${name} <<'END'\\n([^]*?)\\n    END\\n`).exec(text);
  return `${body.replaceAll(/^ {4}/gm, '')}\n`;
}

const ini = /```ini\n([^]*?)```/.exec(text)[1];
const group = () => execFileSync('id', ['-gn'], { encoding: 'utf8' }).trim();

/** /etc/longwire, in a folder of this test. */
function etc(t) {
  const folder = mkdtempSync(join(tmpdir(), 'longwire-etc-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const own = (body) => body.replaceAll('/etc/longwire', folder).replaceAll('-g longwire', `-g ${group()}`);
  const hook = join(folder, 'install-certificate');
  writeFileSync(hook, own(fileOf('/etc/longwire/install-certificate')));
  chmodSync(hook, 0o755);
  return { folder, hook, own };
}

test('the configuration is good, and a renewed certificate is in use soon', async (t) => {
  const { folder, hook, own } = etc(t);
  const authority = new Authority();
  const renew = (days) => {
    const { certificate, key } = authority.issue(`for-${days}`, { days });
    copyFileSync(certificate, join(folder, 'fullchain.pem'));
    copyFileSync(key, join(folder, 'privkey.pem'));
    execFileSync(hook, [join(folder, 'fullchain.pem'), join(folder, 'privkey.pem')]);
  };
  renew(40);
  const config = join(folder, 'longwire.ini');
  writeFileSync(config, own(ini));
  const settings = ['--set', `hub.data_dir=${folder}/data`, '--set', `socket.path=${folder}/s`];
  const checked = await run(join(BUILD, 'longwired'), ['--config', config, ...settings, '--check-config']);
  assert.equal(checked.code, 0, checked.stderr);

  const local = own(ini).replaceAll(/^listen = .*\n/gm, '');
  const set = { 'http.listen': ['127.0.0.1:0', 'tls:127.0.0.1:0'] };
  const hub = await startHub(t, { set, config: local });
  const daysLeft = async () => {
    const { stdout } = await longwirectl(hub, ['tls', '--json']);
    return JSON.parse(stdout).certificates[0].days_left;
  };
  assert.ok((await daysLeft()) <= 40);
  renew(90);
  await eventually(async () => (await daysLeft()) > 80, 'the renewed certificate');
});

test('the unit gets the ports below 1024', () => {
  const added = fileOf('/etc/systemd/system/longwired.service.d/ports.conf');
  assert.match(added, /^\[Service\]\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n/);
});
