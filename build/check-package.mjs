import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { megabytes, pack, productionPackages, sizeLimits, sizeOf } from './package-size.ts';

/**
 * Packs the built package as `npm publish` does, and checks it: its size, that of an installation, the
 * number of packages, its entry points (publint) and the types that each way to import it gets (attw).
 */
const bin = (name) => join('node_modules/.bin', name);
const problems = [];

const scratch = mkdtempSync(join(tmpdir(), 'dbops-pack-'));
try {
  const { tarball, size, unpackedSize } = pack(scratch);
  const dependencies = productionPackages('package-lock.json');
  const installed = dependencies.reduce((sum, path) => sum + sizeOf(path), unpackedSize);
  const found = {
    packed: megabytes(size),
    installed: megabytes(installed),
    packages: dependencies.length + 1,
  };
  for (const [what, limit] of Object.entries(sizeLimits))
    if (found[what] > limit) problems.push(`${what}: ${found[what]}, and the limit is ${limit}`);
  check('publint', ['run', '--strict', tarball]);
  check('attw', ['--no-emoji', '--format', 'ascii', '--entrypoints', '.', '--', tarball]);
  console.log(
    `The package has ${found.packed} MB packed and ${found.installed} MB installed, in ${found.packages} packages.`,
  );
} finally {
  rmSync(scratch, { recursive: true });
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;

function check(name, words) {
  const { status, stdout, stderr } = spawnSync(bin(name), words, { encoding: 'utf8' });
  if (status !== 0) problems.push(`${name}:\n${stdout}${stderr}`);
}
