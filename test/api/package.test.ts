import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { newest, withDatabase, type Server } from '../db/targets.ts';
import { folderOf, runShell, startShell } from '../cli/run-cli.ts';

const root = resolve(import.meta.dirname, '../..');
const node = process.execPath;
const migrations = {
  'migrations/0001_orders.up.sql':
    'CREATE TABLE orders (id serial PRIMARY KEY, total int NOT NULL)',
};
const strict = {
  target: 'es2024',
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noEmit: true,
  allowImportingTsExtensions: true,
};

/** A folder in which the packed package is installed, beside packages that its users have. */
let installed: string;
/** The tarball that `npm publish` would send. */
let tarball: string;
/** Why npm could not install the package's dependencies: they are neither in its cache nor is a registry in reach. */
let unreachable: string | undefined;

beforeAll(() => {
  installed = folderOf({ 'package.json': '{ "type": "module", "private": true }' });
  npm(['pack', '--ignore-scripts', '--pack-destination', installed], root);
  tarball = readdirSync(installed).find((name) => name.endsWith('.tgz')) ?? '';
  unreachable = install();
  const modules = join(installed, 'node_modules');
  const others = ['@types/node', '@types/pg', 'pg', 'vitest'];
  const missing = unreachable ? ['@electric-sql/pglite', 'libpg-query'] : [];
  for (const name of [...others, ...missing]) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }
});

function npm(words: string[], cwd: string) {
  const ran = spawnSync('npm', words, { cwd, encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(ran.stderr);
  return ran;
}

/** Installs the tarball, with scripts, as a user does. @returns the reason when no registry is in reach */
function install(): string | undefined {
  const words = ['install', '--prefer-offline', '--no-audit', '--no-fund', `./${tarball}`];
  try {
    npm(words, installed);
    return undefined;
  } catch (error) {
    const reason = String(error);
    if (!/ENOTCACHED|EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|ECONNRESET/.test(reason))
      throw error;
    console.warn(`The test of the installation is skipped: ${reason}`);
    const folder = join(installed, 'node_modules/dbops');
    mkdirSync(join(installed, 'node_modules/.bin'), { recursive: true });
    mkdirSync(folder);
    execFileSync('tar', ['-xzf', tarball, '--strip-components=1', '-C', folder], {
      cwd: installed,
    });
    symlinkSync('../dbops/bin/dbops.cjs', join(installed, 'node_modules/.bin/dbops'));
    return reason;
  }
}

/** A folder with these files, where the packages are found. */
function projectOf(files: Record<string, string>): string {
  const folder = mkdtempSync(join(installed, 'project-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

/** Returns the section of a page in docs/. */
function sectionOf(page: string, heading: string): string {
  const sections = readFileSync(join(root, 'docs', page), 'utf8').split('\n## ');
  return sections.find((each) => each.startsWith(`${heading}\n`)) ?? '';
}

/** Returns the files of a section of docs/api.md: each block begins with the name of its file. */
function filesOf(heading: string): Record<string, string> {
  const section = sectionOf('api.md', heading);
  const blocks = [...section.matchAll(/```ts\n\/\/ (\S+)\n([^]*?)```/g)];
  return Object.fromEntries(blocks.map(([, name = '', content = '']) => [name, content]));
}

function vitestIn(folder: string, environment: Record<string, string> = {}) {
  const vitest = join(installed, 'node_modules/vitest/vitest.mjs');
  return runShell(`'${node}' '${vitest}' run`, {
    cwd: folder,
    environment: { NO_COLOR: '1', ...environment },
  });
}

/** Resolves when the server listens, or has ended. */
async function untilListening({ child, answer }: ReturnType<typeof startShell>): Promise<void> {
  const listening = new Promise<void>((done) =>
    child.stdout?.on('data', (chunk: Buffer) => {
      if (String(chunk).includes('listening')) done();
    }),
  );
  await Promise.race([listening, answer]);
}

const embedded = filesOf('Tests with an embedded database');
const onServer = filesOf('Tests with a server');

/** A package as npm recorded it when it installed it. */
interface InstalledPackage {
  hasInstallScript?: boolean;
}

/** Returns what npm installed for the package, by its folder. */
function packagesInstalled(): Record<string, InstalledPackage> {
  const lock = readFileSync(join(installed, 'node_modules/.package-lock.json'), 'utf8');
  const { packages }: { packages: Record<string, InstalledPackage> } = JSON.parse(lock);
  return packages;
}

function bytesOf(folder: string): number {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.reduce((sum, file) => sum + statSync(join(file.parentPath, file.name)).size, 0);
}

describe('an installation', () => {
  it('is small, has one PGlite, and runs no scripts', ({ skip }) => {
    skip(unreachable !== undefined, unreachable);
    const packages = packagesInstalled();
    const folders = Object.keys(packages);
    expect(folders.toSorted()).toEqual(
      ['@electric-sql/pglite', '@pgsql/types', 'dbops', 'libpg-query'].map(
        (name) => `node_modules/${name}`,
      ),
    );
    expect(Object.values(packages).filter((each) => each.hasInstallScript)).toEqual([]);
    const bytes = folders.map((folder) => bytesOf(join(installed, folder)));
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(45_000_000);
    expect(statSync(join(installed, tarball)).size).toBeLessThan(5_000_000);
  });

  it('is public, and names the licenses of everything that it contains', () => {
    const folder = join(installed, 'node_modules/dbops');
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    expect(manifest).not.toHaveProperty('private');
    expect(manifest.publishConfig).toEqual({ access: 'public', provenance: true });
    expect(readFileSync(join(folder, 'LICENSE'), 'utf8')).toContain('MIT License');
    const notices = readFileSync(join(folder, 'THIRD-PARTY-NOTICES.md'), 'utf8');
    for (const name of [
      '@inquirer/prompts',
      'commander',
      'echarts',
      'kysely',
      'pg',
      'pgvector',
      'zod',
    ])
      expect(notices).toMatch(new RegExp(`^## ${name} `, 'm'));
  });

  it('runs init, migrate up and verify on an embedded database, with pgvector', async () => {
    const cwd = projectOf({
      ...migrations,
      'migrations/0002_vectors.up.sql':
        'CREATE EXTENSION vector; ALTER TABLE orders ADD COLUMN embedding vector(3)',
      'package.json': '{ "type": "module" }',
    });
    const environment = {
      DATABASE_URL: 'pglite:data',
      PATH: [join(installed, 'node_modules/.bin'), dirname(node), process.env['PATH']].join(':'),
    };
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const begun = await runShell('dbops --version && dbops init', { cwd, environment });
    expect(begun).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^[\d.]+\n[^]*dbops\.config\.ts/),
    });
    expect(begun.stdout.startsWith(`${version}\n`)).toBe(true);
    const config = `import { defineConfig } from 'dbops';\nexport default defineConfig({ lockTimeout: '1s' });`;
    writeFileSync(join(cwd, 'dbops.config.ts'), config);
    expect(await runShell('dbops migrate up && dbops verify', { cwd, environment })).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/2 migrations applied[^]*No problems found/),
    });
    const { stdout } = await runShell('dbops migrate down --dry-run', { cwd, environment });
    expect(stdout).toContain('DROP EXTENSION "vector"');
    expect(stdout).not.toContain('COMMENT ON'); // those of the extension are dropped with it
  });
});

describe('the packed package', () => {
  it('is imported, required and used without a trace in the process', async () => {
    const cwd = projectOf({
      ...migrations,
      'dbops.config.mjs': `export default { lockTimeout: '1s' };`,
      'app.mjs': `
        import { createRequire } from 'node:module';
        const { stdout } = process;
        const { log } = console;
        const state = () => JSON.stringify([process.eventNames(), process.exitCode, process.cwd()]);
        const before = state();
        const { DbopsError, migrate } = await import('dbops');
        const databaseUrl = 'pglite:database';
        await migrate.up({ databaseUrl });
        const error = await migrate.up({ databaseUrl, to: '0007' }).catch((thrown) => thrown);
        const required = createRequire(import.meta.url)('dbops');
        log(JSON.stringify({
          isKnown: error instanceof DbopsError && required.DbopsError === DbopsError,
          isAsBefore: state() === before && console.log === log && process.stdout === stdout,
          sharesZod: '__zod_globalConfig' in globalThis,
        }));`,
    });
    const { exitCode, stdout, stderr } = await runShell(`'${node}' app.mjs`, { cwd });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ isKnown: true, isAsBefore: true, sharesZod: false });
  });

  it('has every module that its commands load', async () => {
    const cwd = projectOf({
      'load.cjs': `
        const { readdirSync } = require('node:fs');
        const folder = require('node:path').resolve('../node_modules/dbops/dist');
        const loaded = readdirSync(folder).filter((file) => /-[\\w-]{8}\\.cjs$/.test(file));
        for (const file of loaded) require(folder + '/' + file);
        console.log(loaded.length > 200);`,
    });
    expect(await runShell(`'${node}' load.cjs`, { cwd })).toMatchObject({
      stdout: 'true\n',
      stderr: '',
    });
    const mcp = await runShell(`'${node}' ../node_modules/dbops/bin/dbops.cjs mcp`, { cwd });
    expect(mcp).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(
        /cannot be loaded[^]*npm install --save-dev @modelcontextprotocol\/server/,
      ),
    });
  });

  it('has strict types, also for the files of docs/api.md', () => {
    const cwd = projectOf({
      ...filesOf('At the start of an application'),
      ...embedded,
      'types.ts': `
        import { defineConfig, migrate, ref, report, sql, verify, type Document, type RunData } from 'dbops';
        const { migrations }: Document<RunData> = await migrate.down({ steps: 1 });
        export const state: 'done' | 'failed' | 'not-run' | undefined = migrations[0]?.state;
        export const proven: boolean | undefined = migrations[0]?.rollback?.proven;
        export const keys: string[] = (await verify()).findings.map(({ key }) => key);
        export const from: string = (await report.usage({ asOf: new Date() })).period.from;
        export const value: unknown = (await report.sql({ sql: 'SELECT 1', params: { n: 1 } })).rows[0]?.['n'];
        // @ts-expect-error -- a report without a name
        await report.named({ limit: 1 });
        // @ts-expect-error -- a misspelt option
        await migrate.up({ dryrun: true });
        interface DB { account: { email: string; plan: string }; workspace: { slug: string; owner_id: string } }
        export default defineConfig<DB>({
          seeds: {
            users: { table: 'account', key: ['email'], rows: [{ email: 'free@example.com', plan: sql\`upper('free')\` }] },
            team: { table: 'workspace', key: ['slug'], rows: [{ slug: 'acme', owner_id: ref('users', 'free@example.com') }] },
          },
          checks: { 'no-plan': { sql: 'SELECT email FROM account WHERE plan IS NULL', timeout: '5s' } },
        });
        export const wrong = [
          // @ts-expect-error -- a column that the table lacks
          defineConfig<DB>({ seeds: { users: { table: 'account', key: ['email'], rows: [{ emial: 'x' }] } } }),
          // @ts-expect-error -- a key of another table
          defineConfig<DB>({ seeds: { users: { table: 'account', key: ['slug'], rows: [] } } }),
          // @ts-expect-error -- a table that does not exist
          defineConfig<DB>({ seeds: { users: { table: 'acount', key: ['email'], rows: [] } } }),
          // @ts-expect-error -- a misspelt setting of a check
          defineConfig({ checks: { a: { sql: 'SELECT 1', severty: 'error' } } }),
        ];`,
      'required.cts': `
        import dbops = require('dbops');
        export = dbops.defineConfig({ lockTimeout: '1s', checks: { a: { sql: 'SELECT 1' } } });
        // @ts-expect-error -- a misspelt setting
        dbops.defineConfig({ lockTimout: '1s' });`,
      ...configOf('nodenext', ['**/*.ts', '**/*.cts']),
      ...configOf('bundler', ['types.ts', 'server.ts']),
    });
    for (const resolution of ['nodenext', 'bundler']) {
      const { stdout } = spawnSync(tsc, ['-p', `${resolution}.json`], { cwd, encoding: 'utf8' });
      expect(stdout).toBe('');
    }
  });
});

const tsc = join(root, 'node_modules/.bin/tsc');

/** The configuration of TypeScript for one way to resolve modules. */
function configOf(moduleResolution: 'nodenext' | 'bundler', include: string[]) {
  const isNode = moduleResolution === 'nodenext';
  const module = isNode ? 'nodenext' : 'esnext';
  // The declarations of PGlite, which the files of docs/api.md import, have errors of their own.
  const compilerOptions = { ...strict, module, moduleResolution, skipLibCheck: isNode };
  return { [`${moduleResolution}.json`]: JSON.stringify({ compilerOptions, include }) };
}

describe('the files of docs/api.md', () => {
  it('test an application on an embedded database', async () => {
    const answer = await vitestIn(projectOf({ ...migrations, ...embedded }));
    expect(answer).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/Tests +1 passed/) });
  });

  it.skipIf(newest.length === 0)('test an application on a server', async () => {
    const [server] = newest;
    const cwd = projectOf({ ...migrations, ...embedded, ...onServer });
    const answer = await vitestIn(cwd, { TEST_DATABASE_URL: server?.adminUrl ?? '' });
    expect(answer).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/Tests +1 passed/) });
  });

  it.skipIf(newest.length === 0)('start two instances of a server at once', () =>
    withDatabase(newest[0] as Server, async (url) => {
      const cwd = projectOf({ ...migrations, ...filesOf('At the start of an application') });
      const instances = [1, 2].map(() =>
        startShell(`exec '${node}' server.ts`, {
          cwd,
          environment: { DATABASE_URL: url, PORT: '0' },
        }),
      );
      await Promise.all(instances.map(untilListening));
      for (const { child } of instances) child.kill('SIGTERM');
      const answers = await Promise.all(instances.map(({ answer }) => answer));
      expect(answers.map(({ exitCode, stderr }) => ({ exitCode, stderr }))).toEqual([
        { exitCode: 0, stderr: '' },
        { exitCode: 0, stderr: '' },
      ]);
      const applied = answers.filter(({ stdout }) => stdout.includes('✓ 0001_orders'));
      expect(applied).toHaveLength(1);
    }),
  );
});

/** Runs the command blocks of a section of docs/deploy.md, without npx, which would only take time. */
function runSection(heading: string, cwd: string, url: string) {
  const blocks = [...sectionOf('deploy.md', heading).matchAll(/```sh\n([^]*?)```/g)];
  const script = blocks.map(([, block = '']) => block).join('');
  const path = [join(installed, 'node_modules/.bin'), dirname(node), process.env['PATH']];
  const named = script.replace('--confirm shop', `--confirm ${new URL(url).pathname.slice(1)}`);
  return runShell(`set -e\n${named.replaceAll('npx dbops', 'dbops')}`, {
    cwd,
    environment: { DATABASE_URL: url, PATH: path.join(':') },
  });
}

describe.each(newest)('the commands of docs/deploy.md on $name', (server) => {
  it('check and release migrations, roll them back, and start several instances', () =>
    withDatabase(server, async (url) => {
      const cwd = projectOf(migrations);
      expect(await runSection('CI', cwd, url)).toMatchObject({
        exitCode: 0,
        stdout: expect.stringMatching(/1 migration redone[^]*No problems found[^]*1 applied/),
      });
      expect(await runSection('Release step', cwd, url)).toMatchObject({
        exitCode: 0,
        stdout: expect.stringMatching(/production, protected[^]*1 migration rolled back/),
      });
      const { stdout } = await runSection('Several instances that start at once', cwd, url);
      expect(stdout.match(/^✓ 0001_orders/gm)).toHaveLength(1);
      expect(stdout.match(/^✓ (?:[01] migrations? applied|No pending)/gm)).toHaveLength(3);
    }));
});
