import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const home = import.meta.dirname;

/** Where the peers are installed; the root's `npm ci` leaves it alone. */
export const peerModules = join(home, 'node_modules');

/** Installs the peers as the lockfile says, when that has not been done since it changed. */
export function ensurePeers(): void {
  const installed = join(peerModules, '.package-lock.json');
  const lockfile = join(home, 'package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lockfile).mtimeMs) return;
  process.stderr.write('installing the peers (npm install in bench/)\n');
  // Not `npm ci`: the lockfile was made with a registry that has dbmate's program for Linux on x64
  // only, and `npm ci` refuses a lockfile without the other platforms' optional packages.
  execFileSync('npm', ['install', '--no-save', '--no-audit', '--no-fund'], {
    cwd: home,
    stdio: ['ignore', process.stderr, process.stderr],
  });
}

/** The exact versions that the bench pins. */
export function peerVersions(): Record<string, string> {
  const manifest: { dependencies: Record<string, string> } = JSON.parse(
    readFileSync(join(home, 'package.json'), 'utf8'),
  );
  return manifest.dependencies;
}
