// The command line: help, version, and what wrong usage gets. No hub is needed for any of it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ctl } from './lib/ctl.mjs';

const COMMANDS = [
  ...['topics', 'topic', 'tail', 'history', 'publish', 'clients', 'kick', 'purge', 'trim'],
  ...['backup', 'restore', 'verify', 'export', 'import', 'stats', 'top', 'tls', 'doctor', 'ping'],
];
const NOWHERE = ['--socket', '/nonexistent/hub.sock'];

describe('help', () => {
  test('lists every command', async () => {
    const { code, stdout } = await ctl(['--help']);
    assert.equal(code, 0);
    for (const command of COMMANDS) assert.match(stdout, new RegExp(`^  ${command} `, 'm'));
  });

  test('says what each is for in one column', async () => {
    const { stdout } = await ctl(['--help']);
    const list = /^Commands:\n([^]*?)\n\n/m.exec(stdout)[1].split('\n');
    list.forEach((line, n) => {
      if (!/^ {2}.{23} \S/.test(line)) assert.match(list[n + 1], /^ {26}\S/, line);
    });
  });

  for (const command of COMMANDS) {
    test(`of ${command} shows its use and options, wherever --help stands`, async () => {
      const { code, stdout } = await ctl([command, '--help']);
      assert.equal(code, 0);
      assert.match(stdout, new RegExp(`^Usage: longwirectl ${command} `));
      assert.match(stdout, /--json/);
    });
  }

  test('wins over missing arguments and a missing hub', async () => {
    const { code } = await ctl([...NOWHERE, 'kick', '-h']);
    assert.equal(code, 0);
  });

  test('shows the version', async () => {
    for (const args of [['--version'], ['-V'], ['ping', '--version']]) {
      const { code, stdout } = await ctl(args);
      assert.equal(code, 0);
      assert.match(stdout, /^longwirectl \d+\.\d+\.\d+\n$/);
    }
  });
});

describe('wrong usage exits with 2 and says why', () => {
  const cases = [
    [[], /which command/],
    [['frobnicate'], /no command frobnicate/],
    [['--frobnicate'], /unknown or ambiguous option --frobnicate/],
    [['-x', 'ping'], /unknown option -x/],
    [['--socket'], /needs an argument/],
    [['ping', '--json=yes'], /--json takes no argument/],
    [['ping', '--timeout', 'soon'], /whole number from 0 to 86400/],
    [['ping', '--timeout', '86401'], /whole number/],
    [['ping', 'pong'], /too many arguments/],
    [['topic'], /an argument is missing/],
    [['backup'], /an argument is missing/],
    [['restore', 'a'], /an argument is missing/],
    [['verify', 'a', 'b'], /too many arguments/],
    [['verify', '--force'], /unknown or ambiguous option --force/],
    [['export', '--resume'], /--output/],
    [['export', ...Array(65).fill('a')], /too many arguments/],
    [['import', 'a', 'b'], /too many arguments/],
    [['topic', 'a', 'b'], /too many arguments/],
    [['topics', '--follow'], /unknown or ambiguous option --follow/],
    [['tail', '-n', '-1', 'a'], /whole number/],
    [['tail', '-n', '1.5', 'a'], /whole number/],
    [['tail'], /an argument is missing/],
    [['tail', ...Array(65).fill('a')], /too many arguments/],
    [['kick', 'seven'], /a client's id is a number/],
    [['publish', 'a', '-5'], /unknown option -5 .*goes after --/],
    [['publish', '--lines', 'a', 'data'], /--lines reads standard input/],
    [['publish', '--lines', '--key', 'k', 'a'], /cannot go with --key/],
    [['publish', '--lines', '--expect', '0', 'a'], /cannot go with --expect/],
    [['clients', '--sort', 'name'], /by id, age, lag or held, not by name/],
    [['topics', '--sort', 'lag'], /unknown or ambiguous option --sort/],
    [['purge', 'a'], /give --yes/],
    [['top'], /needs a terminal/],
    [['doctor'], /an argument is missing/],
    [['doctor', 'ftp://hub.example'], /only http:\/\/ and https:\/\/ are known/],
    [['doctor', 'https://hub.example/?a'], /the address is http/],
    [['doctor', 'http://hub.example/?a'], /the address is http/],
    [['doctor', '--hold', '3601', 'hub.example'], /whole number from 0 to 3600/],
    [['ping', '--hold', '1'], /unknown or ambiguous option --hold/],
  ];
  for (const [args, message] of cases) {
    test(args.slice(0, 4).join(' ') || 'nothing', async () => {
      const { code, stdout, stderr } = await ctl([...args]);
      assert.equal(code, 2, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, message);
    });
  }
});
