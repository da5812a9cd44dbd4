import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Packs the built package as `npm publish` does, and checks it: its size, that of an installation, the
 * number of packages, its entry points (publint) and the types that each way to import it gets (attw).
 */
const limits = { packed: 5, installed: 45, packages: 12 };
const megabytes = (bytes) => Number((bytes / 1_000_000).toFixed(1));
const bin = (name) => join('node_modules/.bin', name);
const problems = [];

const scratch = mkdtempSync(join(tmpdir(), 'dbops-pack-'));
try {
  const [packed] = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch]),
  );
  const tarball = join(scratch, packed.filename);
  const dependencies = productionPackages();
  const installed = dependencies.reduce((sum, path) => sum + sizeOf(path), packed.unpackedSize);
  const found = {
    packed: megabytes(packed.size),
    installed: megabytes(installed),
    packages: dependencies.length + 1,
  };
  for (const [what, limit] of Object.entries(limits))
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

function run(command, words) {
  const { status, stdout, stderr } = spawnSync(command, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${words.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

function check(name, words) {
  const { status, stdout, stderr } = spawnSync(bin(name), words, { encoding: 'utf8' });
  if (status !== 0) problems.push(`${name}:\n${stdout}${stderr}`);
}

/** Returns the folders of the packages that come with an installation, as the lock file knows them. */
function productionPackages() {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
  return Object.entries(packages)
    .filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
    .map(([path]) => path);
}

/** Returns the bytes of the files of a folder. */
function sizeOf(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true });
  return files
    .filter((file) => file.isFile())
    .reduce((sum, file) => sum + statSync(join(file.parentPath, file.name)).size, 0);
}
