// Small disks to fill: file systems of their own where that is allowed.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MIB = 1 << 20;

const quietly = { stdio: ['ignore', 'pipe', 'pipe'] };

/** How each kind is mounted: (folder, image, MiB). */
const MOUNTS = {
  tmpfs(folder, image, size) {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}m`, 'tmpfs', folder], quietly);
  },
  ext4(folder, image, size) {
    writeFileSync(image, Buffer.alloc(size * MIB));
    execFileSync('mkfs.ext4', ['-q', '-F', '-m', '0', image], quietly);
    execFileSync('mount', ['-o', 'loop', image, folder], quietly);
  },
};

export class Disk {
  #base = mkdtempSync(join(tmpdir(), 'longwire-disk-'));
  path = join(this.#base, 'disk');
  /** Why it could not be mounted, or null. */
  refused = null;

  constructor(kind, size) {
    mkdirSync(this.path);
    try {
      MOUNTS[kind](this.path, join(this.#base, 'image'), size);
    } catch (error) {
      this.refused = `${kind}: ${String(error.stderr ?? error.message).trim()}`;
    }
  }

  /** Takes space away; `size` in MiB, or all that there is. */
  waste(size = Infinity) {
    for (const piece of [MIB, 1024]) {
      for (let taken = 0; taken < size * MIB; taken += piece) {
        if (!this.#grow(piece)) break;
      }
      if (size < Infinity) return;
    }
  }

  #grow(bytes) {
    try {
      writeFileSync(join(this.path, 'waste'), Buffer.alloc(bytes), { flag: 'a' });
      return true;
    } catch (error) {
      if (error.code !== 'ENOSPC') throw error;
      return false;
    }
  }

  tidy() {
    rmSync(join(this.path, 'waste'), { force: true });
  }

  /** Also while a hub still runs on it: then it goes with the hub. */
  remove() {
    if (!this.refused) execFileSync('umount', ['--lazy', this.path], quietly);
    rmSync(this.#base, { recursive: true, force: true });
  }
}
