import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** What the package may take: megabytes packed and installed, and the number of packages of an installation. */
export const sizeLimits = { packed: 5, installed: 45, packages: 12 };

interface Packed {
  /** Its path. */
  tarball: string;
  /** Bytes. */
  size: number;
  /** Bytes of the files in it. */
  unpackedSize: number;
}

/** Packs the built package as `npm publish` does. */
export function pack(folder: string): Packed {
  const words = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const { status, stdout, stderr } = spawnSync('npm', words, {
    cwd: join(import.meta.dirname, '..'),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`npm ${words.join(' ')}\n${stdout}${stderr}`);
  const [packed]: [Omit<Packed, 'tarball'> & { filename: string }] = JSON.parse(stdout);
  const { filename, size, unpackedSize } = packed;
  return { tarball: join(folder, filename), size, unpackedSize };
}

interface LockFile {
  packages: Record<string, { dev?: boolean; devOptional?: boolean }>;
}

/** Returns the folders of the packages that come with an installation, as a lock file lists them. */
export function productionPackages(lockFile: string): string[] {
  const { packages }: LockFile = JSON.parse(readFileSync(lockFile, 'utf8'));
  return Object.entries(packages)
    .filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
    .map(([path]) => path);
}

/** Returns the bytes of the files of a folder. */
export function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .reduce((sum, file) => sum + statSync(join(file.parentPath, file.name)).size, 0);
}

/** Returns megabytes with one decimal. */
export function megabytes(bytes: number): number {
  return Number((bytes / 1_000_000).toFixed(1));
}
